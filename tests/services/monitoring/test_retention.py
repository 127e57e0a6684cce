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
from tests.support.officers import checked_founders, key_of
from tests.support.service_context import (
    CONTACT,
    DAY,
    REQUEST,
    SECOND,
    KilledError,
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


def rows(desk, model):
    return model.objects.using(desk.db.alias)


def applied(desk, periods=PERIODS):
    return apply_retention(periods, desk.ctx, REQUEST)


def names(desk) -> list[str]:
    return sorted(rows(desk, models.Person).values_list("name", flat=True))


def ends(desk):
    return max(rows(desk, models.Certificate).values_list("not_after", flat=True))


def named(name):
    return replace(CONTACT, name=name, email=f"{name}@sinisiipi.example")


def test_a_contact_is_kept_for_the_period_after_the_last_certificate_and_erased_then(desk):
    enrolled(desk)
    (person,) = rows(desk, models.Person)
    desk.clock.now = ends(desk) + PERIODS.people
    assert applied(desk).people == 0
    desk.clock.forward(SECOND)
    past = plan_retention(PERIODS, desk.ctx)
    assert past.people == (person.person_id,)
    assert names(desk) == [CONTACT.name], "a plan changes nothing"
    assert applied(desk).people == 1
    person.refresh_from_db()
    assert (person.name, person.email, person.phone, person.erased_at) == ("", "", "", desk.clock.now)
    assert applied(desk) == NOTHING
    assert rows(desk, models.Lineage).get().contact_id == person.person_id


def test_the_trail_stays_whole_and_says_nothing_of_people(desk):
    held = enrolled(desk)
    before = list(rows(desk, models.AuditEvent).order_by("sequence").values_list("sha256", flat=True))
    desk.clock.now = ends(desk) + 101 * DAY
    rows(desk, models.OutboxMessage).update(sent=ends(desk))
    assert applied(desk) == ErasureReport(people=1, refusals=0, messages=1)
    after = list(rows(desk, models.AuditEvent).order_by("sequence"))
    assert [row.sha256 for row in after][: len(before)] == before
    assert [row.action for row in after[len(before) :]] == ["messages-deleted", "person-erased"]
    for row in after:
        said = bytes(row.octets).decode()
        assert not any(word in said for word in (CONTACT.name, CONTACT.email, CONTACT.phone))
    assert bytes(rows(desk, models.CertificateDer).get().der) == held.der
    assert rows(desk, models.UsedKey).count() == 1


def test_a_renewed_certificate_keeps_its_contact(desk):
    held = enrolled(desk)
    in_the_window(desk, held)
    renewed(desk, held)
    desk.clock.now = ends(desk) + 100 * DAY
    assert applied(desk).people == 0
    desk.clock.forward(DAY)
    assert applied(desk).people == 1


def test_a_revoked_certificate_ends_when_it_was_revoked(desk):
    held = enrolled(desk)
    desk.clock.forward(DAY)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), desk.ctx, "operator", REQUEST)
    desk.clock.forward(101 * DAY)
    assert applied(desk).people == 1


def test_who_was_replaced_is_kept_for_what_was_made_while_they_were_there(desk):
    """The new contact is responsible for later certificates.

    Those do not extend the retention of the old contact's data.
    """
    issuance_order.order(replace(an_order(), contact=named("old"), deputy=named("old-deputy")), desk.ctx, "o", REQUEST)
    held = enrolled(desk)  # a lineage of its own, with its contact
    desk.clock.forward(300 * DAY)
    new = replace(an_order(replaces=held.serial), contact=named("new"))
    later = enrolled_by(desk, new)
    desk.clock.now = not_after(desk, held) + 101 * DAY
    assert not_after(desk, later) > desk.clock.now
    applied(desk)
    assert names(desk) == ["", "", "", "new"], "the one of the first certificate, and of the order that nobody used"
    desk.clock.now = not_after(desk, later) + 101 * DAY
    assert applied(desk).people == 1


def not_after(desk, held):
    return rows(desk, models.Certificate).get(serial=held.serial).not_after


def enrolled_by(desk, new):
    key, ids = new_key(), ordered(desk, new)
    return held_by(desk, key, accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST)))


def test_an_order_that_nobody_used_keeps_its_people_until_its_ids_have_lapsed_for_the_period(desk):
    ids = ordered(desk)
    desk.clock.now = ids.expires + PERIODS.people
    assert applied(desk).people == 0
    desk.clock.forward(SECOND)
    assert applied(desk).people == 1


def kept_by_organisation(desk, person):
    rows(desk, models.Organisation).update(contact=person)
    return lambda: close(CUSTOMER_ID, desk.ctx, "operator", REQUEST)


def kept_by_mandate(desk, person):
    mandates = rows(desk, models.RoleAssignment)
    organisation = rows(desk, models.Organisation).get()
    mandates.create(organisation=organisation, person=person, role="signatory", valid_from=desk.clock.now)
    return lambda: mandates.update(withdrawn_at=desk.clock.now)


def kept_by_invitation(desk, person):
    kept_by_mandate(desk, person)
    rows(desk, models.RoleAssignment).update(waiting=True)
    links = rows(desk, models.Invitation)
    end = desk.clock.now + 1000 * DAY
    links.create(mandate=rows(desk, models.RoleAssignment).get(), token_sha256="0" * 64, created=end, expires=end)
    return lambda: None


def kept_by_account(desk, person):
    user = rows(desk, models.User).create(email="someone@sinisiipi.example", created=desk.clock.now)
    rows(desk, models.Person).filter(pk=person.pk).update(user=user)
    return lambda: rows(desk, models.Person).filter(pk=person.pk).update(user=None)


KEEPERS = {
    "an organisation's contact": kept_by_organisation,
    "a mandate": kept_by_mandate,
    "an invitation": kept_by_invitation,
    "an account": kept_by_account,
}


@pytest.mark.parametrize("keeper", KEEPERS.values(), ids=KEEPERS)
def test_what_else_keeps_a_person(desk, keeper):
    ordered(desk)
    let_go = keeper(desk, rows(desk, models.Person).get())
    desk.clock.forward(1000 * DAY)
    assert applied(desk).people == 0
    let_go()
    desk.clock.forward(101 * DAY)
    assert applied(desk).people == 1


def test_a_message_that_is_owed_keeps_its_recipient_and_none_is_taken_while_it_could_be_owed_again(desk):
    enrolled(desk)
    messages = rows(desk, models.OutboxMessage)
    desk.clock.now = ends(desk) + 101 * DAY
    assert messages.update(created=desk.clock.now, sent=None) == 1
    assert applied(desk) == NOTHING
    messages.update(sent=desk.clock.now)
    desk.clock.forward(PERIODS.messages)
    assert applied(desk).messages == 0
    desk.clock.forward(SECOND)
    assert applied(desk).messages == 1


@pytest.mark.parametrize("column", ["sent", "failed_at", "cancelled_at", "expanded_at"])
def test_a_message_about_a_certificate_in_force_stays(desk, column):
    enrolled(desk)
    rows(desk, models.OutboxMessage).update(**{column: desk.clock.now})
    desk.clock.now = ends(desk) - DAY
    assert applied(desk).messages == 0
    desk.clock.now = ends(desk) + 21 * DAY
    assert applied(desk).messages == 1


def test_secure_messages_go_with_their_pins_after_their_link_has_ended_for_the_period(desk):
    order = models.Order.objects.using(desk.db.alias).get(pk=ordered(desk).order_id)
    ends_at = desk.clock.now + 14 * DAY
    link = {"order": order, "recipient": order.contact, "created": desk.clock.now, "expires": ends_at}
    message = rows(desk, models.SecureMessage).create(token_sha256="0" * 64, **link)
    rows(desk, models.Pin).create(message=message, created=desk.clock.now, expires=ends_at)
    desk.clock.now = ends_at + PERIODS.messages
    assert applied(desk) == NOTHING
    desk.clock.forward(SECOND)
    assert applied(desk) == ErasureReport(people=0, refusals=0, messages=1)
    assert not rows(desk, models.Pin).exists()
    assert rows(desk, models.AuditEvent).latest("sequence").action == "secure-messages-deleted"


def refuse(desk, times):
    lineage = rows(desk, models.Lineage).get().lineage_id
    for _ in range(times):
        rejections.record_rejection(desk.db, lineage, RejectionReason.TOO_EARLY, "renew", desk.audit_entry())


def test_refusals_go_after_their_period(desk):
    enrolled(desk)
    refuse(desk, 2)
    desk.clock.forward(DAY)
    refuse(desk, 1)
    desk.clock.forward(PERIODS.refusals)
    assert applied(desk).refusals == 2
    assert rows(desk, models.RejectedRequest).count() == 1
    row = rows(desk, models.AuditEvent).latest("sequence")
    facts = json.loads(bytes(row.octets))["facts"]
    assert (row.action, row.object, facts["count"]) == ("refusals-deleted", "retention", 2)


def test_addresses_of_callers_go_before_what_they_did(desk):
    """A refusal after proof keeps its row; its address has a shorter period."""
    enrolled(desk)
    desk = replace(desk, ctx=replace(desk.ctx, caller="192.0.2.7"))
    refuse(desk, 1)
    (row,) = rows(desk, models.CallerAddress)
    assert (row.address, row.request_id) == ("192.0.2.7", rows(desk, models.RejectedRequest).get().request_id)
    desk.clock.forward(PERIODS.callers)
    assert plan_retention(PERIODS, desk.ctx).callers == ()
    desk.clock.forward(DAY)
    assert (applied(desk).callers, rows(desk, models.CallerAddress).count()) == (1, 1), "that of the run itself"
    assert rows(desk, models.RejectedRequest).count() == 1


def test_proposals_go_with_their_signatures(desk):
    """The log keeps what was signed; a proposal that lapsed without an end goes too."""
    found_officers(desk.db, checked_founders(), desk.audit_entry())
    means = ApprovalContext(desk.ctx, "os-user:root", REQUEST, {}, lambda _actor: None)
    signed, lapsed = (propose(TwoPersonAct.SECRETS, "anna", {"change": "wrap"}, {}, means) for _ in range(2))
    add_signature(signed.proposal_id, "anna", key_of("anna").sign(signed.octets), means)
    reject(signed.proposal_id, means)
    desk.clock.forward(PERIODS.people)
    assert plan_retention(PERIODS, desk.ctx).proposals == ()
    desk.clock.forward(DAY)
    assert plan_retention(PERIODS, desk.ctx).proposals == (signed.proposal_id,)
    desk.clock.forward(DAY)
    assert applied(desk).proposals == 2
    assert not rows(desk, models.ActProposal).exists()
    assert not rows(desk, models.ActSignature).exists()
    assert lapsed.proposal_id not in plan_retention(PERIODS, desk.ctx).proposals
    assert rows(desk, models.AuditEvent).filter(action="act-signed", object=f"act:{signed.proposal_id}").exists()


def test_a_run_that_was_killed_is_gone_on_with(desk, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    enrolled(desk)
    refuse(desk, 5)
    desk.clock.forward(51 * DAY)
    steps = []

    def killed(name):
        steps.append(name)
        if len(steps) == 2:
            raise KilledError(name)

    with pytest.raises(KilledError):
        applied(desk.but(step=killed))
    assert rows(desk, models.RejectedRequest).count() == 1
    assert applied(desk) == ErasureReport(people=0, refusals=1, messages=0)
    told = rows(desk, models.AuditEvent).filter(action="refusals-deleted")
    assert [json.loads(bytes(row.octets))["facts"]["count"] for row in told.order_by("sequence")] == [2, 2, 1]


def test_who_is_named_again_meanwhile_is_not_erased(desk):
    """The transaction that erases checks the person again."""
    ordered(desk)
    desk.clock.forward(1000 * DAY)
    past = plan_retention(PERIODS, desk.ctx)
    rows(desk, models.Organisation).update(contact=past.people[0])
    assert retention.erase_people(desk.db, past.people, past.cutoffs.people, desk.audit_entry()) == 0
    assert names(desk) == [CONTACT.name]


def test_nothing_is_erased_by_a_clock_that_is_not_believed(desk):
    ordered(desk)
    desk.clock.forward(10_000 * DAY)
    with pytest.raises(NotErased, match="clock show"):
        applied(desk.but(issuance_allowed=lambda: False))
    assert names(desk) == [CONTACT.name]


def test_the_language_of_an_erased_contact_still_tells_how_to_answer(desk):
    held = enrolled(desk)
    desk.clock.now = ends(desk) + 101 * DAY
    applied(desk)
    found = transactions.find_certificate(desk.db, held.serial)
    assert found.lineage.language is CONTACT.language


def test_defaults():
    periods = Periods()
    assert (periods.people, periods.refusals, periods.messages) == (730 * DAY, 730 * DAY, timedelta(days=365))


def test_somebody_who_gave_way_is_kept_for_the_period_after(desk):
    """No record names the person any more, but they received messages until then."""
    held = enrolled(desk)
    who = named("between")
    for one in (who, CONTACT):
        change_contact(ContactUpdate(held.serial, one), desk.ctx, "operator", REQUEST)
    between = rows(desk, models.Person).get(name=who.name)
    events = rows(desk, models.OutboxMessage).filter(kind="contact-changed")
    events.update(expanded_at=desk.clock.now)
    desk.clock.forward(PERIODS.people)
    assert between.pk not in plan_retention(PERIODS, desk.ctx).people
    desk.clock.forward(SECOND)
    past = plan_retention(PERIODS, desk.ctx)
    assert between.pk in past.people
    assert set(events.values_list("pk", flat=True)) <= set(past.messages), "events go as messages do"


def test_requests_for_a_role_and_loads_go_when_they_are_over_for_their_period(desk, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    now, requests, loads = desk.clock(), models.RoleRequest, models.OrganisationImport
    for name, age, answered in (("old", 100, False), ("answered", 100, True), ("new", 99, True)):
        at = now - age * DAY - SECOND
        terms = {"normalised_id": name, "created": at, "answered_at": at if answered else None}
        rows(desk, requests).create(customer_id=CUSTOMER_ID, role="viewer", **terms)
    empty = {"content": b"", "changes": [], "wrong": [], "unchanged": 0, "digest": "0" * 64}
    for digest, age, steps in (("looked", 20, 0), ("done", 20, 2), ("unfinished", 20, 1), ("new", 19, 2)):
        at = now - age * DAY - SECOND
        done = dict(zip(("accepted_at", "done_at")[:steps], (at, at), strict=False))
        rows(desk, loads).create(**{**empty, "digest": digest, "created": at, **done})
    past = plan_retention(PERIODS, desk.ctx)
    over = {
        name: set(rows(desk, model).filter(**{f"{column}__in": which}).values_list("pk", flat=True))
        for name, model, column, which in (
            ("requests", requests, "normalised_id", ("old", "answered")),
            ("files", loads, "digest", ("looked", "done")),
        )
    }
    assert {"requests": set(past.requests), "files": set(past.files)} == over, "a plan names them, and changes nothing"
    assert applied(desk) == ErasureReport(requests=2, files=2)
    assert set(rows(desk, requests).values_list("normalised_id", flat=True)) == {"new"}
    assert set(rows(desk, loads).values_list("digest", flat=True)) == {"unfinished", "new"}
    actions = list(
        rows(desk, models.AuditEvent).filter(object="retention").order_by("sequence").values_list("action", flat=True)
    )
    assert actions == ["right-requests-deleted"] * 2 + ["organisation-loads-deleted"] * 2


def test_a_request_that_waits_stays_however_short_the_period_is(desk):
    at, rows_ = desk.clock() - 31 * DAY, rows(desk, models.RoleRequest)
    rows_.create(customer_id=CUSTOMER_ID, role="viewer", normalised_id="waits", created=at)
    applied(desk, Periods(30 * DAY, 30 * DAY, 30 * DAY))
    assert rows_.count() == 1
