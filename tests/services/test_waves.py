"""Requests that are taken through the steps of issuing together, and those that go on alone."""

from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from traceback import extract_tb

import pytest
from cryptography import x509
from django.db import DatabaseError

from sinetti.database import models, sql
from sinetti.database.issuance import statements, transactions
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse, EnrolRequest, RenewRequest
from sinetti.pki.key_policy import key_id
from sinetti.pki.signers import SignatureRefused, SignerTimeout
from sinetti.services.context import sign_each
from sinetti.services.issuance.enrol import enrol, enrolment
from sinetti.services.issuance.renew import renew, renewal
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.waves import LeaveWave, Step, WaveMember, run_wave
from tests.support.scene import (
    REQUEST,
    Held,
    Scene,
    accepted,
    collected,
    enrolled,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
)


@dataclass
class Wave:
    """Answers of a wave by the place of their request, and what left it at which step."""

    scene: Scene
    answers: dict[int, object] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def run(self, asks: list[EnrolRequest] | list[RenewRequest]) -> list[object]:
        """Take these requests of one kind together; those that leave go on after the wave."""
        later: list[Callable[[], None]] = []
        members = []
        for place, ask in enumerate(asks):
            begin = enrolment if isinstance(ask, EnrolRequest) else renewal
            work = begin(ask, self.scene.ctx, f"{place:032x}")
            member = WaveMember(work, copy_context(), lambda one, place=place: self.answers.update({place: one}), None)
            member.leave = self._leaving(member, later)
            members.append(member)
        run_wave(members, self.scene.ctx)
        for go_on in later:
            go_on()
        return [self.answers[place] for place in range(len(asks))]

    def _leaving(self, member: WaveMember, later: list[Callable[[], None]]):
        def leave(go_on: Callable[[], None]) -> None:
            self.left.append(type(member.step).__name__)
            later.append(go_on)

        return leave


@pytest.fixture
def wave(scene) -> Wave:
    return Wave(scene)


def holders(scene: Scene, count: int) -> list[Held]:
    """Return certificates of different holders that may be renewed."""
    found = [enrolled(scene) for _ in range(count)]
    in_the_window(scene, found[-1])
    return found


def asks_of(found: list[Held]) -> list[RenewRequest]:
    return [renew_ask(one, new_key()) for one in found]


def rows(scene: Scene, table):
    return table.objects.using(scene.db.alias)


def test_all_are_renewed_with_all_their_rows(wave, scene):
    found = holders(scene, 5)
    answers = wave.run(asks_of(found))
    for one, answer in zip(found, answers, strict=True):
        row = rows(scene, models.Certificate).get(predecessor__serial=one.serial)
        assert (row.retrieval_id, row.state) == (accepted(answer), CertificateState.ISSUED)
        assert rows(scene, models.OutboxMessage).filter(kind="renewed", certificate=row).count() == 1
        events = rows(scene, models.AuditEvent).filter(object=f"certificate:{row.serial}")
        assert set(events.values_list("action", flat=True)) == {"certificate-reserved", "certificate-issued"}
        der = rows(scene, models.CertificateDer).get(certificate=row).der
        assert collected(scene, row.retrieval_id) == bytes(der)
    assert len({accepted(one) for one in answers}) == 5


def test_one_alone_takes_the_same_steps(wave, scene):
    (held,) = holders(scene, 1)
    (answer,) = wave.run(asks_of([held]))
    assert rows(scene, models.Certificate).get(predecessor__serial=held.serial).retrieval_id == accepted(answer)
    assert wave.left == []


def test_refused_and_repeated_requests_leave_and_are_answered(wave, scene):
    found = holders(scene, 4)
    asks = asks_of(found)
    before = renew(asks[1], scene.ctx, REQUEST)
    revoke(RevocationRequest(found[0].serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    answers = wave.run(asks)
    assert refused(answers[0]) is RejectionReason.SIGNER_REVOKED
    assert accepted(answers[1]) == accepted(before)
    assert accepted(answers[3])
    assert rows(scene, models.Certificate).filter(predecessor__isnull=False).count() == 3


def test_the_same_request_many_times_is_one_certificate(wave, scene):
    first, second = holders(scene, 2)
    asks = asks_of([first, second])
    answers = wave.run([asks[0], asks[1], asks[0], asks[0], asks[1]])
    assert [accepted(one) for one in answers] == [accepted(answers[place]) for place in (0, 1, 0, 0, 1)]
    assert rows(scene, models.Certificate).filter(predecessor__isnull=False).count() == 2


def test_one_key_of_two_holders_counts_once(wave, scene):
    key, found = new_key(), holders(scene, 2)
    answers = wave.run([renew_ask(one, key) for one in found])
    outcomes = Counter(type(one) if isinstance(one, AcceptedResponse) else one.reason for one in answers)
    assert outcomes == {AcceptedResponse: 1, RejectionReason.KEY_REUSED: 1}


@pytest.mark.parametrize("broken", ["find_for_renewals", "reserve_in_one_statement", "issue_in_one_statement"])
def test_a_statement_that_fails_is_taken_alone_by_each(broken, wave, scene, monkeypatch):
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
    found = holders(scene, 3)
    calls.clear()
    answers = wave.run(asks_of(found))
    assert len({accepted(one) for one in answers}) == 3
    assert rows(scene, models.Certificate).filter(predecessor__isnull=False).count() == 3


def orders_of(scene: Scene, count: int) -> list[EnrolRequest]:
    """Return requests for the certificates of new orders."""
    return [new_ask(ordered(scene), new_key()) for _ in range(count)]


def test_all_are_enrolled_and_their_orders_fulfilled(wave, scene):
    asks = orders_of(scene, 5)
    found = {accepted(one) for one in wave.run(asks)}
    assert len(found) == 5
    issued = rows(scene, models.Certificate)
    assert set(issued.filter(state=CertificateState.ISSUED).values_list("retrieval_id", flat=True)) == found
    assert set(rows(scene, models.Order).values_list("state", flat=True)) == {OrderState.FULFILLED}
    for one in found:
        collected(scene, one)


def test_a_repeated_enrolment_has_the_same_answer(wave, scene):
    first, second, third = orders_of(scene, 3)
    before = enrol(first, scene.ctx, REQUEST)
    answers = wave.run([first, second, second, third])
    assert accepted(answers[0]) == accepted(before)
    assert accepted(answers[1]) == accepted(answers[2])
    assert rows(scene, models.Certificate).count() == 3


def test_wrong_and_unknown_ids_leave_at_the_same_step(wave, scene):
    right, wrong, unknown = orders_of(scene, 3)
    wrong = replace(wrong, transfer_password="x" * 16)
    unknown = replace(unknown, transfer_id="9" * 32)
    answers = wave.run([right, wrong, unknown])
    assert accepted(answers[0])
    assert refused(answers[1]) is refused(answers[2])
    assert wave.left[:2] == ["LeaveWave", "LeaveWave"]
    assert rows(scene, models.TransferIds).get(pk=wrong.transfer_id).wrong_passwords == 1
    assert rows(scene, models.Counter).get(name="wrong-passwords").value == 2


def test_one_good_request_goes_on_beside_many_that_are_refused(wave, scene):
    right, *others = orders_of(scene, 5)
    answers = wave.run([right, *(replace(one, transfer_password="x" * 16) for one in others)])
    assert accepted(answers[0])
    assert len({refused(one) for one in answers[1:]}) == 1
    assert wave.left[:4] == ["LeaveWave"] * 4, "they do not make it leave"


def test_an_order_that_was_cancelled_meanwhile_is_refused_and_costs_the_others_nothing(wave, scene, monkeypatch):
    asks, real = orders_of(scene, 4), transactions.known_keys

    def cancels(db, keys):
        chosen = rows(scene, models.Order).filter(transfer_ids=asks[2].transfer_id)
        chosen.update(state=OrderState.CANCELLED)
        return real(db, keys)

    monkeypatch.setattr(transactions, "known_keys", cancels)
    answers = wave.run(asks)
    assert isinstance(answers[2], Rejection)
    assert len({accepted(answers[place]) for place in (0, 1, 3)}) == 3
    assert rows(scene, models.Certificate).count() == 3
    assert not rows(scene, models.UsedKey).filter(pk=key_id(read_key(asks[2]))).exists()


def read_key(ask: EnrolRequest):
    return x509.load_der_x509_csr(ask.request).public_key()


def test_renewals_that_void_others_are_reserved_alone_without_a_fault(wave, scene, caplog):
    found = holders(scene, 2)
    wave.run(asks_of(found))
    answers = wave.run(asks_of(found))
    assert len({accepted(one) for one in answers}) == 2
    assert rows(scene, models.Certificate).filter(state=CertificateState.SUPERSEDED).count() == 2
    assert "one by one" not in caplog.text


def test_one_alone_does_not_hold_the_next_wave_while_a_row_is_locked(wave, scene, monkeypatch):
    if not sql.takes_ctes_that_write(scene.db):
        pytest.skip("SQLite locks the whole file")
    (held,) = holders(scene, 1)
    is_locked, may_end = Event(), Event()
    monkeypatch.setattr(sql, "WAVE_TIMEOUT", 1)

    def lock():
        with sql.transaction(scene.db):
            list(rows(scene, models.Lineage).select_for_update())
            is_locked.set()
            may_end.wait(60)
        scene.db.close()

    thread = Thread(target=lock)
    thread.start()
    assert is_locked.wait(60)
    (answer,) = wave.run(asks_of([held]))
    may_end.set()
    thread.join()
    assert refused(answer) is RejectionReason.UNAVAILABLE


@pytest.mark.parametrize("failure", [SignerTimeout, SignatureRefused])
def test_a_wait_or_a_refusal_by_the_signer_is_not_repeated_alone(failure, wave, scene):
    asked = []

    def sign_issue(signer, requests):
        asked.append(len(requests))
        results = sign_each(signer, requests)
        return [failure("the signer said so"), *results[1:]] if len(asked) == 1 else results

    found = holders(scene, 3)
    wave.scene = scene.but(sign_issue=sign_issue)
    answers = wave.run(asks_of(found))
    assert refused(answers[0]) is RejectionReason.UNAVAILABLE
    assert len({accepted(one) for one in answers[1:]}) == 2
    assert asked in ([3], [1, 1, 1]), "together, or each alone from commit 1 on SQLite"


def failing_work(fault: Exception):
    yield LeaveWave()
    raise fault


def test_a_fault_in_the_work_of_one_reaches_it_alone(wave, scene):
    """Together with others, and after it has left."""
    ended: list[object] = []

    def member(work):
        return WaveMember(work, copy_context(), ended.append, lambda go_on: go_on())

    def at_once():
        raise fault
        yield LeaveWave()

    fault = ZeroDivisionError()
    run_wave([member(at_once()), member(failing_work(fault)), member(failing_work(fault))], scene.ctx)
    run_wave([member(failing_work(fault))], scene.ctx)
    assert ended == [fault] * 4


@dataclass(frozen=True)
class FailingStep(Step[bytes]):
    """Step that fails for all requests of a wave with one exception."""

    fault: Exception

    def alone(self, _ctx):
        raise self.fault

    @classmethod
    def together(cls, steps, _ctx):
        return [steps[0].fault] * len(steps)


def test_the_traceback_of_a_common_fault_does_not_grow_with_each_request(scene):
    ended: list[object] = []

    def depth():
        try:
            yield FailingStep(fault)
        except ZeroDivisionError as failed:
            return len(extract_tb(failed.__traceback__))

    fault = ZeroDivisionError()
    members = [WaveMember(depth(), copy_context(), ended.append, lambda go_on: go_on()) for _ in range(4)]
    run_wave(members, scene.ctx)
    assert ended == [ended[0]] * 4
