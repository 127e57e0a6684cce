"""State of a store, row by row, without a call to the service."""

import json
from datetime import timedelta

import pytest

from sinetti.client.agent import schedule
from sinetti.client.model import AgentSettings, without_file
from sinetti.client.reporting import status
from sinetti.client.reporting.status import NameStatus, RequiredAction
from sinetti.client.results import ExitCode
from sinetti.client.store import generations
from sinetti.client.store.generations import NameState
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.infra.clock import instant_or_none
from sinetti.wire.soap.operations import Failure
from tests.client import double
from tests.client.conftest import NAME
from tests.client.test_renew import DAMAGE, END, OPENS, REVOKED, SECOND, TOO_EARLY
from tests.support import authority, golden


def row(holder):
    (one,) = status.rows(without_file(holder.store), lambda _name: holder.now)
    return one


def test_a_row_has_exactly_these_members(holder):
    holder.enrol()
    assert row(holder).as_json(Language.EN) == {
        "name": NAME,
        "customer_id": authority.CUSTOMER_ID,
        "serial": holder.live.resolve().name,
        "not_after": "2028-03-01T12:00:00Z",
        "state": "valid",
        "renew_from": "2028-01-01T12:00:00Z",
        "service": holder.double.url,
        "reason": None,
        "advice": None,
    }


def test_a_row_without_a_certificate_has_nulls(holder):
    holder.enrol(service="http://127.0.0.1:9/")
    members = row(holder).as_json(Language.EN)
    assert state_and_todo(holder) == (members["reason"], members["advice"])
    golden.check(
        "sentences/client-status/not-sent", {"en.txt": json.dumps(members, indent=2, ensure_ascii=False) + "\n"}
    )


PHASES = {
    "one second before renewal opens": (OPENS - SECOND, NameStatus.VALID),
    "the second renewal opens": (OPENS, NameStatus.RENEWAL_OPEN),
    "the last valid second": (END, NameStatus.RENEWAL_OPEN),
    "one second after the end": (END + SECOND, NameStatus.EXPIRED),
}


@pytest.mark.parametrize(("now", "state"), PHASES.values(), ids=PHASES)
def test_phases(now, state, holder):
    holder.enrol()
    assert row(holder.at(now)).state is state


SENT = {
    "a lost answer": (double.lose, NameStatus.UNCERTAIN),
    "an answer that is not trusted": (double.signed_by_a_holder, NameStatus.UNCERTAIN),
    "a code nobody knows": (double.refuse(Failure("PKI777", "Hmm.")), NameStatus.UNCERTAIN),
    "unavailable": (double.refuse(Failure("PKI090", "Later.")), NameStatus.PENDING),
    "too early": (double.refuse(TOO_EARLY), NameStatus.RENEWAL_OPEN),
    "revoked": (double.refuse(REVOKED), NameStatus.REVOKED),
}


@pytest.mark.parametrize(("behaviour", "state"), SENT.values(), ids=SENT)
def test_after_a_renewal_that_did_not_end_well(behaviour, state, holder):
    holder.enrol()
    holder.double.script.append(behaviour)
    holder.at(OPENS).renew()
    assert row(holder).state is state


def test_revoked_goes_before_expired_and_ends_with_the_next_certificate(holder):
    holder.enrol()
    generations.remember(holder.folder, NameState(revoked=holder.live.resolve().name))
    assert row(holder.at(END + SECOND)).state is NameStatus.REVOKED
    generations.remember(holder.folder, NameState(revoked="00"))
    assert row(holder).state is NameStatus.EXPIRED


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_a_state(damage, holder):
    holder.enrol()
    damage(holder.live)
    one = row(holder)
    assert one.state is NameStatus.DAMAGED
    assert one.as_json(Language.EN)["serial"] is None
    assert "store is damaged" in cells(holder)[-1]


def cells(holder, language=Language.EN):
    return status.row_cells(row(holder), language)


def state_and_todo(holder):
    return cells(holder)[2], cells(holder)[-1]


def test_cells_for_people(holder):
    holder.enrol()
    assert cells(holder) == (
        "payroll",
        "0123456-7 Sinisiipi Oy",
        "valid",
        "2028-03-01 14:00",
        "730",
        planned(holder),
        "",
    )
    assert cells(holder, Language.FI)[2:6] == ("voimassa", "2028-03-01 14:00", "730", planned(holder))
    assert cells(holder, Language.SV)[2:6] == ("giltigt", "2028-03-01 14:00", "730", planned(holder))


def test_a_certificate_that_begins_later_is_told(holder):
    holder.enrol()
    one = row(holder.at(authority.NOW - SECOND))
    assert one.as_json(Language.EN)["state"] == "valid"
    assert cells(holder)[2].endswith(" 2 March 2026 at 14:00 (Finnish time)")


def test_no_renewal_is_told_of_what_cannot_be_renewed(holder):
    holder.enrol()
    replace = "Order a replacement, then run “sinetti enrol payroll”."
    holder.at(END + SECOND)
    assert cells(holder)[2:] == ("expired", "2028-03-01 14:00", "-1", "–", replace)
    assert row(holder).as_json(Language.EN)["renew_from"] == "2028-01-01T12:00:00Z"
    generations.remember(holder.folder, NameState(revoked=holder.live.resolve().name))
    assert cells(holder.at(authority.NOW))[2:] == ("revoked", "2028-03-01 14:00", "730", "–", replace)


REMOVE = "Run “sinetti enrol payroll” again, or “sinetti remove payroll” if you do not need it."
FIRST = {
    "refused": (double.refuse(Failure("PKI005", "Lapsed.")), "refused (PKI005)", REMOVE),
    "refused for good": (double.refuse(Failure("PKI006", "Used.")), "refused (PKI006)", REMOVE),
    "lost": (
        double.lose,
        "uncertain",
        "Run “sinetti enrol payroll” again. If the outcome is still unknown, ask the service's support.",
    ),
    "put off": (double.refuse(Failure("PKI090", "Later.")), "pending", "Run “sinetti enrol payroll” again."),
}


@pytest.mark.parametrize(("behaviour", "state", "what"), FIRST.values(), ids=FIRST)
def test_a_first_enrolment_without_a_certificate(behaviour, state, what, holder):
    holder.double.script.append(behaviour)
    holder.enrol()
    assert row(holder).state in {NameStatus.PENDING, NameStatus.UNCERTAIN}
    assert state_and_todo(holder) == (state, what)


def test_a_key_that_was_set_aside_is_not_to_be_deleted(holder):
    unknown = double.refuse(Failure("PKI020", "Unknown."))
    holder.double.script.extend([double.well, unknown, unknown, double.well, unknown])
    holder.enrol()
    holder.enrol()
    assert state_and_todo(holder)[0] == "refused"
    golden.check("sentences/client-status/set-aside", {"en.txt": f"{state_and_todo(holder)[1]}\n"})


def remembered(**changes):
    known = {"failures": 0, "next_try": None, "codes": [], "exit": 0, "told": None, "hint": None} | changes

    def leave(holder):
        about = {"serial": holder.live.resolve().name} | known
        (holder.folder / "agent.json").write_text(json.dumps(about))

    return leave


def brought(**changes):
    known = {"serial": None, "tries": 0, "next": None} | changes
    return lambda holder: (holder.folder / "deploy.json").write_text(json.dumps(known))


def hopeless(holder):
    remembered(told=holder.live.resolve().name, codes=["PKI035"], exit=3)(holder)


def planned(holder):
    """Return the moment at which `sinetti run` plans the renewal, as a cell shows it."""
    seen = row(holder).seen
    place = schedule.stable_fraction(seen.serial, NAME)
    return translate.format_short(schedule.scheduled_time(place, seen.span, AgentSettings(), seen.memory.hint))


SOON = END - timedelta(days=14)
DUE = OPENS + timedelta(days=11)
"""Instant at which the spread has passed, so that each renewal is due."""
PLANNED = "planned"
HINTED = {"start": "2028-01-02T12:00:00Z", "end": "2028-01-03T12:00:00Z", "explanation": None, "ask_again": None}
AGENT = {
    "nothing to do": (OPENS - SECOND, lambda _: None, "valid", RequiredAction.NOTHING, PLANNED),
    "can be renewed": (OPENS, lambda _: None, "valid, can be renewed", RequiredAction.WAIT, PLANNED),
    "due": (DUE, lambda _: None, "valid, can be renewed", RequiredAction.WAIT, "now"),
    "fourteen days before the end": (SOON, lambda _: None, "valid, can be renewed", RequiredAction.WAIT, "now"),
    "nearer to the end": (SOON + SECOND, lambda _: None, "valid, can be renewed", RequiredAction.RENEW, "now"),
    "one failure": (
        DUE,
        remembered(failures=1, next_try="2028-01-12T12:05:00Z"),
        "valid, can be renewed, one attempt failed",
        RequiredAction.WAIT,
        "2028-01-12 14:05",
    ),
    "five failures": (
        DUE,
        remembered(failures=5, codes=["PKI090"]),
        "valid, can be renewed, 5 attempts failed (PKI090)",
        RequiredAction.RENEW,
        "now",
    ),
    "failures without a code": (
        DUE,
        remembered(failures=2),
        "valid, can be renewed, 2 attempts failed",
        RequiredAction.WAIT,
        "now",
    ),
    "failures with another certificate": (
        DUE,
        remembered(failures=9, serial="00"),
        "valid, can be renewed",
        RequiredAction.WAIT,
        "now",
    ),
    "a try that is due": (
        DUE,
        remembered(failures=1, next_try="2028-01-12T12:00:00Z"),
        "valid, can be renewed, one attempt failed",
        RequiredAction.WAIT,
        "now",
    ),
    "a hint": (
        OPENS - SECOND,
        remembered(hint=HINTED),
        "valid",
        RequiredAction.NOTHING,
        PLANNED,
    ),
    "a replacement was called for": (OPENS, hopeless, "valid, can no longer be renewed", RequiredAction.REPLACE, "–"),
    "memory that is none": (
        OPENS,
        lambda holder: (holder.folder / "agent.json").write_text("[1]"),
        "damaged",
        RequiredAction.REPAIR,
        "–",
    ),
    "memory cut short": (
        OPENS,
        lambda holder: (holder.folder / "agent.json").write_text('{"failures": 7'),
        "damaged",
        RequiredAction.REPAIR,
        "–",
    ),
    "memory of odd shapes": (
        OPENS,
        remembered(failures="7", next_try=3, codes="PKI090", told=5, hint={"start": "soon", "end": None}),
        "damaged",
        RequiredAction.REPAIR,
        "–",
    ),
    "not deployed": (
        OPENS,
        brought(tries=2),
        "valid, can be renewed, not yet put into use",
        RequiredAction.DEPLOY,
        "now",
    ),
    "not deployed and not tried": (OPENS, brought(), "valid, can be renewed", RequiredAction.WAIT, PLANNED),
    "deployed": (
        OPENS,
        lambda holder: brought(serial=holder.live.resolve().name, tries=1)(holder),
        "valid, can be renewed",
        RequiredAction.WAIT,
        PLANNED,
    ),
}


@pytest.mark.parametrize("case", AGENT.values(), ids=AGENT)
def test_what_the_agent_left(case, holder):
    now, leave, state, what, renewal = case
    holder.enrol()
    leave(holder.at(now))
    if renewal == PLANNED:
        renewal = planned(holder)
    assert (cells(holder)[2], status.required_action(row(holder)), cells(holder)[5]) == (state, what, renewal)


OPEN = {
    "under-way": ([double.well, double.refuse(Failure("PKI021", "Not ready."))], NameStatus.PENDING),
    "put-off": ([double.refuse(Failure("PKI090", "Later."))], NameStatus.PENDING),
    "uncertain": ([double.lose], NameStatus.UNCERTAIN),
}


@pytest.mark.parametrize(("case", "answers", "state"), [(case, *rest) for case, rest in OPEN.items()], ids=OPEN)
def test_an_open_renewal(case, answers, state, holder):
    holder.enrol()
    holder.double.script.extend(answers)
    holder.wait = 0
    holder.at(OPENS).renew()
    assert row(holder).state is state
    assert (status.exit_code([row(holder)]) is ExitCode.UNCERTAIN) == (state is NameStatus.UNCERTAIN)
    golden.check(f"sentences/client-status/{case}", {"en.txt": "\n".join((*state_and_todo(holder), ""))})


def test_details_add_what_the_agent_and_the_log_know(holder):
    holder.enrol()
    remembered(failures=1, next_try="2028-01-01T12:05:00Z", codes=["PKI090"], hint=HINTED)(holder)
    brought(tries=1, next="2028-01-01T12:05:00Z")(holder)
    one = row(holder.at(OPENS))
    more = status.details(one, holder.folder, Language.EN)
    assert list(more)[:9] == list(one.as_json(Language.EN))
    added = {name: value for name, value in more.items() if name not in one.as_json(Language.EN)}
    serial = holder.live.resolve().name
    assert added == {
        "customer_name": "Sinisiipi Oy",
        "environment": "TEST",
        "not_before": "2026-03-02T12:00:00Z",
        "days_left": 60,
        "todo": "deploy",
        "open": [],
        "failures": 1,
        "next_try": "2028-01-01T12:05:00Z",
        "next": "2028-01-01T12:05:00Z",
        "codes": ["PKI090"],
        "replacement_needed": False,
        "hint": {"start": "2028-01-02T12:00:00Z", "end": "2028-01-03T12:00:00Z"},
        "deployed": False,
        "deploy_tries": 1,
        "deploy_next": "2028-01-01T12:05:00Z",
        "last_event": {
            "at": "2026-03-02T12:00:00Z",
            "event": "enrolled",
            "serial": serial,
            "until": "2028-03-01T12:00:00Z",
        },
        "hook_output": [],
    }


def test_an_instant_is_written_in_utc_whole_seconds():
    eastern = authority.NOW.astimezone(tz=None) + timedelta(microseconds=5)
    assert instant_or_none(eastern) == "2026-03-02T12:00:00Z"
    assert instant_or_none(None) is None
