"""Whom a reminder is for, and whether one that waits is still owed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sinetti.database.notifications import reminders
from sinetti.database.notifications.recipients import Reader, Roles, holders, once_each, roles
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, Owed
from sinetti.domain.notifications.reminders import (
    TEXTED_FROM,
    WIDER_FROM,
    Ladder,
    Stop,
    kind_owed,
    latest_passed,
    leaving,
    step_of,
)
from sinetti.domain.phones import international
from sinetti.notifications.context import Mailroom
from sinetti.notifications.office_hours import day_off

REMINDERS = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE})
"""What is owed by the ladder."""

Copy = tuple[Reader, MessageChannel]
"""One message: to whom, and how it travels."""


def ladder_of(room: Mailroom) -> Ladder:
    """The steps that the operator decided on, in Finland's days."""
    return Ladder(room.terms.ladder, day_off)


def concerned(step: timedelta, holder: tuple[Reader | None, Reader | None], acting: Roles) -> tuple[Reader, ...]:
    """Whom a step concerns, the nearest first: contact and deputy; later those who act for the organisation too."""
    people = (*holder, acting.contact_person, *acting.signatories) if step <= WIDER_FROM else holder
    return tuple(one for one in people if one is not None)


def copies(step: timedelta, people: Iterable[Reader]) -> tuple[Copy, ...]:
    """The messages of a step: a mail to each address, and in the last days a text message to each phone.

    Somebody whose address is known to fail is reached by phone alone; who wants no more mail is left alone. Who is
    named twice, by address, gets one of each: where their nearest role has no number, that of the other is known.
    """
    everybody = tuple(people)
    found: list[Copy] = [(one, MessageChannel.EMAIL) for one in once_each(everybody) if one.mailable]
    if step > TEXTED_FROM:
        return tuple(found)
    phones: set[str] = set()
    for one in once_each(one for one in everybody if one.textable and not one.stopped):
        phone = international(one.phone) or "".join(character for character in one.phone if character.isdecimal())
        if phone not in phones:
            phones.add(phone)
            found.append((one, MessageChannel.SMS))
    return tuple(found)


def still_owed(owed: Owed, room: Mailroom, now: datetime) -> str | None:
    """None where a message is still owed, else why not. Of what the ladder does not owe nothing is asked here.

    Office hours are another question, since what waits for them is owed all the same: `workdays.may_leave`.
    """
    if owed.kind not in REMINDERS or owed.certificate is None:
        return None
    found = reminders.find(room.register, owed.certificate)
    if found is None:
        return Stop.NOT_CONCERNED
    step = step_of(owed.step)
    kind = kind_owed(found.course, step, now)
    if isinstance(kind, Stop):
        return kind
    if kind is not owed.kind:
        return Stop.FETCHED if kind is MessageKind.TAKE_INTO_USE else Stop.NOT_REPLACED
    times = leaving(ladder_of(room), found.course.span)
    latest = latest_passed(times, now)
    if latest >= 0 and times[latest][0] < step:
        return Stop.LATER_STEP
    return _still_for(owed, room, found, now)


def _still_for(owed: Owed, room: Mailroom, found: reminders.Found, now: datetime) -> str | None:
    """None where the recipient is one whom this step concerns, and can be reached in this way."""
    step = step_of(owed.step)
    holder = holders(room.register, [found.holding_id]).get(found.holding_id, (None, None))
    people = concerned(step, holder, Roles())
    if all(one.person_id != owed.recipient for one in people) and step <= WIDER_FROM:
        acting = roles(room.register, [found.organisation_id], now)
        people = concerned(step, holder, acting[found.organisation_id])
    if all(one.person_id != owed.recipient for one in people):
        return Stop.NOT_CONCERNED
    reached = any(one.person_id == owed.recipient and channel is owed.channel for one, channel in copies(step, people))
    return None if reached else Stop.NOT_REACHED
