"""Merkle tree: the published roots of certificate transparency, and proofs of trees of every shape."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.wire.transparency.merkle import (
    EMPTY_ROOT,
    ProofError,
    Subtree,
    check_consistency,
    check_inclusion,
    consistency_proof,
    cover,
    extend,
    fold,
    inclusion_proof,
    leaf_hash,
    root_of,
)
from sinetti.wire.transparency.tiles import TILE_WIDTH, TileName, complete_hash, lookup_in, tile_at

# The leaves and roots of the reference implementation of certificate transparency (RFC 6962).
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 700
HASHES = [leaf_hash(b"%d" % number) for number in range(MOST)]


def tree(leaves) -> list[Subtree]:
    edge: list[Subtree] = []
    extend(edge, (Subtree(0, index, digest) for index, digest in enumerate(leaves)))
    return edge


def mth(leaves) -> bytes:
    """Return the hash of RFC 6962, 2.1, by its definition."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(leaves[:half]) + mth(leaves[half:])).digest()


def tile_of(name: TileName) -> bytes:
    """Return the hashes of a tile by the definition of tlog-tiles."""
    span = TILE_WIDTH**name.level
    first = name.index * TILE_WIDTH
    return b"".join(mth(HASHES[one * span : (one + 1) * span]) for one in range(first, first + name.width))


def lookup(size):
    return lookup_in(size, tile_of)


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size):
    assert root_of(tree(map(leaf_hash, LEAVES[:size]))).hex() == ROOTS[size]


@given(st.integers(0, MOST))
def test_edge_has_the_root_of_the_definition(size):
    assert root_of(tree(HASHES[:size])) == mth(HASHES[:size])


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_cover_is_the_range_in_complete_subtrees(start, more):
    at = start
    for level, index in cover(start, start + more):
        assert index << level == at
        at += 1 << level
    assert at == start + more


@given(st.data())
def test_inclusion_proof_verifies_and_no_other_does(data):
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(index, size, lookup(size)), mth(HASHES[:size])
    check_inclusion(HASHES[index], index, size, proof, root)
    other = data.draw(st.integers(0, MOST - 1).filter(lambda one: one != index))
    for leaf, place, path in (
        (HASHES[other], index, proof),
        (HASHES[index], other, proof),
        (HASHES[index], index, [*proof, HASHES[0]]),
        (HASHES[index], index, proof[:-1] or [bytes(32)]),
    ):
        with pytest.raises(ProofError):
            check_inclusion(leaf, place, size, path, root)


@given(st.data())
def test_consistency_proof_verifies_and_no_other_does(data):
    size = data.draw(st.integers(1, MOST))
    old = data.draw(st.integers(0, size))
    before, after = mth(HASHES[:old]), mth(HASHES[:size])
    proof = consistency_proof(old, size, lookup(size))
    check_consistency((old, before), (size, after), proof)
    forged = [HASHES[0], *HASHES[2 : size + 1]] if size > 1 else [HASHES[1]]
    wrong = [((old, before), (size, after), [*proof, HASHES[0]])]
    if old:
        wrong += [((old, leaf_hash(b"")), (size, after), proof), ((old, before), (size, mth(forged)), proof)]
    if proof:
        wrong += [((old, before), (size, after), proof[:-1]), ((size, after), (old, before), proof)]
    for one in wrong:
        with pytest.raises(ProofError):
            check_consistency(*one)


def test_a_tree_is_no_continuation_of_another_of_its_size():
    with pytest.raises(ProofError):
        check_consistency((3, mth(HASHES[:3])), (3, mth(HASHES[1:4])), [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_no_proof_of_a_missing_leaf(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, lookup(size))
    with pytest.raises(ProofError):
        check_inclusion(HASHES[0], index, size, [], EMPTY_ROOT)


def test_no_proof_of_growth_backwards():
    with pytest.raises(ValueError, match="not the beginning"):
        consistency_proof(6, 5, lookup(5))


def test_subtrees_follow_each_other():
    with pytest.raises(ProofError):
        extend([], [Subtree(0, 1, HASHES[1])])


PATHS = {
    "tile/0/000": TileName(0, 0),
    "tile/0/000.p/112": TileName(0, 0, 112),
    "tile/2/x001/x234/067": TileName(2, 1_234_067),
    "tile/63/x001/000.p/1": TileName(63, 1000, 1),
}


@pytest.mark.parametrize(("path", "name"), PATHS.items())
def test_paths_of_tiles(path, name):
    assert name.path == path
    assert TileName.parse(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/1",
        "tile/entries/000",
        "tile/0/000/",
    ],
)
def test_no_tile_has_such_a_path(path):
    assert TileName.parse(path) is None


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_paths_lead_back(level, index, width):
    name = TileName(level, index, width)
    assert TileName.parse(name.path) == name


def test_tiles_of_the_specified_example():
    """The tree of 70,000 entries in tlog-tiles."""
    size = 70_000
    widths = [tile_at(level, index, size).width for level, index in ((0, 272), (0, 273), (1, 0), (1, 1), (2, 0))]
    assert widths == [256, 112, 256, 17, 1]
    assert TileName(0, 273, 112).is_in(size)
    assert not TileName(0, 273, 113).is_in(size)
    assert not TileName(2, 0, 2).is_in(size)


def test_a_short_tile_is_refused():
    with pytest.raises(ProofError, match="octets"):
        inclusion_proof(0, 3, lookup_in(3, lambda _name: b"\0" * 32))


def test_hash_over_hashes():
    assert complete_hash(b"".join(HASHES[:8])) == mth(HASHES[:8])
    assert fold([]) == EMPTY_ROOT
