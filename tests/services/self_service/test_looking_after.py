"""Contacts, renewal opt-outs and revocations on behalf of an organisation."""

import pytest
from django.db import transaction

from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.usage import UsageState
from sinetti.domain.values import VALIDITY, Channel, Serial
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.organisations.people import PeopleError
from sinetti.services.revocation.revoke import RevocationError, RevocationErrorKind
from sinetti.services.self_service import contact_handover, contacts, renewal_opt_out, revoke
from sinetti.services.self_service.order import OrderAsk, order
from tests.support.acting import NEW_CONTACT, audited, cast, lineage, stands
from tests.support.killed import KilledError, killed_at
from tests.support.scene import CONTACT, DAY, REQUEST, enrolled, in_the_window, renewed
from tests.support.users import hand_over


@pytest.fixture
def who(sqlite_scene):
    return cast(sqlite_scene)


def refused(act):
    with pytest.raises(PermissionDenied) as lacking:
        act()
    return lacking.value.organisation_id, lacking.value.second_factor


def test_what_is_not_there_and_what_is_others_are_alike_in_every_act(sqlite_scene, who):
    theirs, ctx = enrolled(sqlite_scene, customer_id="7654321-2"), sqlite_scene.ctx
    standing, actor = stands(sqlite_scene, who.signatory), who.signatory
    for serial in (theirs.serial, Serial("00")):
        acts = (
            lambda: contacts.get_for_confirmation(serial, standing, ctx),  # noqa: B023 - called at once
            lambda: contacts.change_contact(serial, (NEW_CONTACT, False), ctx, actor, REQUEST),  # noqa: B023
            lambda: renewal_opt_out.get_for_confirmation(serial, standing, ctx),  # noqa: B023
            lambda: renewal_opt_out.opt_out_of_renewal(serial, ctx, actor, REQUEST),  # noqa: B023
            lambda: renewal_opt_out.opt_in_to_renewal(serial, ctx, actor, REQUEST),  # noqa: B023
            lambda: revoke.get_for_confirmation(serial, standing, ctx),  # noqa: B023
            lambda: revoke.revoke(serial, RevocationReason.UNSPECIFIED, ctx, actor, REQUEST),  # noqa: B023
        )
        assert {refused(act) for act in acts} == {(None, False)}
    assert sqlite_scene.certificate(theirs.serial).revoked_at is None


def test_a_viewer_changes_nothing(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    assert (
        refused(lambda: revoke.get_for_confirmation(held.serial, stands(sqlite_scene, who.viewer), ctx))[0]
        == who.organisation_id
    )
    assert contact_handover.get_for_confirmation(CONTACT.email, stands(sqlite_scene, who.viewer), ctx) == ()


def test_a_manager_names_another_contact_and_a_deputy(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    for deputy in (False, True):
        done = contacts.change_contact(held.serial, (NEW_CONTACT, deputy), ctx, who.manager, REQUEST)
        assert done.changed
        assert not contacts.change_contact(held.serial, (NEW_CONTACT, deputy), ctx, who.manager, REQUEST).changed
    seen = contacts.get_for_confirmation(held.serial, stands(sqlite_scene, who.manager), ctx)
    assert (seen.contact, seen.deputy) == (NEW_CONTACT, NEW_CONTACT)
    assert audited(sqlite_scene, "contact-changed") == [who.manager.name]


def test_a_manager_removes_the_deputy_who_is_there_once(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx

    def removed(email, actor=who.manager, serial=held.serial):
        return contacts.remove_deputy(serial, email, ctx, actor, REQUEST)

    assert not removed(NEW_CONTACT.email), "nobody is"
    contacts.change_contact(held.serial, (NEW_CONTACT, True), ctx, who.manager, REQUEST)
    assert refused(lambda: removed(NEW_CONTACT.email, who.viewer))[0] == who.organisation_id
    assert refused(lambda: removed(NEW_CONTACT.email, serial="00")) == (None, False)
    assert not removed(CONTACT.email), "somebody else"
    assert removed(NEW_CONTACT.email.upper())
    assert not removed(NEW_CONTACT.email)
    seen = contacts.get_for_confirmation(held.serial, stands(sqlite_scene, who.manager), ctx)
    assert (seen.contact, seen.deputy) == (CONTACT, None)
    assert audited(sqlite_scene, "deputy-removed") == [who.manager.name]


def test_letting_end_and_the_way_back(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    assert renewal_opt_out.opt_out_of_renewal(held.serial, ctx, who.manager, REQUEST)
    assert not renewal_opt_out.opt_out_of_renewal(held.serial, ctx, who.manager, REQUEST)
    assert renewal_opt_out.get_for_confirmation(held.serial, stands(sqlite_scene, who.manager), ctx).renewal_opt_out_at
    assert renewal_opt_out.opt_in_to_renewal(held.serial, ctx, who.manager, REQUEST)


def test_what_has_ended_may_still_be_let_end_but_not_what_another_replaced(sqlite_scene, who):
    first, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    renewal_opt_out.opt_out_of_renewal(first.serial, ctx, who.manager, REQUEST)
    in_the_window(sqlite_scene, first)
    new = renewed(sqlite_scene, first)
    sqlite_scene.clock.forward(2 * VALIDITY)
    with pytest.raises(PeopleError) as replaced:
        renewal_opt_out.opt_out_of_renewal(first.serial, ctx, who.manager, REQUEST)
    assert replaced.value.why is PersonErrorReason.NOT_NEWEST
    assert renewal_opt_out.opt_out_of_renewal(new.serial, ctx, who.manager, REQUEST), "the former record was another's"
    assert not renewal_opt_out.opt_out_of_renewal(new.serial, ctx, who.manager, REQUEST)
    models.Certificate.objects.using(sqlite_scene.db.alias).update(state="reserved")
    with pytest.raises(PeopleError) as never:
        renewal_opt_out.opt_out_of_renewal(new.serial, ctx, who.manager, REQUEST)
    assert never.value.why is PersonErrorReason.NOT_IN_FORCE


def test_an_opt_out_from_before_a_renewal_does_not_hide_the_new_certificate(sqlite_scene, who):
    first, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    renewal_opt_out.opt_out_of_renewal(first.serial, ctx, who.manager, REQUEST)
    in_the_window(sqlite_scene, first)
    new = renewed(sqlite_scene, first)
    rights, both = stands(sqlite_scene, who.manager), [first.serial, new.serial]
    assert [one.serial for one in renewal_opt_out.preview_many(both, rights, ctx)] == [new.serial]
    assert renewal_opt_out.opt_out_many(both, ctx, who.manager, REQUEST) == 1
    assert renewal_opt_out.preview_many(both, rights, ctx) == ()


def test_sent_again_after_a_kill_it_lets_the_rest_end(sqlite_scene, who):
    serials = [enrolled(sqlite_scene).serial for _ in range(3)]
    killed = sqlite_scene.but(step=killed_at("let-end"))
    with pytest.raises(KilledError):
        renewal_opt_out.opt_out_many(serials, killed.ctx, who.manager, REQUEST)
    assert len(audited(sqlite_scene, "let-end")) == 1
    assert renewal_opt_out.opt_out_many(serials, sqlite_scene.ctx, who.manager, REQUEST) == 2
    assert audited(sqlite_scene, "let-end") == [who.manager.name] * 3


def test_what_goes_with_a_certificate_is_shown_and_then_revoked(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    standing = stands(sqlite_scene, who.manager)
    seen = revoke.get_for_confirmation(held.serial, standing, ctx)
    (alone,) = revoke.affected_certificates(seen, RevocationReason.SUPERSEDED, standing, ctx)
    assert (alone.serial, alone.use.use) == (held.serial, UsageState.NOT_KNOWN)
    going = revoke.affected_certificates(seen, RevocationReason.KEY_COMPROMISE, standing, ctx)
    assert [one.serial for one in going] == [held.serial, new.serial]
    done = revoke.revoke(held.serial, RevocationReason.KEY_COMPROMISE, ctx, who.manager, REQUEST)
    assert [one.serial for one in done] == [held.serial, new.serial]
    assert not revoke.affected_certificates(seen, RevocationReason.KEY_COMPROMISE, standing, ctx)
    assert set(audited(sqlite_scene, "certificate-revoked")) == {who.manager.name}


def test_several_are_let_end_but_those_of_others_and_those_that_are_settled(sqlite_scene, who):
    ctx, standing = sqlite_scene.ctx, stands(sqlite_scene, who.manager)
    done, first, *waiting = (enrolled(sqlite_scene).serial for _ in range(4))
    renewal_opt_out.opt_out_of_renewal(done, ctx, who.manager, REQUEST)
    theirs = enrolled(sqlite_scene, customer_id="7654321-2").serial
    serials = [theirs, Serial("00"), done, first, first, *waiting]
    shown = renewal_opt_out.preview_many(serials, standing, ctx)
    assert {one.serial for one in shown} == {first, *waiting}
    killed = sqlite_scene.but(step=killed_at("let-end"))
    with pytest.raises(KilledError):
        renewal_opt_out.opt_out_many([first], killed.ctx, who.manager, REQUEST)
    assert renewal_opt_out.opt_out_many(serials, ctx, who.manager, REQUEST) == len(waiting), "the first was stored"
    assert not renewal_opt_out.preview_many(serials, standing, ctx)
    assert lineage(sqlite_scene, theirs).renewal_opt_out_at is None


def test_a_rehearsal_revokes_in_the_database_alone(sqlite_scene, who):
    held, ctx, reason = enrolled(sqlite_scene), sqlite_scene.ctx, RevocationReason.SUPERSEDED
    seen = revoke.get_for_confirmation(held.serial, stands(sqlite_scene, who.manager), ctx)
    with pytest.raises(PermissionDenied):
        revoke.rehearse(seen, reason, ctx, who.viewer, REQUEST)
    with transaction.atomic(sqlite_scene.db.alias):
        revoke.rehearse(seen, reason, ctx, who.manager, REQUEST)
        assert sqlite_scene.certificate(held.serial).revoked
        assert models.OutboxMessage.objects.using(sqlite_scene.db.alias).filter(kind="revoked").exists()
        transaction.set_rollback(True, sqlite_scene.db.alias)
    assert not sqlite_scene.certificate(held.serial).revoked


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (RevocationReason.PRIVILEGE_WITHDRAWN, RevocationErrorKind.REASON),
        (RevocationReason.CA_COMPROMISE, RevocationErrorKind.REASON),
    ],
)
def test_reasons_that_are_not_a_holders_are_refused(sqlite_scene, who, reason, kind):
    held = enrolled(sqlite_scene)
    with pytest.raises(RevocationError) as told:
        revoke.revoke(held.serial, reason, sqlite_scene.ctx, who.signatory, REQUEST)
    assert told.value.kind is kind


def ordered_by(scene, who, form="a" * 32, deputy=None):
    ask = OrderAsk(form, who.organisation_id, Channel.WS, "Waiting", CONTACT, deputy)
    return order(ask, scene.ctx, who.signatory, REQUEST)


def offers(scene):
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="transfer-ids", cancelled_at__isnull=True)
    return [row.recipient.email for row in rows.select_related("recipient")]


def events(scene):
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="contact-changed", channel__isnull=True)
    return list(rows.order_by("step"))


def test_all_of_somebody_who_leaves_goes_to_another_with_one_event(sqlite_scene, who):
    held = [enrolled(sqlite_scene).serial for _ in range(2)]
    theirs = enrolled(sqlite_scene, customer_id="7654321-2")
    ordered_by(sqlite_scene, who)
    ctx, address = sqlite_scene.ctx, CONTACT.email.upper()
    seen = contact_handover.get_for_confirmation(address, stands(sqlite_scene, who.manager), ctx)
    assert [(one.contact, one.deputy, one.not_after is None) for one in seen].count((True, False, False)) == 2
    (person,) = contact_handover.contacts(stands(sqlite_scene, who.manager), ctx)
    assert (person.email, person.count) == (CONTACT.email, 3)
    done = hand_over(address, NEW_CONTACT, ctx, who.manager, REQUEST)
    assert (done.count, done.more, done.offered) == (3, False, 1)
    assert {lineage(sqlite_scene, serial).contact.email for serial in held} == {NEW_CONTACT.email}
    assert lineage(sqlite_scene, theirs.serial).contact.email == CONTACT.email
    (event,) = events(sqlite_scene)
    assert len(event.facts["holdings"]) == 3
    assert offers(sqlite_scene) == [NEW_CONTACT.email]
    assert audited(sqlite_scene, "contact-changed") == [who.manager.name] * 3


def test_certificates_that_were_picked_are_found_by_serial_or_lineage_and_only_ones_own(sqlite_scene, who):
    held = [enrolled(sqlite_scene).serial for _ in range(2)]
    theirs = enrolled(sqlite_scene, customer_id="7654321-2").serial
    ids = [held[0], lineage(sqlite_scene, held[1]).pk, lineage(sqlite_scene, held[0]).pk, theirs, "none"]
    ctx = sqlite_scene.ctx
    found = contact_handover.picked(ids, stands(sqlite_scene, who.manager), ctx)
    assert {one.lineage_id for one in found} == {lineage(sqlite_scene, one).pk for one in held}
    assert not contact_handover.picked(ids, stands(sqlite_scene, who.viewer), ctx)
    done = contact_handover.hand_over_rows(found, ("", NEW_CONTACT), ctx, who.manager, REQUEST)
    assert (done.count, done.more) == (2, False)
    assert lineage(sqlite_scene, theirs).contact.email == CONTACT.email


def test_a_handover_is_previewed_and_rolled_back(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene).serial, sqlite_scene.ctx
    found = contact_handover.picked([held], stands(sqlite_scene, who.manager), ctx)
    with transaction.atomic(ctx.db.alias):
        contact_handover.rehearse(found, ("", NEW_CONTACT), ctx, who.manager, REQUEST)
        assert lineage(sqlite_scene, held).contact.email == NEW_CONTACT.email
        transaction.set_rollback(True, ctx.db.alias)
    assert lineage(sqlite_scene, held).contact.email == CONTACT.email


def test_deputies_go_along_and_what_is_over_does_not(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    contacts.change_contact(held.serial, (NEW_CONTACT, True), ctx, who.manager, REQUEST)
    before = len(events(sqlite_scene))
    (seen,) = contact_handover.get_for_confirmation(NEW_CONTACT.email, stands(sqlite_scene, who.manager), ctx)
    assert (seen.contact, seen.deputy) == (False, True)
    other = CONTACT
    assert hand_over(NEW_CONTACT.email, other, ctx, who.manager, REQUEST).count == 1
    assert lineage(sqlite_scene, held.serial).deputy.email == CONTACT.email
    assert len(events(sqlite_scene)) == before + 1
    sqlite_scene.clock.forward(VALIDITY + DAY)
    assert contact_handover.get_for_confirmation(CONTACT.email, stands(sqlite_scene, who.manager), ctx) == ()
    assert hand_over(CONTACT.email, NEW_CONTACT, ctx, who.manager, REQUEST).count == 0


def test_a_deputy_who_comes_in_the_contact_s_place_stands_in_for_nobody(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    contacts.change_contact(held.serial, (NEW_CONTACT, True), ctx, who.manager, REQUEST)
    before = len(events(sqlite_scene))
    assert hand_over(CONTACT.email, NEW_CONTACT, ctx, who.manager, REQUEST).count == 1
    line = lineage(sqlite_scene, held.serial)
    assert (line.contact.email, line.deputy) == (NEW_CONTACT.email, None)
    assert audited(sqlite_scene, "deputy-removed") == [who.manager.name]
    assert len(events(sqlite_scene)) == before + 1, "one message about it"


def test_who_has_both_places_leaves_both(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    contacts.change_contact(held.serial, (CONTACT, True), ctx, who.manager, REQUEST)
    assert hand_over(CONTACT.email, NEW_CONTACT, ctx, who.manager, REQUEST).count == 1
    line = lineage(sqlite_scene, held.serial)
    assert (line.contact.email, line.deputy) == (NEW_CONTACT.email, None)


def test_sent_again_after_a_kill_it_offers_what_was_not_offered(sqlite_scene, who):
    ordered_by(sqlite_scene, who)
    killed = sqlite_scene.but(step=killed_at("contacts-handed-over"))
    with pytest.raises(KilledError):
        hand_over(CONTACT.email, NEW_CONTACT, killed.ctx, who.signatory, REQUEST)
    assert offers(sqlite_scene) == [CONTACT.email]
    done = hand_over(CONTACT.email, NEW_CONTACT, sqlite_scene.ctx, who.signatory, REQUEST)
    assert (done.count, done.offered) == (0, 1)
    assert offers(sqlite_scene) == [NEW_CONTACT.email]
    assert len(events(sqlite_scene)) == 1


def test_more_than_go_at_once_are_told(sqlite_scene, who, monkeypatch):
    for _ in range(2):
        enrolled(sqlite_scene)
    monkeypatch.setattr("sinetti.services.self_service.contact_handover.MOST_AT_ONCE", 1)
    assert MOST_AT_ONCE == 300
    done = hand_over(CONTACT.email, NEW_CONTACT, sqlite_scene.ctx, who.signatory, REQUEST)
    assert (done.count, done.more) == (1, True)
    done = hand_over(CONTACT.email, NEW_CONTACT, sqlite_scene.ctx, who.signatory, REQUEST)
    assert (done.count, done.more) == (1, False)
