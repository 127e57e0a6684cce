"""Words and shares, which people copy from paper."""

import hashlib
import secrets
from functools import partial

import pytest

from sinetti.ca.ceremony.shares import KEY_OCTETS, Share, combine_shares, parse_share, split_key
from sinetti.ca.ceremony.words import (
    CONSONANTS,
    DIGEST_WORDS,
    VOWELS,
    WORD_COUNT,
    CeremonyError,
    check_digest_words,
    decode_words,
    digest_words,
    encode_words,
    number_of,
    word_of,
)
from tests.support import golden

KEY = bytes(range(KEY_OCTETS))


def test_each_number_has_one_word():
    words = [word_of(number) for number in range(WORD_COUNT)]
    assert len(set(words)) == WORD_COUNT
    assert [number_of(word) for word in words] == list(range(WORD_COUNT))


def test_a_wrong_letter_and_two_swapped_consonants_are_no_word():
    for word in (word_of(number) for number in range(0, WORD_COUNT, 101)):
        changed = [
            word[:at] + letter + word[at + 1 :]
            for at in range(len(word))
            for letter in (CONSONANTS, VOWELS)[at % 2]
            if letter != word[at]
        ]
        swapped = word[2] + word[1] + word[0] + word[3:]
        for wrong in (*changed, *([swapped] if swapped != word else [])):
            with pytest.raises(CeremonyError, match=wrong):
                number_of(wrong)


@pytest.mark.parametrize("wrong", ["", "kala", "kalevoo", "KALEVO", "bababa", "kal\x00vo", "x" * 100])
def test_other_texts_are_no_words(wrong):
    with pytest.raises(CeremonyError, match="list") as error:
        number_of(wrong)
    assert "\x00" not in str(error.value)
    assert len(str(error.value)) < 120


def test_numbers_as_words():
    number = secrets.randbits(13 * 22)
    assert decode_words(encode_words(number, 22)) == number


def test_the_words_of_a_file_are_the_first_bits_of_its_digest():
    words = digest_words(b"file")
    assert len(words) == DIGEST_WORDS
    assert f"{decode_words(words):0130b}" == f"{int(hashlib.sha256(b'file').hexdigest(), 16):0256b}"[:130]
    check_digest_words(" ".join(words).upper(), b"file")


WRONG = {
    "one too few": " ".join(digest_words(b"file")[:-1]),
    "none": "",
    "not in the list": " ".join(("kalala", *digest_words(b"file")[1:])),
    "of another file": " ".join(digest_words(b"other")),
    "in another order": " ".join(reversed(digest_words(b"file"))),
}


def test_wrong_words_of_a_file():
    attempts = {case: partial(check_digest_words, typed, b"file") for case, typed in WRONG.items()}
    golden.check("sentences/ceremony-words/of-a-file", {"en.txt": golden.refusals(attempts, CeremonyError)})


def shares():
    return {(one.pair, one.holder): one for one in split_key(KEY, "runori", secrets.token_bytes)}


def test_each_pair_opens_and_each_custodian_has_two_sheets():
    made = shares()
    assert len(made) == 6
    for pair in ("AB", "AC", "BC"):
        one, other = (parse_share(made[pair, holder].line) for holder in pair)
        assert combine_shares(one, other) == combine_shares(other, one) == KEY


def test_a_share_alone_is_as_random_as_its_pad():
    """For every key there is a pad with which a custodian has the same sheets."""
    mine = [one for one in split_key(KEY, "runori", lambda count: b"\x07" * count) if one.holder == "A"]
    others = [one for one in split_key(bytes(32), "runori", lambda count: b"\x07" * count) if one.holder == "A"]
    assert mine == others


def test_a_share_shows_nothing_in_logs():
    assert "octets" not in repr(Share("AB", "A", "runori", KEY))


def changed(line, at, word):
    words = line.split()
    return " ".join((*words[:at], word, *words[at + 1 :]))


LINE = Share("AB", "A", "runori", KEY).line
BAD_SHEETS = {
    "empty": "",
    "only a pair": "AB",
    "another pair": changed(LINE, 0, "AD"),
    "a custodian of another pair": changed(LINE, 1, "C"),
    "two custodians": changed(LINE, 1, "AB"),
    "no medium": "AB A",
    "a medium that is no word": changed(LINE, 2, "medium"),
    "another medium": changed(LINE, 2, word_of(5)),
    "a wrong word of the list": changed(LINE, 9, word_of(6)),
    "a word that is not in the list": changed(LINE, 9, "kalala"),
    "two words swapped": changed(changed(LINE, 3, LINE.split()[4]), 4, LINE.split()[3]),
    "one word too few": LINE.rpartition(" ")[0],
    "one word too many": f"{LINE} runori",
    "the sheet of the other custodian": changed(LINE, 1, "B"),
    "the sheet of another pair": changed(LINE, 0, "AC"),
}


def test_bad_sheets():
    attempts = {case: partial(parse_share, line) for case, line in BAD_SHEETS.items()}
    golden.check("sentences/ceremony-words/sheets", {"en.txt": golden.refusals(attempts, CeremonyError)})


def test_a_sheet_may_be_typed_in_capitals_and_with_more_blanks():
    assert parse_share(f"  {LINE.upper()}  ".replace(" ", "  ")) == Share("AB", "A", "runori", KEY)
    assert parse_share(LINE.lower()) == Share("AB", "A", "runori", KEY)


BAD_PAIRS = {
    "one custodian twice": (("AB", "A"), ("AB", "A")),
    "two sheets of one custodian": (("AB", "A"), ("AC", "A")),
    "two pairs": (("AB", "A"), ("BC", "C")),
}


def test_shares_that_do_not_belong_together():
    made = shares()
    attempts = {case: partial(combine_shares, *(made[one] for one in pair)) for case, pair in BAD_PAIRS.items()}
    golden.check("sentences/ceremony-words/pairs", {"en.txt": golden.refusals(attempts, CeremonyError)})


def test_shares_of_two_media():
    with pytest.raises(CeremonyError, match="media"):
        combine_shares(Share("AB", "A", "runori", KEY), Share("AB", "B", "ropeme", KEY))
