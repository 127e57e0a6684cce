"""Retention of personal data on both databases.

Data of a person is erased once nothing that names the person is in force. All other data stays.
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.issuance import rejections, transactions
from sinetti.database.operations import retention
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.operations.monitoring import Periods
from sinetti.domain.refusals import RejectionReason
from sinetti.services.approvals.approve import ApprovalContext, add_signature, propose, reject
from sinetti.services.approvals.officers import found_officers
from sinetti.services.issuance import order as issuance_order
from sinetti.services.issuance.enrol import enrol
from sinetti.services.monitoring.retention import ErasureReport, NotErased, apply_retention, plan_retention
from sinetti.services.organisations.contacts import ContactUpdate, change_contact
from sinetti.services.organisations.registration import close
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.authority import CUSTOMER_ID
from tests.support.killed import KilledError
from tests.support.officers import checked_founders, key_of
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    SECOND,
    accepted,
    an_order,
    enrolled,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renewed,
)

PERIODS = Periods(people=100 * DAY, refusals=50 * DAY, messages=20 * DAY)
NOTHING = ErasureReport()


def rows(scene, model):
    return model.objects.using(scene.db.alias)


def applied(scene, periods=PERIODS):
    return apply_retention(periods, scene.ctx, REQUEST)


def names(scene) -> list[str]:
    return sorted(rows(scene, models.Person).values_list("name", flat=True))


def ends(scene):
    return max(rows(scene, models.Certificate).values_list("not_after", flat=True))


def named(name):
    return replace(CONTACT, name=name, email=f"{name}@sinisiipi.example")


def test_a_contact_is_kept_for_the_period_after_the_last_certificate_and_erased_then(scene):
    enrolled(scene)
    (person,) = rows(scene, models.Person)
    scene.clock.now = ends(scene) + PERIODS.people
    assert applied(scene).people == 0
    scene.clock.forward(SECOND)
    past = plan_retention(PERIODS, scene.ctx)
    assert past.people == (person.person_id,)
    assert names(scene) == [CONTACT.name], "a plan changes nothing"
    assert applied(scene).people == 1
    person.refresh_from_db()
    assert (person.name, person.email, person.phone, person.erased_at) == ("", "", "", scene.clock.now)
    assert applied(scene) == NOTHING
    assert rows(scene, models.Lineage).get().contact_id == person.person_id


def test_the_trail_stays_whole_and_says_nothing_of_people(scene):
    held = enrolled(scene)
    before = list(rows(scene, models.AuditEvent).order_by("sequence").values_list("sha256", flat=True))
    scene.clock.now = ends(scene) + 101 * DAY
    rows(scene, models.OutboxMessage).update(sent=ends(scene))
    assert applied(scene) == ErasureReport(people=1, refusals=0, messages=1)
    after = list(rows(scene, models.AuditEvent).order_by("sequence"))
    assert [row.sha256 for row in after][: len(before)] == before
    assert [row.action for row in after[len(before) :]] == ["messages-deleted", "person-erased"]
    for row in after:
        said = bytes(row.octets).decode()
        assert not any(word in said for word in (CONTACT.name, CONTACT.email, CONTACT.phone))
    assert bytes(rows(scene, models.CertificateDer).get().der) == held.der
    assert rows(scene, models.UsedKey).count() == 1


def test_a_renewed_certificate_keeps_its_contact(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    renewed(scene, held)
    scene.clock.now = ends(scene) + 100 * DAY
    assert applied(scene).people == 0
    scene.clock.forward(DAY)
    assert applied(scene).people == 1


def test_a_revoked_certificate_ends_when_it_was_revoked(scene):
    held = enrolled(scene)
    scene.clock.forward(DAY)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    scene.clock.forward(101 * DAY)
    assert applied(scene).people == 1


def test_who_was_replaced_is_kept_for_what_was_made_while_they_were_there(scene):
    """The new contact is responsible for later certificates.

    Those do not extend the retention of the old contact's data.
    """
    issuance_order.order(replace(an_order(), contact=named("old"), deputy=named("old-deputy")), scene.ctx, "o", REQUEST)
    held = enrolled(scene)  # a lineage of its own, with its contact
    scene.clock.forward(300 * DAY)
    new = replace(an_order(replaces=held.serial), contact=named("new"))
    later = enrolled_by(scene, new)
    scene.clock.now = not_after(scene, held) + 101 * DAY
    assert not_after(scene, later) > scene.clock.now
    applied(scene)
    assert names(scene) == ["", "", "", "new"], "the one of the first certificate, and of the order that nobody used"
    scene.clock.now = not_after(scene, later) + 101 * DAY
    assert applied(scene).people == 1


def not_after(scene, held):
    return rows(scene, models.Certificate).get(serial=held.serial).not_after


def enrolled_by(scene, new):
    key, ids = new_key(), ordered(scene, new)
    return held_by(scene, key, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))


def test_an_order_that_nobody_used_keeps_its_people_until_its_ids_have_lapsed_for_the_period(scene):
    ids = ordered(scene)
    scene.clock.now = ids.expires + PERIODS.people
    assert applied(scene).people == 0
    scene.clock.forward(SECOND)
    assert applied(scene).people == 1


def kept_by_organisation(scene, person):
    rows(scene, models.Organisation).update(contact=person)
    return lambda: close(CUSTOMER_ID, scene.ctx, "operator", REQUEST)


def kept_by_mandate(scene, person):
    mandates = rows(scene, models.RoleAssignment)
    organisation = rows(scene, models.Organisation).get()
    mandates.create(organisation=organisation, person=person, role="signatory", valid_from=scene.clock.now)
    return lambda: mandates.update(withdrawn_at=scene.clock.now)


def kept_by_invitation(scene, person):
    kept_by_mandate(scene, person)
    rows(scene, models.RoleAssignment).update(waiting=True)
    links = rows(scene, models.Invitation)
    end = scene.clock.now + 1000 * DAY
    links.create(mandate=rows(scene, models.RoleAssignment).get(), token_sha256="0" * 64, created=end, expires=end)
    return lambda: None


def kept_by_account(scene, person):
    user = rows(scene, models.User).create(email="someone@sinisiipi.example", created=scene.clock.now)
    rows(scene, models.Person).filter(pk=person.pk).update(user=user)
    return lambda: rows(scene, models.Person).filter(pk=person.pk).update(user=None)


KEEPERS = {
    "an organisation's contact": kept_by_organisation,
    "a mandate": kept_by_mandate,
    "an invitation": kept_by_invitation,
    "an account": kept_by_account,
}


@pytest.mark.parametrize("keeper", KEEPERS.values(), ids=KEEPERS)
def test_what_else_keeps_a_person(scene, keeper):
    ordered(scene)
    let_go = keeper(scene, rows(scene, models.Person).get())
    scene.clock.forward(1000 * DAY)
    assert applied(scene).people == 0
    let_go()
    scene.clock.forward(101 * DAY)
    assert applied(scene).people == 1


def test_a_message_that_is_owed_keeps_its_recipient_and_none_is_taken_while_it_could_be_owed_again(scene):
    enrolled(scene)
    messages = rows(scene, models.OutboxMessage)
    scene.clock.now = ends(scene) + 101 * DAY
    assert messages.update(created=scene.clock.now, sent=None) == 1
    assert applied(scene) == NOTHING
    messages.update(sent=scene.clock.now)
    scene.clock.forward(PERIODS.messages)
    assert applied(scene).messages == 0
    scene.clock.forward(SECOND)
    assert applied(scene).messages == 1


@pytest.mark.parametrize("column", ["sent", "failed_at", "cancelled_at", "expanded_at"])
def test_a_message_about_a_certificate_in_force_stays(scene, column):
    enrolled(scene)
    rows(scene, models.OutboxMessage).update(**{column: scene.clock.now})
    scene.clock.now = ends(scene) - DAY
    assert applied(scene).messages == 0
    scene.clock.now = ends(scene) + 21 * DAY
    assert applied(scene).messages == 1


def test_secure_messages_go_with_their_pins_after_their_link_has_ended_for_the_period(scene):
    order = models.Order.objects.using(scene.db.alias).get(pk=ordered(scene).order_id)
    ends_at = scene.clock.now + 14 * DAY
    link = {"order": order, "recipient": order.contact, "created": scene.clock.now, "expires": ends_at}
    message = rows(scene, models.SecureMessage).create(token_sha256="0" * 64, **link)
    rows(scene, models.Pin).create(message=message, created=scene.clock.now, expires=ends_at)
    scene.clock.now = ends_at + PERIODS.messages
    assert applied(scene) == NOTHING
    scene.clock.forward(SECOND)
    assert applied(scene) == ErasureReport(people=0, refusals=0, messages=1)
    assert not rows(scene, models.Pin).exists()
    assert rows(scene, models.AuditEvent).latest("sequence").action == "secure-messages-deleted"


def refuse(scene, times):
    lineage = rows(scene, models.Lineage).get().lineage_id
    for _ in range(times):
        rejections.record_rejection(scene.db, lineage, RejectionReason.TOO_EARLY, "renew", scene.audit_entry())


def test_refusals_go_after_their_period(scene):
    enrolled(scene)
    refuse(scene, 2)
    scene.clock.forward(DAY)
    refuse(scene, 1)
    scene.clock.forward(PERIODS.refusals)
    assert applied(scene).refusals == 2
    assert rows(scene, models.RejectedRequest).count() == 1
    row = rows(scene, models.AuditEvent).latest("sequence")
    facts = json.loads(bytes(row.octets))["facts"]
    assert (row.action, row.object, facts["count"]) == ("refusals-deleted", "retention", 2)


def test_addresses_of_callers_go_before_what_they_did(scene):
    """A refusal after proof keeps its row; its address has a shorter period."""
    enrolled(scene)
    scene = replace(scene, ctx=replace(scene.ctx, caller="192.0.2.7"))
    refuse(scene, 1)
    (row,) = rows(scene, models.CallerAddress)
    assert (row.address, row.request_id) == ("192.0.2.7", rows(scene, models.RejectedRequest).get().request_id)
    scene.clock.forward(PERIODS.callers)
    assert plan_retention(PERIODS, scene.ctx).callers == ()
    scene.clock.forward(DAY)
    assert (applied(scene).callers, rows(scene, models.CallerAddress).count()) == (1, 1), "that of the run itself"
    assert rows(scene, models.RejectedRequest).count() == 1


def test_proposals_go_with_their_signatures(scene):
    """The log keeps what was signed; a proposal that lapsed without an end goes too."""
    found_officers(scene.db, checked_founders(), scene.audit_entry())
    means = ApprovalContext(scene.ctx, "os-user:root", REQUEST, {}, lambda _actor: None)
    signed, lapsed = (propose(TwoPersonAct.SECRETS, "anna", {"change": "wrap"}, {}, means) for _ in range(2))
    add_signature(signed.proposal_id, "anna", key_of("anna").sign(signed.octets), means)
    reject(signed.proposal_id, means)
    scene.clock.forward(PERIODS.people)
    assert plan_retention(PERIODS, scene.ctx).proposals == ()
    scene.clock.forward(DAY)
    assert plan_retention(PERIODS, scene.ctx).proposals == (signed.proposal_id,)
    scene.clock.forward(DAY)
    assert applied(scene).proposals == 2
    assert not rows(scene, models.ActProposal).exists()
    assert not rows(scene, models.ActSignature).exists()
    assert lapsed.proposal_id not in plan_retention(PERIODS, scene.ctx).proposals
    assert rows(scene, models.AuditEvent).filter(action="act-signed", object=f"act:{signed.proposal_id}").exists()


def test_a_run_that_was_killed_is_gone_on_with(scene, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    enrolled(scene)
    refuse(scene, 5)
    scene.clock.forward(51 * DAY)
    steps = []

    def killed(name):
        steps.append(name)
        if len(steps) == 2:
            raise KilledError(name)

    with pytest.raises(KilledError):
        applied(scene.but(step=killed))
    assert rows(scene, models.RejectedRequest).count() == 1
    assert applied(scene) == ErasureReport(people=0, refusals=1, messages=0)
    told = rows(scene, models.AuditEvent).filter(action="refusals-deleted")
    assert [json.loads(bytes(row.octets))["facts"]["count"] for row in told.order_by("sequence")] == [2, 2, 1]


def test_who_is_named_again_meanwhile_is_not_erased(scene):
    """The transaction that erases checks the person again."""
    ordered(scene)
    scene.clock.forward(1000 * DAY)
    past = plan_retention(PERIODS, scene.ctx)
    rows(scene, models.Organisation).update(contact=past.people[0])
    assert retention.erase_people(scene.db, past.people, past.cutoffs.people, scene.audit_entry()) == 0
    assert names(scene) == [CONTACT.name]


def test_nothing_is_erased_by_a_clock_that_is_not_believed(scene):
    ordered(scene)
    scene.clock.forward(10_000 * DAY)
    with pytest.raises(NotErased, match="clock show"):
        applied(scene.but(issuance_allowed=lambda: False))
    assert names(scene) == [CONTACT.name]


def test_the_language_of_an_erased_contact_still_tells_how_to_answer(scene):
    held = enrolled(scene)
    scene.clock.now = ends(scene) + 101 * DAY
    applied(scene)
    found = transactions.find_certificate(scene.db, held.serial)
    assert found.lineage.language is CONTACT.language


def test_defaults():
    periods = Periods()
    assert (periods.people, periods.refusals, periods.messages) == (730 * DAY, 730 * DAY, timedelta(days=365))


def test_somebody_who_gave_way_is_kept_for_the_period_after(scene):
    """No record names the person any more, but they received messages until then."""
    held = enrolled(scene)
    who = named("between")
    for one in (who, CONTACT):
        change_contact(ContactUpdate(held.serial, one), scene.ctx, "operator", REQUEST)
    between = rows(scene, models.Person).get(name=who.name)
    events = rows(scene, models.OutboxMessage).filter(kind="contact-changed")
    events.update(expanded_at=scene.clock.now)
    scene.clock.forward(PERIODS.people)
    assert between.pk not in plan_retention(PERIODS, scene.ctx).people
    scene.clock.forward(SECOND)
    past = plan_retention(PERIODS, scene.ctx)
    assert between.pk in past.people
    assert set(events.values_list("pk", flat=True)) <= set(past.messages), "events go as messages do"


def test_requests_for_a_role_and_loads_go_when_they_are_over_for_their_period(scene, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    now, requests, loads = scene.clock(), models.RoleRequest, models.OrganisationImport
    for name, age, answered in (("old", 100, False), ("answered", 100, True), ("new", 99, True)):
        at = now - age * DAY - SECOND
        terms = {"normalised_id": name, "created": at, "answered_at": at if answered else None}
        rows(scene, requests).create(customer_id=CUSTOMER_ID, role="viewer", **terms)
    empty = {"content": b"", "changes": [], "wrong": [], "unchanged": 0, "digest": "0" * 64}
    for digest, age, steps in (("looked", 20, 0), ("done", 20, 2), ("unfinished", 20, 1), ("new", 19, 2)):
        at = now - age * DAY - SECOND
        done = dict(zip(("accepted_at", "done_at")[:steps], (at, at), strict=False))
        rows(scene, loads).create(**{**empty, "digest": digest, "created": at, **done})
    past = plan_retention(PERIODS, scene.ctx)
    over = {
        name: set(rows(scene, model).filter(**{f"{column}__in": which}).values_list("pk", flat=True))
        for name, model, column, which in (
            ("requests", requests, "normalised_id", ("old", "answered")),
            ("files", loads, "digest", ("looked", "done")),
        )
    }
    assert {"requests": set(past.requests), "files": set(past.files)} == over, "a plan names them, and changes nothing"
    assert applied(scene) == ErasureReport(requests=2, files=2)
    assert set(rows(scene, requests).values_list("normalised_id", flat=True)) == {"new"}
    assert set(rows(scene, loads).values_list("digest", flat=True)) == {"unfinished", "new"}
    actions = list(
        rows(scene, models.AuditEvent).filter(object="retention").order_by("sequence").values_list("action", flat=True)
    )
    assert actions == ["right-requests-deleted"] * 2 + ["organisation-loads-deleted"] * 2


def test_a_request_that_waits_stays_however_short_the_period_is(scene):
    at, rows_ = scene.clock() - 31 * DAY, rows(scene, models.RoleRequest)
    rows_.create(customer_id=CUSTOMER_ID, role="viewer", normalised_id="waits", created=at)
    applied(scene, Periods(30 * DAY, 30 * DAY, 30 * DAY))
    assert rows_.count() == 1
