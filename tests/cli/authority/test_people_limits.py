"""Limits of 24 hours on pages.

An authority has them, and a bench needs a setting.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.authority import processes
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.operations.monitoring import Periods
from sinetti.infra.clock import utc_now
from sinetti.settings.portal import DEFAULTS
from tests.support.mailrooms import a_mailroom
from tests.support.registers import sqlite_db
from tests.support.scene import sqlite_scene

__all__ = ["sqlite_db", "sqlite_scene"]

SETTINGS = {
    "no file": (None, DailyLimits()),
    "a limit of its own": ("[daily_limits]\nletters_per_recipient = 5\n", DailyLimits(letters=5)),
}


@pytest.mark.parametrize(("written", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_limits_of_an_authority(tmp_path, monkeypatch, written, expected):
    file = Path(tmp_path / "eservice.toml")
    if written is not None:
        file.write_text(written)
        file.chmod(0o600)
    monkeypatch.setattr(processes, "notification_context", lambda _authority: None)
    monkeypatch.setattr(processes, "listen_per_worker", lambda address, _count: (address, ()))
    authority = SimpleNamespace(
        folder=SimpleNamespace(eservice=file),
        settings=SimpleNamespace(
            periods=Periods(),
            documentation_url=None,
            soap_address="https://soap.example",
            base_url="http://pki.example",
            security_txt=None,
        ),
        ctx=SimpleNamespace(machine_now=utc_now),
    )
    settings = processes.listen_people("address", authority).settings
    assert settings.daily_limits == expected
    assert (settings.soap_address, settings.status_address) == ("https://soap.example", "http://pki.example")


@pytest.mark.parametrize("limits", [None, DailyLimits(letters=5)], ids=["none", "some"])
def test_acts_of_pages_have_the_limits_of_their_settings(sqlite_scene, monkeypatch, limits):
    seen = []

    def noted(ctx, *_rest, **_more):
        seen.append(ctx.daily_limits)
        return SimpleNamespace(given=dict)

    monkeypatch.setattr(processes, "PortalContext", noted)
    settings = processes.replace(DEFAULTS, daily_limits=limits)
    processes.people_edge(sqlite_scene.ctx, a_mailroom(sqlite_scene), lambda: None, settings=settings)
    assert seen == [limits]
