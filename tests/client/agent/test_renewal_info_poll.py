"""Hints within runs: services, intervals, and the effect on renewals."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.client.agent import renewal_info_poll
from sinetti.client.model import DecisionReason
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import agent_state, event_log
from sinetti.client.store.event_log import EventType
from sinetti.wire.soap.operations import Failure
from tests.client import double
from tests.client.agent.test_runner import DAY, OPENS, SECOND, URGENT, AgentInstallation, many
from tests.client.conftest import NAME
from tests.support import authority

HOUR = timedelta(hours=1)


@pytest.fixture
def installation(holder):
    holder.enrol()
    return AgentInstallation(holder)


def window(start, end, retry="3600", **more):
    body = json.dumps({"suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()}, **more}).encode()

    def answer(handler, _path):
        handler.send(200, body, content_type="application/json", **{"Retry-After": retry})

    return answer


def test_a_service_that_knows_no_hints_is_asked_once_a_day_for_all_its_names(installation):
    many(installation, 5)
    for hour in range(24):
        installation.passed(authority.NOW + hour * HOUR)
    assert len(installation.holder.double.hints_asked) == 1
    installation.passed(authority.NOW + DAY)
    assert len(installation.holder.double.hints_asked) == 2


def passes(installation, hint_at, days):
    """Make six runs a day; return how many of them renewed."""
    count = 0
    for number in range(days * 6):
        now = authority.NOW + number * 4 * HOUR
        installation.holder.double.hint = window(*hint_at(now), retry="60")
        count += installation.row(installation.passed(now)).outcome is not None
    return count


HINTS = {
    "always now: one renewal a day": (lambda now: (now - HOUR, now), 8, 10),
    "a past that stays: one": (lambda _now: (authority.NOW + DAY, authority.NOW + 2 * DAY), 1, 1),
    "a past before each certificate began: none": (
        lambda _now: (authority.NOW - 9 * DAY, authority.NOW - 8 * DAY),
        0,
        0,
    ),
}


@pytest.mark.parametrize(("hint_at", "least", "most"), HINTS.values(), ids=HINTS)
def test_hints_that_call_for_each_new_certificate_make_no_loop(hint_at, least, most, installation):
    assert least <= passes(installation, hint_at, 10) <= most


def test_a_service_that_nobody_answers_for_is_asked_once_an_hour(installation):
    many(installation, 3)
    installation.holder.double.hint = lambda handler, _path: handler.send(503, b"")
    for minutes in (0, 5, 59):
        installation.passed(authority.NOW + timedelta(minutes=minutes))
    assert len(installation.holder.double.hints_asked) == 1


def test_a_service_with_hints_is_asked_for_each_name_as_often_as_it_wants(installation):
    many(installation, 3)
    installation.holder.double.hint = window(OPENS + DAY, OPENS + 2 * DAY)
    for minutes in (0, 59, 60):
        installation.passed(authority.NOW + timedelta(minutes=minutes))
    assert len(installation.holder.double.hints_asked) == 6
    assert len(set(installation.holder.double.hints_asked)) == 3


def test_one_without_a_hint_hides_nothing_from_the_others(installation):
    many(installation, 3)
    installation.holder.double.hint = lambda handler, _path: handler.send(
        404, b"{}", content_type="application/problem+json"
    )
    installation.passed(authority.NOW)
    installation.passed(authority.NOW + HOUR)
    assert len(installation.holder.double.hints_asked) == 3


def test_called_for_early(installation):
    soon = authority.NOW + 10 * DAY
    installation.holder.double.hint = window(soon, soon + SECOND, explanation={"en": "A CA is replaced."})
    end = installation.passed(soon - HOUR)
    assert (installation.row(end).decision.until, installation.holder.double.seen) == (soon, [])
    (told,) = [one for one in event_log.read(installation.holder.folder) if one.event is EventType.HINT]
    assert told.facts["explanation"] == "A CA is replaced."
    end = installation.passed(soon)
    assert installation.row(end).outcome.result is Result.RENEWED
    assert len([one for one in event_log.read(installation.holder.folder) if one.event is EventType.HINT]) == 1, (
        "told once"
    )


def test_put_off_but_never_past_urgent(installation):
    installation.holder.double.hint = window(URGENT + DAY, URGENT + 2 * DAY)
    end = installation.passed(OPENS + DAY)
    assert (installation.row(end).decision.because, end.exit_code) == (DecisionReason.PLANNED, ExitCode.DONE)
    assert end.next_due == URGENT
    assert installation.row(installation.passed(URGENT)).outcome.result is Result.RENEWED


def test_who_lies_about_now_brings_about_one_refused_request_a_day(installation):
    installation.holder.double.hint = window(authority.NOW, authority.NOW + HOUR, retry="0")
    installation.holder.double.script.extend([double.refuse(Failure("PKI034", "Too early."))] * 100)
    asked = []
    for hour in range(24 * 12):
        installation.passed(authority.NOW + DAY + hour * HOUR)
        asked += [hour] * len(installation.holder.double.seen)
    assert asked[-1] - asked[-2] == 24
    assert len([one for one in asked if one >= 48]) <= 10
    installation.holder.double.script.clear()
    installation.holder.double.hint = None
    installation.passed(OPENS)
    assert installation.serial() != "", "and the same certificate is renewed in its time"
    assert len(installation.holder.double.issued) == 2


def test_hints_of_another_clock_are_asked_again(installation):
    installation.holder.double.hint = window(OPENS, OPENS + DAY, retry="86400")
    installation.passed(authority.NOW + 300 * DAY)
    installation.passed(authority.NOW + DAY)
    assert len(installation.holder.double.hints_asked) == 2


@pytest.mark.parametrize("octets", [b"", b"[]", b'{"http://127.0.0.1": "soon"}', b'{"a": "2027-01-01T00:00:00"}'])
def test_what_is_known_of_services_may_be_lost(octets, installation):
    (installation.holder.store / ".hints.json").write_bytes(octets)
    installation.passed(authority.NOW)
    assert len(installation.holder.double.hints_asked) == 1


def test_settings_that_a_person_has_written_otherwise_are_read_all_the_same(installation):
    path = installation.holder.folder / "settings.toml"
    path.write_text(path.read_text().replace("service = ", "service  =  "))
    installation.passed(authority.NOW)
    assert len(installation.holder.double.hints_asked) == 1
    path.write_text("=")
    (installation.holder.store / ".hints.json").unlink()
    installation.passed(authority.NOW)
    assert len(installation.holder.double.hints_asked) == 1


def test_a_pass_that_is_to_stop_asks_nobody(installation):
    installation.stop.set()
    installation.passed(authority.NOW)
    assert installation.holder.double.hints_asked == []
    assert agent_state.load_agent_state(installation.holder.store / NAME) == agent_state.NOTHING


def test_a_hint_of_the_first_year_leaves_the_memory_of_failures(installation):
    """The stored state can be read again.

    Otherwise each run would begin to count anew.
    """
    installation.holder.double.hint = window(datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC))
    installation.holder.double.script.extend([double.refuse(Failure("PKI099", "Not just now."))] * 2)
    installation.passed(OPENS)
    assert installation.memory().failures == 1
    installation.passed(OPENS + HOUR)
    assert installation.memory().failures == 2


def test_a_service_whose_clock_is_beyond_any_stops_no_renewal(installation):
    beyond = "Sun, 02 May 2027 12:03:00 +99999999999999999999"
    installation.holder.double.hint = lambda handler, _path: handler.send(200, b"{}", **{"Retry-After": beyond})
    assert installation.row(installation.passed(URGENT)).outcome.result is Result.RENEWED


def test_whatever_is_wrong_with_asking_the_renewal_is_made(installation, monkeypatch):
    monkeypatch.setattr(renewal_info_poll.renewal_info, "fetch", lambda *_given: 1 / 0)
    assert installation.row(installation.passed(URGENT)).outcome.result is Result.RENEWED
