"""Entries of a CRL as octets (RFC 5280, 5.1.2.6 and 5.3).

Entries are encoded one by one, and serials are extracted from encoded entries.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from sinetti.ca.issuance_request import RevokedEntry
from sinetti.ca.profiles import SEQUENCE, der_integer, der_time, encode_tlv, generalized_time
from sinetti.domain.values import Serial

_ENUMERATED, _OCTET_STRING = 0x0A, 0x04
_CRL_REASON, _INVALIDITY_DATE = bytes.fromhex("0603551d15"), bytes.fromhex("0603551d18")
_SERIAL_BITS = 159
_REASONS = {
    "unspecified": 0,
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
    "privilegeWithdrawn": 9,
    "aACompromise": 10,
}
"""CRLReason (RFC 5280, 5.3.1) without removeFromCRL, which is for delta CRLs only."""

_BEGUN = re.compile(rb"\x30.\x02([\x01-\x14])(.{1,20}?)(?:\x17\x0d(\d{12})|\x18\x0f(\d{14}))Z", re.DOTALL)
"""Start of an entry: the length of its serial, the serial, and the following date."""

_WINDOW = 64 * 1024


def encode_entry(entry: RevokedEntry) -> bytes:
    """Encode one entry in DER.

    Raises ValueError for a serial, a date or a reason that a CRL cannot contain.
    """
    serial = int(entry.serial, 16)
    if not 0 < serial < 1 << _SERIAL_BITS:
        raise ValueError("a serial number must be a positive whole number of at most 20 octets (RFC 5280, 4.1.2.2)")
    more = _entry_extensions(entry.reason, entry.invalidity_date)
    return encode_tlv(SEQUENCE, der_integer(serial), der_time(entry.revoked_at), more)


def serials_revoked_since(entries: memoryview, since: datetime) -> frozenset[Serial]:
    """Return the serials of all entries that were revoked since an instant.

    The result may contain some earlier ones. `entries` are those of one of our CRLs. Only their end is read, since
    later revocations stand further behind. A rebuilt CRL has that order, and new entries are appended at their
    revocation.
    """
    size, begin = _WINDOW, f"{since.astimezone(UTC):%Y%m%d%H%M%S}".encode()
    while size < len(entries):
        octets = bytes(entries[-size:])
        match = next((match for match in _BEGUN.finditer(octets) if len(match[2]) == match[1][0]), None)
        if match is not None and _year_first(match) < begin:
            return _serials(octets, match.start())
        size *= 4
    return _serials(bytes(entries), 0)


def _year_first(match: re.Match[bytes]) -> bytes:
    _, _, digits, whole = match.groups()
    return whole or (b"20" if digits < b"50" else b"19") + digits


def _serials(octets: bytes, at: int) -> frozenset[Serial]:
    """Return the serials of the entries from `at` on.

    Each entry has fewer than 128 octets, so that every length is one octet.
    """
    serials = []
    while at + 3 < len(octets):
        begin = at + 4
        serials.append(Serial(octets[begin : begin + octets[at + 3]].hex().removeprefix("00")))
        at += 2 + octets[at + 1]
    return frozenset(serials)


@lru_cache(maxsize=4096)
def _entry_extensions(reason: str, invalidity_date: datetime | None) -> bytes:
    code = _REASONS.get(reason)
    if code is None:
        raise ValueError(f"a full revocation list cannot contain the reason {reason} (RFC 5280, 5.3.1)")
    content = b""
    # "unspecified" is expressed by the absence of the reason (5.3.1).
    if code:
        content += _extension(_CRL_REASON, encode_tlv(_ENUMERATED, bytes((code,))))
    if invalidity_date is not None:
        # Always GeneralizedTime (5.3.2).
        content += _extension(_INVALIDITY_DATE, generalized_time(invalidity_date))
    return encode_tlv(SEQUENCE, content) if content else b""


def _extension(identifier: bytes, value: bytes) -> bytes:
    return encode_tlv(SEQUENCE, identifier, encode_tlv(_OCTET_STRING, value))
