"""Reminders: the step that is due, the next check, and suppression.

The rules are described in docs/operators/reminders.md.
"""

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
from sinetti.domain.certificates.renewal_info import in_proportion, renewal_window
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import RENEWAL_WINDOW, ValidityPeriod

WIDER_FROM: Final = timedelta(days=14)
"""Step from which reminders have a wider audience.

The signatories and the organisation's contact person get them too, also about an old certificate still in use. In
shorter lives this time and the next shrink in proportion (`is_wider`, `is_texted`).
"""

TEXTED_FROM: Final = timedelta(days=7)
"""Step from which a text message is sent beside the mail."""

UNSEEN_FOR: Final = timedelta(days=1)
"""Time after its end in which a first check still considers a certificate.

Older ones are history and cause no message.
"""

LATE_FOR: Final = timedelta(days=7)
"""Time after an end in which a message is still sent after a pause of the service."""

_DAY: Final = timedelta(days=1)


class SuppressionReason(StrEnum):
    """Reason why a reminder is not sent, as operators read it."""

    REVOKED = "the certificate was revoked"
    LET_END = "the organisation lets this certificate end"
    CLOSED = "the organisation is closed"
    FETCHED = "it was renewed or replaced, and the new certificate was fetched"
    NOT_REPLACED = "what took its place was revoked"
    LATER_STEP = "a later step has come"
    NOT_CONCERNED = "this reminder is not for them any more"
    NOT_REACHED = "nothing is to be sent to this address any more"


@dataclass(frozen=True)
class ReminderSchedule:
    """Steps before a certificate's end, the longest first, and the days off.

    Raises ValueError if the steps are not in this order.
    """

    steps: tuple[timedelta, ...]
    day_off: DayOff

    def __post_init__(self) -> None:
        """Raise ValueError unless the steps are in descending order."""
        if not self.steps or self.steps[-1] < timedelta() or list(self.steps) != sorted(set(self.steps), reverse=True):
            raise ValueError("the steps of reminders are times before the end, each shorter than the one before it")


@dataclass(frozen=True)
class ReminderCheck:
    """Result of a check: the step that is due now, its time, and the next check.

    Each is None if there is none.
    """

    step: timedelta | None = None
    due: datetime | None = None
    again: datetime | None = None


def is_wider(step: timedelta, span: ValidityPeriod) -> bool:
    """Return True if a step of this certificate has the wider audience."""
    return step <= in_proportion(WIDER_FROM, span)


def is_texted(step: timedelta, span: ValidityPeriod) -> bool:
    """Return True if a step of this certificate goes by SMS too."""
    return step <= in_proportion(TEXTED_FROM, span)


def step_name(step: timedelta) -> str:
    """Return the name of a step in rows: days before the end ("60", "0.5")."""
    return f"{step / _DAY:g}"


def step_of(name: str) -> timedelta:
    """Return the step with this name.

    Raises ValueError if the name is no number.
    """
    return timedelta(days=float(name))


def send_time(not_after: datetime, step: timedelta, *, first: bool, day_off: DayOff) -> datetime:
    """Return the time at which the messages of a step are sent, within office hours.

    The first step is never sent before its instant. Later steps are never sent after it, except in the morning of the
    same day.
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
    """Return the delay of the first reminder of a lineage in a wave, in working days.

    It is 0 to `days` - 1, and always the same for a lineage.
    """
    return int.from_bytes(sha256(lineage_id.encode()).digest()[:8]) % max(days, 1)


def send_times(
    ladder: ReminderSchedule, span: ValidityPeriod, spread: int = 0
) -> tuple[tuple[timedelta, datetime], ...]:
    """Return each step of a certificate with its send time.

    A step before the certificate's beginning is left out. If a short validity period opens renewal later than 60 days
    before the end, so is a step in the first half of the time for renewing: programs renew in it. The first step of
    the schedule moves by `spread` working days, but stays on days before the second.
    """
    steps = [step for step in ladder.steps if span.not_after - step > span.not_before]
    if (window := renewal_window(span)) < RENEWAL_WINDOW:
        return _short_send_times(ladder, span.not_after, window / 2, steps)
    times = [send_time(span.not_after, step, first=step == ladder.steps[0], day_off=ladder.day_off) for step in steps]
    if spread and steps and steps[0] == ladder.steps[0]:
        limit = finnish_date(times[1] if len(times) > 1 else span.not_after)
        moved = (workdays_later(times[0], days, ladder.day_off) for days in range(spread, 0, -1))
        times[0] = next((instant for instant in moved if finnish_date(instant) < limit), times[0])
    return tuple(zip(steps, times, strict=True))


def _short_send_times(
    ladder: ReminderSchedule, not_after: datetime, half: timedelta, steps: Sequence[timedelta]
) -> tuple[tuple[timedelta, datetime], ...]:
    """Return the send times of a short validity period, on different days.

    `half`: the second half of the window. A step that would leave before it leaves on the next working day, which may
    be after the end. Of two steps on one day, the later one takes the place of both.
    """
    times: list[tuple[timedelta, datetime]] = []
    for step in (step for step in steps if step <= half):
        at = send_time(not_after, step, first=False, day_off=ladder.day_off)
        if at < not_after - half:
            at = send_time(not_after, step, first=True, day_off=ladder.day_off)
        if times and finnish_date(times[-1][1]) == finnish_date(at):
            at = min(at, times.pop()[1])
        times.append((step, at))
    return tuple(times)


def due_step(
    ladder: ReminderSchedule, span: ValidityPeriod, now: datetime, since: datetime | None, spread: int = 0
) -> ReminderCheck:
    """Return the latest step that has passed, and the earliest time of a later step.

    `since` is the time at which a check was due, or None before the first one. A check in office hours makes the step
    due at once. A check at night makes a step due on the next morning: the one that is the latest by then. No morning
    therefore brings two reminders.
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
    """Return the index of the last step that has been due by now, or -1.

    Steps before it are no longer due.
    """
    return max((place for place, (_, at) in enumerate(times) if at <= now), default=-1)


def kind_for_step(course: CertificateProgress, step: timedelta, now: datetime) -> MessageKind | SuppressionReason:
    """Return the kind of message for a step, or the reason to send none."""
    if course.revoked:
        return SuppressionReason.REVOKED
    if course.let_end:
        return SuppressionReason.LET_END
    if course.closed:
        # It gets no further certificates, so no action is possible.
        return SuppressionReason.CLOSED
    if course.fetched is None:
        return MessageKind.REMINDER
    if is_wider(step, course.span) and is_still_used(course, course.fetched, now):
        return MessageKind.TAKE_INTO_USE
    return SuppressionReason.FETCHED
