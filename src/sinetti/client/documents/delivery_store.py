"""What is kept of deliveries: the octets before they leave, the receipt after (docs/deliveries.md).

`DIR/NAME/deliveries/KEY/NUMBER/` holds `delivery.json` and `sealed.xml`, and then `receipt.xml` or `refused.json`. KEY
is made from the address and the document: whoever asks for the same again finds what became of it.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from sinetti.client import decoder
from sinetti.client.store import files
from sinetti.domain.values import Serial, Sha256
from sinetti.pki.encoding import sha256_hex
from sinetti.wire.receipts import is_delivery_id

FOLDER = "deliveries"
INTENT, SEALED, RECEIPT, REFUSED = "delivery.json", "sealed.xml", "receipt.xml", "refused.json"

_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it lies in the store. `sealed_by` is our certificate, None for a document that came signed."""

    folder: Path
    delivery_id: str
    sha256: Sha256
    sealed_by: Serial | None

    @property
    def has_receipt(self) -> bool:
        """Whether it was delivered."""
        return files.exists(self.folder / RECEIPT)

    @property
    def receipt(self) -> bytes | None:
        """The receipt, None as long as there is none. Raises StoreDamaged."""
        return files.read(self.folder / RECEIPT) if self.has_receipt else None

    @property
    def refused(self) -> bool:
        """Whether the receiver has refused it."""
        return files.exists(self.folder / REFUSED)

    def octets(self) -> bytes:
        """Give what is sent. Raises StoreDamaged where it is not what the intent says."""
        octets = files.read(self.folder / SEALED)
        if sha256_hex(octets) != self.sha256:
            raise files.corruption_error(self.folder / SEALED, "it differs from what belongs there")
        return octets


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """What is to be delivered: the octets, and the certificate of ours that sealed them, if it was one."""

    octets: bytes = field(repr=False)
    sealed_by: Serial | None


def delivery_dir(name_folder: Path, to: str, document: Sha256) -> Path:
    """Give where the deliveries of a document to an address lie; `document` is the digest of the file as given."""
    key = hashlib.sha256(f"{document} {to}".encode()).hexdigest()
    return name_folder / FOLDER / key[:_KEY_DIGITS]


def list_recent(place: Path) -> list[Delivery]:
    """Give the deliveries there that are under way or have their receipt, newest first. Raises StoreDamaged."""
    found = (_load(place / str(number)) for number in reversed(_numbers(place)))
    return [one for one in found if one.has_receipt or not one.refused]


def create(place: Path, delivery_id: str, sealed: SignedDocument, to: str) -> Delivery:
    """Write a new delivery down before anything of it leaves. Raises OSError."""
    folder = place / str(max(_numbers(place), default=0) + 1)
    sha256 = sha256_hex(sealed.octets)
    intent = {"delivery_id": delivery_id, "sha256": sha256, "sealed_by": sealed.sealed_by, "to": to}
    files.write_folder(folder, {INTENT: _json(intent), SEALED: sealed.octets})
    return Delivery(folder, delivery_id, sha256, sealed.sealed_by)


def keep_receipt(delivery: Delivery, octets: bytes) -> None:
    """Write down a receipt that was verified."""
    files.write_atomic(delivery.folder / RECEIPT, octets)


def keep_refusal(delivery: Delivery, reason: str) -> None:
    """Write down that the receiver refused: the next one is a new delivery."""
    files.write_atomic(delivery.folder / REFUSED, _json({"reason": reason}))


def _numbers(place: Path) -> list[int]:
    return sorted(int(one.name) for one in place.iterdir() if one.name.isascii() and one.name.isdigit())


def _load(folder: Path) -> Delivery:
    path = folder / INTENT
    try:
        raw = decoder.json_of(files.read(path))
        delivery_id, sha256, sealed_by = raw["delivery_id"], raw["sha256"], raw["sealed_by"]
        if is_delivery_id(delivery_id) and isinstance(sha256, str) and isinstance(sealed_by, str | None):
            return Delivery(folder, delivery_id, Sha256(sha256), None if sealed_by is None else Serial(sealed_by))
    except (ValueError, KeyError, TypeError) as bad:
        raise files.corruption_error(path, "it is no journal") from bad
    raise files.corruption_error(path, "it is no journal")


def _json(value: dict[str, str | None]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
