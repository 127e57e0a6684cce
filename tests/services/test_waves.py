"""Requests that are taken through the steps of issuing together, and those that go on alone."""

from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field

import pytest
from django.db import DatabaseError

from sinetti.database import models
from sinetti.database.issuance import statements
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import AcceptedResponse, RenewRequest
from sinetti.services.issuance.renew import renew, renewal
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.waves import WaveMember, run_wave
from tests.support.service_context import (
    REQUEST,
    Desk,
    Held,
    accepted,
    collected,
    enrolled,
    in_the_window,
    new_key,
    refused,
    renew_ask,
)


@dataclass
class Wave:
    """Answers of a wave by the place of their request, and what left it at which step."""

    desk: Desk
    answers: dict[int, object] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def run(self, asks: list[RenewRequest]) -> list[object]:
        """Take these requests together; those that leave go on after the wave."""
        later: list[Callable[[], None]] = []
        members = []
        for place, ask in enumerate(asks):
            work = renewal(ask, self.desk.ctx, f"{place:032x}")
            member = WaveMember(work, copy_context(), lambda one, place=place: self.answers.update({place: one}), None)
            member.leave = self._leaving(member, later)
            members.append(member)
        run_wave(members, self.desk.ctx)
        for go_on in later:
            go_on()
        return [self.answers[place] for place in range(len(asks))]

    def _leaving(self, member: WaveMember, later: list[Callable[[], None]]):
        def leave(go_on: Callable[[], None]) -> None:
            self.left.append(type(member.step).__name__)
            later.append(go_on)

        return leave


@pytest.fixture
def wave(desk) -> Wave:
    return Wave(desk)


def holders(desk: Desk, count: int) -> list[Held]:
    """Return certificates of different holders that may be renewed."""
    found = [enrolled(desk) for _ in range(count)]
    in_the_window(desk, found[-1])
    return found


def asks_of(found: list[Held]) -> list[RenewRequest]:
    return [renew_ask(one, new_key()) for one in found]


def rows(desk: Desk, table):
    return table.objects.using(desk.db.alias)


def test_all_are_renewed_with_all_their_rows(wave, desk):
    found = holders(desk, 5)
    answers = wave.run(asks_of(found))
    for one, answer in zip(found, answers, strict=True):
        row = rows(desk, models.Certificate).get(predecessor__serial=one.serial)
        assert (row.retrieval_id, row.state) == (accepted(answer), CertificateState.ISSUED)
        assert rows(desk, models.OutboxMessage).filter(kind="renewed", certificate=row).count() == 1
        events = rows(desk, models.AuditEvent).filter(object=f"certificate:{row.serial}")
        assert set(events.values_list("action", flat=True)) == {"certificate-reserved", "certificate-issued"}
        der = rows(desk, models.CertificateDer).get(certificate=row).der
        assert collected(desk, row.retrieval_id) == bytes(der)
    assert len({accepted(one) for one in answers}) == 5


def test_one_alone_takes_the_same_steps(wave, desk):
    (held,) = holders(desk, 1)
    (answer,) = wave.run(asks_of([held]))
    assert rows(desk, models.Certificate).get(predecessor__serial=held.serial).retrieval_id == accepted(answer)
    assert wave.left == []


def test_who_is_refused_or_repeats_leaves_and_is_answered(wave, desk):
    found = holders(desk, 4)
    asks = asks_of(found)
    before = renew(asks[1], desk.ctx, REQUEST)
    revoke(RevocationRequest(found[0].serial, RevocationReason.KEY_COMPROMISE), desk.ctx, "operator", REQUEST)
    answers = wave.run(asks)
    assert refused(answers[0]) is RejectionReason.SIGNER_REVOKED
    assert accepted(answers[1]) == accepted(before)
    assert accepted(answers[3])
    assert rows(desk, models.Certificate).filter(predecessor__isnull=False).count() == 3


def test_the_same_request_many_times_is_one_certificate(wave, desk):
    first, second = holders(desk, 2)
    asks = asks_of([first, second])
    answers = wave.run([asks[0], asks[1], asks[0], asks[0], asks[1]])
    assert [accepted(one) for one in answers] == [accepted(answers[place]) for place in (0, 1, 0, 0, 1)]
    assert rows(desk, models.Certificate).filter(predecessor__isnull=False).count() == 2


def test_one_key_of_two_holders_counts_once(wave, desk):
    key, found = new_key(), holders(desk, 2)
    answers = wave.run([renew_ask(one, key) for one in found])
    outcomes = Counter(type(one) if isinstance(one, AcceptedResponse) else one.reason for one in answers)
    assert outcomes == {AcceptedResponse: 1, RejectionReason.KEY_REUSED: 1}


@pytest.mark.parametrize("broken", ["find_for_renewals", "reserve_in_one_statement", "issue_in_one_statement"])
def test_a_statement_that_fails_is_taken_alone_by_each(broken, wave, desk, monkeypatch):
    real, calls = getattr(statements, broken), []

    def fails_for_many(db, asked):
        calls.append(len(asked))
        if len(asked) > 1:
            fault = "deadlock detected"
            raise DatabaseError(fault)
        return real(db, asked)

    monkeypatch.setattr(statements, broken, fails_for_many)
    if broken == "find_for_renewals":
        monkeypatch.setattr("sinetti.services.issuance.steps.find_for_renewals", fails_for_many)
    found = holders(desk, 3)
    calls.clear()
    answers = wave.run(asks_of(found))
    assert len({accepted(one) for one in answers}) == 3
    assert rows(desk, models.Certificate).filter(predecessor__isnull=False).count() == 3
