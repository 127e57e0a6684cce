"""Timetable of successions: dates, order and states at fixed instants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.authorities.timetable import PlannedCa, SuccessionStep, plan_successions
from sinetti.domain.values import Channel

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
VALIDITY = 730 * DAY


def ca(name, role, parent, life, **more):
    kept = {"state": CaState.ISSUING, "channel": None, "begins_at": BEGIN, "ends_at": BEGIN + life * DAY, **more}
    return PlannedCa(name, role, parent, **kept)


ROOT = ca("Root", "root", None, 7305)
MIDDLE = ca("Middle", "intermediate", "Root", 5479)
ISSUING = ca("Ws", "issuing", "Middle", 2922, channel=Channel.WS, validity=VALIDITY)
SERVICES = ca("Services", "services", "Middle", 2922)
FOUNDED = (ROOT, MIDDLE, ISSUING, SERVICES)
END = BEGIN + 2922 * DAY
ALARM, ACTIVATE = END - 1095 * DAY, END - 820 * DAY


def plan(*authorities, now=BEGIN):
    return {one.ca.name: one for one in plan_successions(authorities, now)}


def dates(timetable):
    return {one.step.value: one.at for one in timetable.steps}


def done(timetable):
    return {one.step.value for one in timetable.steps if one.is_done}


def test_the_dates_of_an_issuing_ca():
    assert dates(plan(*FOUNDED)["Ws"]) == {
        "alarm": ALARM,
        "begin": ACTIVATE - 157 * DAY,
        "ceremony": ACTIVATE - 97 * DAY,
        "install": ACTIVATE - 90 * DAY,
        "activate": ACTIVATE,
        "retire": END - 90 * DAY,
    }


def test_other_cas_sign_nearly_to_their_end():
    found = plan(*FOUNDED)
    assert dates(found["Services"])["activate"] == END - 90 * DAY
    assert dates(found["Services"])["retire"] == END
    assert dates(found["Middle"])["alarm"] == MIDDLE.ends_at - 1095 * DAY


def test_parents_come_first():
    assert list(plan(*reversed(FOUNDED))) == ["Root", "Middle", "Services", "Ws"]


def test_the_steps_are_in_order():
    for one in plan(*FOUNDED).values():
        assert list(dates(one)) == [step.value for step in SuccessionStep]
        assert sorted(dates(one).values()) == list(dates(one).values())


def test_a_parent_that_leaves_its_child_less_than_half_a_life_goes_first():
    late = replace(ISSUING, begins_at=BEGIN + 2557 * DAY, ends_at=BEGIN + 5479 * DAY)
    found = plan(ROOT, MIDDLE, late)
    assert found["Ws"].waits_for == "Middle"
    assert dates(found["Middle"])["activate"] == dates(found["Ws"])["begin"]
    assert plan(*FOUNDED)["Ws"].waits_for is None


def test_a_short_life_shrinks_all_times():
    short = ca("Ws", "issuing", None, 292.2, channel=Channel.WS, validity=7 * DAY)
    found = dates(plan(short)["Ws"])
    assert found["activate"] == short.ends_at - 16 * DAY
    assert found["activate"] - found["begin"] == 15.7 * DAY
    assert found["alarm"] == short.ends_at - 146.1 * DAY


SUCCESSOR = ca("Ws2", "issuing", "Middle", 4000, channel=Channel.WS, validity=VALIDITY, replaces="Ws")
SUCCESSORS = {
    "none": (None, None, set()),
    "a key and a request": (
        replace(SUCCESSOR, state=CaState.PENDING, begins_at=None, ends_at=None), "Ws2", {"begin"}
    ),
    "installed": (
        replace(SUCCESSOR, state=CaState.STANDBY), "Ws2", {"alarm", "begin", "ceremony", "install"}
    ),
    "a standby of the founding that ends with it": (
        replace(SUCCESSOR, state=CaState.STANDBY, replaces=None, ends_at=END), None, set()
    ),
    "a standby of the channel that outlives it": (
        replace(SUCCESSOR, state=CaState.STANDBY, replaces=None), "Ws2", {"alarm", "begin", "ceremony", "install"}
    ),
    "a standby of another channel": (
        replace(SUCCESSOR, state=CaState.STANDBY, replaces=None, channel=Channel.SFTP), None, set()
    ),
    "one that was revoked": (replace(SUCCESSOR, state=CaState.REVOKED), None, set()),
}  # fmt: skip


@pytest.mark.parametrize(("other", "successor", "steps"), SUCCESSORS.values(), ids=SUCCESSORS)
def test_done_steps(other, successor, steps):
    found = plan(*FOUNDED, *([other] if other is not None else []))["Ws"]
    assert found.successor == successor
    assert done(found) == steps


def test_the_most_advanced_successor_counts():
    pending = replace(SUCCESSOR, name="Ws3", state=CaState.PENDING, begins_at=None, ends_at=None)
    assert plan(*FOUNDED, pending, replace(SUCCESSOR, state=CaState.STANDBY))["Ws"].successor == "Ws2"


NOW = {
    "a second before the alarm": (ALARM - SECOND, None, False, False),
    "at the alarm": (ALARM, None, True, False),
    "after the latest beginning": (ACTIVATE - 157 * DAY + SECOND, None, True, True),
    "begun, before the ceremony": (ACTIVATE - 100 * DAY, CaState.PENDING, True, False),
    "begun, after the latest ceremony": (ACTIVATE - 96 * DAY, CaState.PENDING, True, True),
    "installed, before the activation": (ACTIVATE, CaState.STANDBY, False, False),
    "installed, after the latest activation": (ACTIVATE + SECOND, CaState.STANDBY, True, True),
}


@pytest.mark.parametrize(("now", "state", "due", "late"), NOW.values(), ids=NOW)
def test_due_and_late(now, state, due, late):
    other = [] if state is None else [replace(SUCCESSOR, state=state)]
    found = plan(*FOUNDED, *other, now=now)["Ws"]
    assert (found.is_due(now), found.is_late(now)) == (due, late)


def test_a_predecessor_is_retired_after_its_last_certificate():
    old = replace(ISSUING, state=CaState.PUBLISHING, last_leaf_ends_at=END - 5 * DAY)
    found = plan(ROOT, MIDDLE, old, SUCCESSOR)["Ws"]
    assert dates(found) == {"retire": END - 5 * DAY}
    assert found.successor == "Ws2"
    assert not found.is_due(END)
    unused = replace(old, last_leaf_ends_at=None)
    assert dates(plan(unused, now=END)["Ws"]) == {"retire": END}


@pytest.mark.parametrize("state", [CaState.PENDING, CaState.STANDBY, CaState.RETIRED, CaState.REVOKED])
def test_others_have_no_timetable(state):
    assert plan(replace(ISSUING, state=state)) == {}
    assert plan(replace(ISSUING, state=CaState.PENDING, begins_at=None, ends_at=None)) == {}


def test_a_finished_succession_has_no_next_step():
    found = plan(*FOUNDED)["Ws"]
    ended = replace(found, steps=tuple(replace(one, is_done=True) for one in found.steps))
    assert (ended.next_step, ended.is_due(END), ended.is_late(END)) == (None, False, False)


def test_a_loop_of_parents_ends():
    assert set(plan(replace(ROOT, parent="Middle"), MIDDLE)) == {"Root", "Middle"}
