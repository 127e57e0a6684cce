"""The time daemon of the machine, which confirms its clock."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.infra import clock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT = NOW.timestamp()
LINES = {
    "another server": (f"7F000001,192.0.2.1,2,{AT - 60},-0.000001979,0,0,0.106,0.008,0.593,0,0,1.0,Normal", True),
    "a leap second today": (f"7F000001,192.0.2.1,2,{AT - 60},-0.1,0,0,0.1,0.0,0.5,0,0,1.0,Insert second", True),
    "no server but itself": (f"7F7F0101,,1,{AT - 60},0.000000000,0,0,0.000,0.000,0.000,0,0,0.0,Normal", False),
    "no server yet": ("00000000,,0,0.000000000,0.000000000,0,0,0.000,0.000,0.000,1,1,0.0,Not synchronised", False),
    "a jump since": (f"7F000001,192.0.2.1,2,{AT - 7200},0.000001979,0,0,0.106,0.008,0.593,0,0,1.0,Normal", False),
    "a jump that it corrects": (f"7F000001,192.0.2.1,2,{AT - 9},3456000.1,0,0,0.1,0.0,0.5,0,0,1.0,Normal", False),
    "something else": ("what,\n", False),
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a folder for a machine's `chronyc` and the file of systemd-timesyncd."""
    monkeypatch.setattr(clock, "_CHRONYC", (str(tmp_path / "chronyc"), "-c"))
    monkeypatch.setattr(clock, "_TIMESYNCD", tmp_path / "synchronized")
    return tmp_path


@pytest.mark.parametrize(("line", "confirms"), LINES.values(), ids=LINES)
def test_what_chrony_of_debian_13_prints(machine, line, confirms):
    script = machine / "chronyc"
    script.write_text(f"#!/bin/sh\necho '{line}'\n")
    script.chmod(0o700)
    assert clock.is_synchronised(NOW) is confirms


def test_what_systemd_timesyncd_leaves(machine):
    assert not clock.is_synchronised(NOW)
    (machine / "synchronized").touch()
    for ago, confirms in ((30, True), (-30, True), (61, False), (-61, False)):
        at = (NOW - timedelta(minutes=ago)).timestamp()
        os.utime(machine / "synchronized", (at, at))
        assert clock.is_synchronised(NOW) is confirms
