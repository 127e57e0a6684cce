"""Words and shares, which people copy from paper."""

import hashlib
import secrets

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
    with pytest.raises(CeremonyError, match="not in the list") as error:
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
    "one too few": (" ".join(digest_words(b"file")[:-1]), "9 words were typed"),
    "none": ("", "0 words were typed"),
    "not in the list": (" ".join(("kalala", *digest_words(b"file")[1:])), "kalala"),
    "of another file": (" ".join(digest_words(b"other")), "swapped"),
    "in another order": (" ".join(reversed(digest_words(b"file"))), "swapped"),
}


@pytest.mark.parametrize(("typed", "why"), WRONG.values(), ids=WRONG)
def test_wrong_words_of_a_file(typed, why):
    with pytest.raises(CeremonyError, match=why):
        check_digest_words(typed, b"file")


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
    "empty": ("", "begins with its pair"),
    "only a pair": ("AB", "begins with its pair"),
    "another pair": (changed(LINE, 0, "AD"), "begins with its pair"),
    "a custodian of another pair": (changed(LINE, 1, "C"), "begins with its pair"),
    "two custodians": (changed(LINE, 1, "AB"), "begins with its pair"),
    "no medium": ("AB A", "not in the list"),
    "a medium that is no word": (changed(LINE, 2, "medium"), "medium"),
    "another medium": (changed(LINE, 2, word_of(5)), "is wrong, although"),
    "a wrong word of the list": (changed(LINE, 9, word_of(6)), "is wrong, although"),
    "a word that is not in the list": (changed(LINE, 9, "kalala"), "kalala"),
    "two words swapped": (changed(changed(LINE, 3, LINE.split()[4]), 4, LINE.split()[3]), "is wrong, although"),
    "one word too few": (LINE.rpartition(" ")[0], "21 were typed"),
    "one word too many": (f"{LINE} runori", "23 were typed"),
    "the sheet of the other custodian": (changed(LINE, 1, "B"), "is wrong, although"),
    "the sheet of another pair": (changed(LINE, 0, "AC"), "is wrong, although"),
}


@pytest.mark.parametrize(("line", "why"), BAD_SHEETS.values(), ids=BAD_SHEETS)
def test_bad_sheets(line, why):
    with pytest.raises(CeremonyError, match=why):
        parse_share(line)


def test_a_sheet_may_be_typed_in_capitals_and_with_more_blanks():
    assert parse_share(f"  {LINE.upper()}  ".replace(" ", "  ")) == Share("AB", "A", "runori", KEY)
    assert parse_share(LINE.lower()) == Share("AB", "A", "runori", KEY)


BAD_PAIRS = {
    "one custodian twice": (("AB", "A"), ("AB", "A"), "one is missing"),
    "two sheets of one custodian": (("AB", "A"), ("AC", "A"), "one is missing"),
    "two pairs": (("AB", "A"), ("BC", "C"), "take the sheets of the pair AC"),
}


@pytest.mark.parametrize(("one", "other", "why"), BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_shares_that_do_not_belong_together(one, other, why):
    made = shares()
    with pytest.raises(CeremonyError, match=why):
        combine_shares(made[one], made[other])


def test_shares_of_two_media():
    with pytest.raises(CeremonyError, match="two media"):
        combine_shares(Share("AB", "A", "runori", KEY), Share("AB", "B", "ropeme", KEY))
