"""Notifications to systemd."""

import socket

import pytest

from sinetti.infra.unix_socket import is_journal, sd_notify, watchdog_seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told(abstract, tmp_path, monkeypatch):
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        sd_notify("READY=1")
        manager.settimeout(60)
        assert manager.recv(100) == b"READY=1"


def test_nobody_listens(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify("READY=1")
    assert not caplog.records
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    sd_notify("READY=1")
    assert "was not notified (READY=1)" in caplog.text


@pytest.mark.parametrize(("limit", "seconds"), [(None, 30.0), ("600000000", 30.0), ("6000000", 3.0), ("soon", 30.0)])
def test_the_watchdog_hears_twice_in_its_time_and_every_thirty_seconds(limit, seconds, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    if limit is not None:
        monkeypatch.setenv("WATCHDOG_USEC", limit)
    assert watchdog_seconds(30.0) == seconds


def test_only_the_stream_that_systemd_names_goes_to_the_journal(tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as file:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert not is_journal(journal)
        here = (tmp_path / "journal").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{here.st_dev}:{here.st_ino}")
        assert is_journal(journal)
        assert not is_journal(file)
    assert not is_journal(journal), "a closed one"
