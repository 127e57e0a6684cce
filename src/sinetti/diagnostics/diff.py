"""First difference of two canonical forms, with control characters made visible."""

import unicodedata
from dataclasses import dataclass

SHOWN = 40
"""Octets of context on each side of the first difference."""

_CHUNK = 4096
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_ONE_BYTE = 0x100
_FOUR_DIGITS = 0x10000


@dataclass(frozen=True)
class ByteDiff:
    """First difference of two forms.

    `line` and `column` count from 1, in characters; `offset` from 0, in octets. `before` is the common text just
    before it. `signed` and `received` begin with the difference. All three are excerpts of at most 40 octets, made
    visible.
    """

    line: int
    column: int
    offset: int
    before: str
    signed: str
    received: str


def first_difference(signed: bytes, received: bytes) -> ByteDiff | None:
    """Return the first difference of the signed and the received octets, or None."""
    if signed == received:
        return None
    at = _begin_of_character(signed, received, _first_octet(signed, received))
    before = received[:at]
    line_start = before.rfind(b"\n") + 1
    return ByteDiff(
        line=before.count(b"\n") + 1,
        column=len(before[line_start:].decode("utf-8", "replace")) + 1,
        offset=at,
        before=visible(_tail(before)),
        signed=visible(signed[at : at + SHOWN]),
        received=visible(received[at : at + SHOWN]),
    )


def visible(octets: bytes) -> str:
    r"""Return octets as visible text on one line.

    Escapes are `\n`, `\r`, `\t`, `\\` and `\xNN`; combining and unprintable characters become `\uNNNN`. A character
    that is cut in the middle is shown by its octets, as is anything that is not UTF-8.
    """
    return "".join(map(_visible_char, octets.decode("utf-8", "surrogateescape")))


def _visible_char(sign: str) -> str:
    if sign in _NAMED:
        return _NAMED[sign]
    number = ord(sign)
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{number - 0xDC00:02x}"
    # Composed and decomposed letters look the same, and no-break spaces as spaces.
    if sign.isprintable() and not unicodedata.combining(sign):
        return sign
    if number < _ONE_BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _FOUR_DIGITS else f"\\U{number:08x}"


def _first_octet(one: bytes, other: bytes) -> int:
    shorter = min(len(one), len(other))
    for start in range(0, shorter, _CHUNK):
        left, right = one[start : start + _CHUNK], other[start : start + _CHUNK]
        for at, (here, there) in enumerate(zip(left, right, strict=False)) if left != right else ():
            if here != there:
                return start + at
    return shorter


def _begin_of_character(signed: bytes, received: bytes, at: int) -> int:
    """Step back to the first octet of a UTF-8 character.

    Its other octets are 10xxxxxx.
    """
    while at and any(len(side) > at and side[at] & 0xC0 == 0x80 for side in (signed, received)):  # noqa: PLR2004
        at -= 1
    return at


def _tail(before: bytes) -> bytes:
    tail = before[-SHOWN:]
    while len(tail) < len(before) and tail[:1] and tail[0] & 0xC0 == 0x80:  # noqa: PLR2004
        tail = tail[1:]
    return tail
