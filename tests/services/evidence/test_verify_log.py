"""Verification of the log: an untouched one is intact, and every change that the service did not make is found."""

import random

import pytest

from sinetti.database.evidence import log_tree
from sinetti.database.issuance import journal_records
from sinetti.database.models import AuditEvent
from sinetti.domain.operations.log_entries import EntryKind
from sinetti.services.evidence import read_log
from sinetti.services.evidence.verify_log import LogReport, LogSources, read_checkpoint, verify_log
from sinetti.wire.transparency.merkle import Subtree, extend, root_of
from sinetti.wire.transparency.notes import Checkpoint
from tests.support import golden
from tests.support.authority import NOW
from tests.support.journals import keeping
from tests.support.log_mutations import (
    ACTIONS,
    LATER,
    NAMES,
    REWOUND,
    build_log,
    entries_by_kind,
    mutated,
    run,
    verified,
)
from tests.support.logs import ORIGIN, logging, sequenced, write_rows

COUNT = 200
COLUMNS = ("at", "actor", "action", "object", "request_id", "octets", "sha256")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a log that no test changes."""
    return build_log(tmp_path_factory.mktemp("log") / "built")


def test_an_untouched_log_is_intact(built):
    report = verified(built, built.folder)
    assert report.fault is None
    assert (report.size, report.lost, report.pending) == (built.newest.size, 0, 0)
    assert verified(built, built.folder, (built.newest,)).fault is None
    assert verified(built, built.earlier).fault is None


def test_the_log_has_every_kind_of_entry(built):
    assert entries_by_kind(built).keys() == ACTIONS.keys() == set(EntryKind)
    assert built.newest.size > 256


def test_random_changes_are_all_found(built, tmp_path):
    done = run(built, COUNT, random.randrange(1 << 32), tmp_path)
    assert {name for name, _ in done} == set(NAMES)


def test_a_changed_row_is_named(built, tmp_path):
    for index in (1, 100, built.newest.size - 1):
        report = mutated(built, "row given to another actor", index, random.Random(1), tmp_path)
        assert report.fault.index == index
        assert report.fault.about == f"entry {index}"


def test_what_was_rewound_as_a_whole_shows_against_a_checkpoint_alone(built, tmp_path):
    report = mutated(built, REWOUND, 0, random.Random(1), tmp_path)
    assert f"it had {built.newest.size} entries" in report.fault.sentence
    assert verified(built, tmp_path).fault is None


def test_a_log_that_has_not_begun_is_intact(scene, tmp_path):
    write_rows(scene.db, 2)
    assert verify_log(LogSources(scene.db, tmp_path, ""), LATER) == LogReport()


def root_at(db, size) -> bytes:
    edge: list[Subtree] = []
    extend(edge, (Subtree(0, one.index, one.leaf) for one in log_tree.leaves(db, 0, size)))
    return root_of(edge)


def test_checkpoints_of_another_tree(scene, tmp_path):
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 5)
    sequenced(ctx)
    size = read_checkpoint(ctx.db, read_log.head(ctx.db)).size
    write_rows(ctx.db, 1)
    sequenced(ctx)

    def found(known=(), since=None):
        return verify_log(LogSources(ctx.db, tmp_path, "", known, since), NOW).fault

    said = set()
    for at in (2, size):  # the register has no checkpoint of the first size
        right, other = Checkpoint(ORIGIN, at, root_at(ctx.db, at)), Checkpoint(ORIGIN, at, bytes(32))
        assert found([right]) is found(since=right) is None
        for fault in (found([right, other]), found(since=other)):
            assert fault.index == at - 1
            said.add(fault.sentence.replace(f"first {at} ", "first N "))
    golden.check("sentences/verify-log/another-tree", {"en.txt": "\n".join((*sorted(said), ""))})


def test_a_journal_with_another_hash(sqlite_scene, tmp_path):
    with keeping(sqlite_scene, tmp_path) as scene:
        ctx = logging(scene.ctx)
        sequenced(ctx)
        leaves = [one.leaf for one in log_tree.leaves(ctx.db, 0, log_tree.head_size(ctx.db))]
        sources = LogSources(ctx.db, ctx.journal.folder, ctx.journal.instance_id)
        for given, about in ((leaves, None), ([*leaves[:2], bytes(32), *leaves[3:]], "entry 2")):
            ctx.journal.append([journal_records.logged(0, given, read_log.head(ctx.db), ())])
            fault = verify_log(sources, NOW).fault
            assert (None if fault is None else fault.about) == about
        golden.check("sentences/verify-log/another-hash", {"en.txt": f"{fault.sentence}\n"})


def test_a_row_that_was_inserted_later_between_others(scene, tmp_path):
    ctx = logging(scene.ctx)
    rows = AuditEvent.objects.using(ctx.db.alias)
    write_rows(ctx.db, 1)
    last = rows.latest("sequence")

    def insert(sequence):
        rows.create(sequence=sequence, **{name: getattr(last, name) for name in COLUMNS})

    insert(last.sequence + 10)
    sequenced(ctx)
    insert(last.sequence + 5)
    sources = LogSources(ctx.db, tmp_path, "")
    assert verify_log(sources, NOW).pending == 1
    fault = verify_log(sources, LATER).fault
    assert fault.about == f"audit row {last.sequence + 5}"
    golden.check("sentences/verify-log/a-row-between-others", {"en.txt": f"{fault.sentence}\n"})
