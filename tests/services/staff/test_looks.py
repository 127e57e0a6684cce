"""Other views of clerks: certificates, messages, invitations and the audit trail.

Each view is recorded in the audit trail first.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.operations import audit_queries
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Language
from sinetti.services.access.permissions import Actor
from sinetti.services.staff import audit_log, certificates, open_invitations, outbox
from sinetti.services.staff.audit_log import AuditQuery
from sinetti.services.staff.session import NotStaff, StaffSession
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk, looked
from tests.support.scene import DAY, REQUEST, enrolled, in_the_window, renewed

LOOKING = AccessJustification(AccessPurpose.SUPPORT)


@pytest.mark.parametrize("actor", [Actor("x", second_factor=True), Actor("x", staff=True)])
def test_only_a_clerk_with_a_second_factor_is_at_work(sqlite_scene, actor):
    with pytest.raises(NotStaff):
        StaffSession(actor, LOOKING, sqlite_scene.ctx, REQUEST)


def test_a_certificate_is_found_seen_and_revoked(sqlite_scene):
    held, anna = enrolled(sqlite_scene), a_clerk(sqlite_scene)
    (found,) = certificates.search(held.serial[:8], "", anna)[1].rows
    assert found.serial == held.serial
    assert not certificates.search(CUSTOMER_ID, held.serial, anna)[0], "only the first page has organisations"
    assert certificates.preview_one(held.serial, RevocationReason.SUPERSEDED, anna).serials == (held.serial,)
    seen = certificates.certificate(held.serial, anna)
    assert (seen.contact.name, seen.deputy) == ("Nimi Nimetty", None)
    assert {one.action for one in seen.history} >= {"certificate-fetched", "looked"}
    assert all(one.sound for one in seen.history)
    gone = certificates.revoke_one(held.serial, RevocationReason.PRIVILEGE_WITHDRAWN, anna)
    assert gone.selection.serials == gone.proposal.serials == (held.serial,)
    assert gone.proposal.done_at == sqlite_scene.clock.now
    assert sqlite_scene.certificate(held.serial).revoked
    assert certificates.revoke_one(held.serial, RevocationReason.SUPERSEDED, anna).proposal is None, "once"
    assert certificates.certificate("ff" * 19, anna) is None
    assert [subject for subject, _ in looked(sqlite_scene)] == [
        *["search:certificates"] * 2,
        f"certificate:{held.serial}",
    ]


def test_a_lost_key_takes_renewals_along(sqlite_scene):
    held, anna = enrolled(sqlite_scene), a_clerk(sqlite_scene)
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    gone = certificates.revoke_one(held.serial, RevocationReason.KEY_COMPROMISE, anna)
    assert set(gone.selection.serials) == {held.serial, new.serial}
    assert all(sqlite_scene.certificate(one.serial).revoked for one in (held, new))


def test_one_that_has_ended_is_revoked_all_the_same(sqlite_scene):
    held, anna = enrolled(sqlite_scene), a_clerk(sqlite_scene)
    sqlite_scene.clock.now = sqlite_scene.certificate(held.serial).span.not_after + timedelta(seconds=1)
    assert certificates.revoke_one(held.serial, RevocationReason.KEY_COMPROMISE, anna).proposal.done_at
    assert sqlite_scene.certificate(held.serial).revoked


def test_messages_that_were_given_up_are_tried_again(sqlite_scene):
    anna, held = a_clerk(sqlite_scene), enrolled(sqlite_scene)
    contact = models.Person.objects.using(sqlite_scene.db.alias).first()
    certificate = models.Certificate.objects.using(sqlite_scene.db.alias).get(serial=held.serial)
    now = sqlite_scene.clock.now
    for name, dead in (("a" * 32, now), ("b" * 32, None)):
        models.OutboxMessage.objects.using(sqlite_scene.db.alias).create(
            message_id=name, kind="fetched", channel="email", step="x:email", created=now, due=now, recipient=contact,
            lineage=certificate.lineage, certificate=certificate if dead else None, failed_at=dead,
            problem="no such host", attempts=9,
        )  # fmt: skip
    (waits,) = (one for one in outbox.messages("", 0, 50, anna, given_up=False) if one.message_id == "b" * 32)
    assert (waits.serial, waits.dead) == (None, None)
    (dead,) = outbox.messages("", 0, 50, anna, given_up=True)
    assert (dead.customer_id, dead.serial, dead.problem) == (CUSTOMER_ID, held.serial, "no such host")
    assert outbox.summarise(anna).dead == 1
    for about, count in ((CUSTOMER_ID[1:5], 1), (held.serial[:6], 1), ("no such", 0)):
        assert len(outbox.messages(about, 0, 50, anna, given_up=True)) == count, about
    assert outbox.try_again(["a" * 32, "b" * 32], anna) == 1
    assert outbox.try_again(["a" * 32], anna) == 0
    assert outbox.messages("", 0, 50, anna, given_up=True) == ()
    assert len(looked(sqlite_scene)) == 6


def test_an_invitation_waits_is_confirmed_and_its_link_ended(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    director = ContactDetails("Nimi Nimetty", "director@customer.example", "", Language.FI)
    asked = open_invitations.invite(CUSTOMER_ID, director, anna)
    assert asked.made
    assert open_invitations.listed(0, 50, anna).links == ()
    open_invitations.confirm(asked.mandate_id, bo)
    (waits,) = open_invitations.listed(0, 50, anna).links
    assert (waits.customer_id, waits.email, waits.vouched) == (CUSTOMER_ID, "director@customer.example", True)
    assert open_invitations.find_link(waits.invitation_id, anna) == waits
    assert looked(sqlite_scene)[-1][0].startswith("organisation:")
    assert open_invitations.end(waits.invitation_id, anna)
    assert not open_invitations.end(waits.invitation_id, anna)
    assert open_invitations.find_link(waits.invitation_id, anna) is None
    assert open_invitations.listed(0, 50, anna).links == ()
    open_invitations.confirm(open_invitations.invite(CUSTOMER_ID, director, anna).mandate_id, bo)
    sqlite_scene.clock.forward(15 * DAY)
    assert open_invitations.listed(0, 50, anna).links == ()


def test_a_waiting_invitation_is_looked_at(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    director = ContactDetails("Nimi Nimetty", "director@customer.example", "", Language.FI)
    asked = open_invitations.invite(CUSTOMER_ID, director, anna).mandate_id
    assert open_invitations.pending("0" * 32, anna) is None
    found = open_invitations.pending(asked, anna)
    assert (found.email, found.asker_email, found.customer_id) == (
        "director@customer.example",
        "anna@people.example",
        CUSTOMER_ID,
    )
    assert [one for one, _ in looked(sqlite_scene)] == [f"pending-invitation:{asked}"]


def test_the_trail_is_read_by_object_actor_and_time(sqlite_scene, monkeypatch):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    held = enrolled(sqlite_scene)
    certificates.certificate(held.serial, anna)
    about = audit_log.entries(AuditQuery(object=f"certificate:{held.serial}"), 50, bo).entries
    assert [one.action for one in about][:2] == ["looked", "certificate-fetched"]
    mine = audit_log.entries(AuditQuery(actor=anna.actor.name), 50, bo).entries
    assert [one.facts["purpose"] for one in mine] == ["application"]
    begins = sqlite_scene.clock.now
    assert audit_log.entries(AuditQuery(until=begins), 50, bo).entries == ()
    assert audit_log.entries(AuditQuery(since=begins + timedelta(seconds=1)), 50, bo).entries == ()
    first = audit_log.entries(AuditQuery(), 2, bo)
    second = audit_log.entries(AuditQuery(before=first.before), 2, bo)
    assert [one.sequence for one in (*first.entries, *second.entries)] == sorted(
        (one.sequence for one in (*first.entries, *second.entries)), reverse=True
    )
    monkeypatch.setattr(audit_queries, "LOOKED_THROUGH", 3)
    far = audit_log.entries(AuditQuery(action="founded"), 50, bo)
    assert far.entries == ()
    while far.before is not None:
        far = audit_log.entries(replace(AuditQuery(action="founded"), before=far.before), 50, bo)
    assert [one.action for one in far.entries] == ["founded"]


def test_a_row_that_was_tampered_with_is_told(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    row = models.AuditEvent.objects.using(sqlite_scene.db.alias).order_by("sequence").last()
    models.AuditEvent.objects.using(sqlite_scene.db.alias).create(
        at=row.at,
        actor="operator",
        action="x",
        object="y",
        request_id=row.request_id,
        octets=row.octets,
        sha256=row.sha256,
    )
    assert not audit_log.entries(AuditQuery(object="y"), 50, anna).entries[0].sound


def test_an_empty_trail_has_no_rows(sqlite_db):
    assert audit_queries.entries(sqlite_db, AuditQuery(), 50) == audit_queries.AuditPage((), None)
