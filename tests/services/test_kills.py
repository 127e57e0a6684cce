"""Issuance of exactly one certificate by processes that are killed between steps.

After an end between any two steps, the same request again gives exactly one certificate.
"""

import pytest

from sinetti.database import models
from sinetti.database.common import mappers
from sinetti.database.issuance import transactions
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.pki.encoding import load_certificate
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import reissue_transfer_ids
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import close
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.authority import CUSTOMER_ID
from tests.support.killed import KilledError, killed_at, once_at
from tests.support.scene import (
    REQUEST,
    Scene,
    accepted,
    collected,
    enrolled,
    get_ask,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)

STEPS = ("4-read", "8-prepared", "9-reserved", "10-signed", "11-recorded", "11-noted")
EVERY_STEP = pytest.mark.parametrize("step", STEPS)
SIGNED = {"4-read": 1, "8-prepared": 1, "9-reserved": 1, "10-signed": 2, "11-recorded": 1, "11-noted": 1}
"""Total count of signatures for each step at which a process ends.

The signature of a process that ended before commit 2 is lost.
"""


def certificates(scene: Scene):
    return models.Certificate.objects.using(scene.db.alias)


def ended_at(scene: Scene, step: str, do) -> None:
    """Run `do` on a scene whose process ends at this step."""
    with pytest.raises(KilledError):
        do(scene.but(step=killed_at(step)).ctx)


@EVERY_STEP
def test_enrolment(scene, step):
    key, ids = new_key(), ordered(scene)
    ended_at(scene, step, lambda ctx: enrol(new_ask(ids, key), ctx, REQUEST))
    retrieval_id = accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    row = certificates(scene).get()
    assert (row.retrieval_id, row.state) == (retrieval_id, CertificateState.ISSUED)
    assert models.UsedKey.objects.using(scene.db.alias).count() == 1
    assert models.Order.objects.using(scene.db.alias).get().state == OrderState.FULFILLED
    assert load_certificate(collected(scene, retrieval_id)).public_key() == key.public_key()
    assert scene.signer.signatures == SIGNED[step]


@EVERY_STEP
def test_enrolment_with_another_key_afterwards(scene, step):
    """Ids are spent at commit 1 and not before."""
    ids = ordered(scene)
    ended_at(scene, step, lambda ctx: enrol(new_ask(ids, new_key()), ctx, REQUEST))
    answer = enrol(new_ask(ids, new_key()), scene.ctx, REQUEST)
    if step in {"4-read", "8-prepared"}:
        accepted(answer)
    else:
        assert refused(answer) is RejectionReason.TRANSFER_IDS_USED
    assert certificates(scene).count() == 1


@EVERY_STEP
def test_renewal(scene, step):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    ended_at(scene, step, lambda ctx: renew(renew_ask(held, key), ctx, REQUEST))
    retrieval_id = accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    row = certificates(scene).get(predecessor__serial=held.serial)
    assert (row.retrieval_id, row.state) == (retrieval_id, CertificateState.ISSUED)
    assert models.OutboxMessage.objects.using(scene.db.alias).filter(kind="renewed").count() == 1
    assert load_certificate(collected(scene, retrieval_id)).public_key() == key.public_key()
    assert scene.signer.signatures == 1 + SIGNED[step]


@EVERY_STEP
def test_a_renewal_that_takes_the_place_of_an_unfetched_one(scene, step):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    first = accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    ended_at(scene, step, lambda ctx: renew(renew_ask(held, key), ctx, REQUEST))
    second = accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    rows = {row.retrieval_id: row.state for row in certificates(scene).filter(predecessor__serial=held.serial)}
    assert rows == {first: CertificateState.SUPERSEDED, second: CertificateState.ISSUED}
    assert refused(retrieve(get_ask(first), scene.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    collected(scene, second)


@EVERY_STEP
def test_a_renewal_that_ended_may_be_made_again_with_another_key(scene, step):
    """The client lost its key together with its process.

    The reservation that no client can finish is voided.
    """
    held = enrolled(scene)
    in_the_window(scene, held)
    ended_at(scene, step, lambda ctx: renew(renew_ask(held, new_key()), ctx, REQUEST))
    new = renewed(scene, held)
    rows = certificates(scene).filter(predecessor__serial=held.serial)
    assert rows.exclude(state=CertificateState.SUPERSEDED).get().serial == new.serial
    assert rows.count() == (1 if step in {"4-read", "8-prepared"} else 2)


@pytest.mark.parametrize("step", ["13-found", "14-fetched"])
def test_retrieval(scene, step):
    retrieval_id = accepted(enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST))
    ended_at(scene, step, lambda ctx: retrieve(get_ask(retrieval_id), ctx, REQUEST))
    fetched = certificates(scene).get().state == CertificateState.RETRIEVED
    assert fetched is (step == "14-fetched"), "fetched is committed before the certificate leaves"
    assert collected(scene, retrieval_id) == collected(scene, retrieval_id)
    assert models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-fetched").count() == 1


# Events between two steps.

BETWEEN = ("9-reserved", "10-signed")


@pytest.mark.parametrize("step", BETWEEN)
@pytest.mark.parametrize("reason", [RevocationReason.KEY_COMPROMISE, RevocationReason.AFFILIATION_CHANGED])
def test_the_old_one_is_revoked_between_the_two_commits(scene, step, reason):
    """The reservation is revoked for any reason of the old certificate.

    Its certificate never leaves.
    """
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    ask = RevocationRequest(held.serial, reason)
    revoking = once_at(step, lambda: revoke(ask, scene.ctx, "operator", REQUEST))
    answer = renew(renew_ask(held, key), scene.but(step=revoking).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    row = certificates(scene).get(predecessor__serial=held.serial)
    assert row.revocation_reason == reason
    assert row.sha256 is None
    assert refused(renew(renew_ask(held, key), scene.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    assert refused(retrieve(get_ask(row.retrieval_id), scene.ctx, REQUEST)) in {
        RejectionReason.SUPERSEDED,
        RejectionReason.NOT_READY,
    }


@pytest.mark.parametrize("step", ["4-read", "8-prepared"])
def test_the_old_one_is_revoked_before_the_first_commit(scene, step):
    held = enrolled(scene)
    in_the_window(scene, held)
    ask = RevocationRequest(held.serial, RevocationReason.SUPERSEDED)
    revoking = once_at(step, lambda: revoke(ask, scene.ctx, "operator", REQUEST))
    answer = renew(renew_ask(held, new_key()), scene.but(step=revoking).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    assert not certificates(scene).filter(predecessor__serial=held.serial).exists()


@pytest.mark.parametrize("step", BETWEEN)
def test_the_new_one_is_revoked_between_the_two_commits(scene, step):
    ids, key = ordered(scene), new_key()

    def revoke_it() -> None:
        serial = certificates(scene).get().serial
        revoke(RevocationRequest(serial, RevocationReason.CESSATION_OF_OPERATION), scene.ctx, "operator", REQUEST)

    answer = enrol(new_ask(ids, key), scene.but(step=once_at(step, revoke_it)).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    assert refused(enrol(new_ask(ids, key), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED


@pytest.mark.parametrize("step", BETWEEN)
def test_another_renewal_takes_the_place_between_the_two_commits(scene, step):
    held, taken = enrolled(scene), []
    in_the_window(scene, held)
    again = once_at(step, lambda: taken.append(renewed(scene, held)))
    answer = renew(renew_ask(held, new_key()), scene.but(step=again).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SUPERSEDED
    assert models.RejectedRequest.objects.using(scene.db.alias).get().reason == RejectionReason.SUPERSEDED
    live = certificates(scene).filter(predecessor__serial=held.serial, revoked_at__isnull=True).get()
    assert live.serial == taken[0].serial


@pytest.mark.parametrize("step", BETWEEN)
def test_the_same_request_finishes_what_waits_for_its_signature(scene, step):
    """Both requests sign, and both answer with the first signature that is stored."""
    key, ids = new_key(), ordered(scene)
    answers = []
    again = once_at(step, lambda: answers.append(accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))))
    answers.append(accepted(enrol(new_ask(ids, key), scene.but(step=again).ctx, REQUEST)))
    assert answers[0] == answers[1]
    assert certificates(scene).count() == 1
    assert models.AuditEvent.objects.using(scene.db.alias).filter(action="certificate-issued").count() == 1


def test_ids_are_made_anew_while_the_old_ones_are_being_spent(scene):
    ids, key, fresh = ordered(scene), new_key(), []
    anew = once_at(
        "8-prepared", lambda: fresh.append(reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST))
    )
    answer = enrol(new_ask(ids, key), scene.but(step=anew).ctx, REQUEST)
    assert refused(answer) is RejectionReason.TRANSFER_IDS_WRONG
    accepted(enrol(new_ask(fresh[0], key), scene.ctx, REQUEST))


def test_the_organisation_is_closed_while_its_request_is_decided(scene):
    closing = once_at("8-prepared", lambda: close(CUSTOMER_ID, scene.ctx, "operator", REQUEST))
    answer = enrol(new_ask(ordered(scene), new_key()), scene.but(step=closing).ctx, REQUEST)
    assert refused(answer) is RejectionReason.NOT_ENTITLED
    assert not certificates(scene).exists()


def test_a_lineage_that_never_stands_still_makes_the_service_unavailable(scene):
    ids, key = ordered(scene), new_key()

    def move(reached: str) -> None:
        if reached == "8-prepared":
            mappers.move_versions(models.Lineage.objects.using(scene.db.alias).all())

    answer = enrol(new_ask(ids, key), scene.but(step=move).ctx, REQUEST)
    assert refused(answer) is RejectionReason.UNAVAILABLE
    assert not certificates(scene).exists()
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))


def torn(monkeypatch, do) -> None:
    """Run `do` between two reads: of the spent or renewed state, and of the key."""
    known = transactions.known_keys
    once = once_at("key", do)

    def known_keys(db, keys):
        once("key")
        return known(db, keys)

    monkeypatch.setattr(transactions, "known_keys", known_keys)


def test_the_same_enrolment_comes_in_between_two_readings(scene, monkeypatch):
    ask, answers = new_ask(ordered(scene), new_key()), []
    torn(monkeypatch, lambda: answers.append(accepted(enrol(ask, scene.ctx, REQUEST))))
    assert accepted(enrol(ask, scene.ctx, REQUEST)) == answers[0]
    assert not models.RejectedRequest.objects.using(scene.db.alias).exists()
