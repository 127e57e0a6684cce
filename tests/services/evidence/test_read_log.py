"""Public part of the log: tiles have the hashes under a signed checkpoint, and no others."""

import pytest

from sinetti.database.evidence import log_tree
from sinetti.database.models import LogEntry
from sinetti.services.evidence import read_log
from sinetti.wire.transparency.merkle import Subtree, extend, leaf_hash, root_of
from tests.support.logs import logging, sequenced, write_rows


@pytest.fixture
def written(scene):
    """Return the database of a log of more than one complete tile, and the hashes of its entries."""
    write_rows(scene.db, 260)
    sequenced(logging(scene.ctx))
    return scene.db, [one.leaf for one in log_tree.leaves(scene.db, 0, log_tree.head_size(scene.db))]


def test_tiles_have_the_hashes_of_the_tree(written):
    db, leaves = written
    rest = len(leaves) - 256
    edge: list[Subtree] = []
    extend(edge, (Subtree(0, index, leaf) for index, leaf in enumerate(leaves[:256])))
    assert read_log.tile(db, "tile/0/000") == b"".join(leaves[:256])
    assert read_log.tile(db, "tile/0/000.p/3") == b"".join(leaves[:3])
    assert read_log.tile(db, f"tile/0/001.p/{rest}") == b"".join(leaves[256:])
    assert read_log.tile(db, "tile/1/000.p/1") == root_of(edge)


def test_no_other_tiles(written):
    db, leaves = written
    for path in ("checkpoint", "tile/0/000.p/0", "tile/0/001", "tile/0/002.p/1", "tile/1/000", "tile/2/000.p/1"):
        assert read_log.tile(db, path) is None
    LogEntry.objects.using(db.alias).create(index=len(leaves), leaf=leaf_hash(b"not signed"))
    assert read_log.tile(db, f"tile/0/001.p/{len(leaves) + 1 - 256}") is None


def test_no_tiles_before_the_log_begins(scene):
    assert read_log.tile(scene.db, "tile/0/000.p/1") is None
