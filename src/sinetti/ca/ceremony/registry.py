"""Register of the offline medium: everything that its keys signed or were to sign.

The octets to be signed are stored before the signature. A ceremony that was interrupted signs the same octets again, so
one request never gets two certificates or two lists that differ.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from cryptography import x509

from sinetti.ca.ceremony.sets import INSTANT, ListData, RequestSet, canonical
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.ca.issuance_request import IssuingCa, RevokedEntry
from sinetti.domain.values import Environment
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex

_FORMAT = "sinetti-medium-v1"


class MadeKind(StrEnum):
    """Kinds of octets that the medium's keys sign."""

    CERTIFICATE = "certificate"
    LIST = "list"
    OFFICERS = "officers"
    NEW_WITH_OLD = "new-with-old"
    OLD_WITH_NEW = "old-with-new"
    ANCHORS = "anchors"
    DISTRUST = "distrust"


@dataclass(frozen=True)
class MadeItem:
    """One object that was made for a request, or is about to be signed.

    `issuer` names the key. `number` is that of a list. `tbs` are the octets that are signed. `made` is the object in
    DER, or the signature of a statement or of a trust list; empty until it is signed. A cross-certificate has the name
    of the newer root.
    """

    request: str
    kind: MadeKind
    name: str
    issuer: str
    shard: int = 0
    number: int = 0
    tbs: bytes = field(default=b"", repr=False)
    made: bytes = field(default=b"", repr=False)

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """Identity of the object: one request has one object of each."""
        return self.request, self.kind.value, self.name, self.shard


@dataclass(frozen=True)
class Registry:
    """Content of the register. `medium` is the word that names the medium.

    `names` are the CNs of all CAs by their file names.
    """

    medium: str
    environment: Environment
    base_url: str
    custodians: tuple[str, ...]
    names: dict[str, str]
    items: tuple[MadeItem, ...] = ()

    @property
    def octets(self) -> bytes:
        """The register as a file."""
        return canonical(
            {
                "format": _FORMAT,
                "medium": self.medium,
                "environment": self.environment.value,
                "base_url": self.base_url,
                "custodians": list(self.custodians),
                "names": self.names,
                "items": [
                    {**asdict(item), "tbs": b64encode(item.tbs).decode(), "made": b64encode(item.made).decode()}
                    for item in self.items
                ],
            }
        )

    def with_item(self, new: MadeItem) -> "Registry":
        """Return the register with an object, in the place of the unsigned one."""
        return replace(self, items=(*(one for one in self.items if one.identity != new.identity), new))

    def find(self, wanted: MadeItem) -> MadeItem | None:
        """Return the stored object with this identity, or None."""
        return next((one for one in self.items if one.identity == wanted.identity), None)

    def certificates(self) -> dict[str, x509.Certificate]:
        """Return the certificates of all CAs by name."""
        made = [one for one in self.items if one.kind is MadeKind.CERTIFICATE and one.made]
        return {one.name: load_certificate(one.made) for one in made}

    @property
    def authority(self) -> str:
        """SHA-256 of the root certificate, which names the authority.

        Empty before it is made.
        """
        items = (one for one in self.items if one.kind is MadeKind.CERTIFICATE and one.issuer == one.name and one.made)
        root = next(items, None)
        return sha256_hex(root.made) if root else ""

    def links(self) -> tuple[x509.Certificate, ...]:
        """Return the cross-certificates of roots, in their order."""
        kinds = {MadeKind.NEW_WITH_OLD, MadeKind.OLD_WITH_NEW}
        return tuple(load_certificate(one.made) for one in self.items if one.kind in kinds and one.made)

    @property
    def roots(self) -> tuple[str, ...]:
        """Names of the roots, the first one first."""
        made = (one for one in self.items if one.kind is MadeKind.CERTIFICATE and one.made)
        return tuple(one.name for one in made if one.issuer == one.name)

    def highest(self, kind: MadeKind, request: str) -> int:
        """Return the highest number of a kind of list that other requests had."""
        return max((one.number for one in self.items if one.kind is kind and one.request != request), default=0)

    @property
    def signing(self) -> tuple[str, ...]:
        """Names of the CAs that have signed, root first."""
        return tuple(dict.fromkeys(one.issuer for one in self.items))

    def issuer(self, name: str, shard: int = 1) -> IssuingCa:
        """Return a CA as the builders of certificates and lists need it."""
        return IssuingCa(self.names[name], name, name, self.certificates()[name], self.base_url, shard)

    def check_list(self, data: ListData, request: RequestSet) -> None:
        """Raise CeremonyError if the data of a list contradict the lists before it.

        The number must be above every earlier one. An entry of the last list may be absent only if that list is later
        than the end of its certificate (RFC 5280, 3.3). A new entry must be a certificate of this CA.
        """
        former = self._former(data, request)
        if former and data.number <= (highest := max(one.number for one in former)):
            raise CeremonyError(
                f"the list {data.name}, shard {data.shard}, has the number {data.number}, and the medium has signed "
                f"{highest}: the request is old or was changed. Have a new one written"
            )
        known = self.certificates()
        # A cross-certificate is revoked with its root alone, which is out of band.
        issued = (known[name] for name in self.issued_by(data.name))
        ends = {serial_hex(certificate.serial_number): certificate.not_valid_after_utc for certificate in issued}
        entries = {entry.serial: entry for entry in data.entries}
        if unknown := sorted(entries.keys() - ends.keys()):
            raise CeremonyError(f"{data.name} has issued no certificate {unknown[0]}, which the request has as revoked")
        signed = [one for one in former if one.made]
        if not signed:
            return
        last = read_list(max(signed, key=lambda one: one.number).made)
        if request.created < last.this_update:
            raise CeremonyError(
                f"the request set is of {request.created:{INSTANT}}, before the last list of {data.name}"
            )
        for entry in last.entries:
            if entries.get(entry.serial) != entry and not ends[entry.serial] < last.this_update:
                raise CeremonyError(
                    f"the request has no entry for {entry.serial} as the last list of {data.name} has it, and its "
                    "certificate has not ended: the request was changed. Have a new one written"
                )

    def issued_by(self, name: str) -> tuple[str, ...]:
        """Return the names of the CAs that a CA has certified."""
        items = (one for one in self.items if one.kind is MadeKind.CERTIFICATE and one.issuer == name and one.made)
        return tuple(one.name for one in items)

    def last_entries(self, data: ListData, request: RequestSet) -> tuple[RevokedEntry, ...]:
        """Return the entries of the last list before these data."""
        signed = [one for one in self._former(data, request) if one.made]
        return read_list(max(signed, key=lambda one: one.number).made).entries if signed else ()

    def _former(self, data: ListData, request: RequestSet) -> list[MadeItem]:
        place = (MadeKind.LIST, data.name, data.shard)
        items = (one for one in self.items if (one.kind, one.name, one.shard) == place)
        return [one for one in items if one.request != request.sha256]


@dataclass
class OfflineSigner:
    """Keys and register of an opened medium.

    `sign` signs octets with the named CA's key. `store` writes the register to disk before it returns. `step` is called
    at each point where a test ends the process.
    """

    registry: Registry
    sign: Callable[[str, bytes], bytes]
    store: Callable[[Registry], None]
    step: Callable[[str], None]

    def make(self, wanted: MadeItem, prepare: Callable[[], bytes], attach: Callable[[bytes, bytes], bytes]) -> bytes:
        """Sign an object once: store its octets, sign them, and store the result.

        An object that is stored already is returned. Returns what `attach` makes of octets and signature.
        """
        found, named = self.registry.find(wanted), f"{wanted.name} {wanted.shard}" if wanted.number else wanted.name
        if found is None:
            found = replace(wanted, tbs=prepare())
            self._put(found)
            self.step(f"intended {named}")
        if not found.made:
            found = replace(found, made=attach(found.tbs, self.sign(found.issuer, found.tbs)))
            self._put(found)
            self.step(f"signed {named}")
        return found.made

    def add_names(self, names: dict[str, str]) -> None:
        """Add CNs by file name; the next object that is made stores them."""
        self.registry = replace(self.registry, names={**self.registry.names, **names})

    def _put(self, item: MadeItem) -> None:
        new = self.registry.with_item(item)
        self.store(new)
        self.registry = new


def _item(value: dict[str, Any]) -> MadeItem:
    return MadeItem(
        value["request"],
        MadeKind(value["kind"]),
        value["name"],
        value["issuer"],
        value["shard"],
        value["number"],
        b64decode(value["tbs"]),
        b64decode(value["made"]),
    )


def parse_registry(octets: bytes) -> Registry:
    """Read a register. Raises CeremonyError if it is damaged."""
    try:
        value = json.loads(octets)
        registry = Registry(
            value["medium"],
            Environment(value["environment"]),
            value["base_url"],
            tuple(value["custodians"]),
            dict(value["names"]),
            tuple(_item(row) for row in value["items"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as bad:
        raise CeremonyError("the register of the medium is damaged: take the other copy of the medium") from bad
    return registry
