"""Watch over the log: what it keeps between two runs, and what it finds then."""

import json
import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connections

from sinetti.authority import log_watch
from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.log_watch import keep_verified, log_findings
from sinetti.database.connection import open_database
from sinetti.services.evidence import read_log
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.wire.transparency.notes import Checkpoint, SignedNote
from tests.services.evidence.test_verify_log import built
from tests.support.journals import keeping
from tests.support.log_mutations import LATER, verified
from tests.support.logs import LOG_KEY, ORIGIN, REQUEST, WRONG_KEY, logging, write_rows
from tests.support.registers import sqlite_db
from tests.support.scene import sqlite_scene

__all__ = ["built", "sqlite_db", "sqlite_scene"]


class Watched:
    """A log with a watch over it."""

    def __init__(self, scene, folder):
        self.scene, self.ctx, self.sequencer = scene, logging(scene.ctx), LogSequencer()
        self.folder = folder

    def grow(self, count=3):
        write_rows(self.ctx.db, count)
        self.sequencer.run(self.ctx, REQUEST)

    @property
    def given(self) -> SimpleNamespace:
        return SimpleNamespace(ctx=self.ctx, folder=DataDirectory(self.folder), journal=self.ctx.journal)

    def found(self) -> list[str]:
        return [f"{one.kind}: {one.sentence}" for one in log_findings(self.given)]

    @property
    def kept(self) -> dict:
        return json.loads((self.folder / "log-seen.json").read_bytes())

    def run(self, *statements):
        with connections[self.ctx.db.alias].cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture
def watched(sqlite_scene, tmp_path):
    """Yield a log that a watch has seen once."""
    (tmp_path / "folder").mkdir()
    with keeping(sqlite_scene, tmp_path) as scene:
        one = Watched(scene, tmp_path / "folder")
        assert one.found() == []
        assert not (one.folder / "log-seen.json").exists()
        one.grow()
        assert one.found() == []
        yield one


def test_the_newest_head_is_kept_and_continued(watched):
    first = watched.kept
    assert first["checkpoint"].encode() == read_log.head(watched.ctx.db)
    watched.grow(300)
    watched.scene.machine.forward(timedelta(hours=1))
    assert watched.found() == []
    assert watched.kept["checkpoint"].encode() == read_log.head(watched.ctx.db)
    assert watched.kept["whole_at"] == first["whole_at"]


def test_a_later_row_that_was_changed_is_found_at_once(watched):
    watched.grow()
    watched.run(
        "UPDATE sinetti_auditevent SET actor = 'other'"
        " WHERE sequence = (SELECT MAX(sequence) - 2 FROM sinetti_auditevent)"
    )
    (found,) = watched.found()
    assert found.startswith("log-wrong: entry ")


def test_a_verification_of_everything_that_is_due_is_reported(watched):
    """A watch alone does not find a change of an earlier row."""
    watched.run("UPDATE sinetti_auditevent SET actor = 'other' WHERE sequence = 1")
    watched.scene.machine.forward(timedelta(days=7))
    assert watched.found() == []
    watched.scene.machine.forward(timedelta(days=1))
    (found,) = watched.found()
    assert found.startswith("log-unprotected: the whole log was last verified on ")
    assert "run sinetti authority audit verify" in found
    keep_verified(watched.given)
    assert watched.found() == []
    before = watched.kept
    (watched.folder / "log-seen.json").unlink()
    assert watched.found()[0].startswith("log-wrong: entry 1: ")
    assert before["checkpoint"].encode() == read_log.head(watched.ctx.db)


def test_a_log_that_was_rewound_is_found(watched):
    watched.grow()
    assert watched.found() == []
    size = read_log.head(watched.ctx.db).split(b"\n")[1].decode()
    watched.run(
        f"DELETE FROM sinetti_logcheckpoint WHERE size = {size}",  # noqa: S608 - a number
        'DELETE FROM sinetti_logentry WHERE "index" >= (SELECT MAX(size) FROM sinetti_logcheckpoint)',
    )
    (found,) = watched.found()
    assert f"it had {size} entries" in found
    has_both_heads(watched, found, watched.kept["checkpoint"].encode())


def has_both_heads(watched, found, kept):
    """Check that a finding names the files with both signed heads."""
    files = [watched.folder / name for name in ("log-kept.txt", "log-now.txt")]
    assert all(str(one) in found for one in files)
    assert [one.read_bytes() for one in files] == [kept, read_log.head(watched.ctx.db)]


def test_database_and_journals_that_were_rewound_together_are_found_at_once(built, tmp_path):
    place = tmp_path / "place"
    shutil.copytree(built.folder, place)
    assert findings(place, built, LATER) == []
    kept = json.loads((place / "log-seen.json").read_bytes())["checkpoint"].encode()
    shutil.rmtree(place / "journal")
    shutil.copytree(built.earlier / "journal", place / "journal")
    shutil.copyfile(built.earlier / "register.sqlite3", place / "register.sqlite3")
    assert verified(built, place).fault is None
    for later in (timedelta(hours=1), timedelta(days=2)):  # of later entries alone, and of everything
        (found,) = findings(place, built, LATER + later)
        assert f"the log was rewound: it had {built.newest.size} entries" in found
    assert (place / "log-kept.txt").read_bytes() == kept
    now = Checkpoint.parse(SignedNote.parse((place / "log-now.txt").read_bytes()).text)
    assert now.size < built.newest.size


def findings(place, built, now) -> list[str]:
    """Return what a watch finds in a folder with a database and journals."""
    db = open_database(f"sqlite:///{place / 'register.sqlite3'}", alias="watched")
    try:
        ctx = SimpleNamespace(db=db, machine_now=lambda: now)
        journal = SimpleNamespace(folder=place / "journal", instance_id=built.instance_id)
        given = SimpleNamespace(ctx=ctx, folder=DataDirectory(place), journal=journal)
        return [f"{one.kind}: {one.sentence}" for one in log_findings(given)]
    finally:
        db.close()


def test_the_first_heads_of_a_contradiction_stay(watched):
    (watched.folder / "log-seen.json").write_text(json.dumps(watched.kept | {"checkpoint": FORKED}))
    watched.found()
    first = read_log.head(watched.ctx.db)
    watched.grow()
    has_both_heads_of(watched, watched.found()[0], first)


def has_both_heads_of(watched, found, now):
    assert str(watched.folder / "log-now.txt") in found
    assert (watched.folder / "log-now.txt").read_bytes() == now != read_log.head(watched.ctx.db)


def test_a_folder_that_keeps_no_checkpoint_is_reported(watched, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(log_watch, "write_atomic", refuse)
    (found,) = watched.found()
    assert found.startswith("log-unprotected: ")
    assert "log-seen.json cannot be written" in found


FORKED = Checkpoint(ORIGIN, 3, bytes(32)).signed(LOG_KEY).decode()
FOREIGN = Checkpoint(ORIGIN, 3, bytes(32)).signed(WRONG_KEY).decode()


def test_another_history_is_found(watched):
    (watched.folder / "log-seen.json").write_text(json.dumps(watched.kept | {"checkpoint": FORKED}))
    assert "differ from the checkpoint that was seen before" in watched.found()[0]
    (watched.folder / "log-seen.json").write_text(json.dumps(watched.kept | {"checkpoint": FOREIGN}))
    assert "has no checkpoint of this log" in watched.found()[0]


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"checkpoint": "", "whole_at": "never"}'])
def test_a_damaged_memory_is_reported_and_stays(watched, octets):
    path = watched.folder / "log-seen.json"
    path.write_bytes(octets)
    for _ in range(2):
        (found,) = watched.found()
        assert found.startswith(f"log-wrong: {path} has no checkpoint of this log (")
    assert path.read_bytes() == octets
    path.unlink()
    assert watched.found() == []
