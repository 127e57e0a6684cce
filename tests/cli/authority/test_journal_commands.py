"""`sinetti authority journal close` and `ship`, and what `watch` and the health check say of copies."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sinetti.authority import alerts
from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.authority import journal as command
from sinetti.journal import reader
from sinetti.journal.writer import Journal
from sinetti.services.evidence.sequence_log import LogSequencer
from tests.support import golden

EARLIER = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def founded(sqlite_operator, monkeypatch):
    """Return an operator whose journal began in an earlier month, and the folder of its journals."""
    sqlite_operator.found()
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_is_over", lambda _self: False)
        patch.setattr("sinetti.authority.bootstrap.utc_now", lambda: EARLIER)
        sequence(sqlite_operator)
    return sqlite_operator, sqlite_operator.root.with_name("authority-journal")


def sequence(operator):
    authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
    LogSequencer().run(authority.ctx, "ab" * 16)
    authority.journal.close()
    authority.ctx.db.close()
    authority.keys.close()


def test_journals_of_earlier_months_are_closed(founded, monkeypatch):
    operator, place = founded
    monkeypatch.setattr(command, "LOG_WITHIN", 0.0)
    operator.says(4, "journal", "close")
    sequence(operator)
    (name,) = json.loads(operator.does("journal", "close", "--json"))["closed"]
    assert ".2026-01-" in name
    operator.says(0, "journal", "close")
    assert name in operator.says(0, "journal", "verify")[0]
    operator.does("audit", "verify")
    assert operator.run("reconcile", "--full")[0] == 0
    proof = place / f"{name}{reader.PROOF}"
    octets = proof.read_bytes()
    proof.write_bytes(b"")
    operator.says(5, "journal", "verify")
    proof.write_bytes(octets)
    proof.with_suffix("").unlink()
    assert f"{name}.proof" in operator.says(5, "journal", "verify")[1]
    golden.check("sentences/journal-commands/journals-of-earlier-months-are-closed", operator.said())


def test_copies_that_lag_are_reported(founded, tmp_path, monkeypatch):
    operator, _ = founded
    there = tmp_path / "there"
    operator.refused(2, "journal", "ship", "--to", there)
    there.mkdir()
    ship = ("journal", "ship", "--to", there)
    operator.says(0, *ship)
    assert json.loads(operator.does(*ship, "--full", "--json")) == {"lines": 0, "lists": 0, "journals": 1}
    assert "journal-not-shipped" not in operator.run("watch")[1]
    monkeypatch.setattr(alerts, "SHIPPED_WITHIN", timedelta(0))
    operator.says(3, "watch")
    (copy,) = there.iterdir()
    copy.write_bytes(copy.read_bytes()[:-3] + b"x\n")
    operator.refused(3, *ship)
    copy.unlink()
    there.rmdir()
    there.touch()
    operator.refused(2, *ship)
    operator.refused(2, *ship, "--every", "0")
    golden.check("sentences/journal-commands/copies-that-lag-are-reported", operator.said())


def test_no_copies_beside_the_originals(founded):
    operator, _ = founded
    for below in ("", "-journal", "/trust"):
        place = Path(f"{operator.root}{below}")
        before = sorted(place.iterdir())
        operator.refused(2, "journal", "ship", "--to", place)
        assert sorted(place.iterdir()) == before
    golden.check("sentences/journal-commands/no-copies-beside-the-originals", operator.said())


def test_a_service_goes_on_after_a_target_was_away(founded, tmp_path, monkeypatch):
    operator, _ = founded
    there = tmp_path / "there"
    there.mkdir()
    rounds = []

    def pause(seconds):
        rounds.append(seconds)
        if len(rounds) == 1:
            there.rename(tmp_path / "away")
        elif len(rounds) == 2:
            there.mkdir()
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "sleep", pause)
    operator.says(130, "journal", "ship", "--to", there, "--every", "5")
    assert rounds == [5.0, 5.0, 5.0]
    golden.check("sentences/journal-commands/a-service-goes-on-after-a-target-was-away", operator.said())
