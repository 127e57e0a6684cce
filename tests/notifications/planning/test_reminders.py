"""Planning of reminders: each step once, to each recipient, until it is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.certificates import usage
from sinetti.database.notifications import delivery, reminders
from sinetti.database.notifications.outbox import DomainEvent, record_event
from sinetti.database.organisations import contacts
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.notifications.planning.eligibility import reason_not_to_send
from sinetti.notifications.planning.reminders import ReminderReport, next_due_time, plan
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    SECOND,
    accepted,
    an_order,
    collected,
    enrolled,
    new_ask,
    new_key,
    ordered,
    renew_ask,
    renewed,
)

ENDS = datetime(2028, 3, 1, 12, tzinfo=UTC)
"""End of the scene's first certificate: a Wednesday, 14:00 Finnish time."""

STEPS = {
    60: datetime(2028, 1, 3, 6, tzinfo=UTC),  # the day is 1 January, a Saturday
    30: datetime(2028, 1, 31, 12, tzinfo=UTC),
    14: datetime(2028, 2, 16, 12, tzinfo=UTC),
    7: datetime(2028, 2, 23, 12, tzinfo=UTC),
    3: datetime(2028, 2, 25, 6, tzinfo=UTC),  # the day is a Saturday
    1: datetime(2028, 2, 29, 12, tzinfo=UTC),
    0: ENDS,
}


def messages(scene):
    return models.OutboxMessage.objects.using(scene.db.alias).filter(channel__isnull=False)


def owed(scene, kind="reminder"):
    """Return the queued steps of a kind with their recipients, in order."""
    rows = messages(scene).filter(kind=kind).order_by("due", "step", "recipient__name").select_related("recipient")
    return [(row.step, row.recipient.name) for row in rows]


def steps(scene, kind="reminder"):
    """Return the steps of a kind that are queued as e-mail, in order."""
    rows = messages(scene).filter(kind=kind, channel="email").order_by("due")
    return [int(row.step.partition(":")[0]) for row in rows]


def walk(ctx, scene, until):
    """Plan at each instant at which something is due, one after the other."""
    plan(ctx, scene.clock.now)
    while (at := next_due_time(ctx, scene.clock.now)) is not None and at <= until:
        assert at > scene.clock.now
        scene.clock.now = at
        plan(ctx, at)
    scene.clock.now = until


def person(scene, name, **values):
    given = {"name": name, "email": f"{name}@customer.example", "phone": "", "language": "fi", **values}
    return models.Person.objects.using(scene.db.alias).create(**given)


def organisation(scene):
    return models.Organisation.objects.using(scene.db.alias).get()


def lineages(scene):
    return models.Lineage.objects.using(scene.db.alias)


def certificates(scene):
    return models.Certificate.objects.using(scene.db.alias)


def signatory(scene, name, **values):
    someone = person(scene, name, **values)
    models.RoleAssignment.objects.using(scene.db.alias).create(
        organisation=organisation(scene), person=someone, role=Role.SIGNATORY, valid_from=scene.clock.now
    )
    return someone


def many(scene, count):
    """Make copies of the scene's one certificate, each with a lineage of its own."""
    one = certificates(scene).select_related("lineage").get()
    using = scene.db.alias
    keys = [models.UsedKey(key_id=f"key{number:061}", first_seen=scene.clock.now) for number in range(count)]
    lines = [
        models.Lineage(
            lineage_id=f"{number:032}", organisation_id=one.lineage.organisation_id, type_id=one.lineage.type_id,
            subject_serial=f"{number:032}", contact_id=one.lineage.contact_id, created=one.lineage.created,
        )
        for number in range(count)
    ]  # fmt: skip
    rows = [
        models.Certificate(
            serial=f"{number:040}", authority_id=one.authority_id, lineage=line, state="fetched", origin="import",
            key=key, sha256=f"{number:064}", retrieval_id=f"{number:032}", not_before=one.not_before,
            not_after=one.not_after, renewable_from=one.renewable_from, reserved_at=one.reserved_at,
        )
        for number, (key, line) in enumerate(zip(keys, lines, strict=True))
    ]  # fmt: skip
    models.UsedKey.objects.using(using).bulk_create(keys)
    models.Lineage.objects.using(using).bulk_create(lines)
    models.Certificate.objects.using(using).bulk_create(rows)


def test_a_certificate_that_nobody_renews(scene):
    enrolled(scene)
    walk(a_mailroom(scene), scene, ENDS + 10 * DAY)
    rows = [(row.step, row.due, row.recipient.email) for row in messages(scene).select_related("recipient")]
    texted = [step for step in STEPS if step <= 7]
    assert sorted(rows) == sorted(
        [(f"{step}:email", at, CONTACT.email) for step, at in STEPS.items()]
        + [(f"{step}:sms", STEPS[step], CONTACT.email) for step in texted]
    )
    row = messages(scene).get(step="14:email")
    assert row.facts == {"days": 14}
    assert row.created == row.due == STEPS[14]
    assert row.lineage_id == row.certificate.lineage_id
    assert certificates(scene).get().next_reminder_at == reminders.NEVER


def test_whom_which_step_concerns(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    deputy = person(scene, "deputy", phone="+358 00 1")
    lineages(scene).update(deputy=deputy)
    models.Organisation.objects.using(scene.db.alias).update(contact=person(scene, "office", phone="+358-00-1"))
    signatory(scene, "chair", phone="+358 00 2")
    signatory(scene, "member")
    signatory(scene, "gone", phone="+358 00 3", stopped_at=scene.clock.now)
    signatory(scene, "bounced", phone="+358 00 4", bounced_at=scene.clock.now)
    signatory(scene, "again", email=CONTACT.email.upper(), phone="+358 00 5")
    walk(a_mailroom(scene), scene, STEPS[7])
    few = [CONTACT.name, "deputy"]
    wider = [CONTACT.name, "chair", "deputy", "member", "office"]
    assert owed(scene) == [
        *[("60:email", name) for name in few],
        *[("30:email", name) for name in few],
        *[("14:email", name) for name in wider],
        *[("7:email", name) for name in wider],
        *[("7:sms", name) for name in (CONTACT.name, "bounced", "chair", "deputy")],
    ], "one to each address and to each phone; where mail fails, the phone"


def test_the_contact_of_now(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    lineages(scene).update(contact=person(scene, "another"))
    walk(ctx, scene, STEPS[30])
    lineages(scene).update(contact=None)
    walk(ctx, scene, STEPS[14])
    assert owed(scene) == [("60:email", CONTACT.name), ("30:email", "another")]


def test_looked_at_at_any_time_nothing_is_owed_twice(scene):
    enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    assert plan(ctx, scene.clock.now) == ReminderReport(0, 0)
    reminders.reschedule(scene.db, lineages(scene).get().lineage_id)
    assert plan(ctx, STEPS[60] + DAY) == ReminderReport(1, 1), "the same step, with the same id"
    assert owed(scene) == [("60:email", CONTACT.name)]
    assert certificates(scene).get().next_reminder_at == STEPS[30]


def test_missed_steps_send_one_message(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    assert plan(ctx, STEPS[7] + DAY).looked == 1
    assert steps(scene) == [60, 7]


def test_planned_in_the_night_it_waits_for_the_morning(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    night = STEPS[14] + timedelta(hours=10)
    plan(ctx, night)
    row = messages(scene).get()
    assert (row.step, row.created, row.due) == ("14:email", night, datetime(2028, 2, 17, 6, tzinfo=UTC))
    assert next_due_time(ctx, night) == row.due
    assert next_due_time(ctx, row.due) == STEPS[7]


def test_what_ended_long_ago_is_left_alone(scene):
    """Years of history that came in with an import: they are not even looked at."""
    enrolled(scene)
    ctx = a_mailroom(scene)
    assert plan(ctx, ENDS + DAY + SECOND) == ReminderReport(0, 0)
    assert next_due_time(ctx, ENDS + DAY + SECOND) is None
    assert certificates(scene).get().next_reminder_at is None
    assert plan(ctx, ENDS + DAY).looked == 1, "what ended today is told"
    assert steps(scene) == [0]


def replaced(scene, held):
    return enrolled(scene, replaces=held.serial)


@pytest.mark.parametrize("successor", [renewed, replaced], ids=["renewed", "replaced"])
def test_it_stops_once_the_new_one_is_fetched(scene, successor):
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[30])
    new = successor(scene, held)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60, 30]
    assert {row.certificate.serial for row in messages(scene)} == {held.serial}
    ends = scene.certificate(new.serial).span.not_after
    walk(ctx, scene, ends - 50 * DAY)
    assert [row.certificate.serial for row in messages(scene).order_by("due")][2:] == [new.serial], "and then its own"


def test_renewed_but_not_fetched_it_goes_on(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[30])
    retrieval_id = accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    walk(ctx, scene, STEPS[14])
    collected(scene, retrieval_id)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60, 30, 14]


def test_ordered_to_replace_but_not_fetched_it_goes_on(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60] - DAY)
    ids = ordered(scene, an_order(replaces=held.serial))
    walk(ctx, scene, STEPS[60])
    retrieval_id = accepted(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST))
    walk(ctx, scene, STEPS[30])
    collected(scene, retrieval_id)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60, 30]


def test_it_goes_on_when_the_new_one_is_revoked(scene):
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[30] - DAY)
    new = renewed(scene, held)
    walk(ctx, scene, STEPS[30] + DAY)
    assert steps(scene) == [60]
    revoke(RevocationRequest(new.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    walk(ctx, scene, STEPS[14])
    assert steps(scene) == [60, 30, 14], "at once the step that was kept from them"


def test_what_took_the_place_of_a_revoked_one_counts(scene):
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    new = renewed(scene, held)
    replaced(scene, new)
    revoke(RevocationRequest(new.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60]


def test_it_stops_when_revoked(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[30])
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60, 30]
    assert certificates(scene).get().next_reminder_at == reminders.NEVER


def test_it_stops_when_it_is_let_end_and_goes_on_when_that_is_taken_back(scene):
    enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    lineages(scene).update(renewal_opt_out_at=scene.clock.now)
    walk(ctx, scene, STEPS[14] + DAY)
    assert steps(scene) == [60]
    lineages(scene).update(renewal_opt_out_at=None)
    reminders.reschedule(scene.db, lineages(scene).get().lineage_id)
    walk(ctx, scene, STEPS[7])
    assert steps(scene) == [60, 14, 7]


def test_what_was_to_end_and_was_renewed_after_all_has_reminders_of_its_own(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    lineages(scene).update(renewal_opt_out_at=scene.clock.now)
    walk(ctx, scene, STEPS[30])
    new = renewed(scene, held)
    walk(ctx, scene, scene.certificate(new.serial).span.not_after - 50 * DAY)
    assert [(row.step, row.certificate.serial) for row in messages(scene).order_by("due")] == [
        ("60:email", held.serial), ("60:email", new.serial),
    ]  # fmt: skip


def test_what_waits_for_the_morning_goes_to_who_was_named_anew_with_the_same_address(scene):
    """The contact, a signatory and the contact person are corrected in the night.

    Each gets the step, once.
    """
    anew = ContactDetails("Named Anew", CONTACT.email.upper(), "+358 40 000 0099", CONTACT.language)
    enrolled(scene)
    one = organisation(scene).pk
    office, chair = (ContactDetails(name, f"{name}@customer.example", "", "fi") for name in ("office", "chair"))
    contacts.set_contact_person(scene.db, one, office, scene.audit_entry())
    contacts.add_signatory(scene.db, one, chair, scene.audit_entry())
    ctx = a_mailroom(scene)
    scene.clock.now = STEPS[7] + timedelta(hours=10)
    plan(ctx, scene.clock.now)
    contacts.change_contact(scene.db, lineages(scene).get().pk, anew, scene.audit_entry())
    contacts.set_contact_person(scene.db, one, replace(office, language="sv"), scene.audit_entry())
    contacts.add_signatory(scene.db, one, replace(chair, name="Chair"), scene.audit_entry())
    morning = STEPS[7] + timedelta(hours=18)
    plan(ctx, morning)
    rows = messages(scene).filter(kind="reminder").select_related("recipient")
    assert sorted((row.channel, row.recipient.name) for row in rows) == [
        ("email", "Chair"), ("email", anew.name), ("email", "office"), ("sms", anew.name),
    ]  # fmt: skip
    assert {reason_not_to_send(delivery.to_queued_message(row), ctx, morning) for row in rows} == {None}
    reminders.reschedule(scene.db, lineages(scene).get().pk)
    plan(ctx, morning)
    assert rows.all().count() == 4, "nor twice, where it is looked at anew"


def test_a_worker_that_has_it_in_hand_does_not_drop_what_was_handed_on(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    scene.clock.now = STEPS[30]
    plan(ctx, scene.clock.now)
    shift = delivery.SenderLease("worker", scene.clock.now, scene.machine())
    (taken,) = delivery.claim_due(scene.db, shift, MessageChannel.EMAIL, 1)
    contacts.change_contact(scene.db, lineages(scene).get().pk, replace(CONTACT, phone=""), scene.audit_entry())
    delivery.cancel(scene.db, shift, taken, "not for them any more")
    assert messages(scene).get().cancelled_at is None


def test_what_was_dropped_while_it_was_let_end_is_owed_again(sqlite_scene):
    """The mark was set in the night, with the morning's message already planned.

    It was taken back the next day.
    """
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    night, lineage = STEPS[3] - timedelta(hours=3), lineages(scene).get().pk
    assert plan(ctx, night).queued_count == 2
    contacts.let_end(scene.db, lineage, scene.ctx.now() - timedelta(days=9), scene.audit_entry())
    messages(scene).update(cancelled_at=night)
    contacts.let_end_no_more(scene.db, lineage, scene.audit_entry())
    assert plan(ctx, STEPS[3]).queued_count == 2
    assert [row.cancelled_at for row in messages(scene).filter(step__startswith="3:")] == [None, None]


def test_it_goes_on_when_the_one_behind_a_revoked_one_is_revoked_too(sqlite_scene):
    scene = sqlite_scene
    held = enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[30] - DAY)
    new = renewed(scene, held)
    newest = replaced(scene, new)
    revoke(RevocationRequest(new.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    walk(ctx, scene, STEPS[30] + DAY)
    assert steps(scene) == [60]
    revoke(RevocationRequest(newest.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    walk(ctx, scene, STEPS[30] + 2 * DAY)
    assert steps(scene) == [60, 30], "at once, not at the step of 14 days"


def test_it_stops_when_the_organisation_is_closed(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    models.Organisation.objects.using(scene.db.alias).update(closed_at=scene.clock.now)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60]


def test_a_reservation_is_looked_at_once_it_is_finished(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    certificates(scene).update(state="reserved")
    ctx = a_mailroom(scene)
    assert plan(ctx, STEPS[30]) == ReminderReport(0, 0)
    certificates(scene).update(state="issued")
    assert plan(ctx, STEPS[30]) == ReminderReport(1, 1)
    certificates(scene).update(state="void", next_reminder_at=STEPS[14])
    assert plan(ctx, STEPS[14]) == ReminderReport(1, 0)
    assert certificates(scene).get().next_reminder_at == reminders.NEVER


def see(scene, serial, at):
    sha256 = scene.certificate(serial).sha256
    if usage.find(scene.db, "door") is None:
        usage.add(scene.db, "door", "PEM", lambda _one: False, scene.audit_entry())
    usage.store_report(scene.db, "door", {sha256: at}, scene.clock.now)


def test_take_the_new_one_into_use(scene):
    held = enrolled(scene)
    signatory(scene, "chair")
    ctx = a_mailroom(scene)
    walk(ctx, scene, STEPS[60])
    new = renewed(scene, held)
    walk(ctx, scene, STEPS[30])
    see(scene, held.serial, scene.clock.now)
    walk(ctx, scene, STEPS[7])
    see(scene, new.serial, scene.clock.now)
    walk(ctx, scene, ENDS + DAY)
    assert steps(scene) == [60]
    assert owed(scene, "take-into-use") == [
        ("14:email", CONTACT.name), ("14:email", "chair"),
        ("7:email", CONTACT.name), ("7:email", "chair"), ("7:sms", CONTACT.name),
    ], "until the new one was seen, and the old one no more"  # fmt: skip


WAVES = {
    "fewer than that end on the day": (7, 5, 1),
    "as many": (6, 5, 5),
    "waves are not wished for": (1, 1, 1),
}


@pytest.mark.parametrize(("wave_from", "wave_days", "mornings"), WAVES.values(), ids=WAVES)
def test_a_wave(sqlite_scene, wave_from, wave_days, mornings):
    """Six certificates end on one day: their first step is spread, the others are not."""
    scene = sqlite_scene
    enrolled(scene)
    many(scene, 5)
    ctx = a_mailroom(scene, wave_from=wave_from, wave_days=wave_days)
    walk(ctx, scene, STEPS[30])
    first = {row.due for row in messages(scene).filter(step="60:email")}
    assert first <= {STEPS[60] + number * DAY for number in (0, 1, 2, 4, 7)}, "working days; 6 January is none"
    assert (len(first) > 1) == (mornings > 1)
    assert messages(scene).filter(step="60:email").count() == 6
    assert {row.due for row in messages(scene).filter(step="30:email")} == {STEPS[30]}


def test_many_are_planned_in_transactions_of_some_hundred(scene):
    """A process killed within or between transactions has done those before.

    The rest is planned once.
    """
    enrolled(scene)
    many(scene, reminders.MOST + 40)
    for name, done in (("plan-decided", 0), ("plan-noted", reminders.MOST)):
        with pytest.raises(KilledError):
            plan(a_mailroom(scene, step=killed_at(name)), STEPS[30])
        assert messages(scene).count() == done
        assert certificates(scene).filter(next_reminder_at__isnull=False).count() == done
    assert plan(a_mailroom(scene), STEPS[30]) == ReminderReport(41, 41)
    assert messages(scene).count() == reminders.MOST + 41


def test_two_nodes_at_once(scene):
    enrolled(scene)
    many(scene, reminders.MOST + 100)
    ctx = a_mailroom(scene)
    planned = crowd(scene.db, 2, lambda _number: plan(ctx, STEPS[14]))
    assert sum(one.looked for one in planned) == sum(one.queued_count for one in planned) == reminders.MOST + 101
    assert messages(scene).count() == reminders.MOST + 101


def test_nothing_due_costs_the_same_however_many_there_are(scene):
    enrolled(scene)
    many(scene, 100)
    ctx = a_mailroom(scene)
    plan(ctx, STEPS[60])
    for now in (STEPS[60] - 100 * DAY, STEPS[60] + SECOND):
        with CaptureQueriesContext(connections[scene.db.alias]) as captured:
            assert plan(ctx, now) == ReminderReport(0, 0)
        read = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
        assert len(read) == 2


def test_the_next_instant_of_an_empty_register(sqlite_scene):
    assert next_due_time(a_mailroom(sqlite_scene), sqlite_scene.clock.now) is None


def test_next_instants(sqlite_scene):
    scene = sqlite_scene
    ctx = a_mailroom(scene)
    enrolled(scene)
    now = scene.clock.now
    assert next_due_time(ctx, now) == STEPS[60], "of one that was never looked at"
    assert next_due_time(ctx, STEPS[60]) == STEPS[60] + SECOND, "who did not plan has something to do at once"
    plan(ctx, STEPS[60])
    assert next_due_time(ctx, STEPS[60]) == STEPS[30]
    event = DomainEvent("fetched", "later", lineage=lineages(scene).get().lineage_id)
    record_event(scene.db, event, STEPS[60] + 2 * DAY)
    assert next_due_time(ctx, STEPS[60]) == STEPS[60] + 2 * DAY, "a message that waits for its time"
    evening = STEPS[60] + timedelta(hours=12)
    assert next_due_time(ctx, evening) == STEPS[60] + DAY, "a reminder that waits for office hours"
    messages(scene).update(sent=evening)
    assert next_due_time(ctx, evening) == STEPS[60] + 2 * DAY
