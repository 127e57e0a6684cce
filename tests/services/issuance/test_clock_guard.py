"""Issuance under a clock that cannot be right, on both databases.

Nothing is issued; reservations wait, revocations do not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from django.db import OperationalError, connections

from sinetti.database import models
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.operations.clock_check import ClockProblem
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Channel, Language
from sinetti.pki.encoding import load_certificate
from sinetti.services.issuance import clock_guard
from sinetti.services.issuance.clock_guard import (
    LOOKED_AT_EVERY,
    ClockGuard,
    ClockNotAcceptable,
    accept_clock,
    clock_check,
    describe_problem,
)
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.reconcile import RESERVATIONS_WAIT, resolve_reservations
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import current_crl, publish
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.registers import crowd
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Scene,
    accepted,
    collected,
    enrolled,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
)

AWAY = Rejection(RejectionReason.UNAVAILABLE, language=Language.SV)


@dataclass
class Machine:
    """Two clocks of a machine: `now` may be set, `steady` only increases."""

    now: datetime
    steady: float = 1000.0

    def guard(self, db, confirms=None) -> ClockGuard:
        """Return a guard that reads these clocks."""
        return ClockGuard(db, lambda: self.now, lambda: self.steady, confirms)


@dataclass
class Guarded:
    """Scene whose clocks are those of its machine.

    On PostgreSQL there is also the clock of the database, which is right.
    """

    scene: Scene
    machine: Machine
    guard: ClockGuard
    right: datetime

    @property
    def alone(self) -> bool:
        """True if the database has no clock of its own."""
        return connections[self.scene.db.alias].vendor == "sqlite"

    def moves(self, by: timedelta) -> None:
        """Move the clock of the machine by a duration.

        This must not happen in operation.
        """
        self.machine.now += by
        self.scene.clock.now = self.scene.machine.now = self.machine.now

    def passes(self, by: timedelta = 2 * LOOKED_AT_EVERY * SECOND) -> None:
        """Let time pass."""
        self.machine.steady += by.total_seconds()
        self.right += by
        self.moves(by)

    def doubt(self):
        """Check the clock after a while."""
        self.passes()
        return self.guard.status().doubt


@pytest.fixture
def guarded(scene, monkeypatch):
    machine = Machine(scene.clock.now)
    guard = machine.guard(scene.db)
    one = Guarded(scene.but(issuance_allowed=guard.issuance_allowed), machine, guard, machine.now)
    monkeypatch.setattr(clock_guard.clock, "database_now", lambda _: None if one.alone else one.right)
    return one


def test_a_clock_that_is_right_issues(guarded):
    held = enrolled(guarded.scene)
    assert held
    assert guarded.doubt() is None
    assert describe_problem(guarded.guard.status()) is None
    assert clock_check(guarded.guard)() is None


def test_a_clock_that_jumps_stops_issuing_at_once_and_goes_on_once_it_is_right(guarded):
    """Issuance stops at once, and not after the next check of the clock.

    The refusal is in the language of the contact and uses nothing up.
    """
    scene, held = guarded.scene, enrolled(guarded.scene)
    ids, key, new = ordered(scene), new_key(), new_key()
    assert guarded.guard.issuance_allowed()
    guarded.moves(31 * SECOND)
    assert enrol(new_ask(ids, key), scene.ctx, REQUEST) == AWAY
    guarded.moves(-62 * SECOND)
    assert enrol(new_ask(ids, key), scene.ctx, REQUEST) == AWAY
    guarded.moves(31 * SECOND)
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    guarded.passes(load_certificate(held.der).not_valid_after_utc - guarded.machine.now - 30 * DAY)
    guarded.moves(31 * SECOND)
    assert renew(renew_ask(held, new), scene.ctx, REQUEST) == AWAY
    guarded.moves(-31 * SECOND)
    accepted(renew(renew_ask(held, new), scene.ctx, REQUEST))


DOUBTS = {
    "29 s ahead": (29, None, None),
    "30 s ahead": (30, ClockProblem.JUMPED, ClockProblem.DIFFERS),
    "an hour ahead": (3600, ClockProblem.JUMPED, ClockProblem.DIFFERS),
    "3 s behind": (-3, ClockProblem.BEHIND, None),
    "an hour behind": (-3600, ClockProblem.BEHIND, ClockProblem.DIFFERS),
}


@pytest.mark.parametrize(("by", "alone", "beside"), DOUBTS.values(), ids=DOUBTS)
def test_what_is_doubted_and_what_is_said(guarded, by, alone, beside, caplog):
    ordered(guarded.scene)
    assert guarded.guard.status().doubt is None
    guarded.moves(by * SECOND)
    doubted = alone if guarded.alone else beside
    status = guarded.guard.status()
    assert status.doubt is doubted
    said = clock_check(guarded.guard)()
    assert said == describe_problem(status)
    words = {
        None: None,
        ClockProblem.JUMPED: f"jumped by {by} s",
        ClockProblem.BEHIND: "is behind the newest stored instant",
        ClockProblem.DIFFERS: f"{abs(by)} s {'ahead of' if by > 0 else 'behind'} the database's",
    }
    if doubted:
        assert words[doubted] in said
        assert said in caplog.text
        guarded.moves(-by * SECOND)
        assert guarded.guard.issuance_allowed()
        assert "trusted again" in caplog.text
    else:
        assert said is None


def test_an_instant_that_another_clock_stored_stops_a_new_process_too(guarded):
    guarded.moves(DAY)
    ordered(guarded.scene)
    guarded.moves(-DAY)
    fresh = guarded.machine.guard(guarded.scene.db)
    assert fresh.look().doubt is ClockProblem.BEHIND
    assert "clock accept" in clock_check(fresh)()


def test_an_instant_that_is_stored_during_a_look_is_not_ahead(guarded, monkeypatch):
    """The clock advances between any two steps of a look, and another process stores an instant."""
    read = clock_guard.clock.stored

    def stored_meanwhile(db):
        guarded.passes(DAY)
        ordered(guarded.scene)
        return read(db)

    monkeypatch.setattr(clock_guard.clock, "stored", stored_meanwhile)
    assert [guarded.guard.look().doubt for _ in range(3)] == [None] * 3


def test_a_look_counts_for_a_few_seconds(guarded, monkeypatch):
    looks = []
    read = clock_guard.clock.stored
    monkeypatch.setattr(clock_guard.clock, "stored", lambda db: looks.append(db) or read(db))
    for _ in range(3):
        assert guarded.guard.issuance_allowed()
    assert len(looks) == 1
    guarded.passes(LOOKED_AT_EVERY * SECOND)
    assert guarded.guard.issuance_allowed()
    assert len(looks) == 2
    assert crowd(guarded.scene.db, 8, lambda _: guarded.guard.issuance_allowed()) == [True] * 8
    assert len(looks) == 2
    guarded.passes()
    assert crowd(guarded.scene.db, 8, lambda _: guarded.guard.issuance_allowed()) == [True] * 8
    assert len(looks) == 3


def test_a_register_that_is_away_tells_nothing_of_the_clock(guarded, monkeypatch):
    def away(_register):
        raise OperationalError

    monkeypatch.setattr(clock_guard.clock, "stored", away)
    assert "database cannot be reached" in clock_check(guarded.guard)()
    assert (
        refused(enrol(new_ask(ordered(guarded.scene), new_key()), guarded.scene.ctx, REQUEST))
        is RejectionReason.UNAVAILABLE
    )


def test_the_check_gets_over_a_connection_that_was_cut(guarded):
    if guarded.alone:
        pytest.skip("SQLite has no server that could cut a connection")
    connection, check = connections[guarded.scene.db.alias], clock_check(guarded.guard)
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert check() is None


def test_what_was_reserved_waits_for_the_clock_and_is_not_given_up(guarded):
    scene, key = guarded.scene, new_key()
    ids = ordered(scene)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), scene.but(step=killed_at("9-reserved")).ctx, REQUEST)
    guarded.moves(3000 * DAY)
    assert resolve_reservations(scene.ctx, REQUEST) == (0, 0)
    assert enrol(new_ask(ids, key), scene.ctx, REQUEST) == AWAY
    guarded.moves(-3000 * DAY)
    guarded.passes(RESERVATIONS_WAIT + SECOND)
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)


def test_what_a_wrong_clock_reserved_does_not_wait_for_it_to_be_right(guarded):
    scene, key, ids = guarded.scene, new_key(), ordered(guarded.scene)
    guarded.moves(DAY)
    with pytest.raises(KilledError):
        enrol(new_ask(ids, key), scene.but(step=killed_at("9-reserved"), issuance_allowed=lambda: True).ctx, REQUEST)
    guarded.moves(-DAY)
    accept_clock(guarded.guard, scene.ctx, "operator", REQUEST)
    guarded.guard.look()
    assert resolve_reservations(scene.ctx, REQUEST) == (1, 0)


@pytest.mark.parametrize("by", [-DAY, DAY], ids=["a day behind", "a day ahead"])
def test_a_revocation_waits_for_no_clock_and_its_list_is_taken_by_everybody(guarded, by):
    """The CRL has the dates of the last CRL signed by a trusted clock.

    It has the next number.
    """
    scene, held = guarded.scene, enrolled(guarded.scene)
    name = scene.ctx.issuing[Channel.WS]
    before = current_crl(name, 1, scene.ctx, REQUEST)
    guarded.moves(by)
    assert current_crl(name, 1, scene.ctx, REQUEST) == before, "a day ahead it is due, but not by this clock"
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    after = current_crl(name, 1, scene.ctx, REQUEST)
    found = x509.load_der_x509_crl(after.der)
    assert (after.this_update, after.next_update) == (before.this_update, before.next_update)
    assert (found.last_update_utc, found.next_update_utc) == (before.this_update, before.next_update)
    assert after.number == before.number + 1
    assert [entry.serial_number for entry in found] == [int(held.serial, 16)]
    guarded.moves(-by)
    if by > 0 * DAY:  # the revocation's own instant is a day ahead now
        assert not guarded.guard.issuance_allowed()
        accept_clock(guarded.guard, scene.ctx, "operator", REQUEST)
    later = publish(name, scene.ctx, REQUEST)
    assert later.number > after.number
    assert later.this_update == scene.clock.now


def test_a_ca_s_first_list_is_signed_by_whatever_clock_there_is(guarded):
    guarded.moves(-DAY)
    scene = guarded.scene
    assert current_crl(scene.ctx.issuing[Channel.WS], 1, scene.ctx, REQUEST).this_update == scene.clock.now


def test_accepting_is_the_way_out_and_is_audited(guarded):
    """Instants stored before the acceptance count no more; instants stored later do."""
    scene = guarded.scene
    guarded.moves(DAY)
    ordered(scene)
    wrong = scene.clock.now
    guarded.moves(-DAY)
    assert guarded.doubt() is ClockProblem.BEHIND
    accept_clock(guarded.guard, scene.ctx, "operator", REQUEST)
    status = guarded.guard.look()
    assert (status.doubt, status.stored.accepted_at) == (None, scene.clock.now)
    row = models.AuditEvent.objects.using(scene.db.alias).latest("sequence")
    assert (row.action, row.object, row.at) == ("clock-accepted", "clock", scene.clock.now)
    assert f'"newest":"{wrong:%Y-%m-%dT%H:%M:%SZ}"' in bytes(row.octets).decode()
    assert guarded.machine.guard(scene.db).issuance_allowed()
    enrolled(scene)
    guarded.moves(DAY)
    ordered(scene)
    guarded.moves(-DAY)
    assert guarded.doubt() is ClockProblem.BEHIND
    accept_clock(guarded.guard, scene.ctx, "operator", REQUEST)
    assert guarded.doubt() is None


def test_a_jump_is_accepted_by_another_process(guarded):
    """The operator's command is another process.

    The guard of the server sees its acceptance.
    """
    if not guarded.alone:
        pytest.skip("PostgreSQL's own clock says whether a jump was a correction")
    assert guarded.guard.issuance_allowed()
    guarded.moves(3600 * SECOND)
    assert guarded.doubt() is ClockProblem.JUMPED
    accept_clock(guarded.machine.guard(guarded.scene.db), guarded.scene.ctx, "operator", REQUEST)
    assert guarded.doubt() is None


def test_a_clock_that_differs_from_the_database_s_is_never_accepted(guarded):
    if guarded.alone:
        pytest.skip("SQLite has no clock of its own")
    guarded.moves(DAY)
    with pytest.raises(ClockNotAcceptable, match="does not accept"):
        accept_clock(guarded.guard, guarded.scene.ctx, "operator", REQUEST)


@pytest.mark.parametrize("asked", [1, 2, 3], ids=["before the decision", "before commit 1", "before the signature"])
def test_the_clock_is_asked_before_each_step_that_it_matters_for(scene, asked):
    answers = iter([True] * (asked - 1) + [False])
    ids, key = ordered(scene), new_key()
    assert enrol(new_ask(ids, key), scene.but(issuance_allowed=lambda: next(answers)).ctx, REQUEST) == AWAY
    assert models.Certificate.objects.using(scene.db.alias).count() == (asked == 3)
    collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))


def test_nothing_is_refused_for_being_late_by_a_clock_that_is_wrong(guarded):
    """The holder would have to act on the refusal.

    They would order anew, though there is time.
    """
    scene, held = guarded.scene, enrolled(guarded.scene)
    assert guarded.guard.issuance_allowed()
    guarded.moves(3000 * DAY)
    assert renew(renew_ask(held, new_key()), scene.ctx, REQUEST) == AWAY
    assert not models.RejectedRequest.objects.using(scene.db.alias).exists()


def test_nothing_is_signed_that_was_reserved_before_the_clock_went_wrong(guarded):
    """The reservation waits between the two commits; the same request finishes it."""
    scene, key, ids = guarded.scene, new_key(), ordered(guarded.scene)
    jump = once_at("9-reserved", lambda: guarded.moves(31 * SECOND))
    assert enrol(new_ask(ids, key), scene.but(step=jump).ctx, REQUEST) == AWAY
    certificate = models.Certificate.objects.using(scene.db.alias).get()
    assert certificate.state == CertificateState.RESERVED
    guarded.moves(-31 * SECOND)
    collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))


@dataclass
class Sources:
    """Chrony, systemd-timesyncd and witnesses, which agree or not."""

    agree: bool = False

    def __call__(self, _now) -> bool:
        return self.agree


@pytest.fixture
def started(guarded):
    """Return a scene whose machine starts 40 days ahead, as does a database on it, and the sources about its clock."""
    ordered(guarded.scene)
    guarded.passes(40 * DAY)
    sources = Sources()
    guarded.guard = guarded.machine.guard(guarded.scene.db, sources)
    guarded.scene = guarded.scene.but(issuance_allowed=guarded.guard.issuance_allowed)
    return guarded, sources


def test_a_clock_far_ahead_at_a_start_waits_for_a_person(started):
    one, _ = started
    assert one.guard.issuance_allowed()
    one.guard.compare()
    assert not one.guard.issuance_allowed()
    assert one.doubt() is ClockProblem.AHEAD
    assert "run sinetti authority clock accept" in describe_problem(one.guard.status())
    # What is stored meanwhile has the doubtful time, and confirms nothing; nor does another process.
    key, order = new_key(), ordered(one.scene)
    assert enrol(new_ask(order, key), one.scene.ctx, REQUEST) == AWAY
    one.guard.compare()
    assert one.machine.guard(one.scene.db, Sources()).look().doubt is ClockProblem.AHEAD
    accept_clock(one.guard, one.scene.ctx, "os-user:root", REQUEST)
    assert one.guard.look().doubt is None
    one.guard.compare()
    assert one.doubt() is None
    assert accepted(enrol(new_ask(order, key), one.scene.ctx, REQUEST))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_clock_far_ahead_that_another_source_confirms(started, is_late):
    one, sources = started
    if is_late:
        one.guard.compare()
        assert one.doubt() is ClockProblem.AHEAD
    sources.agree = True
    one.guard.compare()
    sources.agree = False
    one.guard.compare()
    assert one.doubt() is None


def test_a_clock_that_was_set_right_again_is_trusted_again(started):
    one, _ = started
    one.guard.compare()
    one.moves(-40 * DAY)
    one.right -= 40 * DAY
    restarted = one.machine.guard(one.scene.db, Sources())
    restarted.compare()
    assert restarted.look().doubt is None
    assert restarted.look().stored.unconfirmed_since is None


def test_a_time_daemon_that_steps_a_doubtful_clock_back_ends_the_doubt_in_the_same_process(started):
    """The doubtful time is no time from which a correction would be a jump."""
    one, _ = started
    one.guard.compare()
    assert one.doubt() is ClockProblem.AHEAD
    one.moves(-40 * DAY)
    one.right -= 40 * DAY
    one.guard.compare()
    assert one.doubt() is None


def test_an_hour_without_facts_is_no_doubt_where_the_time_was_kept(started):
    one, sources = started
    sources.agree = True
    one.guard.compare()
    sources.agree = False
    for minutes in (30, 30, 30, 60):
        one.passes(minutes * 60 * SECOND)
        one.guard.compare()
    assert one.doubt() is None


def test_an_hour_without_the_register_is_no_doubt_where_the_clock_did_not_jump(started):
    one, sources = started
    sources.agree = True
    one.guard.compare()
    sources.agree = False
    one.passes(61 * 60 * SECOND)
    one.machine.guard(one.scene.db, Sources()).compare()
    assert one.doubt() is ClockProblem.AHEAD, "a process that has just begun knows of no hour"
    one.guard.compare()
    assert one.doubt() is None
    one.moves(61 * 60 * SECOND)
    one.right += 61 * 60 * SECOND
    one.guard.look()
    one.guard.compare()
    assert one.doubt() is (ClockProblem.JUMPED if one.alone else ClockProblem.AHEAD)


def test_a_clock_that_is_in_doubt_for_another_reason_or_may_leap_is_not_compared(started):
    one, _ = started
    one.machine.guard(one.scene.db).compare()
    assert one.doubt() is None
    one.moves(-41 * DAY)
    one.guard.compare()
    assert one.guard.look().stored.unconfirmed_since is None
