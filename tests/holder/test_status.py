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
    (one,) = status.rows(desk.store, desk.now)
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
    assert messages.render(status.line(one), Language.EN).startswith("The store is damaged: ")


def test_lines_for_people(desk):
    desk.enrol()
    assert messages.render(status.line(row(desk)), Language.EN) == (
        f"payroll: valid. Customer ID 0123456-7, certificate {desk.live.resolve().name}, "
        "valid until 1 March 2028 at 14:00 (Finnish time), renewal from 1 January 2028 at 14:00 (Finnish time)."
    )
    assert messages.render(status.line(row(desk)), Language.FI).startswith(
        "payroll: voimassa. Asiakastunnus 0123456-7,"
    )
    assert messages.render(status.line(row(desk)), Language.SV).startswith("payroll: gäller. Kund-id 0123456-7,")


def test_an_instant_is_written_in_utc_whole_seconds():
    eastern = authority.NOW.astimezone(tz=None) + timedelta(microseconds=5)
    assert status.instant(eastern) == "2026-03-02T12:00:00Z"
    assert status.instant(None) is None
