"""Secret keys by purpose and id."""

import pytest

from sinetti.domain.secret_keys import (
    MOST,
    Keyring,
    SecretKey,
    SecretPurpose,
    UnknownKeyError,
    fixed_keys,
    key_id_of_row,
)
from tests.support.authority import NOW
from tests.support.secret_rings import rotated, without

RANDOM = "0123456789abcdef" * 2
LINKS = SecretPurpose.LINKS
FIRST = fixed_keys(b"first".ljust(32))()


def test_the_newest_key_makes_new_data_and_all_are_read():
    ring = rotated(rotated(FIRST), LINKS)
    assert ring.current(LINKS).key_id == "2"
    assert [key.key_id for key in ring.every(LINKS)] == ["2", "1", "0"]
    assert ring.current(SecretPurpose.PINS).key_id == "1"
    assert len({key.octets for key in ring.every(LINKS)}) == 3


def test_a_row_names_the_key_of_its_secret():
    assert FIRST.new_row_id(LINKS, RANDOM) == RANDOM
    ring = rotated(FIRST)
    row = ring.new_row_id(LINKS, RANDOM)
    assert (row, len(row)) == (f"k001{RANDOM[4:]}", 32)
    assert ring.of_row(LINKS, row) == ring.current(LINKS).octets
    assert ring.of_row(LINKS, RANDOM) == FIRST.current(LINKS).octets
    assert key_id_of_row(f"k{MOST}{RANDOM[4:]}") == str(MOST)


def test_a_removed_key_is_unknown():
    with pytest.raises(UnknownKeyError, match="key 0 for links"):
        without(rotated(FIRST)).of_row(LINKS, RANDOM)


def test_no_text_shows_a_key():
    assert "first" not in repr(FIRST)
    assert "first" not in repr(SecretKey("0", b"first", NOW))
    assert "first" not in repr(Keyring(FIRST.keys))
