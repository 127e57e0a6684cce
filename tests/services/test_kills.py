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
from tests.support.service_context import (
    REQUEST,
    Desk,
    KilledError,
    accepted,
    collected,
    enrolled,
    get_ask,
    in_the_window,
    killed_at,
    new_ask,
    new_key,
    once_at,
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


def certificates(desk: Desk):
    return models.Certificate.objects.using(desk.db.alias)


def ended_at(desk: Desk, step: str, do) -> None:
    """Run `do` on a desk whose process ends at this step."""
    with pytest.raises(KilledError):
        do(desk.but(step=killed_at(step)).ctx)


@EVERY_STEP
def test_enrolment(desk, step):
    key, ids = new_key(), ordered(desk)
    ended_at(desk, step, lambda ctx: enrol(new_ask(ids, key), ctx, REQUEST))
    retrieval_id = accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))
    row = certificates(desk).get()
    assert (row.retrieval_id, row.state) == (retrieval_id, CertificateState.ISSUED)
    assert models.UsedKey.objects.using(desk.db.alias).count() == 1
    assert models.Order.objects.using(desk.db.alias).get().state == OrderState.FULFILLED
    assert load_certificate(collected(desk, retrieval_id)).public_key() == key.public_key()
    assert desk.signer.signatures == SIGNED[step]


@EVERY_STEP
def test_enrolment_with_another_key_afterwards(desk, step):
    """Ids are spent at commit 1 and not before."""
    ids = ordered(desk)
    ended_at(desk, step, lambda ctx: enrol(new_ask(ids, new_key()), ctx, REQUEST))
    answer = enrol(new_ask(ids, new_key()), desk.ctx, REQUEST)
    if step in {"4-read", "8-prepared"}:
        accepted(answer)
    else:
        assert refused(answer) is RejectionReason.TRANSFER_IDS_USED
    assert certificates(desk).count() == 1


@EVERY_STEP
def test_renewal(desk, step):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    ended_at(desk, step, lambda ctx: renew(renew_ask(held, key), ctx, REQUEST))
    retrieval_id = accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
    row = certificates(desk).get(predecessor__serial=held.serial)
    assert (row.retrieval_id, row.state) == (retrieval_id, CertificateState.ISSUED)
    assert models.OutboxMessage.objects.using(desk.db.alias).filter(kind="renewed").count() == 1
    assert load_certificate(collected(desk, retrieval_id)).public_key() == key.public_key()
    assert desk.signer.signatures == 1 + SIGNED[step]


@EVERY_STEP
def test_a_renewal_that_takes_the_place_of_an_unfetched_one(desk, step):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    first = accepted(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    ended_at(desk, step, lambda ctx: renew(renew_ask(held, key), ctx, REQUEST))
    second = accepted(renew(renew_ask(held, key), desk.ctx, REQUEST))
    rows = {row.retrieval_id: row.state for row in certificates(desk).filter(predecessor__serial=held.serial)}
    assert rows == {first: CertificateState.SUPERSEDED, second: CertificateState.ISSUED}
    assert refused(retrieve(get_ask(first), desk.ctx, REQUEST)) is RejectionReason.SUPERSEDED
    collected(desk, second)


@EVERY_STEP
def test_a_renewal_that_ended_may_be_made_again_with_another_key(desk, step):
    """The client lost its key together with its process.

    The reservation that no client can finish is voided.
    """
    held = enrolled(desk)
    in_the_window(desk, held)
    ended_at(desk, step, lambda ctx: renew(renew_ask(held, new_key()), ctx, REQUEST))
    new = renewed(desk, held)
    rows = certificates(desk).filter(predecessor__serial=held.serial)
    assert rows.exclude(state=CertificateState.SUPERSEDED).get().serial == new.serial
    assert rows.count() == (1 if step in {"4-read", "8-prepared"} else 2)


@pytest.mark.parametrize("step", ["13-found", "14-fetched"])
def test_retrieval(desk, step):
    retrieval_id = accepted(enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST))
    ended_at(desk, step, lambda ctx: retrieve(get_ask(retrieval_id), ctx, REQUEST))
    fetched = certificates(desk).get().state == CertificateState.RETRIEVED
    assert fetched is (step == "14-fetched"), "fetched is committed before the certificate leaves"
    assert collected(desk, retrieval_id) == collected(desk, retrieval_id)
    assert models.AuditEvent.objects.using(desk.db.alias).filter(action="certificate-fetched").count() == 1


# Events between two steps.

BETWEEN = ("9-reserved", "10-signed")


@pytest.mark.parametrize("step", BETWEEN)
@pytest.mark.parametrize("reason", [RevocationReason.KEY_COMPROMISE, RevocationReason.AFFILIATION_CHANGED])
def test_the_old_one_is_revoked_between_the_two_commits(desk, step, reason):
    """The reservation is revoked for any reason of the old certificate.

    Its certificate never leaves.
    """
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    ask = RevocationRequest(held.serial, reason)
    revoking = once_at(step, lambda: revoke(ask, desk.ctx, "operator", REQUEST))
    answer = renew(renew_ask(held, key), desk.but(step=revoking).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    row = certificates(desk).get(predecessor__serial=held.serial)
    assert row.revocation_reason == reason
    assert row.sha256 is None
    assert refused(renew(renew_ask(held, key), desk.ctx, REQUEST)) is RejectionReason.SIGNER_REVOKED
    assert refused(retrieve(get_ask(row.retrieval_id), desk.ctx, REQUEST)) in {
        RejectionReason.SUPERSEDED,
        RejectionReason.NOT_READY,
    }


@pytest.mark.parametrize("step", ["4-read", "8-prepared"])
def test_the_old_one_is_revoked_before_the_first_commit(desk, step):
    held = enrolled(desk)
    in_the_window(desk, held)
    ask = RevocationRequest(held.serial, RevocationReason.SUPERSEDED)
    revoking = once_at(step, lambda: revoke(ask, desk.ctx, "operator", REQUEST))
    answer = renew(renew_ask(held, new_key()), desk.but(step=revoking).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    assert not certificates(desk).filter(predecessor__serial=held.serial).exists()


@pytest.mark.parametrize("step", BETWEEN)
def test_the_new_one_is_revoked_between_the_two_commits(desk, step):
    ids, key = ordered(desk), new_key()

    def revoke_it() -> None:
        serial = certificates(desk).get().serial
        revoke(RevocationRequest(serial, RevocationReason.CESSATION_OF_OPERATION), desk.ctx, "operator", REQUEST)

    answer = enrol(new_ask(ids, key), desk.but(step=once_at(step, revoke_it)).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SIGNER_REVOKED
    assert refused(enrol(new_ask(ids, key), desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED


@pytest.mark.parametrize("step", BETWEEN)
def test_another_renewal_takes_the_place_between_the_two_commits(desk, step):
    held, taken = enrolled(desk), []
    in_the_window(desk, held)
    again = once_at(step, lambda: taken.append(renewed(desk, held)))
    answer = renew(renew_ask(held, new_key()), desk.but(step=again).ctx, REQUEST)
    assert refused(answer) is RejectionReason.SUPERSEDED
    assert models.RejectedRequest.objects.using(desk.db.alias).get().reason == RejectionReason.SUPERSEDED
    live = certificates(desk).filter(predecessor__serial=held.serial, revoked_at__isnull=True).get()
    assert live.serial == taken[0].serial


@pytest.mark.parametrize("step", BETWEEN)
def test_the_same_request_finishes_what_waits_for_its_signature(desk, step):
    """Both requests sign, and both answer with the first signature that is stored."""
    key, ids = new_key(), ordered(desk)
    answers = []
    again = once_at(step, lambda: answers.append(accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))))
    answers.append(accepted(enrol(new_ask(ids, key), desk.but(step=again).ctx, REQUEST)))
    assert answers[0] == answers[1]
    assert certificates(desk).count() == 1
    assert models.AuditEvent.objects.using(desk.db.alias).filter(action="certificate-issued").count() == 1


def test_ids_are_made_anew_while_the_old_ones_are_being_spent(desk):
    ids, key, fresh = ordered(desk), new_key(), []
    anew = once_at(
        "8-prepared", lambda: fresh.append(reissue_transfer_ids(ids.order_id, desk.ctx, "operator", REQUEST))
    )
    answer = enrol(new_ask(ids, key), desk.but(step=anew).ctx, REQUEST)
    assert refused(answer) is RejectionReason.TRANSFER_IDS_WRONG
    accepted(enrol(new_ask(fresh[0], key), desk.ctx, REQUEST))


def test_the_organisation_is_closed_while_its_request_is_decided(desk):
    closing = once_at("8-prepared", lambda: close(CUSTOMER_ID, desk.ctx, "operator", REQUEST))
    answer = enrol(new_ask(ordered(desk), new_key()), desk.but(step=closing).ctx, REQUEST)
    assert refused(answer) is RejectionReason.NOT_ENTITLED
    assert not certificates(desk).exists()


def test_a_lineage_that_never_stands_still_makes_the_service_unavailable(desk):
    ids, key = ordered(desk), new_key()

    def move(reached: str) -> None:
        if reached == "8-prepared":
            mappers.move_versions(models.Lineage.objects.using(desk.db.alias).all())

    answer = enrol(new_ask(ids, key), desk.but(step=move).ctx, REQUEST)
    assert refused(answer) is RejectionReason.UNAVAILABLE
    assert not certificates(desk).exists()
    accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))


def torn(monkeypatch, do) -> None:
    """Run `do` between two reads: of the spent or renewed state, and of the key."""
    known = transactions.known_keys
    once = once_at("key", do)

    def known_keys(db, keys):
        once("key")
        return known(db, keys)

    monkeypatch.setattr(transactions, "known_keys", known_keys)


def test_the_same_enrolment_comes_in_between_two_readings(desk, monkeypatch):
    ask, answers = new_ask(ordered(desk), new_key()), []
    torn(monkeypatch, lambda: answers.append(accepted(enrol(ask, desk.ctx, REQUEST))))
    assert accepted(enrol(ask, desk.ctx, REQUEST)) == answers[0]
    assert not models.RejectedRequest.objects.using(desk.db.alias).exists()
