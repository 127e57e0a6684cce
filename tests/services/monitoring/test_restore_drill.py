"""Restore drills: times, what the backup lacked, and a scratch database that is empty before and after."""

from pathlib import Path

import psycopg
import pytest
from django.db import connections

from sinetti.database import models
from sinetti.database.operations import backups
from sinetti.database.operations.backups import BackupError
from sinetti.database.operations.scratch import clear_scratch, open_scratch
from sinetti.database.sql import random_id
from sinetti.journal import reader
from sinetti.journal.writer import JournalEntry
from sinetti.services.monitoring.restore_drill import drill_restore
from tests.support.backups import url_of
from tests.support.journals import keeping
from tests.support.logs import REQUEST, logging, sequenced
from tests.support.scene import enrolled


def _urls(db, folder) -> tuple[str, str]:
    """Return the URL of the register, and that of a new empty database."""
    if connections[db.alias].vendor == "sqlite":
        return f"sqlite:///{connections[db.alias].settings_dict['NAME']}", f"sqlite:///{folder / 'scratch'}"
    url, name = url_of(db), f"scratch_{random_id()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url, f"{url.rpartition('/')[0]}/{name}"


def drilled(scene, scratch, backup):
    return drill_restore(scene.ctx, scene.ctx.journal, backup, (scratch, open_scratch(scratch)), REQUEST)


def test_what_last_night_s_backup_lacks_is_put_back_in_the_scratch_database(scene, tmp_path):
    with keeping(scene, tmp_path) as kept:
        scene = kept.but(log_signers=logging(kept.ctx).log_signers)
        url, scratch = _urls(scene.db, tmp_path)
        enrolled(scene)
        sequenced(scene.ctx)
        backups.back_up(url, tmp_path / "backup")
        enrolled(scene), enrolled(scene)
        sequenced(scene.ctx)
        lines = [path.read_bytes() for path in reader.files(scene.ctx.journal.folder)]
        report = drilled(scene, scratch, tmp_path / "backup")
        assert (report.certificates, report.missing, report.failed, report.unwritten) == (1, 2, (), 0)
        assert report.log_entries > 0
        assert report.newest_at is not None
        assert report.restore_seconds > 0
        assert report.reconcile_seconds > 0
        assert [path.read_bytes() for path in reader.files(scene.ctx.journal.folder)] == lines
        assert models.Certificate.objects.using(scene.db.alias).count() == 3
        clear_scratch(open_scratch(scratch))  # it is empty again


def test_a_database_with_tables_is_no_scratch_database(scene, tmp_path):
    url, scratch = _urls(scene.db, tmp_path)
    with pytest.raises(BackupError, match="because a drill removes"):
        open_scratch(url)
    if scratch.startswith("sqlite"):
        Path(scratch.removeprefix("sqlite:///")).touch()
        with pytest.raises(BackupError, match="exists: name a new file"):
            open_scratch(scratch)


def test_a_database_that_another_process_fills_meanwhile_is_not_emptied(scene, tmp_path):
    with keeping(scene, tmp_path) as kept:
        enrolled(kept)
        url, scratch = _urls(kept.db, tmp_path)
        backups.back_up(url, tmp_path / "backup")
        db = open_scratch(scratch)
        backups.restore(scratch, tmp_path / "backup")
        with pytest.raises(BackupError):
            drill_restore(kept.ctx, kept.ctx.journal, tmp_path / "backup", (scratch, db), REQUEST)
        assert models.Certificate.objects.using(db.alias).count() == 1
        clear_scratch(db)


def test_what_else_a_drill_would_remove_makes_a_database_no_scratch_database(scene, tmp_path):
    _, scratch = _urls(scene.db, tmp_path)
    if scratch.startswith("sqlite"):
        log = Path(f"{scratch.removeprefix('sqlite:///')}-wal")
        log.write_bytes(b"not in the file yet")
        with pytest.raises(BackupError, match="exists: name a new file"):
            open_scratch(scratch)
        assert log.read_bytes()
        return
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION ours() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with pytest.raises(BackupError, match="has the function ours"):
        open_scratch(scratch)


def test_what_no_journal_has_is_named(scene, tmp_path):
    """A revocation of a certificate whose journal is missing cannot be restored."""
    with keeping(scene, tmp_path) as kept:
        url, scratch = _urls(kept.db, tmp_path)
        backups.back_up(url, tmp_path / "backup")
        serial = enrolled(kept).serial
        path = kept.ctx.journal.folder / "north.jsonl"
        kept.ctx.journal.close()
        # The journal of another process has only the retrieval.
        for one in (path, path.with_name("north.jsonl.head")):
            one.unlink()
        kept.ctx.journal.append([JournalEntry("fetched", {"serial": serial, "at": "2027-03-01T12:00:00Z"})])
        assert drilled(kept, scratch, tmp_path / "backup").failed == (serial,)
