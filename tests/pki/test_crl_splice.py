"""CRLs without the entries of an earlier one, reassembled to the octet."""

from datetime import timedelta

import pytest

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, encode_entry, prepare_crl
from sinetti.domain.values import Serial
from sinetti.pki.crl_splice import join_crl, split_crl, strip_entries
from sinetti.pki.encoding import sign
from tests.support.authority import NOW, authority, issuer

ENTRIES = tuple(RevokedEntry(Serial(f"4a{number:036x}"), NOW, "superseded") for number in range(2000))


def signed(count: int) -> bytes:
    tbs = prepare_crl(issuer(), ENTRIES[:count], 7, NOW, NOW + timedelta(days=7))
    return attach_crl_signature(tbs, sign(authority().key(issuer().key_name), tbs), issuer().certificate)


# Lengths of one, two and three octets, and none where nothing is listed.
COUNTS = [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2), (5, 0), (2000, 0), (2000, 1), (2000, 1999), (2000, 2000)]


@pytest.mark.parametrize(("count", "without"), COUNTS)
def test_to_the_octet(count, without):
    der, first = signed(count), b"".join(map(encode_entry, ENTRIES[:without]))
    short = strip_entries(der, len(first))
    assert bytes(split_crl(short).entries) == b"".join(map(encode_entry, ENTRIES[without:count]))
    assert join_crl(first, short) == der
    assert bytes(split_crl(der).entries[: len(first)]) == first


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 40, 100, -1])
def test_what_is_cut_off_is_no_list(size):
    with pytest.raises(ValueError, match="cut off"):
        split_crl(signed(3)[:size])
