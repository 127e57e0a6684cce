"""Strict reader of DER: definite and minimal lengths, nothing left over.

The signer reads with it alone what it signs. A reader goes forward over the elements of one value. Depth is bounded by
the code that calls it, which names each tag that it enters.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NoReturn

from sinetti.pki.signers import SignatureRefused

LARGEST = 16 * 1024
"""Largest certificate or OCSP response in octets."""

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x30, 0x31, 0x02, 0x03, 0x04, 0x06
ENUMERATED, UTC_TIME, GENERALIZED_TIME, UTF8_STRING, PRINTABLE_STRING = 0x0A, 0x17, 0x18, 0x0C, 0x13
EXPLICIT_0, EXPLICIT_1, EXPLICIT_2, EXPLICIT_3 = 0xA0, 0xA1, 0xA2, 0xA3

_LONG, _MOST_LENGTH_OCTETS = 0x80, 4
_UTC_DIGITS, _GENERALIZED_DIGITS = 13, 15
_PIVOT = b"50"
_GENERALIZED_FROM = 2050

Octets = bytes | memoryview


def enter(octets: Octets, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return begin and end of the content of the element at `at`.

    It has this tag and ends before `end`. Raises SignatureRefused.
    """
    if end - at < 2 or octets[at] != tag:  # noqa: PLR2004 - tag and length
        refuse(f"an element with the tag {tag:02x} is missing at octet {at}")
    length, start = octets[at + 1], at + 2
    if length >= _LONG:
        length, start = _long_length(octets[start : min(end, start + length - _LONG)], length - _LONG, start)
    if start + length > end:
        refuse(f"the element at octet {at} is cut off")
    return start, start + length


class DerReader:
    """Position in the elements of one DER value.

    All methods raise SignatureRefused for octets that are not strict DER.
    """

    __slots__ = ("_at", "_end", "octets")

    def __init__(self, octets: Octets, at: int = 0, end: int | None = None) -> None:
        """Start at an offset; `end` is the end of the value."""
        self.octets = octets
        self._at, self._end = at, len(octets) if end is None else end

    def _enter(self, tag: int) -> tuple[int, int]:
        start, self._at = enter(self.octets, self._at, self._end, tag)
        return start, self._at

    def content(self, tag: int) -> bytes:
        """Return the content of the next element."""
        start, stop = self._enter(tag)
        return bytes(self.octets[start:stop])

    def element(self, tag: int) -> bytes:
        """Return the next element with its tag and length."""
        at = self._at
        _, stop = self._enter(tag)
        return bytes(self.octets[at:stop])

    def inside(self, tag: int) -> "DerReader":
        """Return a reader of the content of the next element."""
        return DerReader(self.octets, *self._enter(tag))

    def span(self, tag: int) -> tuple[int, int]:
        """Return begin and end of the content of the next element."""
        return self._enter(tag)

    def next_tag(self) -> int | None:
        """Return the tag of the next element, or None at the end."""
        return self.octets[self._at] if self._at < self._end else None

    def number(self) -> bytes:
        """Return the octets of a positive INTEGER, without a zero in front."""
        return positive(self.content(INTEGER))

    def time(self) -> datetime:
        """Return a UTCTime, or a GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5)."""
        if self.next_tag() == UTC_TIME:
            return _utc_time(self.content(UTC_TIME))
        found = self.generalized_time()
        if found.year < _GENERALIZED_FROM:
            refuse("a time before 2050 is not a UTCTime")
        return found

    def generalized_time(self) -> datetime:
        """Return a GeneralizedTime in whole seconds."""
        return _generalized_time(self.content(GENERALIZED_TIME))

    def finish(self) -> None:
        """Refuse octets after the last element."""
        if self._at != self._end:
            refuse(f"octets are left over at octet {self._at}")


def positive(content: bytes) -> bytes:
    """Return the octets of a positive INTEGER, without a zero in front.

    `content` is that of the element. Raises SignatureRefused.
    """
    if not content or content[0] >= _LONG:
        refuse("a whole number is negative or empty")
    if content[0] or len(content) == 1:
        return content
    if content[1] < _LONG:
        refuse("a whole number is not minimal")
    return content[1:]


def _long_length(octets: Octets, count: int, start: int) -> tuple[int, int]:
    """Return a length of several octets, and the begin of the content."""
    if not 0 < count <= _MOST_LENGTH_OCTETS or len(octets) != count:
        refuse(f"the length at octet {start - 1} is not definite")
    length = int.from_bytes(octets, "big")
    if length < _LONG or not length >> 8 * (count - 1):
        refuse(f"the length at octet {start - 1} is not minimal")
    return length, start + count


def refuse(why: str) -> NoReturn:
    """Refuse octets that are not of the one accepted form. Raises SignatureRefused."""
    raise SignatureRefused(f"the octets are not of the form that the signer signs: {why}") from None


@lru_cache(maxsize=4096)
def _utc_time(octets: bytes) -> datetime:
    if len(octets) != _UTC_DIGITS:
        refuse("a time is not in whole seconds of UTC")
    return _instant((b"19" if octets >= _PIVOT else b"20") + octets)


@lru_cache(maxsize=4096)
def _generalized_time(octets: bytes) -> datetime:
    return _instant(octets)


def _instant(octets: bytes) -> datetime:
    digits = octets[:-1]
    if len(octets) != _GENERALIZED_DIGITS or octets[-1:] != b"Z" or not digits.isdigit():
        refuse("a time is not in whole seconds of UTC")
    parts = (digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2)))
    year, month, day, hour, minute, second = map(int, parts)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        refuse("a time names no instant")
