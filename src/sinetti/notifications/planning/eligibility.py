"""Recipients of a reminder, and conditions for sending a queued one."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sinetti.database.notifications import reminders
from sinetti.database.notifications.recipients import Recipient, Roles, holders, roles, unique_by_address
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.notifications.reminders import (
    ReminderSchedule,
    SuppressionReason,
    is_texted,
    is_wider,
    kind_for_step,
    latest_due_index,
    send_times,
    step_of,
)
from sinetti.domain.validation import international
from sinetti.domain.values import ValidityPeriod
from sinetti.notifications.context import NotificationContext, is_holiday

REMINDERS = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE})
"""The kinds of messages that follow the reminder schedule."""

Copy = tuple[Recipient, MessageChannel]
"""One message: its recipient and its channel."""


def schedule_for(ctx: NotificationContext) -> ReminderSchedule:
    """Return the operator's schedule, with Finland's days off."""
    return ReminderSchedule(ctx.terms.ladder, is_holiday)


def audience(
    step: timedelta, span: ValidityPeriod, holder: tuple[Recipient | None, Recipient | None], acting: Roles
) -> tuple[Recipient, ...]:
    """Return the recipients of a step, the nearest first.

    They are contact and deputy, and in later steps also the people who act for the organisation.
    """
    people = (*holder, acting.contact_person, *acting.signatories) if is_wider(step, span) else holder
    return tuple(one for one in people if one is not None)


def copies(step: timedelta, span: ValidityPeriod, people: Iterable[Recipient]) -> tuple[Copy, ...]:
    """Return the copies of a step: e-mails, and SMS in the last days.

    A recipient whose address bounces gets SMS only; a recipient who opted out gets nothing. A person listed in two
    roles, by address, gets one e-mail and one SMS. The phone number is taken from whichever role has one.
    """
    readers = tuple(people)
    found: list[Copy] = [(one, MessageChannel.EMAIL) for one in unique_by_address(readers) if one.mailable]
    if not is_texted(step, span):
        return tuple(found)
    phones: set[str] = set()
    for one in unique_by_address(one for one in readers if one.textable and not one.stopped):
        phone = international(one.phone) or "".join(character for character in one.phone if character.isdecimal())
        if phone not in phones:
            phones.add(phone)
            found.append((one, MessageChannel.SMS))
    return tuple(found)


def reason_not_to_send(queued: QueuedMessage, ctx: NotificationContext, now: datetime) -> str | None:
    """Return the reason against sending a queued reminder, or None if it is still due.

    Other messages are not checked. Office hours are checked separately, since messages that wait for them remain due:
    `office_hours.may_send`.
    """
    if queued.kind not in REMINDERS or queued.certificate is None:
        return None
    found = reminders.find(ctx.db, queued.certificate)
    if found is None:
        return SuppressionReason.NOT_CONCERNED
    step = step_of(queued.step)
    kind = kind_for_step(found.course, step, now)
    if isinstance(kind, SuppressionReason):
        return kind
    if kind is not queued.kind:
        return SuppressionReason.FETCHED if kind is MessageKind.TAKE_INTO_USE else SuppressionReason.NOT_REPLACED
    times = send_times(schedule_for(ctx), found.course.span)
    latest = latest_due_index(times, now)
    if latest >= 0 and times[latest][0] < step:
        return SuppressionReason.LATER_STEP
    return _still_for(queued, ctx, found, now)


def _still_for(
    queued: QueuedMessage, ctx: NotificationContext, found: reminders.ReminderCandidate, now: datetime
) -> str | None:
    """Return None if this step concerns the recipient, who can be reached this way.

    Otherwise return the reason.
    """
    step, span = step_of(queued.step), found.course.span
    holder = holders(ctx.db, [found.lineage_id]).get(found.lineage_id, (None, None))
    people = audience(step, span, holder, Roles())
    if all(one.person_id != queued.recipient for one in people) and is_wider(step, span):
        acting = roles(ctx.db, [found.organisation_id], now)
        people = audience(step, span, holder, acting[found.organisation_id])
    if all(one.person_id != queued.recipient for one in people):
        return SuppressionReason.NOT_CONCERNED
    reached = any(
        one.person_id == queued.recipient and channel is queued.channel for one, channel in copies(step, span, people)
    )
    return None if reached else SuppressionReason.NOT_REACHED
