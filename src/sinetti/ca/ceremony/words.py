"""Words that people copy from paper, for digests and custodians' shares.

A word has six letters: three times a consonant and a vowel. It stands for 13 bits. The third consonant is a check, so
every wrong letter makes a word that is not in the list. The letters exist in Finnish, Swedish and English, and the
pairs that Finnish speakers confuse (b and p, d and t, g and k) do not occur. docs/operators/ceremony.md has the rule.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

CONSONANTS, VOWELS = "hjklmnprstv", "aeiou"
WORD_BITS = 13
WORD_COUNT = 1 << WORD_BITS

DIGEST_WORDS = 10
"""Words of a digest: 130 bits.

A second file with the same words cannot be found.
"""

_WORD = re.compile(f"(?:[{CONSONANTS}][{VOWELS}]){{3}}")
_LETTERS = len(CONSONANTS)


class CeremonyError(ValueError):
    """Input of a ceremony that cannot be used; the sentence has the next step."""


def word_of(number: int) -> str:
    """Return the word for a number below 8192."""
    rest, first = divmod(number, _LETTERS)
    rest, one = divmod(rest, len(VOWELS))
    rest, second = divmod(rest, _LETTERS)
    three, two = divmod(rest, len(VOWELS))
    letters = (first, second, (first + 2 * second + 3 * one + 4 * two + 5 * three) % _LETTERS)
    pairs = zip(letters, (one, two, three), strict=True)
    return "".join(CONSONANTS[consonant] + VOWELS[vowel] for consonant, vowel in pairs)


def number_of(word: str) -> int:
    """Return the number of a word.

    Raises CeremonyError, which names the word, if it is not in the list.
    """
    if _WORD.fullmatch(word):
        first, second = (CONSONANTS.index(word[at]) for at in (0, 2))
        one, two, three = (VOWELS.index(word[at]) for at in (1, 3, 5))
        number = ((three * len(VOWELS) + two) * _LETTERS + second) * len(VOWELS) + one
        number = number * _LETTERS + first
        if number < WORD_COUNT and word_of(number) == word:
            return number
    shown = word[:20] if word.isprintable() else "?"
    raise CeremonyError(f"“{shown}” is not in the list of words: compare it with the paper, letter by letter")


def encode_words(number: int, count: int) -> tuple[str, ...]:
    """Return a number as `count` words, the highest bits first."""
    places = range((count - 1) * WORD_BITS, -1, -WORD_BITS)
    return tuple(word_of(number >> place & (WORD_COUNT - 1)) for place in places)


def decode_words(words: Sequence[str]) -> int:
    """Return the number that `encode_words` encoded. Raises CeremonyError."""
    number = 0
    for word in words:
        number = number << WORD_BITS | number_of(word)
    return number


def digest_words(octets: bytes) -> tuple[str, ...]:
    """Return the words of a file: the first 130 bits of its SHA-256."""
    digest = int.from_bytes(hashlib.sha256(octets).digest(), "big")
    return encode_words(digest >> 256 - DIGEST_WORDS * WORD_BITS, DIGEST_WORDS)


def check_digest_words(typed: str, octets: bytes) -> None:
    """Raise CeremonyError unless the typed words are those of a file."""
    words = tuple(typed.casefold().split())
    for word in words:
        number_of(word)
    if len(words) != DIGEST_WORDS:
        raise CeremonyError(
            f"{len(words)} words were typed, and the digest has {DIGEST_WORDS}: type all of them in one line"
        )
    if not hmac.compare_digest(" ".join(words).encode(), " ".join(digest_words(octets)).encode()):
        raise CeremonyError(
            "the words are not those of this file: it is not the file that the other side wrote, or the words are from "
            "another one. Compare them with the paper. If they agree with it, stop: the file was swapped"
        )
