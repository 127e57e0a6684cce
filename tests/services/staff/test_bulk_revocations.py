"""Bulk revocation by clerks: two people with an account each, part by part."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import transaction

from sinetti.database import models
from sinetti.database.access import accounts
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import COUNTED_FOR, BulkErrorReason, BulkRevocationError
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.services.access.accounts import give_staff
from sinetti.services.revocation import bulk_revoke
from sinetti.services.staff import bulk_revocations, certificates
from sinetti.services.staff.bulk_revocations import CertificateSelection
from sinetti.services.staff.session import NotStaff
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk, looked, same_subject
from tests.support.killed import KilledError, killed_at
from tests.support.registers import crowd
from tests.support.scene import REQUEST, enrolled

SUPERSEDED = RevocationReason.SUPERSEDED
ALL = CertificateSelection(customer_id=CUSTOMER_ID)


@pytest.fixture
def few(monkeypatch):
    """Set the limits of runs to their smallest values.

    They are one certificate for one clerk, one lineage a transaction, and two transactions a page.
    """
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    monkeypatch.setattr(bulk_revoke, "LINES_AT_ONCE", 1)
    monkeypatch.setattr(bulk_revocations, "PARTS_AT_ONCE", 2)


def refused_for(call, *rest):
    with pytest.raises(BulkRevocationError) as refused:
        call(*rest)
    return refused.value.reason


def proposed(scene, count=4):
    serials = tuple(enrolled(scene).serial for _ in range(count))
    anna = a_clerk(scene)
    assert bulk_revocations.look_at(ALL, SUPERSEDED, anna).serials == serials
    return anna, bulk_revocations.propose(ALL, SUPERSEDED, anna).proposal


def test_another_clerk_confirms_and_it_goes_part_by_part(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene)
    bo = a_clerk(sqlite_scene, "bo")
    assert not bulk_revocations.needs_second(1, anna)
    assert bulk_revocations.proposals(bo) == ((waiting,), ())
    assert refused_for(bulk_revocations.confirm, waiting.proposal_id, anna) is BulkErrorReason.SAME_OFFICER
    assert refused_for(bulk_revocations.go_on, waiting.proposal_id, bo) is BulkErrorReason.NO_PROPOSAL
    gone, going = bulk_revocations.confirm(waiting.proposal_id, bo)
    assert (gone, going.approver, going.done_at) == (2, bo.officer, None)
    assert bulk_revocations.proposals(bo)[1] == (going,)
    assert bulk_revocations.go_on(waiting.proposal_id, anna)[0] == 3, "the part before is looked at again"
    gone, done = bulk_revocations.go_on(waiting.proposal_id, anna)
    assert (gone, done.done_at) == (4, sqlite_scene.clock.now)
    assert bulk_revocations.go_on(waiting.proposal_id, anna) == (4, done)
    assert bulk_revocations.proposal(waiting.proposal_id, bo) == (4, done)
    rows = models.AuditEvent.objects.using(sqlite_scene.db.alias).filter(action="bulk-approved")
    assert [row.actor for row in rows] == [bo.actor.name]
    assert looked(sqlite_scene)[-1][0] == f"bulk-revocation:{waiting.proposal_id}"


def test_a_clerk_sees_what_is_to_be_confirmed_but_not_their_own(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene, 2)
    bo = a_clerk(sqlite_scene, "bo")
    seen = bulk_revocations.to_confirm(waiting.proposal_id, bo)
    assert seen.serials == waiting.serials
    assert refused_for(bulk_revocations.to_confirm, waiting.proposal_id, anna) is BulkErrorReason.SAME_OFFICER
    with transaction.atomic(sqlite_scene.db.alias):
        bulk_revocations.rehearse(seen.going, SUPERSEDED, bo)
        assert all(sqlite_scene.certificate(one).revoked for one in waiting.serials)
        transaction.set_rollback(True, sqlite_scene.db.alias)
    assert not any(sqlite_scene.certificate(one).revoked for one in waiting.serials)


def test_another_account_of_the_same_person_does_not_confirm(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene)
    second = a_clerk(sqlite_scene, "annas-second")
    same_subject(sqlite_scene, anna.actor.user_id, second.actor.user_id)
    assert refused_for(bulk_revocations.confirm, waiting.proposal_id, second) is BulkErrorReason.SAME_PERSON
    assert bulk_revocations.proposal(waiting.proposal_id, anna)[0] == 0


def test_nor_does_an_account_with_one_of_the_proposers_addresses(sqlite_scene, few):
    _, waiting = proposed(sqlite_scene, 2)
    second = a_clerk(sqlite_scene, "anna2")
    rows = apps.get_model("account", "EmailAddress").objects.using(sqlite_scene.db.alias)
    rows.create(user_id=second.actor.user_id, email="ANNA@people.example", verified=False, primary=False)
    assert refused_for(bulk_revocations.confirm, waiting.proposal_id, second) is BulkErrorReason.SAME_PERSON
    assert not any(sqlite_scene.certificate(one).revoked for one in waiting.serials)


def test_in_production_both_clerks_have_a_verified_person(sqlite_scene, few):
    _, waiting = proposed(sqlite_scene, 2)
    bo = a_clerk(sqlite_scene, "bo")
    models.Instance.objects.using(sqlite_scene.db.alias).update(environment="PRODUCTION")
    for name in ("anna", "bo"):
        assert refused_for(bulk_revocations.confirm, waiting.proposal_id, bo) is BulkErrorReason.NO_PERSON
        give_staff(f"{name}@people.example", f"digest of {name}", sqlite_scene.ctx, "operator", REQUEST)
    assert bulk_revocations.confirm(waiting.proposal_id, bo)[0] == 2


def test_certificates_are_described_in_their_order(sqlite_scene):
    anna, serials = a_clerk(sqlite_scene), [enrolled(sqlite_scene).serial for _ in range(2)]
    found = bulk_revocations.describe([*reversed(serials), "0" * 32], anna)
    assert [one.serial for one in found] == serials[::-1], "an unknown one is left out"
    assert {one.customer_id for one in found} == {CUSTOMER_ID}


def test_a_clerk_dismissed_in_the_middle_stops_and_what_went_is_published(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene)
    bo = a_clerk(sqlite_scene, "bo")
    bulk_revocations.confirm(waiting.proposal_id, bo)
    models.User.objects.using(sqlite_scene.db.alias).filter(pk=bo.actor.user_id).update(is_staff=False)
    with pytest.raises(NotStaff):
        bulk_revocations.go_on(waiting.proposal_id, bo)
    assert bulk_revocations.proposal(waiting.proposal_id, anna)[0] == 2


def test_cut_short_in_a_part_it_is_gone_on_with(sqlite_scene, few):
    _, waiting = proposed(sqlite_scene, 2)
    dies = a_clerk(sqlite_scene.but(step=killed_at("many-revoked")), "bo")
    with pytest.raises(KilledError):
        bulk_revocations.confirm(waiting.proposal_id, dies)
    gone, done = bulk_revocations.go_on(waiting.proposal_id, a_clerk(sqlite_scene, "cecilia"))
    assert (gone, done.done_at) == (2, sqlite_scene.clock.now)


def test_whoever_proposed_it_withdraws_it(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene, 2)
    assert (
        refused_for(bulk_revocations.withdraw, waiting.proposal_id, a_clerk(sqlite_scene, "bo"))
        is BulkErrorReason.OTHER_OFFICER
    )
    bulk_revocations.withdraw(waiting.proposal_id, anna)
    assert bulk_revocations.proposals(anna) == ((), ())


def test_what_was_proposed_by_an_account_that_is_no_clerks_any_more_is_not_confirmed(sqlite_scene, few):
    anna, waiting = proposed(sqlite_scene, 2)
    bo = a_clerk(sqlite_scene, "bo")
    accounts.set_staff(sqlite_scene.db, anna.actor.user_id, sqlite_scene.audit_entry(), staff=False)
    assert refused_for(bulk_revocations.confirm, waiting.proposal_id, bo) is BulkErrorReason.PROPOSER_GONE
    assert refused_for(bulk_revocations.confirm, "none", bo) is BulkErrorReason.NO_PROPOSAL
    assert not any(sqlite_scene.certificate(one).revoked for one in waiting.serials)


def test_a_command_does_not_confirm_what_a_clerk_proposed(sqlite_scene, few):
    _, waiting = proposed(sqlite_scene, 2)
    asked = (waiting.proposal_id, "b2", sqlite_scene.ctx, REQUEST)
    assert refused_for(bulk_revoke.approve, *asked) is BulkErrorReason.OTHER_DOOR


def alone(scene, clerk, serial):
    """Revoke a certificate as a clerk; return True if no second clerk was needed."""
    done = certificates.revoke_one(serial, SUPERSEDED, clerk).proposal.done_at is not None
    assert scene.certificate(serial).revoked is done
    return done


def test_one_at_a_time_counts_as_many_at_once_do(sqlite_scene, few):
    serials, anna = [enrolled(sqlite_scene).serial for _ in range(4)], a_clerk(sqlite_scene)
    assert alone(sqlite_scene, anna, serials[0])
    assert bulk_revocations.needs_second(1, anna)
    assert not alone(sqlite_scene, anna, serials[1])
    (waiting,) = bulk_revocations.proposals(anna)[0]
    assert (waiting.serials, waiting.officer) == ((serials[1],), anna.officer)
    assert not alone(sqlite_scene, anna, serials[1])
    assert len(bulk_revocations.proposals(anna)[0]) == 1, "the same asked again is no second proposal"
    assert refused_for(bulk_revocations.confirm, waiting.proposal_id, anna) is BulkErrorReason.SAME_OFFICER
    bo = a_clerk(sqlite_scene, "bo")
    assert bulk_revocations.confirm(waiting.proposal_id, bo)[1].done_at
    assert sqlite_scene.certificate(serials[1]).revoked
    assert not bulk_revocations.needs_second(1, bo), "what two decided does not count for either alone"
    assert alone(sqlite_scene, bo, serials[2]), "each clerk has their own number"
    sqlite_scene.clock.forward(COUNTED_FOR + timedelta(seconds=1))
    assert alone(sqlite_scene, anna, serials[3]), "the next day"


def test_where_the_settings_say_one_a_clerk_revokes_any_number(sqlite_scene, few):
    one = sqlite_scene.but(approvals=ApprovalPolicy({TwoPersonAct.BULK_REVOCATION: 1}))
    serials, anna = [enrolled(one).serial for _ in range(3)], a_clerk(one)
    assert not bulk_revocations.needs_second(3, anna)
    assert bulk_revocations.propose(CertificateSelection(serials=tuple(serials)), SUPERSEDED, anna).proposal.approved_at


def test_a_list_counts_what_went_one_at_a_time(sqlite_scene, monkeypatch):
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 2)
    serials, anna = [enrolled(sqlite_scene).serial for _ in range(3)], a_clerk(sqlite_scene)
    assert alone(sqlite_scene, anna, serials[0])
    outcome = bulk_revocations.propose(CertificateSelection(serials=tuple(serials[1:])), SUPERSEDED, anna)
    assert outcome.proposal.approved_at is None


def test_two_presses_at_once_are_not_each_the_last_one_alone(scene, few):
    serials, anna = [enrolled(scene).serial for _ in range(2)], a_clerk(scene)
    done = crowd(scene.db, 2, lambda number: alone(scene, anna, serials[number]))
    assert sorted(done) == [False, True]
