"""Notifications to systemd."""

import socket

import pytest

from sinetti.infra.unix_socket import sd_notify


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told(abstract, tmp_path, monkeypatch):
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        sd_notify("READY=1")
        manager.settimeout(5)
        assert manager.recv(100) == b"READY=1"


def test_nobody_listens(tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify("READY=1")
    assert not caplog.records
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    sd_notify("READY=1")
    assert "was not notified (READY=1)" in caplog.text
