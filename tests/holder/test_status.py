"""How a store stands, row by row, without calling anybody."""

from datetime import timedelta

import pytest

from sinetti.domain.values import Language
from sinetti.holder import generations, messages, status
from sinetti.holder.generations import Notes
from sinetti.holder.status import NameState
from sinetti.wire.soap import Failure
from tests.holder import double as doubles
from tests.holder.conftest import NAME
from tests.holder.test_renew import DAMAGE, END, OPENS, REVOKED, SECOND, TOO_EARLY
from tests.support import authority


def row(desk):
    (one,) = status.rows(desk.store, lambda _name: desk.now)
    return one


def test_a_row_has_exactly_these_members(desk):
    desk.enrol()
    assert row(desk).as_json() == {
        "name": NAME,
        "customer_id": authority.CUSTOMER_ID,
        "serial": desk.live.resolve().name,
        "not_after": "2028-03-01T12:00:00Z",
        "state": "valid",
        "renew_from": "2028-01-01T12:00:00Z",
        "service": desk.double.url,
    }


def test_a_row_without_a_certificate_has_nulls(desk):
    desk.enrol(service="http://127.0.0.1:9/")
    assert row(desk).as_json() == {
        "name": NAME,
        "customer_id": authority.CUSTOMER_ID,
        "serial": None,
        "not_after": None,
        "state": "pending",
        "renew_from": None,
        "service": "http://127.0.0.1:9/",
    }


PHASES = {
    "one second before renewal opens": (OPENS - SECOND, NameState.VALID),
    "the second renewal opens": (OPENS, NameState.RENEWAL_OPEN),
    "the last valid second": (END, NameState.RENEWAL_OPEN),
    "one second after the end": (END + SECOND, NameState.EXPIRED),
}


@pytest.mark.parametrize(("now", "state"), PHASES.values(), ids=PHASES)
def test_phases(now, state, desk):
    desk.enrol()
    assert row(desk.at(now)).state is state


SENT = {
    "a lost answer": (doubles.lose, NameState.UNCERTAIN),
    "an answer that is not trusted": (doubles.signed_by_a_holder, NameState.UNCERTAIN),
    "a code nobody knows": (doubles.refuse(Failure("PKI777", "Hmm.")), NameState.UNCERTAIN),
    "unavailable": (doubles.refuse(Failure("PKI090", "Later.")), NameState.PENDING),
    "too early": (doubles.refuse(TOO_EARLY), NameState.RENEWAL_OPEN),
    "revoked": (doubles.refuse(REVOKED), NameState.REVOKED),
}


@pytest.mark.parametrize(("behaviour", "state"), SENT.values(), ids=SENT)
def test_after_a_renewal_that_did_not_end_well(behaviour, state, desk):
    desk.enrol()
    desk.double.script.append(behaviour)
    desk.at(OPENS).renew()
    assert row(desk).state is state


def test_revoked_goes_before_expired_and_ends_with_the_next_certificate(desk):
    desk.enrol()
    generations.remember(desk.folder, Notes(revoked=desk.live.resolve().name))
    assert row(desk.at(END + SECOND)).state is NameState.REVOKED
    generations.remember(desk.folder, Notes(revoked="00"))
    assert row(desk).state is NameState.EXPIRED


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_a_state(damage, desk):
    desk.enrol()
    damage(desk.live)
    one = row(desk)
    assert one.state is NameState.DAMAGED
    assert one.serial is None
    assert messages.render(status.line(one), Language.EN).startswith("payroll: The store is damaged: ")


def test_lines_for_people(desk):
    desk.enrol()
    assert messages.render(status.line(row(desk)), Language.EN) == (
        f"payroll: valid. Customer ID 0123456-7, certificate {desk.live.resolve().name}, "
        "valid until 1 March 2028 at 14:00 (Finnish time), renewal from 1 January 2028 at 14:00 (Finnish time)."
    )
    assert messages.render(status.line(row(desk)), Language.FI).startswith(
        "payroll: voimassa. Asiakastunnus 0123456-7,"
    )
    assert messages.render(status.line(row(desk)), Language.SV).startswith("payroll: giltigt. Kund-id 0123456-7,")


def line(desk, language=Language.EN):
    return messages.render(status.line(row(desk)), language)


def test_a_certificate_that_begins_later_is_told(desk):
    desk.enrol()
    one = row(desk.at(authority.NOW - SECOND))
    assert one.as_json()["state"] == "valid"
    assert line(desk).startswith("payroll: valid only from 2 March 2026 at 14:00 (Finnish time). Customer ID ")


def test_no_renewal_is_told_of_what_cannot_be_renewed(desk):
    desk.enrol()
    serial = desk.live.resolve().name
    end = "1 March 2028 at 14:00 (Finnish time); order a new one."
    start = f"Customer ID 0123456-7, certificate {serial}"
    desk.at(END + SECOND)
    assert line(desk) == f"payroll: expired. {start}, ended {end}"
    assert row(desk).as_json()["renew_from"] == "2028-01-01T12:00:00Z"
    generations.remember(desk.folder, Notes(revoked=serial))
    assert line(desk.at(authority.NOW)) == f"payroll: revoked. {start}, would have ended {end}"


FIRST = {
    "refused": (doubles.refuse(Failure("PKI005", "Lapsed.")), "payroll: refused (PKI005). ", True),
    "refused for good": (doubles.refuse(Failure("PKI006", "Used.")), "payroll: refused (PKI006). ", True),
    "lost": (doubles.lose, "payroll: uncertain. ", False),
    "put off": (doubles.refuse(Failure("PKI090", "Later.")), "payroll: under way. ", False),
}


@pytest.mark.parametrize(("behaviour", "start", "may_go"), FIRST.values(), ids=FIRST)
def test_a_first_enrolment_without_a_certificate(behaviour, start, may_go, desk):
    desk.double.script.append(behaviour)
    desk.enrol()
    assert row(desk).state in {NameState.PENDING, NameState.UNCERTAIN}
    assert line(desk).startswith(start)
    assert ("or delete its folder" in line(desk)) is may_go


def test_a_first_enrolment_that_reached_nobody(desk):
    desk.enrol(service="http://127.0.0.1:9/")
    assert line(desk).startswith("payroll: the request has not been sent. ")
    assert line(desk).endswith("Run “sinetti enrol” again, or delete its folder.")


def test_a_key_that_was_set_aside_is_not_to_be_deleted(desk):
    unknown = doubles.refuse(Failure("PKI020", "Unknown."))
    desk.double.script.extend([doubles.well, unknown, unknown, doubles.well, unknown])
    desk.enrol()
    desk.enrol()
    assert line(desk) == "payroll: refused. Customer ID 0123456-7, no certificate yet."


def test_an_instant_is_written_in_utc_whole_seconds():
    eastern = authority.NOW.astimezone(tz=None) + timedelta(microseconds=5)
    assert status.instant(eastern) == "2026-03-02T12:00:00Z"
    assert status.instant(None) is None
