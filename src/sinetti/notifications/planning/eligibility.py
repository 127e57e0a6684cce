"""Whom a reminder is for, and whether one that waits is still owed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sinetti.database.notifications import reminders
from sinetti.database.notifications.recipients import Recipient, Roles, holders, roles, unique_by_address
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.notifications.reminders import (
    TEXTED_FROM,
    WIDER_FROM,
    ReminderSchedule,
    SuppressionReason,
    kind_for_step,
    latest_due_index,
    send_times,
    step_of,
)
from sinetti.domain.validation import international
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.office_hours import is_holiday

REMINDERS = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE})
"""What is owed by the ladder."""

Copy = tuple[Recipient, MessageChannel]
"""One message: to whom, and how it travels."""


def schedule_for(ctx: NotificationContext) -> ReminderSchedule:
    """The steps that the operator decided on, in Finland's days."""
    return ReminderSchedule(ctx.terms.ladder, is_holiday)


def audience(
    step: timedelta, holder: tuple[Recipient | None, Recipient | None], acting: Roles
) -> tuple[Recipient, ...]:
    """Whom a step concerns, the nearest first: contact and deputy; later those who act for the organisation too."""
    people = (*holder, acting.contact_person, *acting.signatories) if step <= WIDER_FROM else holder
    return tuple(one for one in people if one is not None)


def copies(step: timedelta, people: Iterable[Recipient]) -> tuple[Copy, ...]:
    """The messages of a step: a mail to each address, and in the last days a text message to each phone.

    Somebody whose address is known to fail is reached by phone alone; who wants no more mail is left alone. Who is
    named twice, by address, gets one of each: where their nearest role has no number, that of the other is known.
    """
    everybody = tuple(people)
    found: list[Copy] = [(one, MessageChannel.EMAIL) for one in unique_by_address(everybody) if one.mailable]
    if step > TEXTED_FROM:
        return tuple(found)
    phones: set[str] = set()
    for one in unique_by_address(one for one in everybody if one.textable and not one.stopped):
        phone = international(one.phone) or "".join(character for character in one.phone if character.isdecimal())
        if phone not in phones:
            phones.add(phone)
            found.append((one, MessageChannel.SMS))
    return tuple(found)


def reason_not_to_send(owed: QueuedMessage, ctx: NotificationContext, now: datetime) -> str | None:
    """None where a message is still owed, else why not.

    Of what the ladder does not owe nothing is asked here.

    Office hours are another question, since what waits for them is owed all the same: `office_hours.may_send`.
    """
    if owed.kind not in REMINDERS or owed.certificate is None:
        return None
    found = reminders.find(ctx.db, owed.certificate)
    if found is None:
        return SuppressionReason.NOT_CONCERNED
    step = step_of(owed.step)
    kind = kind_for_step(found.course, step, now)
    if isinstance(kind, SuppressionReason):
        return kind
    if kind is not owed.kind:
        return SuppressionReason.FETCHED if kind is MessageKind.TAKE_INTO_USE else SuppressionReason.NOT_REPLACED
    times = send_times(schedule_for(ctx), found.course.span)
    latest = latest_due_index(times, now)
    if latest >= 0 and times[latest][0] < step:
        return SuppressionReason.LATER_STEP
    return _still_for(owed, ctx, found, now)


def _still_for(
    owed: QueuedMessage, ctx: NotificationContext, found: reminders.ReminderCandidate, now: datetime
) -> str | None:
    """None where the recipient is one whom this step concerns, and can be reached in this way."""
    step = step_of(owed.step)
    holder = holders(ctx.db, [found.lineage_id]).get(found.lineage_id, (None, None))
    people = audience(step, holder, Roles())
    if all(one.person_id != owed.recipient for one in people) and step <= WIDER_FROM:
        acting = roles(ctx.db, [found.organisation_id], now)
        people = audience(step, holder, acting[found.organisation_id])
    if all(one.person_id != owed.recipient for one in people):
        return SuppressionReason.NOT_CONCERNED
    reached = any(one.person_id == owed.recipient and channel is owed.channel for one, channel in copies(step, people))
    return None if reached else SuppressionReason.NOT_REACHED
