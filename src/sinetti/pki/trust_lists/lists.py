"""Lists of anchors and of distrusted CAs: values to octets and back.

Only one spelling of a content is accepted: other white space, other order, unknown and repeated members are refused.
`verification.py` decides whether a list counts.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from cryptography import x509

from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel, Environment, Sha256
from sinetti.pki import encoding

LARGEST = 1024 * 1024
"""Largest list in octets, with signatures."""

MOST_AUTHORITIES = 256
"""Most CAs of one list."""

_MOST_SIGNATURES, _LONGEST_CHAIN = 4, 6
_NUMBER_BITS = 63
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


class InvalidTrustList(ValueError):
    """List that is not taken. The text is a sentence for operators."""


class TrustListKind(StrEnum):
    """Kind of a list, which is also the end of its address."""

    ANCHORS = "anchors"
    DISTRUST = "distrust"

    @property
    def label(self) -> str:
        """Name of the format, which also begins the signed octets."""
        return f"sinetti-{self.value}@v1"


class AnchorRole(StrEnum):
    """Role of a CA in a list of anchors."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    ISSUING = "issuing"
    SERVICES = "services"


@dataclass(frozen=True)
class AnchorEntry:
    """A CA that relying parties may trust; `channel` is set for an issuing CA."""

    certificate: x509.Certificate
    role: AnchorRole
    channel: Channel | None
    state: CaState


@dataclass(frozen=True)
class AnchorsList:
    """List of anchors.

    `authority` is the SHA-256 of the first root. `links` are the cross-certificates newWithOld and oldWithNew of roots
    (RFC 9810, 4.4).
    """

    environment: Environment
    authority: Sha256
    number: int
    issued: datetime
    authorities: tuple[AnchorEntry, ...]
    links: tuple[x509.Certificate, ...] = ()

    kind = TrustListKind.ANCHORS

    @property
    def payload(self) -> bytes:
        """The octets below the signature."""
        return _canonical(
            {
                **_head(self),
                "authorities": [
                    {
                        "certificate": _text(encoding.certificate_der(authority.certificate)),
                        "role": authority.role.value,
                        "channel": authority.channel and authority.channel.value,
                        "state": authority.state.value,
                    }
                    for authority in self.authorities
                ],
                "links": [_text(encoding.certificate_der(link)) for link in self.links],
            }
        )


@dataclass(frozen=True)
class DistrustEntry:
    """A CA whose key may be in foreign hands from `since` on.

    `sha256` is that of its certificate, `name` its file name. The bridge for its certificates ends at `bridge_until`.
    """

    sha256: Sha256
    name: str
    since: datetime
    bridge_until: datetime


@dataclass(frozen=True)
class DistrustList:
    """List of distrusted CAs; `authority` is the SHA-256 of the first root."""

    environment: Environment
    authority: Sha256
    number: int
    issued: datetime
    authorities: tuple[DistrustEntry, ...]

    kind = TrustListKind.DISTRUST

    @property
    def payload(self) -> bytes:
        """The octets below the signature."""
        rows = [
            {
                "sha256": authority.sha256,
                "name": authority.name,
                "since": _written(authority.since),
                "bridge_until": _written(authority.bridge_until),
            }
            for authority in self.authorities
        ]
        return _canonical({**_head(self), "authorities": rows})


TrustList = AnchorsList | DistrustList


@dataclass(frozen=True)
class ListSignature:
    """Signature over a payload, its signer, and the CAs above it without the root."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    signature: bytes = field(repr=False)


@dataclass(frozen=True)
class SignedList:
    """Payload and signatures; neither has been verified."""

    payload: bytes
    signatures: tuple[ListSignature, ...]

    @property
    def octets(self) -> bytes:
        """The file."""
        rows = [
            {
                "certificate": _text(encoding.certificate_der(signature.certificate)),
                "chain": [_text(encoding.certificate_der(above)) for above in signature.chain],
                "signature": _text(signature.signature),
            }
            for signature in self.signatures
        ]
        return _canonical({"payload": _text(self.payload), "signatures": rows})


def octets_to_sign(kind: TrustListKind, payload: bytes) -> bytes:
    """Return what a signature covers: the format, a line feed, the payload.

    It begins with text, as no certificate, CRL or OCSP response does, so one key may sign all of them.
    """
    return kind.label.encode("ascii") + b"\n" + payload


def parse_octets_to_sign(octets: bytes) -> TrustList:
    """Read what a signature is to cover, as a signer does. Raises InvalidTrustList."""
    label, _, payload = octets.partition(b"\n")
    if label == TrustListKind.ANCHORS.label.encode("ascii"):
        return parse_anchors(payload)
    if label == TrustListKind.DISTRUST.label.encode("ascii"):
        return parse_distrust(payload)
    raise InvalidTrustList("the octets are no trust list")


def parse_signed(octets: bytes) -> SignedList:
    """Read the file of a list, of either kind. Raises InvalidTrustList."""
    return _parse(octets, _signed, lambda one: one.octets)


def parse_anchors(payload: bytes) -> AnchorsList:
    """Read the payload of a list of anchors. Raises InvalidTrustList."""
    return _parse(payload, _anchors, lambda one: one.payload)


def parse_distrust(payload: bytes) -> DistrustList:
    """Read the payload of a list of distrust. Raises InvalidTrustList."""
    return _parse(payload, _distrust, lambda one: one.payload)


AnyForm = TypeVar("AnyForm", SignedList, AnchorsList, DistrustList)


def _parse(octets: bytes, read: Callable[[dict[str, Any]], AnyForm], write: Callable[[AnyForm], bytes]) -> AnyForm:
    try:
        found = read(json.loads(octets)) if len(octets) <= LARGEST else None
        is_same = found is not None and write(found) == octets
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, x509.InvalidVersion):
        found, is_same = None, False
    if found is None or not is_same:
        raise InvalidTrustList("the file is no trust list, or it was changed: fetch it again")
    return found


def _signed(value: dict[str, Any]) -> SignedList:
    rows = value["signatures"]
    signatures = tuple(
        ListSignature(
            _certificate(one["certificate"]),
            tuple(map(_certificate, _at_most(_LONGEST_CHAIN, one["chain"]))),
            _octets(one["signature"]),
        )
        for one in _at_most(_MOST_SIGNATURES, rows)
    )
    return SignedList(_octets(value["payload"]), signatures)


def _anchors(value: dict[str, Any]) -> AnchorsList:
    entries = tuple(
        AnchorEntry(
            _certificate(one["certificate"]),
            AnchorRole(one["role"]),
            None if one["channel"] is None else Channel(one["channel"]),
            CaState(one["state"]),
        )
        for one in _at_most(MOST_AUTHORITIES, value["authorities"])
    )
    links = tuple(map(_certificate, _at_most(MOST_AUTHORITIES, value["links"])))
    fits = all((entry.channel is not None) == (entry.role is AnchorRole.ISSUING) for entry in entries)
    _demand(fits and all(entry.state is not CaState.PENDING for entry in entries))
    _demand(len({entry.certificate for entry in entries}) == len(entries) > 0 and len(set(links)) == len(links))
    return AnchorsList(*_read_head(value, TrustListKind.ANCHORS), entries, links)


def _distrust(value: dict[str, Any]) -> DistrustList:
    entries = tuple(
        DistrustEntry(
            Sha256(_matching(_SHA256, one["sha256"])),
            _matching(_NAME, one["name"]),
            _instant(one["since"]),
            _instant(one["bridge_until"]),
        )
        for one in _at_most(MOST_AUTHORITIES, value["authorities"])
    )
    _demand(all(entry.since <= entry.bridge_until for entry in entries))
    _demand(len({entry.sha256 for entry in entries}) == len({entry.name for entry in entries}) == len(entries))
    return DistrustList(*_read_head(value, TrustListKind.DISTRUST), entries)


def _head(trust_list: TrustList) -> dict[str, Any]:
    return {
        "format": trust_list.kind.label,
        "environment": trust_list.environment.value,
        "authority": trust_list.authority,
        "number": trust_list.number,
        "issued": _written(trust_list.issued),
    }


def _read_head(value: Mapping[str, Any], kind: TrustListKind) -> tuple[Environment, Sha256, int, datetime]:
    number = value["number"]
    _demand(value["format"] == kind.label and type(number) is int and 0 < number < 1 << _NUMBER_BITS)
    authority = Sha256(_matching(_SHA256, value["authority"]))
    return Environment(value["environment"]), authority, number, _instant(value["issued"])


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _certificate(text: object) -> x509.Certificate:
    return encoding.checked(x509.load_der_x509_certificate(_octets(text)))


def _at_most(most: int, rows: object) -> list[Any]:
    _demand(isinstance(rows, list) and len(rows) <= most)
    assert isinstance(rows, list)  # noqa: S101
    return rows


def _matching(pattern: re.Pattern[str], value: object) -> str:
    _demand(isinstance(value, str) and pattern.fullmatch(value) is not None)
    return str(value)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)


def _written(at: datetime) -> str:
    # Not by strftime, which writes years before 1000 without leading zeros.
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _octets(text: object) -> bytes:
    _demand(isinstance(text, str))
    return b64decode(str(text), validate=True)


def _text(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


def _demand(is_fit: bool) -> None:  # noqa: FBT001 - a condition, as assert takes it
    if not is_fit:
        raise ValueError(is_fit)
