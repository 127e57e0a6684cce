"""Shares of the offline medium's key: two of three custodians open it.

Each pair of custodians has its own XOR split of the same key, so each custodian has two sheets. One share is a random
number and the other one is the key XOR that number. A share alone therefore says nothing about the key.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

from sinetti.ca.ceremony.words import CeremonyError, decode_words, encode_words, number_of

KEY_OCTETS = 32
CUSTODIANS = "ABC"
"""Letters of the custodians, in the order of the plan."""

_CHECK_BITS = 30
_WORDS = 22  # 286 bits: the share and its checksum
_PAIRS = tuple(custodian + other for custodian, other in combinations(CUSTODIANS, 2))


@dataclass(frozen=True)
class Share:
    """One sheet: the share of `holder` ("A") with the pair ("AB") of a medium.

    `medium` is the word that names the medium.
    """

    pair: str
    holder: str
    medium: str
    octets: bytes = field(repr=False)

    @property
    def line(self) -> str:
        """The sheet in one line, as a custodian types it."""
        number = int.from_bytes(self.octets, "big") << _CHECK_BITS | _checksum(self)
        return " ".join((self.pair, self.holder, self.medium, *encode_words(number, _WORDS)))


def split_key(key: bytes, medium: str, random: Callable[[int], bytes]) -> tuple[Share, ...]:
    """Return the six shares of a key of 32 octets, two for each pair of custodians."""
    shares: list[Share] = []
    for pair in _PAIRS:
        drawn = random(KEY_OCTETS)
        shares += (Share(pair, pair[0], medium, drawn), Share(pair, pair[1], medium, _xor(key, drawn)))
    return tuple(shares)


def combine_shares(one: Share, other: Share) -> bytes:
    """Return the key of two shares of one pair. Raises CeremonyError."""
    if one.medium != other.medium:
        raise CeremonyError(
            f"the shares are of two media, {one.medium} and {other.medium}: take the sheets of one medium"
        )
    if one.holder == other.holder:
        raise CeremonyError(
            f"both shares are of custodian {one.holder}, and one is missing: another custodian must type one"
        )
    if one.pair != other.pair:
        pair = "".join(sorted(one.holder + other.holder))
        raise CeremonyError(
            f"the shares are of two pairs, {one.pair} and {other.pair}: take the sheets of the pair {pair}"
        )
    return _xor(one.octets, other.octets)


def parse_share(line: str) -> Share:
    """Read a sheet. Raises CeremonyError, which names the error."""
    typed = line.split()
    pair, holder = (letter.upper() for letter in (*typed[:2], "", "")[:2])
    if pair not in _PAIRS or len(holder) != 1 or holder not in pair:
        raise CeremonyError(
            "a share begins with its pair, its custodian and its medium, such as “AB A”: type the whole sheet"
        )
    medium, *words = [word.casefold() for word in typed[2:]] or [""]
    number_of(medium)
    number = decode_words(words)
    if len(words) != _WORDS:
        raise CeremonyError(
            f"the share {pair} {holder} has {_WORDS} words after its medium, and {len(words)} were typed"
        )
    octets = (number >> _CHECK_BITS & (1 << 8 * KEY_OCTETS) - 1).to_bytes(KEY_OCTETS, "big")
    share = Share(pair, holder, medium, octets)
    if number & (1 << _CHECK_BITS) - 1 != _checksum(share):
        raise CeremonyError(
            f"the share {pair} {holder} of {medium} is wrong, although all of its words are in the list: compare each "
            "word and their order with the paper"
        )
    return share


def _checksum(share: Share) -> int:
    named = f"sinetti-share-v1 {share.pair} {share.holder} {share.medium} ".encode()
    return int.from_bytes(hashlib.sha256(named + share.octets).digest(), "big") >> 256 - _CHECK_BITS


def _xor(octets: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(octets, other, strict=True))
