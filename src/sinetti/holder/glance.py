"""A cheap look at every name of a store: what stands in certificates and journals, no private key read as one.

Reading an RSA key takes 30 ms, so that ten thousand names would take minutes. Here a set in use passes if its files are
as this client writes them: the link names the certificate's serial, the key's public numbers stand in the certificate
(of an encrypted key nothing can be seen; what is in a token is named by its id), the issuer's name is that of the
chain's first, and the chain, mostly the same for many, hangs together. Whatever looks otherwise in any way gets the
thorough look of generations.live, which alone says what is damaged. A private number or a signature with a wrong bit,
and the key of what is under way, go unnoticed here: `sinetti doctor` and every renewal look thoroughly.

No policy: what follows from what is seen is decided elsewhere (status.py, agent/).
"""

import binascii
import os
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from sinetti.domain.values import Environment, Serial, Span
from sinetti.holder import custody, decoding, files, generations, journal, keys, memory, messages, reasons, settings
from sinetti.holder.generations import Notes
from sinetti.holder.journal import Journal, Kind
from sinetti.holder.memory import Deployment, Memory
from sinetti.holder.messages import Message, say
from sinetti.holder.settings import Settings
from sinetti.pki import chain

_RSA = bytes.fromhex("020100300d06092a864886f70d010101050004")
"""How a PKCS#8 RSA key goes on after its outer length: version 0, rsaEncryption, an octet string (RFC 5958)."""

_POINTS = {b"\x03\x42\x00\x04": 65, b"\x03\x62\x00\x04": 97}
"""How the public half of an EC key begins in the last field of its structure (RFC 5915, 3), and how long a point is."""

_SHORTEST_MODULUS = 128
_ENCRYPTED, _IN_TOKEN = b"-----BEGIN ENCRYPTED ", b"pkcs11:"
_LARGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class Glance:
    """One name as it lies there. `serial` and `span` are None without a certificate in use.

    `trouble` says what is damaged; what could be read before that is there. `open`: the journals of what is under way.
    `memory` and `deployment` are None where the agent has left nothing.
    """

    name: str
    customer_id: str | None = None
    customer_name: str | None = None
    service: str | None = None
    environment: Environment | None = None
    serial: Serial | None = None
    span: Span | None = None
    open: tuple[Journal, ...] = ()
    notes: Notes = field(default_factory=Notes)
    memory: Memory | None = None
    deployment: Deployment | None = None
    dispensable: bool = False
    """There is no certificate, and nothing is lost if its folder is deleted."""
    trouble: Message | None = None

    @property
    def not_before(self) -> datetime | None:
        """The first valid second of the certificate in use, UTC."""
        return None if self.span is None else self.span.not_before

    @property
    def not_after(self) -> datetime | None:
        """The last valid second of the certificate in use, UTC."""
        return None if self.span is None else self.span.not_after


def glance(store: Path) -> Iterator[Glance]:
    """Look at every name of a store, sorted by name. OSError where the store itself cannot be read."""
    with os.scandir(store) as entries:
        found = sorted((one.name, one.path) for one in entries if files.is_name(one.name))
    for name, path in found:
        try:
            there = set(os.listdir(path))  # noqa: PTH208 - ten thousand of them: pathlib takes three times as long
        except PermissionError as bad:
            yield _unusable(Glance(name), path, bad)
            continue
        except OSError:
            continue
        if not files.OURS.isdisjoint(there):
            yield _look(name, path, there)


def look(folder: Path) -> Glance:
    """Look at one name, by its folder."""
    try:
        there = set(os.listdir(folder))  # noqa: PTH208 - as above
    except OSError as bad:
        return _unusable(Glance(folder.name), str(folder), bad)
    return _look(folder.name, str(folder), there)


def _look(name: str, folder: str, there: AbstractSet[str]) -> Glance:
    seen = Glance(name)
    try:
        kept = _settings(folder)
        seen = Glance(name, kept.customer_id, kept.customer_name, kept.service, kept.environment)
        held = (files.LIVE in there and _set_in_use(folder)) or _thorough(Path(folder))
        serial, span = (None, None) if held is None else held
        return Glance(
            name,
            kept.customer_id,
            kept.customer_name,
            kept.service,
            kept.environment,
            serial,
            span,
            _journals(folder) if journal.PENDING in there else (),
            _notes(folder) if generations.NOTES in there else Notes(),
            memory.agent(folder, serial) if memory.AGENT in there else None,
            memory.deployment(folder) if memory.DEPLOY in there else None,
            held is None and journal.dispensable(Path(folder)),
        )
    except files.StoreError as bad:
        return replace(seen, trouble=bad.message)
    except OSError as bad:
        return _unusable(seen, folder, bad)


def _settings(folder: str) -> Settings:
    try:
        return settings.parse(_read(f"{folder}/{settings.FILE}").decode())
    except (OSError, ValueError):
        return settings.load(Path(folder))  # it says what is wrong


def _notes(folder: str) -> Notes:
    try:
        raw = decoding.json_of(_read(f"{folder}/{generations.NOTES}"))
        return Notes(raw["revoked"], raw["transfer"], raw["serial"])
    except (OSError, ValueError, KeyError, TypeError):
        return generations.notes(Path(folder))  # as above


def _journals(folder: str) -> tuple[Journal, ...]:
    pending = f"{folder}/{journal.PENDING}"
    found = (journal.peek(Path(pending, kind)) for kind in Kind if _is_there(f"{pending}/{kind}"))
    return tuple(one for one in found if one is not None)


def _is_there(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - as above
    except FileNotFoundError:
        return False
    return True


def _unusable(seen: Glance, folder: str, bad: OSError) -> Glance:
    told = say(messages.STORE_UNUSABLE, path=str(bad.filename or folder), why=reasons.of(bad))
    return replace(seen, trouble=told)


def _thorough(folder: Path) -> tuple[Serial, Span] | None:
    present = generations.live(folder)
    return None if present is None else (present.serial, present.span)


def _set_in_use(folder: str) -> tuple[Serial, Span] | None:
    """Give serial and life of a set that looks as it has to; None for anything else, whatever it is."""
    live = f"{folder}/{files.LIVE}"
    try:
        named = os.readlink(live)  # noqa: PTH115 - as above
        der = _pem(_read(f"{live}/{generations.CERTIFICATE}"), b"CERTIFICATE")
        key = _key(live)
        public = _public_numbers(key)
        issuers_name = _issuers_name(_read(f"{live}/{generations.CHAIN}"))
        if public is None or public not in der or issuers_name not in der:
            return None
        certificate = x509.load_der_x509_certificate(der)
        serial = keys.serial_of(certificate)
        span = generations.span_of(certificate)
        if key.startswith(_IN_TOKEN) and not keys.is_for(certificate, custody.key_id_of(Path(live), Path(folder))):
            return None
    except (OSError, ValueError, x509.InvalidVersion, files.StoreError):
        return None
    return (serial, span) if named == f"{files.GENERATIONS}/{serial}" else None


def _key(live: str) -> bytes:
    try:
        return _read(f"{live}/{custody.KEY}")
    except FileNotFoundError:
        return _read(f"{live}/{custody.URI}")


def _read(path: str) -> bytes:
    """Read a small file; ValueError for a larger one than any of ours. Asking for more octets takes longer."""
    handle = os.open(path, os.O_RDONLY)
    try:
        octets = os.read(handle, _LARGEST)
    finally:
        os.close(handle)
    if len(octets) == _LARGEST:
        raise ValueError(path)
    return octets


def _pem(octets: bytes, label: bytes) -> bytes:
    """Give the DER of a file with exactly one PEM block (RFC 7468), as this client writes it. Raises ValueError."""
    start, end = b"-----BEGIN " + label + b"-----\n", b"-----END " + label + b"-----\n"
    if not octets.startswith(start) or not octets.endswith(end) or octets.count(b"-") != 20:  # noqa: PLR2004 - hyphens
        raise ValueError(label)
    return binascii.a2b_base64(octets[len(start) : -len(end)].replace(b"\n", b""), strict_mode=True)


def _public_numbers(octets: bytes) -> bytes | None:
    """Give what stands of a bare PKCS#8 key in its certificate, too: RSA's modulus, EC's point. Raises ValueError.

    Of an encrypted key nothing can be seen, and the URI of one in a token is compared by its id: no octets, which stand
    everywhere.
    """
    if octets.startswith(_IN_TOKEN):
        return b""
    if octets.startswith(_ENCRYPTED):
        _pem(octets, b"ENCRYPTED PRIVATE KEY")
        return b""
    der = _pem(octets, b"PRIVATE KEY")
    inside, end = _content(der, 0)
    if end != len(der):
        return None
    if der.startswith(_RSA, inside):
        key, key_end = _content(der, inside + len(_RSA) - 1)
        numbers, _ = _content(der, key)
        modulus, modulus_end = _content(der, numbers + 3)  # after the version, 02 01 00
        return der[modulus:modulus_end] if key_end == end and modulus_end - modulus > _SHORTEST_MODULUS else None
    return next((der[-long:] for begins, long in _POINTS.items() if der.startswith(begins, len(der) - long - 3)), None)


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Give where the content of an element begins and ends (X.690, 8.1.3). Raises ValueError where it is cut short."""
    if at + 2 > len(der):
        raise ValueError(at)
    first = der[at + 1]
    many = first & 0x7F if first & 0x80 else 0
    begins = at + 2 + many
    ends = begins + (int.from_bytes(der[at + 2 : begins]) if many else first)
    if ends > len(der):
        raise ValueError(at)
    return begins, ends


@lru_cache(maxsize=256)
def _issuers_name(octets: bytes) -> bytes:
    """Give the encoded subject of the first certificate of a chain that hangs together. Raises ValueError."""
    first, *above = chain.load_bundle(octets)
    if chain.issuers_up(first, above) != tuple(above):
        raise ValueError(generations.CHAIN)
    return first.subject.public_bytes()
