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
    return tuple(person for person in people if person is not None)


def copies(step: timedelta, span: ValidityPeriod, people: Iterable[Recipient]) -> tuple[Copy, ...]:
    """Return the copies of a step: e-mails, and SMS in the last days.

    A recipient whose address bounces gets SMS only; a recipient who opted out gets nothing. A person listed in two
    roles, by address, gets one e-mail and one SMS. The phone number is taken from whichever role has one.
    """
    readers = tuple(people)
    pairs: list[Copy] = [
        (recipient, MessageChannel.EMAIL) for recipient in unique_by_address(readers) if recipient.mailable
    ]
    if not is_texted(step, span):
        return tuple(pairs)
    phones: set[str] = set()
    for recipient in unique_by_address(reader for reader in readers if reader.textable and not reader.stopped):
        phone = international(recipient.phone) or "".join(
            character for character in recipient.phone if character.isdecimal()
        )
        if phone not in phones:
            phones.add(phone)
            pairs.append((recipient, MessageChannel.SMS))
    return tuple(pairs)


def reason_not_to_send(queued: QueuedMessage, ctx: NotificationContext, now: datetime) -> str | None:
    """Return the reason against sending a queued reminder, or None if it is still due.

    Other messages are not checked. Office hours are checked separately, since messages that wait for them remain due:
    `office_hours.may_send`.
    """
    if queued.kind not in REMINDERS or queued.certificate is None:
        return None
    candidate = reminders.find(ctx.db, queued.certificate)
    if candidate is None:
        return SuppressionReason.NOT_CONCERNED
    step = step_of(queued.step)
    kind = kind_for_step(candidate.course, step, now)
    if isinstance(kind, SuppressionReason):
        return kind
    if kind is not queued.kind:
        return SuppressionReason.FETCHED if kind is MessageKind.TAKE_INTO_USE else SuppressionReason.NOT_REPLACED
    times = send_times(schedule_for(ctx), candidate.course.span)
    latest = latest_due_index(times, now)
    if latest >= 0 and times[latest][0] < step:
        return SuppressionReason.LATER_STEP
    return _still_for(queued, ctx, candidate, now)


def _still_for(
    queued: QueuedMessage, ctx: NotificationContext, candidate: reminders.ReminderCandidate, now: datetime
) -> str | None:
    """Return None if this step concerns the recipient, who can be reached this way.

    Otherwise return the reason.
    """
    step, span = step_of(queued.step), candidate.course.span
    holder = holders(ctx.db, [candidate.lineage_id]).get(candidate.lineage_id, (None, None))
    people = audience(step, span, holder, Roles())
    if all(person.person_id != queued.recipient for person in people) and is_wider(step, span):
        acting = roles(ctx.db, [candidate.organisation_id], now)
        people = audience(step, span, holder, acting[candidate.organisation_id])
    if all(person.person_id != queued.recipient for person in people):
        return SuppressionReason.NOT_CONCERNED
    reached = any(
        recipient.person_id == queued.recipient and channel is queued.channel
        for recipient, channel in copies(step, span, people)
    )
    return None if reached else SuppressionReason.NOT_REACHED
