"""`authority publish-status`: once, continuously, and only into a folder of its own."""

import json
import os
from itertools import count

import pytest
from django.db import OperationalError

from sinetti.authority.data_directory import locked
from sinetti.cli.authority import publish_status
from sinetti.services.publish_status import PublicationReport, StatusPublisher
from tests.support import golden


@pytest.fixture
def operator(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator


def test_once(operator, tmp_path):
    place = tmp_path / "public" / "status"
    mask = os.umask(0o077)
    try:
        assert json.loads(operator.does("publish-status", "--to", place, "--json")) == {"written": 0, "removed": 0}
        assert os.umask(0o077) == 0o077, "the process has its own mask again"
    finally:
        os.umask(mask)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {"status", "ca", "crl"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_dir()} == {0o755}
    operator.does("publish-status", "--to", place, "--once")


@pytest.mark.long
def test_a_register_that_lacks_facts_of_the_journals_signs_nothing(operator, tmp_path):
    place = tmp_path / "status"
    operator.does("publish-status", "--to", place)
    backup = (operator.root / "register.sqlite3").read_bytes()
    operator.does("ca", "stop", "DataProvidersTestIssuingCAv1")
    operator.does("publish-status", "--to", place)
    (operator.root / "register.sqlite3").write_bytes(backup)
    for how in ("--once", "--watch"):
        err = operator.refused(5, "publish-status", "--to", place, how)
        assert "facts that the database lacks" in err
        assert "nothing is published until you run sinetti authority reconcile" in err
    for words in (
        ("revoke", "DataProvidersTestIssuingCAv1", "--reason", "superseded"),
        ("retire", "ServicesTestIssuingCAv1"),
    ):
        operator.refused(5, "ca", *words)
    operator.does("reconcile")
    operator.does("publish-status", "--to", place)
    golden.check("sentences/publish-status/a-register-that-lacks-facts-of-the-journals-signs-nothing", operator.said())


def test_other_folders_are_refused(operator, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("x", encoding="utf-8")
    operator.refused(2, "publish-status", "--to", tmp_path / "other")
    place = tmp_path / "status"
    operator.does("publish-status", "--to", place)
    with locked(place):
        operator.refused(5, "publish-status", "--to", place)
    (place / ".sinetti-status").write_text("another authority", encoding="utf-8")
    operator.refused(2, "publish-status", "--to", place)
    (place / ".sinetti-status").unlink()
    operator.refused(2, "publish-status", "--to", place)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    operator.refused(2, "publish-status", "--to", tmp_path / "file")
    golden.check("sentences/publish-status/other-folders-are-refused", operator.said())


@pytest.mark.parametrize("how", ["--once", "--watch"])
def test_a_list_that_can_be_neither_written_nor_removed_ends_the_command(operator, tmp_path, how):
    place = tmp_path / "status"
    place.mkdir()
    operator.does("publish-status", "--to", place)
    for path in (place / "crl").iterdir():
        path.unlink()
    (place / "crl").rmdir()
    (place / "crl").write_text("a file is in its place", encoding="utf-8")
    code, _, err = operator.run("publish-status", "--to", place, how)
    assert code == 5
    assert f"so web servers may answer with old files: make room, and let {place}" in err


def test_a_fault_of_another_file_is_not_one_of_the_folder(operator, tmp_path, monkeypatch):
    def fails(_self, _request):
        raise PermissionError(13, "Permission denied", str(tmp_path / "journal"))

    monkeypatch.setattr(StatusPublisher, "publish", fails)
    _, _, err = operator.run("publish-status", "--to", tmp_path / "status")
    assert "journal: Permission denied" in err
    assert "web servers" not in err


def test_continuously(operator, tmp_path, monkeypatch):
    """Complete, then changes; while the database is away files expire; then complete again."""
    acts, pauses = [], []
    failing, changes = {1, 2}, iter([False, True])

    def tick(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            raise KeyboardInterrupt

    def follow(_self):
        turn = next(turns)
        acts.append("follow")
        if turn in failing:
            raise OperationalError
        return PublicationReport(written=turn, removed=0)

    turns = count()
    monkeypatch.setattr(publish_status, "sleep", tick)
    monkeypatch.setattr(StatusPublisher, "publish", lambda _self, _request: acts.append("publish"))
    monkeypatch.setattr(StatusPublisher, "sign_due", lambda _self, _request: acts.append("sign"))
    monkeypatch.setattr(StatusPublisher, "remove_expired", lambda _self: acts.append("expire"))
    monkeypatch.setattr(StatusPublisher, "follow", follow)
    monkeypatch.setattr(StatusPublisher, "has_changed", lambda _self: next(changes))
    seconds = iter([0.0, 0.1, 0.2, 1.2, 2.2, 64.0])
    monkeypatch.setattr(publish_status, "monotonic_seconds", lambda: next(seconds))
    code, _, err = operator.run("publish-status", "--to", tmp_path / "status", "--watch")
    assert code == 130
    assert pauses == [0.1, 0.1, 1.0, 1.0, 0.1, 0.1]
    assert err.count("the database is away, and the files stay until they expire") == 2
    assert err.count("OCSP responses written") == 2
    assert acts == [
        "publish", "follow",
        "follow", "expire",
        "publish", "follow", "expire",
        "publish", "follow",
        "sign", "expire", "follow",
    ]  # fmt: skip
