"""Closing of journals: a start reads only what is not closed, and nothing is lost at any interruption."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections

from sinetti.database import models
from sinetti.database.evidence.sequencer import JOURNAL_CLOSED
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.journal import month_files, reader
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import NullJournal
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.services.issuance.close_journals import JournalsAhead, _covered, close_journals
from sinetti.services.issuance.closed_journals import NONE_CLOSED, proof_of, trusted_journals
from sinetti.services.issuance.reconcile import compare, preview, reconcile
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support import golden
from tests.support.backups import backed_up, restored
from tests.support.journals import keeping
from tests.support.killed import KilledError, killed_at
from tests.support.logs import REQUEST, WRONG_KEY, logging, sequenced
from tests.support.scene import DAY, Scene, enrolled

MONTH = 31 * DAY
STEPS = ("journal-compressed", "journals-compared", "journal-entered")


@pytest.fixture
def closing(sqlite_scene, tmp_path):
    """Yield a scene with two certificates in a journal whose month is over, and with a log."""
    with keeping(sqlite_scene, tmp_path) as scene:
        yield begun(scene)


def begun(scene: Scene) -> Scene:
    scene = scene.but(log_signers=logging(scene.ctx).log_signers)
    enrolled(scene), enrolled(scene)
    sequenced(scene.ctx)
    scene.machine.now += MONTH
    return scene


def folder_of(scene) -> Path:
    return scene.ctx.journal.folder


def closed(scene, **changes):
    """Close the journals as the command does: once, and again when the log has the entries."""
    scene.ctx.journal.end_month()
    close_journals(replace(scene.ctx, **changes), scene.ctx.journal, REQUEST)
    sequenced(scene.ctx)
    scene.machine.now += timedelta(minutes=11)
    return close_journals(scene.ctx, scene.ctx.journal, REQUEST)


def facts(scene) -> list[tuple]:
    """Return kind and object of all lines but those about the journals themselves, without repetitions."""
    lines = (line for path in reader.files(folder_of(scene)) for line in reader.read(path))
    return sorted({(line.kind, str(line.facts.get("serial") or line.facts.get("first"))) for line in lines})


def read_files(scene, monkeypatch) -> list[str]:
    """Return the names of the journals that a start reads."""
    names, read = [], reader.read

    def noting(path):
        names.append(path.name)
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read", noting)
        assert compare(scene.ctx, scene.ctx.journal).agrees
    return sorted(set(names))


def fault(scene):
    return verify_log(LogSources(scene.db, folder_of(scene), scene.ctx.journal.instance_id), scene.machine.now).fault


def test_a_start_reads_only_the_open_journal(scene, tmp_path, monkeypatch):
    with keeping(scene, tmp_path) as kept:
        scene = begun(kept)
        before = facts(scene)
        report = closed(scene)
        (name,) = report.closed
        assert name.startswith(f"north.{scene.machine.now - MONTH:%Y-%m}-")
        assert report.waiting == ()
        assert read_files(scene, monkeypatch) == ["north.jsonl"]
        assert set(before) <= set(facts(scene))
        assert fault(scene) is None
        assert close_journals(scene.ctx, scene.ctx.journal, REQUEST) == replace(report, closed=())
        # The next month follows it, and facts of closed certificates may come at any time.
        one = enrolled(scene)
        revoke(RevocationRequest(one.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
        sequenced(scene.ctx)
        scene.machine.now += MONTH
        assert len(closed(scene).closed) == 1
        assert len(trusted_journals(scene.db, folder_of(scene)).files) == 2
        assert fault(scene) is None
        assert compare(scene.ctx, scene.ctx.journal).written == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_closing_loses_nothing(closing, step):
    before = facts(closing)
    closing.ctx.journal.end_month()
    with pytest.raises(KilledError):
        close_journals(replace(closing.ctx, step=killed_at(step)), closing.ctx.journal, REQUEST)
    assert set(before) <= set(facts(closing))
    assert preview(closing.ctx, closing.ctx.journal).agrees
    closed(closing)
    assert set(before) <= set(facts(closing))
    assert len(trusted_journals(closing.db, folder_of(closing)).files) == 1
    assert [path.name for path in folder_of(closing).glob("*.jsonl")] == ["north.jsonl"]


@pytest.mark.parametrize("nth", range(6))
def test_each_change_of_a_name_may_be_the_last(closing, monkeypatch, nth):
    """A process that ends before any rename or removal leaves journals that the next one continues."""
    before, counted = facts(closing), iter(range(100))

    def dies(original):
        def call(*arguments, **options):
            if next(counted) == nth:
                raise KilledError
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "unlink"):
            patch.setattr(Path, name, dies(getattr(Path, name)))
        try:
            closing.ctx.journal.end_month()
            close_journals(closing.ctx, closing.ctx.journal, REQUEST)
        except KilledError:
            closing.ctx.journal.close()
    assert set(before) <= set(facts(closing))
    assert compare(closing.ctx, closing.ctx.journal).agrees
    closed(closing)
    assert set(before) <= set(facts(closing))
    assert list(folder_of(closing).glob(".*.new")) == []
    assert len(trusted_journals(closing.db, folder_of(closing)).files) == 1


def test_facts_since_the_closing_are_compared_both_ways(closing, tmp_path):
    closed(closing)
    backup = backed_up(closing.db, tmp_path)
    lost = enrolled(closing)
    restored(closing.db, backup)
    status = preview(closing.ctx, closing.ctx.journal)
    assert set(status.lost) == {lost.serial}
    reconcile(closing.ctx, closing.ctx.journal, REQUEST)
    unwritten = enrolled(closing.but(journal=NullJournal()))
    assert set(preview(closing.ctx, closing.ctx.journal).unwritten) == {unwritten.serial}
    assert compare(closing.ctx, closing.ctx.journal).written == 2
    assert compare(closing.ctx, closing.ctx.journal).written == 0


def test_an_older_database_trusts_no_closed_journal(closing, tmp_path):
    backup = backed_up(closing.db, tmp_path)
    lost = enrolled(closing)
    closing.machine.now += MONTH
    closed(closing)
    restored(closing.db, backup)
    assert trusted_journals(closing.db, folder_of(closing)) is NONE_CLOSED
    assert set(preview(closing.ctx, closing.ctx.journal).lost) == {lost.serial}
    with golden.refused("sentences/close-journals/older-database", JournalsAhead):
        close_journals(closing.ctx, closing.ctx.journal, REQUEST)
    reconcile(closing.ctx, closing.ctx.journal, REQUEST)
    sequenced(closing.ctx)
    closed(closing)
    assert len(trusted_journals(closing.db, folder_of(closing)).files) == len(
        reader.compressed_files(folder_of(closing))
    )
    assert fault(closing) is None


def test_a_closed_journal_that_is_gone_is_written_again(closing):
    closed(closing)
    enrolled(closing)
    closing.machine.now += MONTH
    closed(closing)
    before = facts(closing)
    first, _ = sorted(reader.compressed_files(folder_of(closing)))
    octets, proof = first.read_bytes(), proof_of(first).read_bytes()
    first.unlink()
    with pytest.raises(JournalDamaged, match=r"is missing.*\.proof exists"):
        preview(closing.ctx, closing.ctx.journal)
    proof_of(first).unlink()
    assert trusted_journals(closing.db, folder_of(closing)) is NONE_CLOSED
    assert compare(closing.ctx, closing.ctx.journal).written == 4
    assert set(before) <= set(facts(closing))
    closed(closing)  # begins the chain anew
    assert len(trusted_journals(closing.db, folder_of(closing)).files) == 1
    first.write_bytes(octets)
    proof_of(first).write_bytes(proof)
    assert len(trusted_journals(closing.db, folder_of(closing)).files) == 2


def test_a_changed_closed_journal_is_found_by_those_that_read_all(closing):
    closed(closing)
    (path,) = reader.compressed_files(folder_of(closing))
    octets = bytearray(path.read_bytes())
    octets[-12] ^= 1
    path.write_bytes(octets)
    assert compare(closing.ctx, closing.ctx.journal).agrees
    assert fault(closing) is not None
    with pytest.raises(JournalDamaged, match="was changed"):
        reconcile(closing.ctx, closing.ctx.journal, REQUEST, is_full=True)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def _no_proof(path):
    proof_of(path).write_bytes(b"c2sp.org/tlog-proof@v1\n")


def _other_entry(path):
    octets = proof_of(path).read_bytes()
    proof_of(path).write_bytes(octets.replace(b"extra ey", b"extra ex"))


def _garbage(path):
    path.write_bytes(bytes(path.stat().st_size))


def _other_journal(path):
    other = path.with_name("other.jsonl.gz")
    path.rename(other)
    month_files.compress(_copied(other, path))
    other.unlink()


def _copied(other, path):
    """Write a journal of the same name with another first line."""
    plain = path.with_suffix("")
    with reader.opened(other) as file:
        lines = file.read().splitlines(keepends=True)
    plain.write_bytes(lines[0])
    return plain


@pytest.mark.parametrize("change", [_cut, _no_proof, _other_entry, _garbage, _other_journal])
def test_only_a_proof_of_this_file_counts(closing, change):
    closed(closing)
    (path,) = reader.compressed_files(folder_of(closing))
    change(path)
    assert trusted_journals(closing.db, folder_of(closing)) is NONE_CLOSED


def test_a_checkpoint_of_another_key_counts_for_nothing(closing, monkeypatch):
    closed(closing)
    monkeypatch.setattr("sinetti.services.issuance.closed_journals.log_tree.log_keys", lambda _db: [WRONG_KEY.verifier])
    assert trusted_journals(closing.db, folder_of(closing)) is NONE_CLOSED


def test_journals_of_processes_that_are_gone_are_closed_too(closing):
    path = folder_of(closing) / "north.jsonl"
    closing.ctx.journal.close()
    for end in ("", ".head"):
        path.with_name(f"north.jsonl{end}").rename(path.with_name(f"north-2.jsonl{end}"))
    foreign = path.with_name("copy.jsonl")
    foreign.write_bytes(b"no journal\n")
    with golden.refused("sentences/close-journals/foreign-file", JournalDamaged):
        closed(closing)
    foreign.unlink()
    assert len(closed(closing).closed) == 1
    assert not path.with_name("north-2.jsonl").exists()


def test_a_damaged_journal_is_not_closed(closing):
    closing.ctx.journal.end_month()
    (path,) = month_files.ended_files(folder_of(closing))
    path.write_bytes(path.read_bytes().replace(b'"begun"', b'"began"'))
    with pytest.raises(JournalDamaged, match="not a journal"):
        close_journals(closing.ctx, closing.ctx.journal, REQUEST)
    assert trusted_journals(closing.db, folder_of(closing)) is NONE_CLOSED


RANGES = {
    "no range": ((), 0),
    "one after the other": (((2, 4), (0, 2)), 4),
    "one in another": (((0, 9), (2, 4)), 9),
    "a gap": (((0, 2), (3, 4)), 2),
}


@pytest.mark.parametrize(("ranges", "expected"), RANGES.values(), ids=RANGES)
def test_entries_of_the_log_count_up_to_the_first_gap(ranges, expected):
    assert _covered(ranges) == expected


def test_what_waits_for_the_log_is_named(closing):
    closing.ctx.journal.end_month()
    report = close_journals(closing.ctx, closing.ctx.journal, REQUEST)
    assert (len(report.closed), len(report.waiting)) == (0, 1)
    rows = models.AuditEvent.objects.using(closing.db.alias).filter(action=JOURNAL_CLOSED)
    close_journals(closing.ctx, closing.ctx.journal, REQUEST)
    assert rows.count() == 1
    with connections[closing.db.alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sinetti_auditevent WHERE action = %s", [JOURNAL_CLOSED])
        assert cursor.fetchone() == (1,)
