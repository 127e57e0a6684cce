"""Proposals, signatures and acts of officers, on both databases."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.database.approvals import proposals
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.approvals.acts import ApprovalPolicy, KeyRequirement, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import OfficerError
from sinetti.domain.approvals.proposals import ApprovalError, ApprovalReason, ProposalState
from sinetti.domain.certificates.bulk_revocation import BulkErrorReason, BulkRevocationError
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Environment, Language
from sinetti.infra.toml_tables import SettingsError
from sinetti.services.access import accounts
from sinetti.services.access.accounts import account_of
from sinetti.services.approvals import approve
from sinetti.services.approvals.approve import ApprovalContext, add_signature, begin, finish, propose, reject
from sinetti.services.approvals.executors import (
    EXECUTORS,
    account_parameters,
    bulk_context,
    bulk_parameters,
    officer_parameters,
    signatory_parameters,
    staff_parameters,
)
from sinetti.services.approvals.officers import (
    NewOfficer,
    add_founder,
    can_add_founders,
    check_founders,
    check_officer,
    found_officers,
    get_officer,
    list_officers,
)
from sinetti.services.approvals.settings import keep_strictest
from sinetti.services.revocation.bulk_revoke import BulkRevocationRequest, preview
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.officers import NAMES, key_of
from tests.support.scene import REQUEST, enrolled
from tests.support.ssh_keys import Authenticator

MACHINE = "os-user:root"


def officer(name, role=OfficerRole.APPROVER):
    return check_officer(NewOfficer(name, role, key_of(name).public.read_bytes()), ApprovalPolicy())


def means_of(scene):
    return ApprovalContext(scene.ctx, MACHINE, REQUEST, EXECUTORS, accepted.append)


accepted = []
"""Actors for whom the clock was accepted."""


@pytest.fixture
def means(scene):
    found_officers(scene.db, [officer(name) for name in NAMES], scene.audit_entry())
    accepted.clear()
    return means_of(scene)


def signed(proposal, name):
    return key_of(name).sign(proposal.octets)


def approved(means, act, parameters, context=None):
    """Propose as anna, have anna and ben sign it, and return the result."""
    proposal = propose(act, "anna", parameters, context or {}, means)
    assert add_signature(proposal.proposal_id, "anna", signed(proposal, "anna"), means).missing == 1
    return add_signature(proposal.proposal_id, "ben", signed(proposal, "ben"), means)


def reason_of(call, *rest):
    with pytest.raises(ApprovalError) as refused:
        call(*rest)
    return refused.value.reason


def test_an_organisation_ends(means):
    result = approved(means, TwoPersonAct.ORGANISATION_END, {"customer_id": CUSTOMER_ID})
    assert (result.missing, result.stored.state) == (0, ProposalState.DONE)
    assert models.Organisation.objects.using(means.ctx.db.alias).get(customer_id=CUSTOMER_ID).closed_at
    assert approve.list_waiting(means.ctx) == ()


def test_an_organisation_that_has_ended_meanwhile_does_not_end_twice(means):
    first, second = (
        propose(TwoPersonAct.ORGANISATION_END, "anna", {"customer_id": CUSTOMER_ID}, {}, means) for _ in range(2)
    )
    for name in ("anna", "ben"):
        add_signature(first.proposal_id, name, signed(first, name), means)
    add_signature(second.proposal_id, "anna", signed(second, "anna"), means)
    last = signed(second, "ben")
    assert reason_of(add_signature, second.proposal_id, "ben", last, means) is ApprovalReason.CHANGED
    assert approve.get_proposal(second.proposal_id, means.ctx).state is ProposalState.OPEN


def test_a_proposal_without_enough_approvers_is_not_stored(sqlite_scene):
    roles = (OfficerRole.OPERATOR, OfficerRole.APPROVER, OfficerRole.AUDITOR)
    officers = [officer(name, role) for name, role in zip(NAMES, roles, strict=False)]
    found_officers(sqlite_scene.db, officers, sqlite_scene.audit_entry())
    means = means_of(sqlite_scene)
    alone = (TwoPersonAct.ORGANISATION_END, NAMES[1], {"customer_id": CUSTOMER_ID}, {}, means)
    assert reason_of(propose, *alone) is ApprovalReason.ROLE
    assert approve.list_waiting(means.ctx) == ()


@pytest.mark.parametrize(
    ("parameters", "subject"),
    [
        ({"change": "add", "customer_id": CUSTOMER_ID, "name": "A B"}, CUSTOMER_ID),
        ({"change": "add", "certificates": [{}, {}]}, "certificates: 2"),
        ({"change": "add", "name": "anna"}, "anna"),
        ({"change": "add", "ca": "RootCAv1"}, "RootCAv1"),
        ({"change": "add"}, ""),
    ],
)
def test_the_object_of_a_proposal(sqlite_scene, parameters, subject):
    found_officers(sqlite_scene.db, [officer(name) for name in NAMES], sqlite_scene.audit_entry())
    assert propose(TwoPersonAct.STAFF, "anna", parameters, {}, means_of(sqlite_scene)).subject == subject


def test_many_certificates_are_revoked(scene, means):
    serials = tuple(enrolled(scene).serial for _ in range(2))
    ask = BulkRevocationRequest(CertificateSelection(serials=serials), RevocationReason.SUPERSEDED, "anna")
    selection = preview(ask, scene.ctx)
    by_time = replace(ask, wanted=CertificateSelection(issued=(scene.clock.now, scene.clock.now + timedelta(days=1))))
    assert bulk_context(ask, selection)["selected_by"] == ["serial numbers"]
    assert set(bulk_context(by_time, selection)) >= {"issued_from", "issued_until"}
    dated = replace(ask, invalidity_date=scene.clock.now)
    approved(means, TwoPersonAct.BULK_REVOCATION, bulk_parameters(dated, selection, scene.ctx))
    rows = models.Certificate.objects.using(scene.db.alias).filter(revoked_at__isnull=False)
    assert set(rows.values_list("serial", "invalidity_date")) == {(one, scene.clock.now) for one in serials}
    assert bulk_parameters(ask, selection, scene.ctx)["invalid_since"] is None


def test_certificates_that_have_changed_since_the_proposal_are_not_revoked(scene, means):
    """One was revoked between the signatures: the officers have seen other certificates."""
    serials = tuple(enrolled(scene).serial for _ in range(2))
    ask = BulkRevocationRequest(CertificateSelection(serials=serials), RevocationReason.SUPERSEDED, "anna")
    parameters = bulk_parameters(ask, preview(ask, scene.ctx), scene.ctx)
    proposal = propose(TwoPersonAct.BULK_REVOCATION, "anna", parameters, {}, means)
    add_signature(proposal.proposal_id, "anna", signed(proposal, "anna"), means)
    revoke(RevocationRequest(serials[0], RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    with pytest.raises(BulkRevocationError) as refused:
        add_signature(proposal.proposal_id, "ben", signed(proposal, "ben"), means)
    assert refused.value.reason is BulkErrorReason.CHANGED
    assert not scene.certificate(serials[1]).revoked
    assert approve.get_proposal(proposal.proposal_id, scene.ctx).state is ProposalState.OPEN


def test_clerks_signatories_and_the_clock(scene, means):
    account = NewAccount("clerk@authority.example", "C", Language.EN, staff=True)
    approved(means, TwoPersonAct.STAFF, account_parameters(account))
    user = models.User.objects.using(scene.db.alias).get(email=account.email)
    assert user.is_staff
    models.User.objects.using(scene.db.alias).update(is_staff=False)
    stored = account_of(account.email, scene.ctx)
    approved(means, TwoPersonAct.STAFF, staff_parameters("give", stored))
    approved(means, TwoPersonAct.STAFF, staff_parameters("reset-second-factor", stored))
    assert models.User.objects.using(scene.db.alias).get(pk=user.pk).is_staff
    for number, invite in enumerate((False, True)):
        person = ContactDetails("The Director", f"director-{number}@customer.example", "", Language.EN)
        approved(means, TwoPersonAct.SIGNATORY, signatory_parameters(CUSTOMER_ID, person, invite=invite))
    assert models.RoleAssignment.objects.using(scene.db.alias).filter(role="signatory").count() == 2
    approved(means, TwoPersonAct.RESUME, {"newest": None})
    assert accepted == ["officer:anna"]


def test_officers_change_by_two(means):
    new = NewOfficer("dora", OfficerRole.OPERATOR, key_of("dora").public.read_bytes())
    approved(means, TwoPersonAct.OFFICERS, officer_parameters(new))
    carl = get_officer("carl", means.ctx)
    approved(means, TwoPersonAct.OFFICERS, {"change": "remove", "name": "carl", "key": carl.fingerprint})
    assert [one.name for one in list_officers(means.ctx) if one.removed_at is None] == ["anna", "ben", "dora"]
    again = replace(new, name="eva", public_key=key_of("carl").public.read_bytes())
    changes = {
        "a name that is taken": officer_parameters(new),
        "a key that was another officer's": officer_parameters(again),
        "a key that the officer no longer has": {"change": "remove", "name": "dora", "key": "SHA256:x"},
    }
    attempts = {case: partial(approved, means, TwoPersonAct.OFFICERS, change) for case, change in changes.items()}
    text = golden.stable_text(golden.refusals(attempts, OfficerError))
    golden.check("sentences/approvals/changes-of-officers", {"en.txt": text})


def test_what_does_not_count(scene, means):
    proposal = propose(TwoPersonAct.ORGANISATION_END, "anna", {"customer_id": CUSTOMER_ID}, {}, means)
    name = proposal.proposal_id
    assert reason_of(add_signature, "x", "anna", b"", means) is ApprovalReason.UNKNOWN
    assert reason_of(add_signature, name, "anna", signed(proposal, "ben"), means) is ApprovalReason.SIGNATURE
    reject(name, means)
    assert reason_of(add_signature, name, "anna", signed(proposal, "anna"), means) is ApprovalReason.ENDED
    assert reason_of(reject, name, means) is ApprovalReason.ENDED
    assert reason_of(approve.get_proposal, "x", means.ctx) is ApprovalReason.UNKNOWN
    approved(
        means,
        TwoPersonAct.OFFICERS,
        officer_parameters(NewOfficer("dora", OfficerRole.AUDITOR, key_of("dora").public.read_bytes())),
    )
    assert reason_of(propose, TwoPersonAct.CA, "dora", {}, {}, means) is ApprovalReason.ROLE


def test_a_command_carries_out_what_was_approved(scene, means):
    parameters = {"change": "move-passphrase", "to": "/etc/sinetti/passphrase"}
    proposal = propose(TwoPersonAct.SECRETS, "anna", parameters, {}, means)
    name = proposal.proposal_id
    act = TwoPersonAct.SECRETS
    assert reason_of(begin, "x", act, parameters, means) is ApprovalReason.UNKNOWN
    assert reason_of(begin, name, act, parameters, means) is ApprovalReason.NOT_APPROVED
    for one in ("anna", "ben"):
        add_signature(name, one, signed(proposal, one), means)
    assert reason_of(begin, name, act, {"to": "/elsewhere"}, means) is ApprovalReason.OTHER_ACT
    assert begin(name, act, parameters, means) == proposal
    assert begin(name, act, parameters, means) == proposal, "an interrupted command begins again"
    finish(proposal, means)
    assert reason_of(begin, name, act, parameters, means) is ApprovalReason.ENDED
    scene.clock.forward(timedelta(days=2))
    assert reason_of(begin, name, act, parameters, means) is ApprovalReason.EXPIRED


def test_founders(sqlite_scene):
    ctx = sqlite_scene.ctx
    assert can_add_founders(ctx)
    assert [add_founder(officer(name), ctx, MACHINE, REQUEST) for name in NAMES] == [True, True, False]
    assert not can_add_founders(ctx)
    found_officers(sqlite_scene.db, [officer("dora")], sqlite_scene.audit_entry())
    assert len(list_officers(ctx)) == 2, "an authority is founded once"
    check_founders([], Environment.TEST)
    with pytest.raises(OfficerError, match="name 3 officers"):
        check_founders([officer("anna"), officer("ben")], Environment.PRODUCTION)
    with pytest.raises(OfficerError, match="no officer carl"):
        get_officer("carl", ctx)


def test_keys_by_the_policy():
    device = Authenticator(Ed25519PrivateKey.generate())
    policy = ApprovalPolicy(keys=KeyRequirement.FIDO2)
    new = NewOfficer("anna", OfficerRole.APPROVER, device.line)
    with pytest.raises(OfficerError, match="only FIDO2 keys"):
        check_officer(new, policy)
    attested = check_officer(replace(new, attestation=device.attest(b"c"), challenge=b"c"), policy)
    assert re.fullmatch("[0-9a-f]{64}", attested.attestation.sha256)
    with pytest.raises(OfficerError, match="is not accepted"):
        check_officer(replace(new, public_key=b"x"), policy)


def test_settings_are_raised_at_once_and_lowered_by_officers(scene):
    staff = TwoPersonAct.STAFF
    low = ApprovalPolicy({staff: 1})
    assert keep_strictest(low, scene.ctx) is low, "without officers the file counts"
    found_officers(scene.db, [officer(name) for name in NAMES], scene.audit_entry())
    assert keep_strictest(ApprovalPolicy({staff: 3}), scene.ctx).people_for(staff) == 3
    assert keep_strictest(low, scene.ctx).people_for(staff) == 3
    assert approve.needs_approval(staff, scene.ctx)
    lower = {"settings": [{"name": "staff", "before": "3", "after": "1"}]}
    means = means_of(replace(scene, ctx=replace(scene.ctx, approvals=ApprovalPolicy({staff: 3}))))
    proposal = propose(TwoPersonAct.SETTINGS, "anna", lower, {}, means)
    missing = [add_signature(proposal.proposal_id, name, signed(proposal, name), means).missing for name in NAMES]
    assert missing == [2, 1, 0], "a number of three is lowered by three"
    assert keep_strictest(low, scene.ctx).people_for(staff) == 1


def test_a_number_that_the_officers_cannot_reach_is_not_stored(scene):
    found_officers(scene.db, [officer(name) for name in NAMES], scene.audit_entry())
    with pytest.raises(SettingsError, match="staff = 4 under "):
        keep_strictest(ApprovalPolicy({TwoPersonAct.STAFF: 4}), scene.ctx)
    assert keep_strictest(ApprovalPolicy(), scene.ctx).people_for(TwoPersonAct.STAFF) == 2


def test_until_there_are_enough_officers_the_file_counts(sqlite_scene):
    add_founder(officer("anna"), sqlite_scene.ctx, MACHINE, REQUEST)
    low = ApprovalPolicy({TwoPersonAct.STAFF: 5})
    assert keep_strictest(low, sqlite_scene.ctx) is low


def test_rows_of_the_database_alone_approve_nothing(scene, means):
    """A proposal, a signature and a state that were inserted do not count without the officers' signatures."""
    act, parameters = TwoPersonAct.SECRETS, {"change": "move-passphrase", "to": "/x"}
    rows = models.ActProposal.objects.using(scene.db.alias)
    proposal = propose(act, "anna", parameters, {}, means)
    forged = replace(proposal, proposal_id="f" * 32, people=1)
    with transaction.atomic(using=scene.db.alias):
        proposals.insert_proposal(scene.db, forged, scene.audit_entry())
    assert add_signature(forged.proposal_id, "anna", signed(forged, "anna"), means).missing == 1
    rows.filter(pk=forged.proposal_id).update(state=ProposalState.APPROVED)
    assert reason_of(begin, forged.proposal_id, act, parameters, means) is ApprovalReason.NOT_APPROVED
    ben = get_officer("ben", scene.ctx)
    models.ActSignature.objects.using(scene.db.alias).create(
        proposal_id=forged.proposal_id, officer_id=ben.officer_id, signature=signed(forged, "anna"), signed_at=NOW
    )
    assert reason_of(begin, forged.proposal_id, act, parameters, means) is ApprovalReason.SIGNATURE
    models.ActSignature.objects.using(scene.db.alias).filter(officer_id=ben.officer_id).update(
        signature=signed(forged, "ben")
    )
    models.OfficerRecord.objects.using(scene.db.alias).filter(pk=ben.officer_id).update(role="auditor")
    assert reason_of(begin, forged.proposal_id, act, parameters, means) is ApprovalReason.NOT_APPROVED
    rows.filter(pk=proposal.proposal_id).update(octets=forged.octets)
    assert reason_of(add_signature, proposal.proposal_id, "anna", b"", means) is ApprovalReason.UNKNOWN


def test_an_inserted_signature_of_an_officer_who_may_not_approve_does_not_count(scene, means):
    new = NewOfficer("dora", OfficerRole.AUDITOR, key_of("dora").public.read_bytes())
    approved(means, TwoPersonAct.OFFICERS, officer_parameters(new))
    proposal = propose(TwoPersonAct.SECRETS, "anna", {"change": "move-passphrase", "to": "/x"}, {}, means)
    dora = get_officer("dora", scene.ctx)
    models.ActSignature.objects.using(scene.db.alias).create(
        proposal_id=proposal.proposal_id, officer_id=dora.officer_id, signature=signed(proposal, "dora"), signed_at=NOW
    )
    assert add_signature(proposal.proposal_id, "anna", signed(proposal, "anna"), means).missing == 1


def test_an_approval_of_a_removed_officer_is_not_carried_out(means):
    parameters = {"change": "move-passphrase", "to": "/x"}
    new = NewOfficer("dora", OfficerRole.APPROVER, key_of("dora").public.read_bytes())
    approved(means, TwoPersonAct.OFFICERS, officer_parameters(new))
    proposal = propose(TwoPersonAct.SECRETS, "anna", parameters, {}, means)
    for name in ("anna", "dora"):
        add_signature(proposal.proposal_id, name, signed(proposal, name), means)
    dora = get_officer("dora", means.ctx)
    approved(means, TwoPersonAct.OFFICERS, {"change": "remove", "name": "dora", "key": dora.fingerprint})
    refused = reason_of(begin, proposal.proposal_id, TwoPersonAct.SECRETS, parameters, means)
    assert refused is ApprovalReason.NOT_APPROVED


UNKNOWN = {
    "another change of clerks": (TwoPersonAct.STAFF, {"change": "withdraw"}),
    "another change of officers": (TwoPersonAct.OFFICERS, {"change": "replace"}),
    "no change of a CA": (TwoPersonAct.CA, {"ca": "RootCAv1"}),
    "a change that is no text": (TwoPersonAct.CA, {"change": ["revoke"], "ca": "RootCAv1"}),
}


@pytest.mark.parametrize(("act", "parameters"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_change_without_a_sentence_is_refused(scene, means, act, parameters):
    """It is not proposed, and a row that another program inserted is not signed."""
    assert reason_of(propose, act, "anna", parameters, {}, means) is ApprovalReason.OTHER_ACT
    known = propose(TwoPersonAct.ORGANISATION_END, "anna", {"customer_id": CUSTOMER_ID}, {}, means)
    inserted = replace(known, proposal_id="f" * 32, act=act, parameters=parameters)
    with transaction.atomic(using=scene.db.alias):
        proposals.insert_proposal(scene.db, inserted, scene.audit_entry())
    given = (inserted.proposal_id, "anna", signed(inserted, "anna"), means)
    assert reason_of(add_signature, *given) is ApprovalReason.OTHER_ACT


def test_an_address_that_belongs_to_another_account_meanwhile(scene, means):
    accounts.make_account(NewAccount("m@authority.example", "M", Language.EN), scene.ctx, MACHINE, REQUEST)
    given = {**staff_parameters("give", account_of("m@authority.example", scene.ctx)), "account": "9999"}
    assert reason_of(approved, means, TwoPersonAct.STAFF, given) is ApprovalReason.CHANGED
    assert not account_of("m@authority.example", scene.ctx).staff
