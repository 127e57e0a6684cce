"""Files that are carried between the online machine and the offline one.

A request set has data only: certificate signing requests, serials, dates and numbers. A result set has what the offline
machine made from them. Both are JSON with sorted keys, ASCII, without white space, so that a digest names one content.
"""

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_model import CaRole, CaSpec
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment, KeyType, Serial

LARGEST = 16 * 1024 * 1024
"""Largest set in octets; the entries of 50,000 revoked CAs fit."""

INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_REQUEST, _RESULT = "sinetti-request-set-v1", "sinetti-result-set-v1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,20}")
_NUMBER_BITS, _LIST_BITS = 159, 63


class CeremonyKind(StrEnum):
    """Kind of a ceremony.

    It makes a hierarchy, the lists of offline CAs, new officers, certificates of later CAs, or lists with revoked CAs.
    """

    FOUNDING = "founding"
    LISTS = "lists"
    OFFICERS = "officers"
    CERTIFY = "certify"
    REVOKE = "revoke"


@dataclass(frozen=True)
class ListData:
    """Data of a revocation list: CA, shard, number and entries.

    `revocations` is the register's count at that time. It comes back with the list.
    """

    name: str
    shard: int
    number: int
    entries: tuple[RevokedEntry, ...]
    revocations: int = 0


@dataclass(frozen=True)
class OfficerLine:
    """An officer in a set: name, role, and the line of the public key."""

    name: str
    role: str
    key: str


@dataclass(frozen=True)
class AnchorsData:
    """Number of the next list of anchors, and states of all CAs by file name."""

    number: int
    states: Mapping[str, CaState]


@dataclass(frozen=True)
class DistrustLine:
    """A distrusted CA by file name, the instant of the theft, and its bridge's end."""

    name: str
    since: datetime
    bridge_until: datetime


@dataclass(frozen=True)
class DistrustData:
    """Data of the next list of distrust: its number, and all distrusted CAs."""

    number: int
    rows: tuple[DistrustLine, ...]


@dataclass(frozen=True)
class RevocationLine:
    """A CA to be revoked, by file name; `since` is set for a compromise."""

    name: str
    reason: RevocationReason
    since: datetime | None = None


class LinkKind(StrEnum):
    """Cross-certificates of two roots (RFC 9810, 4.4)."""

    NEW_WITH_OLD = "new-with-old"
    OLD_WITH_NEW = "old-with-new"


@dataclass(frozen=True)
class RequestSet:
    """Request of the online machine, made at `created` (UTC, whole seconds).

    `authority` is the SHA-256 of the root certificate; empty at the founding. `requests` are PKCS#10 in DER by the file
    name of their CA. `officers` are those in force, whom new ones replace. `authorities` are CAs to be certified,
    parents first.
    """

    kind: CeremonyKind
    environment: Environment
    base_url: str
    created: datetime
    nonce: str
    authority: str = ""
    instance: str = ""
    requests: Mapping[str, bytes] = field(default_factory=dict)
    lists: tuple[ListData, ...] = ()
    officers: tuple[OfficerLine, ...] = ()
    authorities: tuple[CaSpec, ...] = ()
    revocations: tuple[RevocationLine, ...] = ()
    anchors: AnchorsData | None = None
    distrust: DistrustData | None = None

    @property
    def octets(self) -> bytes:
        """The file."""
        more = {
            "authorities": [_spec_value(ca) for ca in self.authorities],
            "revocations": [_revocation_value(revocation) for revocation in self.revocations],
            "anchors": self.anchors and {"number": self.anchors.number, "states": dict(self.anchors.states)},
            "distrust": self.distrust
            and {"number": self.distrust.number, "rows": [_distrust_value(row) for row in self.distrust.rows]},
        }
        return canonical(
            {
                **{name: value for name, value in more.items() if value},
                "format": _REQUEST,
                "kind": self.kind.value,
                "environment": self.environment.value,
                "base_url": self.base_url,
                "created": self.created.strftime(INSTANT),
                "nonce": self.nonce,
                "authority": self.authority,
                "instance": self.instance,
                "requests": {name: _text(der) for name, der in self.requests.items()},
                "lists": [_list_value(one) for one in self.lists],
                "officers": [_officer_value(officer) for officer in self.officers],
            }
        )

    @property
    def sha256(self) -> str:
        """SHA-256 of the file in hex, which names the request."""
        return hashlib.sha256(self.octets).hexdigest()


@dataclass(frozen=True)
class ResultSet:
    """Result of a ceremony: what was made for the request `request` (its SHA-256).

    `certificates` are DER by file name, `lists` DER by name and shard. `signature` is that of the root key over the
    statement about `officers`. `links` are cross-certificates with the new root of that file name. `anchors` and
    `distrust` are signed trust lists.
    """

    kind: CeremonyKind
    request: str
    is_rehearsal: bool
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    lists: Mapping[tuple[str, int], bytes] = field(default_factory=dict)
    officers: tuple[OfficerLine, ...] = ()
    signature: bytes = b""
    links: Mapping[tuple[LinkKind, str], bytes] = field(default_factory=dict)
    anchors: bytes = b""
    distrust: bytes = b""

    @property
    def octets(self) -> bytes:
        """The file."""
        links = [
            {"kind": kind.value, "name": name, "der": _text(der)} for (kind, name), der in sorted(self.links.items())
        ]
        more = {"links": links, "anchors": _text(self.anchors), "distrust": _text(self.distrust)}
        lists = [{"name": name, "shard": shard, "der": _text(der)} for (name, shard), der in sorted(self.lists.items())]
        return canonical(
            {
                **{name: value for name, value in more.items() if value},
                "format": _RESULT,
                "kind": self.kind.value,
                "request": self.request,
                "rehearsal": self.is_rehearsal,
                "certificates": {name: _text(der) for name, der in self.certificates.items()},
                "lists": lists,
                "officers": [_officer_value(officer) for officer in self.officers],
                "signature": _text(self.signature),
            }
        )


AnySet = TypeVar("AnySet", RequestSet, ResultSet)


def parse_request_set(octets: bytes) -> RequestSet:
    """Read a request set. Raises CeremonyError for any other octets."""
    return _parse(octets, _REQUEST, "request set", _request)


def parse_result_set(octets: bytes) -> ResultSet:
    """Read a result set. Raises CeremonyError for any other octets."""
    return _parse(octets, _RESULT, "result set", _result)


def officers_statement(request: RequestSet, officers: tuple[OfficerLine, ...]) -> bytes:
    """Return the octets that the root key signs for new officers.

    They name the request, so that an old statement counts for no later one. They begin with text, which no certificate
    and no list does.
    """
    value = {"authority": request.authority, "instance": request.instance, "request": request.sha256}
    named = canonical({**value, "officers": [_officer_value(officer) for officer in officers]})
    return b"sinetti-officers-v1\n" + named


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return a value as canonical JSON with a line end."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def read_instant(text: str) -> datetime:
    """Read an instant as sets and transcripts have it. Raises ValueError."""
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def _parse(octets: bytes, wanted: str, named: str, read: Callable[[dict[str, Any]], AnySet]) -> AnySet:
    value = _loaded(octets)
    if value.get("format") != wanted:
        raise CeremonyError(f"the file is not a {named}: take the one that the other machine wrote")
    try:
        found = read(value)
    except (ValueError, TypeError, KeyError, AttributeError):
        found = None
    # Only one spelling of a content is accepted: unknown members and other white space are refused with it.
    if found is None or found.octets != octets:
        raise CeremonyError(f"the {named} is damaged or was changed: have it written again, and carry it again")
    return found


def _loaded(octets: bytes) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if it has none."""
    try:
        value = json.loads(octets) if len(octets) <= LARGEST else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}


def _request(value: dict[str, Any]) -> RequestSet:
    requests = {_name(name): _octets(text) for name, text in value["requests"].items()}
    return RequestSet(
        CeremonyKind(value["kind"]),
        Environment(value["environment"]),
        _printable(value["base_url"]),
        read_instant(value["created"]),
        _matching(_SHA256, value["nonce"]),
        value["authority"] and _matching(_SHA256, value["authority"]),
        value["instance"] and _name(value["instance"]),
        requests,
        tuple(_list(one) for one in value["lists"]),
        tuple(_officer(one) for one in value["officers"]),
        tuple(_spec(one) for one in value.get("authorities", ())),
        tuple(_revocation(one) for one in value.get("revocations", ())),
        _anchors(value["anchors"]) if "anchors" in value else None,
        _distrust(value["distrust"]) if "distrust" in value else None,
    )


def _result(value: dict[str, Any]) -> ResultSet:
    return ResultSet(
        CeremonyKind(value["kind"]),
        _matching(_SHA256, value["request"]),
        value["rehearsal"] is True,
        {_name(name): _octets(text) for name, text in value["certificates"].items()},
        {(_name(one["name"]), _number(one["shard"], 31)): _octets(one["der"]) for one in value["lists"]},
        tuple(_officer(one) for one in value["officers"]),
        _octets(value["signature"]),
        {(LinkKind(one["kind"]), _name(one["name"])): _octets(one["der"]) for one in value.get("links", ())},
        _octets(value.get("anchors", "")),
        _octets(value.get("distrust", "")),
    )


def _list(value: dict[str, Any]) -> ListData:
    entries = tuple(
        RevokedEntry(
            Serial(_matching(_SERIAL, one["serial"])),
            read_instant(one["revoked_at"]),
            _printable(one["reason"]),
            read_instant(one["invalidity_date"]) if one["invalidity_date"] else None,
        )
        for one in value["entries"]
    )
    number, count = _number(value["number"], _NUMBER_BITS), _number(value["revocations"], 63)
    return ListData(_name(value["name"]), _number(value["shard"], 31), number, entries, count)


def _list_value(one: ListData) -> dict[str, Any]:
    entries = [
        {
            "serial": entry.serial,
            "revoked_at": entry.revoked_at.strftime(INSTANT),
            "reason": entry.reason,
            "invalidity_date": entry.invalidity_date.strftime(INSTANT) if entry.invalidity_date else "",
        }
        for entry in one.entries
    ]
    head = {"name": one.name, "shard": one.shard, "number": one.number, "revocations": one.revocations}
    return {**head, "entries": entries}


def _spec(value: dict[str, Any]) -> CaSpec:
    return CaSpec(
        _printable(value["name"]),
        CaRole(value["role"]),
        _printable(value["parent"]) if value["parent"] else None,
        KeyType(value["key"]),
        timedelta(days=_number(value["lifetime_days"], 16)),
        Channel(value["channel"]) if value["channel"] else None,
    )


def _spec_value(ca: CaSpec) -> dict[str, Any]:
    return {
        "name": ca.name,
        "role": ca.role.value,
        "parent": ca.parent or "",
        "key": ca.key_type.value,
        "lifetime_days": ca.lifetime.days,
        "channel": ca.channel.value if ca.channel else "",
    }


def _revocation(value: dict[str, Any]) -> RevocationLine:
    since = read_instant(value["since"]) if value["since"] else None
    return RevocationLine(_name(value["name"]), RevocationReason(value["reason"]), since)


def _revocation_value(line: RevocationLine) -> dict[str, str]:
    since = line.since.strftime(INSTANT) if line.since else ""
    return {"name": line.name, "reason": line.reason.value, "since": since}


def _anchors(value: dict[str, Any]) -> AnchorsData:
    states = {_name(name): CaState(state) for name, state in value["states"].items()}
    return AnchorsData(_number(value["number"], _LIST_BITS), states)


def _distrust(value: dict[str, Any]) -> DistrustData:
    rows = (
        DistrustLine(_name(one["name"]), read_instant(one["since"]), read_instant(one["bridge_until"]))
        for one in value["rows"]
    )
    return DistrustData(_number(value["number"], _LIST_BITS), tuple(rows))


def _distrust_value(distrust_line: DistrustLine) -> dict[str, str]:
    instants = {"since": distrust_line.since, "bridge_until": distrust_line.bridge_until}
    return {"name": distrust_line.name, **{name: at.strftime(INSTANT) for name, at in instants.items()}}


def _officer(value: dict[str, Any]) -> OfficerLine:
    return OfficerLine(_printable(value["name"]), _printable(value["role"]), _printable(value["key"]))


def _officer_value(officer_line: OfficerLine) -> dict[str, str]:
    return {"name": officer_line.name, "role": officer_line.role, "key": officer_line.key}


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(pattern.pattern)
    return value


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


def _name(value: object) -> str:
    """Return a name that is safe in a path. Raises ValueError."""
    return _matching(_NAME, value)


_PRINTABLE = re.compile(r"[ -~]{1,2000}")


def _printable(value: object) -> str:
    return _matching(_PRINTABLE, value)


def _number(value: object, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise ValueError(bits)
    return value


def _octets(value: object) -> bytes:
    return b64decode(value, validate=True) if isinstance(value, str) else b""


def _text(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
