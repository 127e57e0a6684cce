"""Many concurrent requests: one winner, one certificate, one answer."""

from collections import Counter
from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import AcceptedResponse, CertificateResponse
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.revocation.revoke import RevocationError, RevocationRequest, revoke
from tests.support.authority import authority
from tests.support.registers import crowd
from tests.support.scene import (
    REQUEST,
    Scene,
    SwitchableSigner,
    accepted,
    collected,
    enrolled,
    get_ask,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renew_ask,
)


def certificates(scene: Scene):
    return models.Certificate.objects.using(scene.db.alias)


def outcomes(answers) -> Counter:
    """Count the answers for each reason, and those with "accepted"."""
    return Counter("accepted" if isinstance(one, AcceptedResponse) else one.reason for one in answers)


@pytest.mark.long
def test_a_double_spend_by_fifty_has_one_winner(scene):
    ids = ordered(scene)
    keys = [new_key() for _ in range(50)]
    answers = crowd(scene.db, 50, lambda number: enrol(new_ask(ids, keys[number]), scene.ctx, REQUEST))
    assert outcomes(answers) == {"accepted": 1, RejectionReason.TRANSFER_IDS_USED: 49}
    winner = next(one for one in answers if isinstance(one, AcceptedResponse))
    assert certificates(scene).get().retrieval_id == winner.retrieval_id
    assert models.UsedKey.objects.using(scene.db.alias).count() == 1


@pytest.mark.long
def test_the_same_enrolment_a_hundred_times_gives_one_certificate(scene):
    ask = new_ask(ordered(scene), new_key())
    answers = crowd(scene.db, 100, lambda _: enrol(ask, scene.ctx, REQUEST))
    assert {accepted(one) for one in answers} == {certificates(scene).get().retrieval_id}
    assert models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-issued").count() == 1


def test_the_same_renewal_forty_times_gives_one_certificate(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    ask = renew_ask(held, new_key())
    answers = crowd(scene.db, 40, lambda _: renew(ask, scene.ctx, REQUEST))
    assert {accepted(one) for one in answers} == {certificates(scene).get(predecessor__serial=held.serial).retrieval_id}
    assert models.OutboxMessage.objects.using(scene.db.alias).filter(kind="renewed").count() == 1


def test_one_key_for_many_orders_is_taken_once(scene):
    asks = [new_ask(ordered(scene), key) for key in [new_key()] * 10]
    answers = crowd(scene.db, 10, lambda number: enrol(asks[number], scene.ctx, REQUEST))
    assert outcomes(answers) == {"accepted": 1, RejectionReason.KEY_REUSED: 9}


def test_twelve_renewals_with_as_many_keys_leave_one_in_force(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    asks = [renew_ask(held, new_key()) for _ in range(12)]
    answers = crowd(scene.db, 12, lambda number: renew(asks[number], scene.ctx, REQUEST))
    allowed = {"accepted", RejectionReason.ALREADY_RENEWED, RejectionReason.SUPERSEDED}
    assert set(outcomes(answers)) <= allowed
    rows = certificates(scene).filter(predecessor__serial=held.serial)
    assert rows.count() == 4, "one, and three made again"
    live = rows.exclude(state=CertificateState.SUPERSEDED).get()
    assert live.retrieval_id in {one.retrieval_id for one in answers if isinstance(one, AcceptedResponse)}
    collected(scene, live.retrieval_id)


@pytest.mark.parametrize("_round", range(3))
def test_fetching_and_renewing_again_race_and_one_of_them_wins(scene, _round):
    held = enrolled(scene)
    in_the_window(scene, held)
    first = accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    ask = renew_ask(held, new_key())

    def either(number: int):
        return renew(ask, scene.ctx, REQUEST) if number else retrieve(get_ask(first), scene.ctx, REQUEST)

    fetched, renewed_again = crowd(scene.db, 2, either)
    if isinstance(fetched, CertificateResponse):
        assert renewed_again.reason is RejectionReason.ALREADY_RENEWED
    else:
        assert fetched.reason is RejectionReason.SUPERSEDED
        collected(scene, accepted(renewed_again))
    assert certificates(scene).filter(predecessor__serial=held.serial, revoked_at__isnull=True).count() == 1


def test_thirty_wrong_passwords_at_once_lock_once(scene):
    ids = ordered(scene)
    ask = new_ask(ids, new_key())
    wrong = replace(ask, transfer_password="wrong")
    answers = crowd(scene.db, 30, lambda _: enrol(wrong, scene.ctx, REQUEST))
    assert outcomes(answers) == {RejectionReason.TRANSFER_IDS_WRONG: 30}
    assert models.TransferIds.objects.using(scene.db.alias).get().wrong_passwords == 10
    assert models.Counter.objects.using(scene.db.alias).get(name="wrong-passwords").value == 30
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action="transfer-ids-locked")
    assert [row.object for row in rows] == [f"order:{ids.order_id}"]
    assert outcomes([enrol(ask, scene.ctx, REQUEST)]) == {RejectionReason.TRANSFER_IDS_LOCKED: 1}


def test_a_revocation_by_ten_is_done_once(scene):
    held = enrolled(scene)
    ask = RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE)

    def try_it(_number: int) -> int:
        try:
            return len(revoke(ask, scene.ctx, "operator", REQUEST))
        except RevocationError as why:
            return {"already": 0}[why.kind]

    assert sorted(crowd(scene.db, 10, try_it)) == [0] * 9 + [1]
    assert models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-revoked").count() == 1


def test_no_lock_is_held_while_a_signature_is_waited_for(scene):
    """The old certificate is retrieved and revoked during its renewal.

    The renewal waits for a stalled signer.
    """
    held = enrolled(scene)
    in_the_window(scene, held)
    ask = renew_ask(held, new_key())
    away = scene.but(signer=SwitchableSigner(authority(), away=True))
    with scene.signer.stalled() as stall:

        def renew_or_revoke(number: int):
            if number == 0:
                return renew(ask, scene.ctx, REQUEST)
            assert stall.somebody_waits.wait(60)
            collected(scene, held.retrieval_id)
            gone = revoke(RevocationRequest(held.serial, RevocationReason.UNSPECIFIED), away.ctx, "operator", REQUEST)
            stall.over.set()
            return gone

        answer, gone = crowd(scene.db, 2, renew_or_revoke)
    assert [one.serial for one in gone] == [held.serial]
    assert answer.reason is RejectionReason.SIGNER_REVOKED
