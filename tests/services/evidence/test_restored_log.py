"""Log after an older database was restored: the tree goes on as it was published, and what is lost is declared."""

import re
import shutil

import pytest
from django.db import connections

from sinetti.database.certificates import usage
from sinetti.database.common import audit_log
from sinetti.database.connection import open_database
from sinetti.database.evidence import log_tree, restoration
from sinetti.database.evidence.restoration import LoggedLine, LogNotRestored
from sinetti.journal import reader
from sinetti.journal.writer import JournalEntry
from sinetti.services.evidence import read_log
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.services.issuance.reconcile import compare, preview, reconcile
from sinetti.wire.transparency.merkle import check_consistency, consistency_proof
from sinetti.wire.transparency.notes import Checkpoint, open_checkpoint
from tests.support import golden
from tests.support.journals import keeping
from tests.support.log_mutations import LATER
from tests.support.logs import AUDIT, LOG_KEY, ORIGIN, REQUEST, WRONG_KEY, logging, sequenced, write_rows
from tests.support.scene import enrolled


def head(ctx) -> Checkpoint:
    return open_checkpoint(read_log.head(ctx.db), LOG_KEY.verifier)[0]


def logged(ctx) -> list[LoggedLine]:
    """Return the journals' lines about the log."""
    lines = (line for path in reader.files(ctx.journal.folder) for line in reader.read(path))
    return [LoggedLine.of(line.facts) for line in lines if line.kind == "logged"]


def found(ctx, *known):
    return verify_log(LogSources(ctx.db, ctx.journal.folder, ctx.journal.instance_id, known), LATER)


@pytest.fixture
def restored(sqlite_scene, tmp_path):
    """Yield a context whose database is older than the log that was published, and the newest head before."""
    with keeping(sqlite_scene, tmp_path) as scene:
        ctx = logging(scene.ctx)
        enrolled(scene)
        sequenced(ctx)
        write_rows(ctx.db, 2)  # not in the tree when the backup is made
        file = connections[ctx.db.alias].settings_dict["NAME"]
        with connections[ctx.db.alias].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(file, tmp_path / "backup")
        sequenced(ctx)
        usage.add(ctx.db, "gate2", "a key", lambda _: False, AUDIT)
        write_rows(ctx.db, 300)
        enrolled(scene)
        sequenced(ctx)
        newest = head(ctx)
        ctx.db.close()
        for name in (f"{file}-wal", f"{file}-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        shutil.copyfile(tmp_path / "backup", file)
        open_database(f"sqlite:///{file}", alias=ctx.db.alias)
        yield ctx, newest


def test_nothing_is_served_until_the_log_is_continued(restored):
    ctx, newest = restored
    status = preview(ctx, ctx.journal)
    assert status.log_lost == newest.size - log_tree.head_size(ctx.db)
    assert not status.agrees
    assert f"{status.log_lost} of the log's entries" in status.ahead


def test_the_tree_goes_on_as_it_was_published(restored):
    ctx, newest = restored
    reconcile(ctx, ctx.journal, REQUEST)
    assert head(ctx) == newest
    assert preview(ctx, ctx.journal).agrees
    assert found(ctx, newest).fault.about == "gateway:gate2"
    sequenced(ctx)
    after = head(ctx)
    proof = consistency_proof(newest.size, after.size, log_tree.lookup(ctx.db, after.size))
    check_consistency(newest.head, after.head, proof)
    report = found(ctx, newest)
    assert report.fault.about == "gateway:gate2"
    assert 300 < report.lost < 320
    rows = [one for one in log_tree.leaves(ctx.db, 0, newest.size) if one.row is not None]
    assert [one.row.object for one in rows if one.row.action == "looked"] == ["person:0", "person:1"]
    assert log_tree.own_acts(ctx.db, restoration.RESTORED)[0].entry.facts["lost"] == report.lost


def test_a_loss_that_no_entry_declares_is_found(restored):
    ctx, newest = restored
    reconcile(ctx, ctx.journal, REQUEST)
    with connections[ctx.db.alias].cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_delete")
        cursor.execute("DELETE FROM sinetti_auditevent WHERE action = 'log-restored'")
    golden.check("sentences/restored-log/undeclared", {"en.txt": f"{found(ctx, newest).fault.sentence}\n"})


def redeclared(ctx, **changes):
    """Replace the declaration of the loss by another."""
    (act,) = log_tree.own_acts(ctx.db, restoration.RESTORED)
    with connections[ctx.db.alias].cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_delete")
        cursor.execute("DELETE FROM sinetti_auditevent WHERE action = 'log-restored'")
    audit_log.note(ctx.db, AUDIT, restoration.RESTORED, "log", **(act.entry.facts | changes))


OVERSTATED = {
    "all entries": {"first": 0, "count": 10**9},
    "entries after it": {"count": 10**9},
    "more rows than were lost": {"lost": 1000},
    "rows without a number": {"lost": None},
    "a place between two checkpoints": {"first": 2},
    "text": {"first": "all", "count": "x"},
}


@pytest.mark.parametrize("changes", OVERSTATED.values(), ids=OVERSTATED)
def test_a_declaration_covers_what_a_restore_declares(restored, changes):
    ctx, newest = restored
    reconcile(ctx, ctx.journal, REQUEST)
    redeclared(ctx, **changes)
    assert "declares it lost" in found(ctx, newest).fault.sentence


def test_a_declaration_covers_no_entry_after_it(restored):
    ctx, newest = restored
    reconcile(ctx, ctx.journal, REQUEST)
    sequenced(ctx)
    size = head(ctx).size
    (act,) = log_tree.own_acts(ctx.db, restoration.RESTORED)
    heads = {act.entry.facts["first"], newest.size, size}
    assert restoration.declared_losses(ctx.db, size, heads) == [range(act.entry.facts["first"], newest.size)]
    later = {"first": newest.size, "count": size - newest.size, "lost": 0}
    audit_log.note(ctx.db, AUDIT, restoration.RESTORED, "log", **later)
    assert len(restoration.declared_losses(ctx.db, size, heads)) == 2
    assert len(restoration.declared_losses(ctx.db, size - 1, heads)) == 1


def test_a_second_run_changes_nothing(restored):
    ctx, newest = restored
    reconcile(ctx, ctx.journal, REQUEST)
    reconcile(ctx, ctx.journal, REQUEST)
    assert head(ctx) == newest
    assert not log_tree.own_acts(ctx.db, restoration.LOST)
    assert len(log_tree.own_acts(ctx.db, restoration.RESTORED)) == 1


def test_facts_that_never_entered_the_tree_are_declared(sqlite_scene, tmp_path):
    with keeping(sqlite_scene, tmp_path) as scene:
        ctx = logging(scene.ctx)
        sequenced(ctx)
        at = "2026-03-02T08:00:00Z"
        facts = [{"serial": f"{number:04x}", "at": at, "entry": f"{number:064x}"} for number in range(120)]
        lost = [JournalEntry("fetched", one) for one in facts]
        ctx.journal.append(lost)
        sentence = golden.stable_text(found(ctx).fault.sentence)
        golden.check("sentences/restored-log/not-logged", {"en.txt": f"{sentence}\n"})
        entries = [one.facts["entry"] for one in lost]
        assert restoration.declare_lost(ctx.db, entries, AUDIT) == 120
        assert restoration.declare_lost(ctx.db, entries, AUDIT) == 0
        assert len(log_tree.own_acts(ctx.db, restoration.LOST)) == 3
        assert found(ctx).fault is None
        sequenced(ctx)
        assert found(ctx).fault is None


def changed(lines, **changes):
    last = lines[-1]
    given = {"first": last.first, "leaves": last.leaves, "note": last.note} | changes
    return [*lines[:-1], LoggedLine(**given)]


def not_restored(ctx, lines):
    before = head(ctx)
    with pytest.raises(LogNotRestored) as refused:
        restoration.restore_log(ctx.db, lines, LATER, AUDIT)
    assert head(ctx) == before
    return str(refused.value)


def test_a_fact_keeps_its_content_and_the_row_is_compared(restored):
    """A gateway that was added after the backup is in the log, and its row is named as missing."""
    ctx, newest = restored
    report = reconcile(ctx, ctx.journal, REQUEST)
    assert ctx.facts.follow(ctx.db, LATER).open_differences.keys() == {"gateway:gate2"}
    assert found(ctx, newest).differences.keys() == {"gateway:gate2"}
    assert len(report.lost_entries) >= 300
    assert set(map(type, report.lost_entries)) == {int}
    assert [name for name in report.lost_entries.values() if name.startswith("issued ")]


def test_lines_that_do_not_continue_the_log(restored):
    ctx, newest = restored
    lines = logged(ctx)
    last = lines[-1]
    forged = Checkpoint(ORIGIN, newest.size, bytes(32))
    wrong = {
        "another root": changed(lines, note=forged.signed(LOG_KEY)),
        "another key": changed(lines, note=newest.signed(WRONG_KEY)),
        "no checkpoint": changed(lines, note=b""),
        "another entry": changed(lines, leaves=(bytes(32), *last.leaves[1:])),
        "the last line alone": [last],
    }
    said = golden.sections({case: not_restored(ctx, given) for case, given in wrong.items()})
    golden.check("sentences/restored-log/lines", {"en.txt": re.sub(r"\b\d+\b", "N", golden.stable_text(said))})


def test_a_start_writes_the_lines_that_the_journals_lack(sqlite_scene, tmp_path):
    ctx = logging(sqlite_scene.ctx)
    for _ in range(3):  # another node, with journals of its own, adds these
        write_rows(ctx.db, 2)
        sequenced(ctx)
    with keeping(sqlite_scene, tmp_path) as scene:
        own = logging(scene.ctx)
        compare(own, own.journal)
        lines = logged(own)
        assert [(one.first, one.end) for one in lines] == [(0, 1), (1, lines[1].end), *(
            (one.first, one.end) for one in lines[2:]
        )]  # fmt: skip
        assert lines[-1].end == head(ctx).size
        compare(own, own.journal)
        assert logged(own) == lines
        assert found(own).fault is None


def test_ranges_that_overlap_are_lines_once(sqlite_scene):
    ctx = logging(sqlite_scene.ctx)
    sequenced(ctx)
    write_rows(ctx.db, 2)
    sequenced(ctx)
    size = head(ctx).size
    assert [(one.first, one.end) for one in restoration.unlogged(ctx.db, [(0, 1), (0, 1), (1, size - 1)])] == [
        (size - 1, size)
    ]
    assert not list(restoration.unlogged(ctx.db, [(0, size)]))
