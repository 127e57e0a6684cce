"""Tiles of a transparency log: paths and hashes (C2SP tlog-tiles).

A tile has up to 256 hashes of one level; each stands for `256**level` leaves.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sinetti.wire.transparency.merkle import HASH_SIZE, Lookup, ProofError, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_HIGHEST = 63
_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class TileName:
    """Level and index of a tile, and its number of hashes."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Path below the prefix of the log."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(reversed(groups))}{partial}"

    @staticmethod
    def parse(path: str) -> "TileName | None":
        """Parse a path below the prefix, in the spelling of `path`.

        Returns None for any other.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        index = int((match[2] + match[3]).replace("x", "").replace("/", ""))
        name = TileName(int(match[1]), index, int(match[4] or TILE_WIDTH))
        return name if name.level <= _HIGHEST and name.width <= TILE_WIDTH and name.path == path else None

    def is_in(self, size: int) -> bool:
        """Return True if a tree of this size has all hashes of the tile."""
        return (self.index * TILE_WIDTH + self.width) << (TILE_HEIGHT * self.level) <= size


def tile_at(level: int, index: int, size: int) -> TileName:
    """Return the name of a tile in the tree of this size, partial at its right edge."""
    hashes = (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH
    return TileName(level, index, min(hashes, TILE_WIDTH))


def lookup_in(size: int, fetch: Callable[[TileName], bytes]) -> Lookup:
    """Return a lookup that reads the tiles of the tree of this size, each once.

    The lookup raises ProofError for a tile of a wrong length.
    """
    known: dict[TileName, bytes] = {}

    def look(level: int, index: int) -> bytes:
        """Return the hash of a complete subtree."""
        above, below = divmod(level, TILE_HEIGHT)
        first = index << below
        name = tile_at(above, first // TILE_WIDTH, size)
        if name not in known:
            octets = fetch(name)
            if len(octets) != name.width * HASH_SIZE:
                raise ProofError(f"{name.path} has {len(octets)} octets, not {name.width * HASH_SIZE}")
            known[name] = octets
        place = first % TILE_WIDTH
        return complete_hash(known[name][place * HASH_SIZE : (place + (1 << below)) * HASH_SIZE])

    return look


def complete_hash(octets: bytes) -> bytes:
    """Return the hash over a power of two of hashes, which are concatenated."""
    hashes = [octets[at : at + HASH_SIZE] for at in range(0, len(octets), HASH_SIZE)]
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
