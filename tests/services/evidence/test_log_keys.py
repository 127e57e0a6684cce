"""Keys of the log: rows that the service's database role can insert change none, and are found."""

import hashlib
from threading import Thread

import pytest
from django.db import connections, transaction

from sinetti.database.evidence import log_tree
from sinetti.database.models import AuditEvent, LogEntry
from sinetti.services.evidence import read_log
from sinetti.services.evidence.prove_entry import prove_key_change
from sinetti.services.evidence.rotate_log_key import rotate_log_key
from sinetti.services.evidence.sequence_log import LogKeyMissing
from sinetti.services.evidence.verify_log import LogSources, read_checkpoint, verify_log
from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.transparency.key_rotation import rotation_facts
from sinetti.wire.transparency.notes import open_checkpoint
from sinetti.wire.transparency.proofs import EntryProof
from tests.support.authority import NOW
from tests.support.journals import keeping
from tests.support.logs import AUDIT, LOG_KEY, NEXT_KEY, REQUEST, WRONG_KEY, logging, sequenced, write_rows

UNSIGNED = {"signed_by_old": "A" * 86 + "==", "signed_by_new": "A" * 86 + "=="}


def insert(db, action, facts, octets=None, **columns):
    """Insert a row about the log as a thief with the service's database role does."""
    octets = octets or format_entry(action, "log", ("service", NOW, REQUEST), facts)
    row = {"at": NOW, "actor": "service", "action": action, "object": "log", "request_id": REQUEST} | columns
    return AuditEvent.objects.using(db.alias).create(**row, octets=octets, sha256=hashlib.sha256(octets).hexdigest())


def found(ctx, folder, since=None):
    return verify_log(LogSources(ctx.db, folder, "", since=since), NOW).fault


FORGED = {
    "a change without signatures": ("log-key-changed", rotation_facts(LOG_KEY, WRONG_KEY) | UNSIGNED),
    "a change that the new key alone signed": (
        "log-key-changed",
        rotation_facts(WRONG_KEY, WRONG_KEY) | {"old": str(LOG_KEY.verifier)},
    ),
    "a change between two other keys": ("log-key-changed", rotation_facts(NEXT_KEY, WRONG_KEY)),
    "a change to the same key": ("log-key-changed", rotation_facts(LOG_KEY, LOG_KEY)),
    "a second beginning": ("log-founded", {"key": str(WRONG_KEY.verifier), "rows": 0, "last_sequence": 0}),
    "a change without keys": ("log-key-changed", {}),
}


@pytest.mark.parametrize(("action", "facts"), FORGED.values(), ids=FORGED)
def test_an_inserted_row_changes_no_key(scene, tmp_path, action, facts):
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 3)
    sequenced(ctx)
    since = read_checkpoint(ctx.db, read_log.head(ctx.db))
    row = insert(ctx.db, action, facts)
    assert read_log.key(ctx.db) == LOG_KEY.verifier
    assert found(ctx, tmp_path).about == f"audit row {row.sequence}"
    write_rows(ctx.db, 1)
    assert sequenced(ctx) == 2
    index = LogEntry.objects.using(ctx.db.alias).get(sequence=row.sequence).index
    assert prove_key_change(ctx.db, LOG_KEY.verifier.key_id.hex()) is None
    for start in (None, since):
        assert found(ctx, tmp_path, start).about == f"entry {index}"
    assert read_log.key(ctx.db) == LOG_KEY.verifier


def test_a_row_that_is_no_entry_changes_no_key(scene, tmp_path):
    ctx = logging(scene.ctx)
    sequenced(ctx)
    facts = rotation_facts(LOG_KEY, NEXT_KEY)
    hidden = format_entry("looked", "person:1", ("service", NOW, REQUEST), facts)
    for octets in (b"no entry", hidden):
        row = insert(ctx.db, "log-key-changed", {}, octets)
        assert read_log.key(ctx.db) == LOG_KEY.verifier
    assert found(ctx, tmp_path).about == f"audit row {row.sequence - 1}"


def test_a_change_counts_before_it_is_in_the_tree(scene, tmp_path):
    ctx = logging(scene.ctx, LOG_KEY, NEXT_KEY)
    sequenced(ctx)
    assert rotate_log_key(lambda _origin: NEXT_KEY, ctx, AUDIT) == (LOG_KEY.verifier, NEXT_KEY.verifier)
    assert read_log.key(ctx.db) == NEXT_KEY.verifier
    assert found(ctx, tmp_path) is None
    assert sequenced(ctx) == 1
    _, note = open_checkpoint(read_log.head(ctx.db), NEXT_KEY.verifier)
    assert set(note.signers([LOG_KEY.verifier, NEXT_KEY.verifier])) == {LOG_KEY.verifier, NEXT_KEY.verifier}
    assert log_tree.log_keys(ctx.db) == (NEXT_KEY.verifier, LOG_KEY.verifier)
    assert found(ctx, tmp_path) is None


def test_of_two_changes_at_a_time_one_follows_the_other(scene, tmp_path):
    ctx, changed = logging(scene.ctx, LOG_KEY, NEXT_KEY, WRONG_KEY), []
    sequenced(ctx)

    def change():
        try:
            changed.append(rotate_log_key(lambda _origin: WRONG_KEY, ctx, AUDIT))
        finally:
            connections[ctx.db.alias].close()

    second = Thread(target=change)
    with transaction.atomic(using=ctx.db.alias):
        rotate_log_key(lambda _origin: NEXT_KEY, ctx, AUDIT)
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join(60)
    assert changed == [(NEXT_KEY.verifier, WRONG_KEY.verifier)]
    assert found(ctx, tmp_path) is None


@pytest.mark.parametrize("place", [{}, {"sequence": -5}], ids=["after", "before"])
def test_a_thief_of_an_old_key_makes_no_change(scene, tmp_path, place):
    """Neither with a row after the true change or before it, nor with a way back to the old key."""
    ctx = logging(scene.ctx, LOG_KEY, NEXT_KEY)
    sequenced(ctx)
    rotate_log_key(lambda _origin: NEXT_KEY, ctx, AUDIT)
    sequenced(ctx)
    insert(ctx.db, "log-key-changed", rotation_facts(LOG_KEY, WRONG_KEY), **place)
    insert(ctx.db, "log-key-changed", rotation_facts(NEXT_KEY, LOG_KEY))
    sequenced(ctx)
    assert log_tree.log_keys(ctx.db) == (NEXT_KEY.verifier, LOG_KEY.verifier)
    assert found(ctx, tmp_path) is not None
    for key, changed in ((LOG_KEY, True), (NEXT_KEY, False)):
        proof = prove_key_change(ctx.db, key.verifier.key_id.hex())
        assert changed == (proof is not None and str(NEXT_KEY.verifier) in EntryProof.parse(proof).extra.decode())


def test_no_change_before_the_log_begins(scene):
    insert(scene.db, *FORGED["a second beginning"])
    assert read_log.key(scene.db) is None
    with pytest.raises(LogKeyMissing, match="not begun yet"):
        rotate_log_key(lambda _origin: NEXT_KEY, logging(scene.ctx), AUDIT)
    sequenced(logging(scene.ctx))
    assert read_log.key(scene.db) == LOG_KEY.verifier


def test_the_key_is_read_without_the_rows_about_journals(sqlite_scene, tmp_path):
    """Strangers ask for the key, and each part of the log may have a row with the journals' ends."""
    with keeping(sqlite_scene, tmp_path) as scene:
        ctx = logging(scene.ctx)
        for _ in range(3):
            write_rows(ctx.db, 1)
            sequenced(ctx)
        rows = AuditEvent.objects.using(ctx.db.alias)
        assert rows.filter(action="log-journals").count() > 1
        assert [row.action for row in rows.filter(object=log_tree.LOG)] == ["log-founded"]
