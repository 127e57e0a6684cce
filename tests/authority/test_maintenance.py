"""Maintenance tasks: a task that fails does not stop the others."""

from threading import Event
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from sinetti.authority import maintenance
from sinetti.authority.maintenance import background_maintenance

SOON = 60.0


@pytest.fixture
def done(monkeypatch):
    """Replace the tasks by events, each of which is set when its turn has come."""
    turns = {name: Event() for name in ("resolve_reservations", "refresh_crls", "tell", "look")}

    def duty(name, result=None):
        return lambda *_: turns[name].set() or result

    monkeypatch.setattr(maintenance, "resolve_reservations", duty("resolve_reservations", (0, 0)))
    monkeypatch.setattr(maintenance, "refresh_crls", duty("refresh_crls"))
    monkeypatch.setattr(maintenance.AlertLogger, "tell", duty("tell"))
    monkeypatch.setattr(maintenance.OcspRefresher, "look", duty("look"))
    return turns


FAILURES = {
    "a reservation that cannot be settled": ("resolve_reservations", ValueError("odd octets")),
    "a journal that is full": ("resolve_reservations", OSError("full")),
    "a list that cannot be made": ("refresh_crls", ValueError("no such reason")),
    "the register is away for one of them": ("refresh_crls", OperationalError("away")),
    "a file that cannot be read": ("tell", PermissionError("DIR/ca")),
}


@pytest.mark.parametrize(("name", "failure"), FAILURES.values(), ids=FAILURES)
def test_what_fails_keeps_nothing_else_from_being_done(done, monkeypatch, caplog, name, failure):
    def fails(*_):
        done[name].set()
        raise failure

    nothing = SimpleNamespace(**dict.fromkeys(("refresh", "close", "end_month", "compare"), lambda: None))
    settings = SimpleNamespace(witnesses=())
    cas = SimpleNamespace(follow=Event.wait)
    authority = SimpleNamespace(
        ctx=SimpleNamespace(db=nothing), journal=nothing, settings=settings, cas=cas, clock=nothing
    )
    monkeypatch.setattr(*((maintenance.AlertLogger, name) if name == "tell" else (maintenance, name)), fails)
    with background_maintenance(authority):
        assert all(one.wait(SOON) for one in done.values()), "OCSP answers are signed anew whatever else fails"
    assert str(failure) in caplog.text


def test_the_alerts_judge_what_the_other_tasks_leave(monkeypatch):
    turns, alerted = [], Event()
    monkeypatch.setattr(maintenance, "resolve_reservations", lambda *_: turns.append("reservations") or (0, 0))
    monkeypatch.setattr(maintenance, "refresh_crls", lambda *_: turns.append("lists"))
    monkeypatch.setattr(maintenance.OcspRefresher, "look", lambda *_: turns.append("OCSP answers"))
    monkeypatch.setattr(maintenance.AlertLogger, "tell", lambda *_: turns.append("alerts") or alerted.set())
    nothing = SimpleNamespace(**dict.fromkeys(("refresh", "close", "end_month", "compare"), lambda: None))
    settings = SimpleNamespace(witnesses=())
    cas = SimpleNamespace(follow=Event.wait)
    authority = SimpleNamespace(
        ctx=SimpleNamespace(db=nothing), journal=nothing, settings=settings, cas=cas, clock=nothing
    )
    with background_maintenance(authority):
        assert alerted.wait(SOON)
    assert turns == ["reservations", "lists", "OCSP answers", "alerts"]
