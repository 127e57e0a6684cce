"""Merkle tree of a transparency log: hashes and proofs (RFC 6962, section 2.1).

A complete subtree is named by level and index: it has the `2**level` leaves from `index * 2**level` on. The functions
that make hashes and proofs take a `Lookup`, which returns the hash of such a subtree. Nothing here reads a file.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

Lookup = Callable[[int, int], bytes]
"""Hash of the complete subtree with this level and index."""

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""


class ProofError(Exception):
    """Proof or tree that does not verify; the sentence says what differs."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """Complete subtree and its hash."""

    level: int
    index: int
    digest: bytes

    @property
    def end(self) -> int:
        """Index of the first leaf after the subtree."""
        return (self.index + 1) << self.level


def leaf_hash(octets: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + octets).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def cover(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the largest complete subtrees of `[start, end)`."""
    while start < end:
        fits = (end - start).bit_length() - 1
        aligned = (start & -start).bit_length() - 1 if start else fits
        level = min(fits, aligned)
        yield level, start >> level
        start += 1 << level


def _ignore(_subtree: Subtree) -> None:
    """Do nothing."""


def extend(edge: list[Subtree], more: Iterable[Subtree], on_complete: Callable[[Subtree], None] = _ignore) -> None:
    """Append complete subtrees to the edge of a tree, and merge siblings.

    `on_complete` gets each subtree that a merge completes. Raises ProofError if one does not follow its predecessor.
    """
    for subtree in more:
        if subtree.index << subtree.level != (edge[-1].end if edge else 0):
            raise ProofError(f"the subtree {subtree.level}/{subtree.index} does not follow the one before it")
        edge.append(subtree)
        while len(edge) > 1 and edge[-1].level == edge[-2].level and edge[-1].index % 2:
            right, left = edge.pop(), edge.pop()
            edge.append(Subtree(left.level + 1, left.index // 2, node_hash(left.digest, right.digest)))
            on_complete(edge[-1])


def fold(digests: Sequence[bytes]) -> bytes:
    """Return the hash over subtrees of falling size, from left to right."""
    if not digests:
        return EMPTY_ROOT
    *others, octets = digests
    for digest in reversed(others):
        octets = node_hash(digest, octets)
    return octets


def range_hash(start: int, end: int, lookup: Lookup) -> bytes:
    """Return MTH(D[start:end]) for a range that begins at a split of the tree."""
    return fold([lookup(level, index) for level, index in cover(start, end)])


def root_of(edge: Sequence[Subtree]) -> bytes:
    """Return the root of the tree with this edge."""
    return fold([subtree.digest for subtree in edge])


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, lookup: Lookup) -> list[bytes]:
    """Return the audit path of a leaf in the tree of this size. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"the tree of size {size} has no leaf {index}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, lookup))
            end = middle
        else:
            path.append(range_hash(start, middle, lookup))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, lookup: Lookup) -> list[bytes]:
    """Return the proof that the tree of size `old` is the beginning of this one.

    Raises ValueError.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of size {old} is not the beginning of one of size {size}")
    if old in {0, size}:
        return []
    path, start, end = [], 0, size
    is_whole = True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, lookup))
            end = middle
        else:
            path.append(range_hash(start, middle, lookup))
            start, is_whole = middle, False
    if not is_whole:
        path.append(range_hash(start, end, lookup))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the leaf's hash is in the tree (RFC 9162, 2.1.3.2)."""
    sentence = f"the proof does not lead from entry {index} to the root of the tree of size {size}"
    if not 0 <= index < size:
        raise ProofError(sentence)
    place, last, octets = index, size - 1, leaf
    for digest in proof:
        if not last:
            raise ProofError(sentence)
        if place % 2 or place == last:
            octets = node_hash(digest, octets)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            octets = node_hash(octets, digest)
        place, last = place >> 1, last >> 1
    if last or octets != root:
        raise ProofError(sentence)


def check_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Raise ProofError unless the old tree is the beginning of the new one.

    See RFC 9162, 2.1.4.2. `old` and `new` are size and root.
    """
    (first, old_root), (second, new_root) = old, new
    sentence = f"the tree of size {second} does not continue the tree of size {first}"
    if not 0 <= first <= second:
        raise ProofError(sentence)
    if first in {0, second}:
        if proof or old_root != (new_root if first == second else EMPTY_ROOT):
            raise ProofError(sentence)
        return
    hashes = [old_root, *proof] if not first & (first - 1) else [*proof]
    if not hashes:
        raise ProofError(sentence)
    if _walk(first - 1, second - 1, hashes) != (old_root, new_root):
        raise ProofError(sentence)


def _walk(place: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return both roots that a consistency proof leads to, or None.

    None: its length is wrong.
    """
    while place % 2:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for digest in hashes[1:]:
        if not last:
            return None
        if place % 2 or place == last:
            before, after = node_hash(digest, before), node_hash(digest, after)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, digest)
        place, last = place >> 1, last >> 1
    return None if last else (before, after)
