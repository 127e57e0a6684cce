"""Storage of a CRL without the entries of an earlier one, and its restoration.

A stored CRL of a million entries so costs only the added entries. It is cut at the elements of CertificateList (RFC
5280, 5.1), and looks like one. Only the restored CRL is what its CA has signed. docs/relying/lists.md describes the
method.
"""

from dataclasses import dataclass

_SEQUENCE, _LONG = 0x30, 0x80
_BEFORE_ENTRIES = 5
"""Number of fields before the entries: version, signature, issuer and two dates.

The dates are thisUpdate and nextUpdate. All our CRLs have these fields.
"""


@dataclass(frozen=True)
class CrlParts:
    """CRL in four pieces: fields before its entries, entries, fields after, signature."""

    before: memoryview
    entries: memoryview
    after: memoryview
    seal: memoryview


def split_crl(der: bytes) -> CrlParts:
    """Split one of our CRLs into its pieces.

    Raises ValueError for octets that cannot be one.
    """
    view = memoryview(der)
    begin, _ = element(view, 0)
    tbs_begin, tbs_end = element(view, begin)
    at = tbs_begin
    for _ in range(_BEFORE_ENTRIES):
        _, at = element(view, at)
    begin, end = element(view, at)
    # In an empty CRL the extensions follow at once.
    listed = view[at] == _SEQUENCE
    entries = view[begin:end] if listed else view[at:at]
    return CrlParts(view[tbs_begin:at], entries, view[end if listed else at : tbs_end], view[tbs_end:])


def strip_entries(der: bytes, octets: int) -> bytes:
    """Return the CRL without its first entries of `octets` octets in total."""
    pieces = split_crl(der)
    return _put_together(pieces, pieces.entries[octets:])


def join_crl(first_entries: bytes | memoryview, short: bytes) -> bytes:
    """Return a stored CRL with its first entries restored.

    Raises ValueError for octets that are no CRL.
    """
    pieces = split_crl(short)
    return _put_together(pieces, first_entries, pieces.entries)


def element(octets: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return begin and end of the content of the DER element at `at` (X.690, 8.1.3).

    Raises ValueError if the octets end before the element.
    """
    try:
        length, start = octets[at + 1], at + 2
    except IndexError:
        length, start = 0, len(octets) + 1
    if length & _LONG:
        more = length & ~_LONG
        length, start = int.from_bytes(octets[start : start + more], "big"), start + more
    if start + length > len(octets):
        raise ValueError("it is cut off")
    return start, start + length


def _put_together(pieces: CrlParts, *entries: bytes | memoryview) -> bytes:
    size = sum(map(len, entries))
    listed = (_head(size), *entries) if size else ()
    tbs = (pieces.before, *listed, pieces.after)
    tbs_size = sum(map(len, tbs))
    tbs_head = _head(tbs_size)
    return b"".join((_head(len(tbs_head) + tbs_size + len(pieces.seal)), tbs_head, *tbs, pieces.seal))


def _head(length: int) -> bytes:
    """Return tag and length of a SEQUENCE."""
    if length < _LONG:
        return bytes((_SEQUENCE, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((_SEQUENCE, _LONG | len(octets))) + octets
