"""Which reminder, if any, is owed at this instant, when to look again, and when reminders stop (docs/reminders.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from sinetti.domain.business_days import (
    DayOff,
    end_of_business,
    finnish_date,
    is_workday,
    next_business_time,
    start_of_business,
    workday_after,
    workday_before,
    workdays_later,
)
from sinetti.domain.certificates.display_status import CertificateProgress, is_still_used
from sinetti.domain.certificates.renewal_info import default_renewal_start, renewal_window
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import RENEWAL_WINDOW, ValidityPeriod

WIDER_FROM: Final = timedelta(days=14)
"""From this step on signatories and the organisation's contact person are told too, and that the old one is in use."""

TEXTED_FROM: Final = timedelta(days=7)
"""From this step on a text message goes beside the mail."""

UNSEEN_FOR: Final = timedelta(days=1)
"""A certificate that ended longer ago, and was never looked at, is history: nothing is said of it."""

LATE_FOR: Final = timedelta(days=7)
"""After a pause of everything nobody is told of an end longer ago."""

_DAY: Final = timedelta(days=1)


class SuppressionReason(StrEnum):
    """Why a reminder is not owed, in words for operators."""

    REVOKED = "the certificate was revoked"
    LET_END = "the organisation lets this certificate end"
    CLOSED = "the organisation is closed"
    FETCHED = "it was renewed or replaced, and the new certificate was fetched"
    NOT_REPLACED = "what took its place was revoked"
    LATER_STEP = "a later step has come"
    NOT_CONCERNED = "this reminder is not for them any more"
    NOT_REACHED = "nothing is to be sent to this address any more"


@dataclass(frozen=True, slots=True)
class ReminderSchedule:
    """The steps before a certificate's end, the longest first, and which days are off.

    Raises ValueError.
    """

    steps: tuple[timedelta, ...]
    day_off: DayOff

    def __post_init__(self) -> None:
        """Refuse what is no ladder."""
        if not self.steps or self.steps[-1] < timedelta() or list(self.steps) != sorted(set(self.steps), reverse=True):
            sentence = "the steps of reminders are times before the end, each shorter than the one before it"
            raise ValueError(sentence)


@dataclass(frozen=True, slots=True)
class ReminderCheck:
    """What a look gives: the step that is owed now, if any, and from when on; when to look again, if ever."""

    step: timedelta | None = None
    due: datetime | None = None
    again: datetime | None = None


def step_name(step: timedelta) -> str:
    """A step as rows have it: days before the end ("60", "0.5")."""
    return f"{step / _DAY:g}"


def step_of(name: str) -> timedelta:
    """The step of a row. Raises ValueError."""
    return timedelta(days=float(name))


def send_time(not_after: datetime, step: timedelta, *, first: bool, day_off: DayOff) -> datetime:
    """When a step's messages leave: in office hours; the first step never before its instant, later ones never after.

    Later ones may leave after it only in the morning of the same day.
    """
    instant = not_after - step
    day = finnish_date(instant)
    if is_workday(day, day_off):
        if start_of_business(day) <= instant <= end_of_business(day):
            return instant
        if instant < start_of_business(day):
            return start_of_business(day)
        return start_of_business(workday_after(day, day_off)) if first else end_of_business(day)
    return start_of_business(workday_after(day, day_off) if first else workday_before(day, day_off))


def jitter_days(lineage_id: str, days: int) -> int:
    """By how many working days the first reminder of a lineage moves in a wave: 0 to days - 1, always the same."""
    return int.from_bytes(sha256(lineage_id.encode()).digest()[:8]) % max(days, 1)


def send_times(
    ladder: ReminderSchedule, span: ValidityPeriod, spread: int = 0
) -> tuple[tuple[timedelta, datetime], ...]:
    """Each step of a certificate, and when it leaves.

    A step before its beginning is left out. So is one before its renewal opens: a short life opens it later than 60
    days before the end. The first step of the ladder moves by `spread` working days, but stays on days before the
    second.
    """
    opens = default_renewal_start(span) if renewal_window(span) < RENEWAL_WINDOW else span.not_before
    steps = [step for step in ladder.steps if opens <= span.not_after - step > span.not_before]
    times = [_leaves(ladder, span.not_after, step, opens) for step in steps]
    if spread and steps and steps[0] == ladder.steps[0]:
        limit = finnish_date(times[1] if len(times) > 1 else span.not_after)
        moved = (workdays_later(times[0], days, ladder.day_off) for days in range(spread, 0, -1))
        times[0] = next((one for one in moved if finnish_date(one) < limit), times[0])
    return tuple(zip(steps, times, strict=True))


def _leaves(ladder: ReminderSchedule, not_after: datetime, step: timedelta, opens: datetime) -> datetime:
    """Return when a step leaves.

    It leaves on the working day after a day off if the one before is too early to renew.
    """
    first = step == ladder.steps[0]
    at = send_time(not_after, step, first=first, day_off=ladder.day_off)
    later = send_time(not_after, step, first=True, day_off=ladder.day_off)
    return later if at < opens and later <= not_after else at


def due_step(
    ladder: ReminderSchedule, span: ValidityPeriod, now: datetime, since: datetime | None, spread: int = 0
) -> ReminderCheck:
    """The latest step that has passed, and when to look again: the earliest instant of a later step.

    `since` is when a look was to be taken: None where there was none yet. A look in office hours owes at once, one in
    the night for the next morning, and then the step that will be the latest in that morning, so that no morning
    brings two.
    """
    if now > span.not_after + (UNSEEN_FOR if since is None else LATE_FOR):
        return ReminderCheck()
    times = send_times(ladder, span, spread)
    if not any(at <= now for _, at in times):
        return ReminderCheck(again=min((at for _, at in times), default=None))
    then = next_business_time(now, ladder.day_off)
    latest = latest_due_index(times, then)
    return ReminderCheck(times[latest][0], then, min((at for _, at in times[latest + 1 :]), default=None))


def latest_due_index(times: Sequence[tuple[timedelta, datetime]], now: datetime) -> int:
    """The place of the last step that has left by now; -1 where none has.

    Steps before it are not owed any more.
    """
    return max((place for place, (_, at) in enumerate(times) if at <= now), default=-1)


def kind_for_step(course: CertificateProgress, step: timedelta, now: datetime) -> MessageKind | SuppressionReason:
    """What a step has to tell, or why nothing."""
    if course.revoked:
        return SuppressionReason.REVOKED
    if course.let_end:
        return SuppressionReason.LET_END
    if course.closed:
        # Nothing is issued to it any more, so there is nothing that anybody could do.
        return SuppressionReason.CLOSED
    if course.fetched is None:
        return MessageKind.REMINDER
    if step <= WIDER_FROM and is_still_used(course, course.fetched, now):
        return MessageKind.TAKE_INTO_USE
    return SuppressionReason.FETCHED
