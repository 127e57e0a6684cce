"""Eligibility of a queued reminder, checked right before sending."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.database import models
from sinetti.database.notifications.recipients import Recipient
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.notifications.reminders import SuppressionReason
from sinetti.domain.values import Language, ValidityPeriod
from sinetti.notifications.planning.eligibility import copies, reason_not_to_send
from sinetti.notifications.planning.reminders import plan
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.notifications.planning.test_reminders import (
    STEPS,
    certificates,
    lineages,
    messages,
    organisation,
    person,
    see,
    signatory,
)
from tests.support.mailrooms import a_mailroom
from tests.support.scene import CONTACT, DAY, REQUEST, enrolled, renewed

SPAN = ValidityPeriod(datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 12, 31, tzinfo=UTC))


def of(row):
    """Return the queued message that a worker takes."""
    return QueuedMessage(
        row.message_id, MessageKind(row.kind), MessageChannel(row.channel), row.step.partition(":")[0], row.created,
        row.due, row.attempts, row.recipient_id, row.address, row.lineage_id, row.certificate_id, row.order_id,
        row.facts,
    )  # fmt: skip


def planned(scene, step):
    """Plan at this step; return the mailroom and messages by channel and recipient."""
    ctx = a_mailroom(scene)
    scene.clock.now = STEPS[step]
    plan(ctx, STEPS[step])
    rows = messages(scene).select_related("recipient")
    return ctx, {f"{row.channel} {row.recipient.name}": of(row) for row in rows}


def renew_it(scene, held):
    renewed(scene, held)


def revoke_it(scene, held):
    revoke(RevocationRequest(held.serial, RevocationReason.UNSPECIFIED), scene.ctx, "operator", REQUEST)


def let_it_end(scene, _held):
    lineages(scene).update(renewal_opt_out_at=scene.clock.now)


def close(scene, _held):
    models.Organisation.objects.using(scene.db.alias).update(closed_at=scene.clock.now)


def change_contact(scene, _held):
    lineages(scene).update(contact=person(scene, "another"))


def contact(**values):
    def change(scene, _held):
        models.Person.objects.using(scene.db.alias).filter(name=CONTACT.name).update(**values)

    return change


def nothing(_desk, _held):
    pass


MEANWHILE = {
    "nothing": (nothing, None),
    "renewed and fetched": (renew_it, SuppressionReason.FETCHED),
    "revoked": (revoke_it, SuppressionReason.REVOKED),
    "let end": (let_it_end, SuppressionReason.LET_END),
    "the organisation was closed": (close, SuppressionReason.CLOSED),
    "another contact": (change_contact, SuppressionReason.NOT_CONCERNED),
    "they want no more mail": (contact(stopped_at=STEPS[7]), SuppressionReason.NOT_REACHED),
    "they were erased": (contact(erased_at=STEPS[7]), SuppressionReason.NOT_REACHED),
}


@pytest.mark.parametrize(("meanwhile", "expected"), MEANWHILE.values(), ids=MEANWHILE)
def test_what_happened_between_planning_and_sending(sqlite_scene, meanwhile, expected):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx, owed = planned(scene, 7)
    meanwhile(scene, held)
    later = STEPS[7] + timedelta(minutes=1)
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, later) == expected
    assert reason_not_to_send(owed[f"sms {CONTACT.name}"], ctx, later) == expected


def test_where_mail_fails_the_phone_is_still_owed(sqlite_scene):
    enrolled(sqlite_scene)
    ctx, owed = planned(sqlite_scene, 7)
    contact(bounced_at=STEPS[7])(sqlite_scene, None)
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, STEPS[7]) == SuppressionReason.NOT_REACHED
    assert reason_not_to_send(owed[f"sms {CONTACT.name}"], ctx, STEPS[7]) is None


def test_one_text_message_to_one_phone_however_its_number_is_written():
    written = ("+358 40 000 0067", "040-000 0067", "00358 (0)40 0000067", "040 000 0068", "0067", "00 67")
    people = [
        Recipient(str(place), "", f"{place}@customer.example", phone, Language.FI, mailable=False, textable=True)
        for place, phone in enumerate(written)
    ]
    assert [one.phone for one, _ in copies(timedelta(days=7), SPAN, people)] == [written[0], written[3], written[4]]


def test_who_is_named_twice_is_reached_at_the_number_that_is_known():
    written = (("contact", "X@customer.example", ""), ("chair", "x@customer.example", "+358 40 000 0067"))
    near, far = (
        Recipient(name, name, email, phone, Language.FI, mailable=True, textable=bool(phone))
        for name, email, phone in written
    )
    assert copies(timedelta(days=7), SPAN, (near, far)) == ((near, MessageChannel.EMAIL), (far, MessageChannel.SMS))
    assert copies(timedelta(days=14), SPAN, (near, far)) == ((near, MessageChannel.EMAIL),)


def test_who_acts_for_the_organisation(sqlite_scene):
    enrolled(sqlite_scene)
    signatory(sqlite_scene, "chair")
    ctx, owed = planned(sqlite_scene, 14)
    assert reason_not_to_send(owed["email chair"], ctx, STEPS[14]) is None
    models.RoleAssignment.objects.using(sqlite_scene.db.alias).update(withdrawn_at=STEPS[14])
    assert reason_not_to_send(owed["email chair"], ctx, STEPS[14]) == SuppressionReason.NOT_CONCERNED
    assert organisation(sqlite_scene).closed_at is None


def test_mail_that_was_held_up_until_a_later_step(sqlite_scene):
    enrolled(sqlite_scene)
    ctx, owed = planned(sqlite_scene, 14)
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, STEPS[7] - DAY) is None
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, STEPS[7]) == SuppressionReason.LATER_STEP


def test_a_first_step_that_a_wave_moved(sqlite_scene):
    enrolled(sqlite_scene)
    ctx, owed = planned(sqlite_scene, 60)
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, STEPS[60] + 7 * DAY) is None


def test_take_into_use(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    scene.clock.now = STEPS[30]
    new = renewed(scene, held)
    see(scene, held.serial, STEPS[30] + DAY)
    ctx, owed = planned(scene, 14)
    one = owed[f"email {CONTACT.name}"]
    assert one.kind is MessageKind.TAKE_INTO_USE
    assert reason_not_to_send(one, ctx, STEPS[14]) is None
    revoke(RevocationRequest(new.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    assert reason_not_to_send(one, ctx, STEPS[14]) == SuppressionReason.NOT_REPLACED


def test_a_reminder_of_what_is_seen_in_use_though_the_new_one_was_fetched(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx, owed = planned(scene, 14)
    renewed(scene, held)
    scene.clock.now = STEPS[14] + DAY
    see(scene, held.serial, scene.clock.now)
    assert reason_not_to_send(owed[f"email {CONTACT.name}"], ctx, scene.clock.now) == SuppressionReason.FETCHED


def test_what_the_ladder_does_not_owe(sqlite_scene):
    """Other modules handle other kinds; an absent certificate concerns no recipient."""
    enrolled(sqlite_scene)
    ctx, owed = planned(sqlite_scene, 14)
    one = owed[f"email {CONTACT.name}"]
    certificates(sqlite_scene).update(revoked_at=STEPS[14])
    values = dict(vars(one))
    assert reason_not_to_send(QueuedMessage(**{**values, "kind": MessageKind.FETCHED}), ctx, STEPS[14]) is None
    assert (
        reason_not_to_send(QueuedMessage(**{**values, "certificate": 0}), ctx, STEPS[14])
        == SuppressionReason.NOT_CONCERNED
    )
