"""Revocation lists (TBSCertList): read, rebuilt, and compared with the last one.

A list of a million entries has 40 MB. Most lists are the last one with entries after its own, so those alone are read
then. Otherwise each entry of the last list is looked up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple, NoReturn

from sinetti.authority.signer.der import EXPLICIT_0, INTEGER, OCTET_STRING, OID, SEQUENCE, DerReader, refuse
from sinetti.authority.signer.store import AdoptedCertificate, ListRecord, SignerStore
from sinetti.authority.signer.tasks import AROUND_NOW
from sinetti.ca.crl import build_tbs_crl
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance_request import IssuingCa
from sinetti.pki.signers import SignatureRefused
from sinetti.settings.signer import PolicyCa

_LIVES = {
    CaRole.ISSUING: timedelta(days=7),
    CaRole.SERVICES: timedelta(days=7),
    CaRole.ROOT: timedelta(days=366),
    CaRole.INTERMEDIATE: timedelta(days=366),
}
"""Longest time from thisUpdate to nextUpdate (services/status/crl.py)."""

_STEPS = 1 << 20
_AHEAD = timedelta(days=1)
_VERSION_2 = b"\x01"
_NUMBER = bytes.fromhex("0603551d14")
_SHARD = re.compile(rb"-([1-9][0-9]{0,6})\.crl")

_DAY = rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z"
_UTC = rb"\x17\x0d[0-9]{2}" + _DAY
_GENERALIZED = rb"\x18\x0f[0-9]{4}" + _DAY
_REASON = rb"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01[\x01-\x05\x09\x0a]"
_INVALID_SINCE = rb"\x30\x18\x06\x03\x55\x1d\x18\x04\x11" + _GENERALIZED
_SERIAL = rb"\x02\x13[\x40-\x7f][\x00-\xff]{18}"
_SERIAL_SIZE, _SERIAL_AT = 21, 4
_SIZES = {b"": 0, _UTC: 15, _GENERALIZED: 17, _REASON: 12, _INVALID_SINCE: 26}


def _entry_form(time: bytes, reason: bytes, since: bytes) -> bytes:
    """Return the pattern of entries with these parts; each has one length."""
    inside = _SIZES[reason] + _SIZES[since]
    head = rb"\x30" + re.escape(bytes([inside])) if inside else b""
    size = _SERIAL_SIZE + _SIZES[time] + (2 + inside if inside else 0)
    return rb"\x30" + re.escape(bytes([size])) + _SERIAL + time + head + reason + since


_ENTRY = re.compile(
    b"|".join(_entry_form(*parts) for parts in product((_UTC, _GENERALIZED), (b"", _REASON), (b"", _INVALID_SINCE)))
)
"""Entry of a list (RFC 5280, 5.3): serial, date, maybe reason and invalidityDate.

The reasons are those of a full list. certificateHold and removeFromCRL are absent: a revocation is final.
"""


@dataclass(frozen=True)
class ListContent:
    """A list that has exactly the form of its CA and shard, and its entries in DER."""

    shard: int
    record: ListRecord = field(repr=False)


@dataclass(frozen=True)
class ListChange:
    """Difference of a list from the last one: entries at its end or None, new serials."""

    added: bytes | None
    serials: list[bytes]


def read_list(tbs: bytes, ca: PolicyCa) -> ListContent:
    """Read a TBSCertList and compare it with the one that the CA would make of it.

    Entries are not read. Raises SignatureRefused.
    """
    whole = DerReader(tbs)
    parts = whole.inside(SEQUENCE)
    whole.finish()
    if parts.content(INTEGER) != _VERSION_2:
        refuse("the version of the list is not 2")
    parts.content(SEQUENCE)
    parts.content(SEQUENCE)
    this_update, next_update = parts.time(), parts.time()
    begin, end = parts.span(SEQUENCE) if parts.next_tag() == SEQUENCE else (0, 0)
    extensions = parts.content(EXPLICIT_0)
    parts.finish()
    number, shard = _number(extensions), _SHARD.search(extensions)
    content = ListContent(int(shard[1]) if shard else 0, ListRecord(number, this_update, next_update, tbs[begin:end]))
    issuer = IssuingCa(ca.name, ca.file_name, ca.file_name, ca.certificate, ca.base_url, content.shard)
    try:
        rebuilt = build_tbs_crl(issuer, [content.record.entries], number, this_update, next_update)
    except ValueError as bad:
        return refuse(str(bad))
    if rebuilt != tbs:
        refuse("the list differs from the form of its CA")
    return content


def _number(extensions: bytes) -> int:
    """Return the CRL number (RFC 5280, 5.2.3)."""
    listed = DerReader(extensions).inside(SEQUENCE)
    while listed.next_tag() is not None:
        der_reader = listed.inside(SEQUENCE)
        if der_reader.element(OID) == _NUMBER:
            return int.from_bytes(DerReader(der_reader.content(OCTET_STRING)).number(), "big")
    return refuse("the list has no number")


def check_list(content: ListContent, ca: PolicyCa, store: SignerStore, now: datetime) -> ListChange:
    """Return the difference of a list from the last one of its CA and shard.

    While the clock is not trusted, the service gives a list the dates of the last one, so those pass, too. Raises
    SignatureRefused.
    """
    new, last = content.record, store.find_list(ca.file_name, content.shard)
    is_dated_as_before = last is not None and (new.this_update, new.next_update) == (last.this_update, last.next_update)
    if not is_dated_as_before and abs(new.this_update - now) > AROUND_NOW:
        _refuse("thisUpdate is more than five minutes from the signer's clock")
    if new.next_update - new.this_update > _LIVES[ca.role]:
        _refuse(f"it would be valid for more than {_LIVES[ca.role].days} days")
    if last == new:  # the answer was lost
        return ListChange(b"", [])
    before = -1 if last is None else last.number
    # Numbers are milliseconds, or follow the last one (database/issuance/crls.py). A huge one would block all others.
    highest = max(before + _STEPS, int((now + _AHEAD).timestamp() * 1000))
    if not before < new.number <= highest:
        _refuse(f"its number {new.number} is not between {before + 1} and {highest}")
    if last is None:
        return ListChange(None, serials_of(read_entries(new.entries)))
    if new.entries.startswith(last.entries):
        added = new.entries[len(last.entries) :]
        return ListChange(added, serials_of(read_entries(added)))
    return ListChange(None, _compared(last, new, ca, store))


def read_entries(octets: bytes) -> list[bytes]:
    """Return the entries in these octets. Raises SignatureRefused for others."""
    found = _ENTRY.findall(octets)
    # Matches do not overlap, so there is nothing between them if their lengths add up.
    if sum(map(len, found)) != len(octets):
        refuse("an entry of the list is not of the one form")
    return found


def serials_of(entries: list[bytes]) -> list[bytes]:
    """Return the serials of entries."""
    return [entry[_SERIAL_AT : _SERIAL_AT + 19] for entry in entries]


def _compared(last: ListRecord, new: ListRecord, ca: PolicyCa, store: SignerStore) -> list[bytes]:
    """Return the serials that are new on a list that was rebuilt.

    An entry of the last list is on the new one as it was, or with another reason, or its certificate ended before the
    last list (RFC 5280, 3.3).
    """
    before, now_listed = set(read_entries(last.entries)), set(read_entries(new.entries))
    gone, come = before - now_listed, now_listed - before
    del before, now_listed
    # Reasons may differ; serial and date are in front of them.
    kept = {_dated(entry) for entry in come}
    lost = [entry for entry in gone if _dated(entry) not in kept]
    serials = serials_of(lost)
    expired = store.list_expired(ca.file_name, serials, last.this_update)
    if missing := [serial for serial in serials if serial not in expired]:
        _refuse(f"it lacks {len(missing)} entries of the last list, such as {missing[0].hex()}, or their dates differ")
    return serials_of(list(come))


def _dated(entry: bytes) -> bytes:
    """Return serial and date of an entry."""
    at = 2 + _SERIAL_SIZE
    return entry[2 : at + 2 + entry[at + 1]]


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the list is not signed: {why}")


class AdoptedList(NamedTuple):
    """Last list of a CA and shard in DER, as it was published."""

    ca: PolicyCa
    der: bytes


def adopt(
    store: SignerStore,
    certificates: Iterable[AdoptedCertificate],
    lists: Iterable[AdoptedList],
    head: tuple[int, bytes] | None,
) -> None:
    """Take over certificates, lists, and size and root of the log's last head.

    What the store already has stays as it is, so that the same call may be repeated. Raises SignatureRefused for a list
    that its CA would not make.
    """
    with store.transaction():
        store.insert_adopted(certificates)
        for row in lists:
            content = read_list(DerReader(row.der).inside(SEQUENCE).element(SEQUENCE), row.ca)
            last = store.find_list(row.ca.file_name, content.shard)
            if last is None or last.number < content.record.number:
                serials = serials_of(read_entries(content.record.entries))
                store.replace_list(row.ca.file_name, content.shard, content.record, None, serials)
        if head is not None and store.find_head() is None:
            store.replace_head(*head)
