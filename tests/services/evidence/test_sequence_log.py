"""Sequencing of the log, on both databases: order, no gaps, no forks, and rows of earlier code."""

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from django.db import DatabaseError, connections, transaction

from sinetti.database.common import audit_log
from sinetti.database.evidence import log_tree, sequencer
from sinetti.database.evidence.sequencer import LogDiverged
from sinetti.database.models import AuditEvent, LogCheckpoint, LogEntry, LogNode, LogPlan
from sinetti.domain.values import Serial
from sinetti.journal.writer import JournalEntry
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.evidence import read_log
from sinetti.services.evidence.prove_entry import prove_issue
from sinetti.services.evidence.sequence_log import LogKeyMissing, LogSequencer, current_signers
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import (
    ProofError,
    Subtree,
    check_consistency,
    consistency_proof,
    extend,
    leaf_hash,
    root_of,
)
from sinetti.wire.transparency.notes import COSIGNATURE, Checkpoint, NoteSigner, open_checkpoint
from sinetti.wire.transparency.proofs import LARGEST_PROOF, EntryProof
from tests.support.authority import NOW
from tests.support.journals import keeping
from tests.support.killed import KilledError
from tests.support.logs import (
    AUDIT,
    LOG_KEY,
    NEXT_KEY,
    ORIGIN,
    REQUEST,
    WRONG_KEY,
    logging,
    sequenced,
    write_old_row,
    write_rows,
)
from tests.support.registers import opened_register
from tests.support.scene import enrolled
from tests.support.serving import until


def head(ctx) -> Checkpoint:
    checkpoint, _ = open_checkpoint(read_log.head(ctx.db), LOG_KEY.verifier)
    return checkpoint


def leaves_of(ctx) -> list[bytes]:
    return [one.leaf for one in log_tree.leaves(ctx.db, 0, LogEntry.objects.using(ctx.db.alias).count())]


def check_tree(ctx) -> Checkpoint:
    """Check that every row is one leaf, and that each head is the root of the leaves before it."""
    found = list(log_tree.leaves(ctx.db, 0, LogEntry.objects.using(ctx.db.alias).count()))
    assert [one.index for one in found] == list(range(len(found)))
    assert all(one.leaf == leaf_hash(bytes(one.row.octets)) for one in found)
    edge, roots = [], {}
    for one in found:
        extend(edge, [Subtree(0, one.index, one.leaf)])
        roots[one.index + 1] = root_of(edge)
    for row in LogCheckpoint.objects.using(ctx.db.alias).all():
        checkpoint, _ = open_checkpoint(bytes(row.note), LOG_KEY.verifier)
        assert (checkpoint.size, checkpoint.root) == (row.size, roots[row.size])
    newest = head(ctx)
    assert newest.size == len(found)
    return newest


def test_a_new_process_leaves_out_what_has_been_in_the_tree_for_a_day(scene):
    ctx = logging(scene.ctx)
    assert sequencer.settled_sequence(ctx.db) == 0
    write_rows(ctx.db, 3)
    sequenced(ctx)
    settled = LogEntry.objects.using(ctx.db.alias).order_by("-index").first().sequence
    write_rows(ctx.db, 1)
    almost = ctx.machine_now() + sequencer.SETTLED_AFTER - timedelta(seconds=1)
    sequenced(replace(ctx, machine_now=lambda: almost))
    assert sequencer.settled_sequence(ctx.db) == 0
    write_rows(ctx.db, 1)
    later = replace(ctx, machine_now=lambda: almost + timedelta(seconds=1))
    sequenced(later)
    assert sequencer.settled_sequence(ctx.db) == settled
    seen = sequencer.Watermark()
    seen.raise_to_settled(ctx.db)
    assert seen.value == settled
    seen.value += 1
    seen.raise_to_settled(ctx.db)
    assert seen.value == settled + 1
    write_rows(ctx.db, 2)
    assert sequenced(later) == 2
    check_tree(ctx)


def test_every_row_is_one_leaf_in_the_order_of_the_rows(scene):
    ctx = logging(scene.ctx)
    enrolled(scene)
    count = sequenced(ctx)
    rows = AuditEvent.objects.using(ctx.db.alias).exclude(action="log-founded").order_by("sequence")
    assert count == rows.count() == check_tree(ctx).size - 1
    assert leaves_of(ctx)[1:] == [leaf_hash(bytes(row.octets)) for row in rows]
    assert sequenced(ctx) == 0


def test_each_head_continues_the_one_before(scene):
    ctx, sequencer, heads = logging(scene.ctx), LogSequencer(), []
    for count in (1, 3, 250, 40):
        write_rows(ctx.db, count)
        sequencer.run(ctx, REQUEST)
        heads.append(head(ctx))
    newest = check_tree(ctx)
    look = log_tree.lookup(ctx.db, newest.size)
    for older in heads:
        check_consistency(older.head, newest.head, consistency_proof(older.size, newest.size, look))
    assert LogNode.objects.using(ctx.db.alias).count() == newest.size // 256 > 0


def test_the_newest_head_is_dated_at_least_each_hour(scene, tmp_path):
    with keeping(scene, tmp_path) as kept:
        write_rows(kept.db, 3)
        ctx, process, other = logging(kept.ctx), LogSequencer(), LogSequencer()
        process.run(ctx, REQUEST)
        first, size = ctx.machine_now(), head(ctx).size
        for hours in (1, 2, 3):
            at = first + hours * sequencer.DATED_EACH
            early, due = (replace(ctx, machine_now=lambda at=one: at) for one in (at - timedelta(seconds=1), at))
            assert (process.run(early, REQUEST), other.run(early, REQUEST)) == (0, 0)
            assert (process.run(due, REQUEST), other.run(due, REQUEST)) == (1, 0)
            assert log_tree.find_head(ctx.db).cosigned_at(LOG_KEY.verifier.dating) == at.replace(microsecond=0)
        assert check_tree(ctx).size == size + hours
        entry = parse_entry(bytes(next(log_tree.leaves(ctx.db, size, size + 1)).row.octets))
        assert entry.action == "log-journals"
        assert verify_log(LogSources(ctx.db, tmp_path, kept.ctx.journal.instance_id), at).fault is None


def test_the_first_entry_binds_the_rows_of_earlier_code(scene):
    ctx, db = logging(scene.ctx), scene.db
    for subject in ("order:1", "order:2"):
        write_old_row(db, subject)
    (after,) = write_rows(db, 1)
    sequenced(ctx)
    first = parse_entry(bytes(next(log_tree.leaves(db, 0, 1)).row.octets))
    old = AuditEvent.objects.using(db.alias).filter(sequence__lte=first.facts["last_sequence"]).order_by("sequence")
    assert old.last().object == "order:2"
    digest = hashlib.sha256(b"".join(hashlib.sha256(bytes(row.octets)).digest() for row in old)).hexdigest()
    assert first.facts == {
        "key": str(LOG_KEY.verifier),
        "rows": old.count(),
        "last_sequence": old.last().sequence,
        "sha256": digest,
    }
    assert leaves_of(ctx)[1:] == [after]


def test_a_row_of_earlier_code_after_the_beginning_is_an_entry(scene):
    """Nodes are replaced one after the other."""
    ctx = logging(scene.ctx)
    sequenced(ctx)
    write_old_row(ctx.db, "order:1")
    assert sequenced(ctx) == 1
    check_tree(ctx)


def test_no_key_no_log(scene):
    assert sequenced(scene.ctx) == 0
    assert read_log.head(scene.db) is read_log.key(scene.db) is None


def test_a_node_without_the_newest_key_signs_no_head(scene):
    sequenced(logging(scene.ctx))
    before = head(scene.ctx)
    write_rows(scene.db, 1)
    with pytest.raises(LogKeyMissing, match=f"keys/log-{LOG_KEY.verifier.key_id.hex()}.pem"):
        sequenced(logging(scene.ctx, NEXT_KEY))
    assert head(scene.ctx) == before


@pytest.mark.parametrize("model", [LogEntry, LogNode, LogCheckpoint])
def test_the_tables_refuse_changes(scene, model):
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 256)
    sequenced(ctx)
    rows = model.objects.using(ctx.db.alias)
    name = "note" if model is LogCheckpoint else "leaf" if model is LogEntry else "digest"
    for act in (lambda: rows.update(**{name: b""}), rows.all().delete):
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic(using=ctx.db.alias):
            act()
    assert rows.exists()


@contextmanager
def beside(act):
    """Run an act in a thread during the block."""
    thread = Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
        assert not thread.is_alive()


def test_a_row_that_is_committed_late_gets_its_place_later(scene):
    """On PostgreSQL, rows with higher numbers can be visible first."""
    ctx = logging(scene.ctx)
    if connections[ctx.db.alias].vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    sequencer, written, go = LogSequencer(), Event(), Event()
    sequencer.run(ctx, REQUEST)
    late = []

    def write_late():
        try:
            with transaction.atomic(using=ctx.db.alias):
                late.append(audit_log.write(ctx.db, AUDIT, "looked", "person:late"))
                written.set()
                assert go.wait(60)
        finally:
            connections[ctx.db.alias].close()

    with beside(write_late):
        assert written.wait(60)
        early = write_rows(ctx.db, 2)
        for _ in range(3):  # the mark must not pass the row that is not visible yet
            sequencer.run(ctx, REQUEST)
        assert leaves_of(ctx)[-2:] == early
        go.set()
    sequencer.run(ctx, REQUEST)
    assert leaves_of(ctx)[-1:] == late
    check_tree(ctx)


def test_the_mark_moves_on_while_there_is_always_a_writer(scene):
    """The mark waits for the writers that it saw, not for a moment without any."""
    db = scene.db
    if connections[db.alias].vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    mark, turns = sequencer.Watermark(), [Event(), Event()]
    ready = [Event(), Event()]

    def write(number):
        def act():
            try:
                with transaction.atomic(using=db.alias):
                    audit_log.write(db, AUDIT, "looked", f"person:{number}")
                    ready[number].set()
                    assert turns[number].wait(60)
            finally:
                connections[db.alias].close()

        return act

    with beside(write(0)):
        assert ready[0].wait(60)
        start = mark.look(db)
        with beside(write(1)):
            assert ready[1].wait(60)
            assert mark.look(db) == start
            turns[0].set()
            until(lambda: mark.look(db) > start)
            turns[1].set()


def test_two_nodes_make_one_tree(scene):
    ctx, start, errors = logging(scene.ctx), Barrier(3), []
    sequenced(ctx)

    def run(act):
        def body():
            try:
                start.wait(60)
                for _ in range(12):
                    act()
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                connections[ctx.db.alias].close()

        return body

    first, second = LogSequencer(), LogSequencer()
    acts = (lambda: first.run(ctx, REQUEST), lambda: second.run(ctx, REQUEST), lambda: write_rows(ctx.db, 5))
    with beside(run(acts[0])), beside(run(acts[1])), beside(run(acts[2])):
        pass
    assert not errors
    sequenced(ctx)
    assert check_tree(ctx).size >= 61


@pytest.mark.parametrize("is_begun", [False, True], ids=["not begun", "begun"])
def test_what_another_node_did_meanwhile_is_not_done_again(scene, is_begun):
    ctx, done = logging(scene.ctx), []
    if is_begun:
        sequenced(ctx)
        write_rows(ctx.db, 3)

    def let_another_node_run():
        if not done:
            done.append(sequenced(ctx))
        return scene.machine()

    assert sequenced(replace(ctx, machine_now=let_another_node_run)) == 0
    assert done[0] > 0
    check_tree(ctx)
    assert sequenced(ctx) == 0


def test_what_another_node_does_once_rows_were_seen_is_not_done_again(scene, monkeypatch):
    ctx, done = logging(scene.ctx), []
    sequenced(ctx)
    write_rows(ctx.db, 3)
    ends = ctx.journal.heads

    def let_another_node_run():
        if not done:
            done.append(0)
            done.append(sequenced(ctx))
        return ends()

    monkeypatch.setattr(type(ctx.journal), "heads", lambda _: let_another_node_run())
    assert sequenced(ctx) == 0
    assert done == [0, 3]
    check_tree(ctx)


def test_no_log_begins_in_a_register_without_rows(sqlite_scene, request, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with opened_register("sqlite", request, folder, alias="empty") as empty:
        ctx = logging(replace(sqlite_scene.ctx, db=empty))
        assert sequenced(ctx) == 0
        assert read_log.head(empty) is None
        write_rows(empty, 1)
        assert sequenced(ctx) == 1
        assert check_tree(ctx).size == 2


def test_the_first_of_the_keys_will_begin_the_log(scene):
    keys = [NEXT_KEY, LOG_KEY]
    assert current_signers(scene.ctx, keys) == [NEXT_KEY]
    sequenced(logging(scene.ctx, *keys))
    assert current_signers(scene.ctx, keys) == [NEXT_KEY]
    assert read_log.key(scene.db) == NEXT_KEY.verifier


def test_a_kill_before_the_commit_leaves_nothing(scene, monkeypatch):
    ctx = logging(scene.ctx)
    sequenced(ctx)
    before = head(ctx)
    write_rows(ctx.db, 3)

    def fail(*_rest, **_named):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "signed", fail)
        with pytest.raises(KilledError):
            sequenced(ctx)
    assert head(ctx) == before
    assert sequenced(ctx) == 3
    check_tree(ctx)


def test_a_kill_after_the_commit_changes_no_place(scene):
    def fail(name):
        if name == "log-committed":
            raise KilledError

    ctx = logging(scene.ctx)
    sequenced(ctx)
    write_rows(ctx.db, 3)
    with pytest.raises(KilledError):
        sequenced(replace(ctx, step=fail))
    before = check_tree(ctx)
    assert sequenced(ctx) == 0
    assert head(ctx) == before


def test_large_batches_are_sequenced_in_parts(scene, monkeypatch):
    monkeypatch.setattr(sequencer, "MOST_AT_ONCE", 7)
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 30)
    sequenced(ctx)
    check_tree(ctx)


def test_rows_that_come_meanwhile_wait_for_the_next_round(scene):
    ctx = logging(scene.ctx)
    sequenced(ctx)
    write_rows(ctx.db, 3)
    arriving = replace(ctx, step=lambda _: write_rows(ctx.db, 1))
    assert sequenced(arriving) == 3
    assert sequenced(ctx) == 1


def test_proof_of_a_certificate(scene):
    ctx = logging(scene.ctx)
    serial = enrolled(scene).serial
    assert prove_issue(ctx.db, serial) is None
    sequenced(ctx)
    octets = prove_issue(ctx.db, serial)
    assert len(octets) <= LARGEST_PROOF
    proof = EntryProof.parse(octets)
    checkpoint, _ = proof.verify(leaf_hash(proof.extra), LOG_KEY.verifier)
    assert checkpoint == head(ctx)
    entry = parse_entry(proof.extra)
    assert (entry.kind, entry.object) == ("issued", f"certificate:{serial}")
    assert entry.facts == {"sha256": scene.certificate(serial).sha256}
    with pytest.raises(ProofError):
        proof.verify(leaf_hash(proof.extra + b" "), LOG_KEY.verifier)
    assert prove_issue(ctx.db, Serial("00")) is None


def test_a_certificate_has_no_proof_before_a_checkpoint_signs_its_entry(scene):
    ctx = logging(scene.ctx)
    sequenced(ctx)
    serial = enrolled(scene).serial
    row = AuditEvent.objects.using(ctx.db.alias).get(action="certificate-issued")
    leaf = leaf_hash(bytes(row.octets))
    LogEntry.objects.using(ctx.db.alias).create(index=head(ctx).size, sequence=row.sequence, leaf=leaf)
    assert prove_issue(ctx.db, serial) is None


def test_cosignatures_that_make_a_proof_too_large_are_left_out(scene):
    ctx = logging(scene.ctx)
    serial = enrolled(scene).serial
    sequenced(ctx)
    size, text = head(ctx).size, head(ctx).text
    keys = [NoteSigner(f"witness{number:02}.example", LOG_KEY.key, COSIGNATURE) for number in range(30)]
    for one in keys:
        log_tree.insert_cosignature(ctx.db, size, one.name, one.sign(text, NOW))
    octets = prove_issue(ctx.db, serial)
    proof = EntryProof.parse(octets)
    _, note = proof.verify(leaf_hash(proof.extra), LOG_KEY.verifier)
    kept = note.signers([one.verifier for one in keys])
    assert 0 < len(kept) < len(keys)
    longer = EntryProof(
        proof.index, proof.path, proof.checkpoint + keys[len(kept)].sign(text, NOW).encode(), proof.extra
    )
    assert len(octets) <= LARGEST_PROOF < len(bytes(longer))


STUFFED = {
    "the next place": lambda size: LogEntry(index=size, leaf=leaf_hash(b"no row")),
    "a later place": lambda size: LogEntry(index=size + 3, leaf=leaf_hash(b"no row")),
    "a checkpoint": lambda size: LogCheckpoint(size=size + 1, note=b"no note", made_at=NOW),
    "a checkpoint of another key": lambda size: LogCheckpoint(
        size=size + 1, note=Checkpoint(ORIGIN, size + 1, bytes(32)).signed(WRONG_KEY), made_at=NOW
    ),
}


@pytest.mark.parametrize("stuffed", STUFFED.values(), ids=STUFFED)
def test_what_another_process_inserted_is_not_signed(scene, tmp_path, stuffed):
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 3)
    sequenced(ctx)
    before = head(ctx)
    stuffed(before.size).save(using=ctx.db.alias, force_insert=True)
    write_rows(ctx.db, 1)
    with pytest.raises(LogDiverged, match="nothing is added: run sinetti authority audit verify"):
        sequenced(ctx)
    notes = LogCheckpoint.objects.using(ctx.db.alias).filter(size__lte=before.size)
    assert open_checkpoint(bytes(notes.latest("size").note), LOG_KEY.verifier)[0] == before
    assert verify_log(LogSources(ctx.db, tmp_path, ""), NOW).fault is not None


def test_lines_about_the_log_alone_make_no_entry(sqlite_scene, tmp_path):
    with keeping(sqlite_scene, tmp_path) as scene:
        ctx, one = logging(scene.ctx), LogSequencer()

        def bound():
            write_rows(ctx.db, 1)
            one.run(ctx, REQUEST)
            return AuditEvent.objects.using(ctx.db.alias).filter(action="log-journals").count()

        one.run(ctx, REQUEST)
        size = head(ctx).size
        assert one.run(ctx, REQUEST) == one.run(ctx, REQUEST) == 0
        assert head(ctx).size == size
        first = bound()
        assert [bound() for _ in range(3)] == [first] * 3
        ctx.journal.append([JournalEntry("fetched", {"serial": "01", "at": "2026-03-02T08:00:00Z"})])
        assert [bound() for _ in range(3)] == [first + 1] * 3
        ctx.journal.append([JournalEntry("fetched", {"serial": "02", "at": "2026-03-02T08:00:00Z"})])
        assert bound() == first + 2


def test_a_fact_beside_the_line_about_the_log_is_bound_by_the_next_entry(sqlite_scene, tmp_path):
    """Requests write the journal while the log is sequenced."""
    with keeping(sqlite_scene, tmp_path) as scene:
        one = LogSequencer()

        def write_fact(name):
            if name == "log-committed" and fact:
                ctx.journal.append([fact.pop()])

        ctx = replace(logging(scene.ctx), step=write_fact)
        fact = []
        for _ in range(2):
            write_rows(ctx.db, 1)
            one.run(ctx, REQUEST)
        before = AuditEvent.objects.using(ctx.db.alias).filter(action="log-journals").count()
        fact.append(JournalEntry("fetched", {"serial": "01", "at": "2026-03-02T08:00:00Z"}))
        for more in (0, 1, 1):
            write_rows(ctx.db, 1)
            one.run(ctx, REQUEST)
            assert AuditEvent.objects.using(ctx.db.alias).filter(action="log-journals").count() == before + more


def test_a_plan_goes_on_after_an_interruption(scene):
    """A signer may have signed the head, and signs no other tree of that size, but a larger one."""
    ctx, heads = logging(scene.ctx), []
    enrolled(scene)
    sequenced(ctx)

    def away(wanted, *_):
        heads.append(wanted)
        sentence = "away"
        raise SignerUnavailable(sentence)

    write_rows(ctx.db, 3)
    with pytest.raises(SignerUnavailable):
        LogSequencer().run(replace(ctx, sign_head=away), REQUEST)
    write_rows(ctx.db, 2)  # they follow the planned ones
    sequenced(ctx)
    assert check_tree(ctx).size == heads[0].size + 2
    leaves = [one.leaf for one in log_tree.leaves(ctx.db, 0, heads[0].size)]
    edge = []
    extend(edge, (Subtree(0, index, leaf) for index, leaf in enumerate(leaves)))
    assert root_of(edge) == heads[0].root
    assert not LogPlan.objects.using(ctx.db.alias).exists()


def test_a_plan_for_another_size_is_dropped(scene):
    ctx = logging(scene.ctx)
    enrolled(scene)
    sequenced(ctx)
    write_rows(ctx.db, 1)
    LogPlan.objects.using(ctx.db.alias).create(first=1, sequences=[1])
    sequenced(ctx)
    check_tree(ctx)


def test_a_plan_of_rows_that_are_not_there_is_refused(scene):
    ctx = logging(scene.ctx)
    enrolled(scene)
    sequenced(ctx)
    write_rows(ctx.db, 1)
    LogPlan.objects.using(ctx.db.alias).create(first=head(ctx).size, sequences=[2**40])
    with pytest.raises(LogDiverged, match="rows that cannot enter"):
        LogSequencer().run(ctx, REQUEST)
