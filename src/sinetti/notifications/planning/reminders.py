"""Planning of reminders: due steps become rows of the outbox.

Each becomes one row, by any number of nodes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sinetti.database.notifications import reminders
from sinetti.database.notifications.digests import readers_of
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import Recipient, Roles, holders, roles
from sinetti.database.notifications.reminders import BatchResult, ReminderCandidate, ReminderWindow
from sinetti.domain.business_days import finnish_date, midnight
from sinetti.domain.notifications.digests import NEAR
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.notifications.reminders import (
    UNSEEN_FOR,
    ReminderCheck,
    SuppressionReason,
    due_step,
    jitter_days,
    kind_for_step,
    send_time,
    step_name,
)
from sinetti.notifications.context import NotificationContext, is_holiday, next_business_time
from sinetti.notifications.planning.eligibility import Copy, audience, copies, schedule_for

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class ReminderReport:
    """Counts of checked certificates and of queued messages."""

    looked: int
    queued_count: int


@dataclass(frozen=True)
class _DueReminder:
    """A step of one certificate that is due now."""

    found: ReminderCandidate
    kind: MessageKind
    step: timedelta
    due: datetime


@dataclass
class _ReminderPlanner:
    """One planning run and its counts so far.

    `ending` is the number of certificates that end on a day.
    """

    room: NotificationContext
    now: datetime
    ending: dict[date, int] = field(default_factory=dict)
    looked: int = 0
    queued_count: int = 0

    def decide(self, candidates: Sequence[ReminderCandidate]) -> BatchResult:
        """Return the next check of each certificate and the reminders that are due now."""
        looks = [(candidate, self._look(candidate)) for candidate in candidates]
        messages = self._messages(
            [step for candidate, look in looks if (step := self._due(candidate, look)) is not None]
        )
        self.looked += len(looks)
        self.queued_count += len(messages)
        self.room.step("plan-decided")
        return BatchResult({candidate.certificate: look.again for candidate, look in looks}, messages)

    def _look(self, candidate: ReminderCandidate) -> ReminderCheck:
        if candidate.course.revoked:
            return ReminderCheck()
        return due_step(
            schedule_for(self.room), candidate.course.span, self.now, candidate.since, self._spread(candidate)
        )

    def _due(self, candidate: ReminderCandidate, look: ReminderCheck) -> _DueReminder | None:
        if look.step is None or look.due is None:
            return None
        kind = kind_for_step(candidate.course, look.step, look.due)
        return None if isinstance(kind, SuppressionReason) else _DueReminder(candidate, kind, look.step, look.due)

    def _spread(self, candidate: ReminderCandidate) -> int:
        """Return the days by which the first step moves.

        It moves by none if no wave ends on that day, or after the first check.
        """
        terms = self.room.terms
        if candidate.since is not None or terms.wave_days <= 1:
            return 0
        day = finnish_date(candidate.course.span.not_after)
        if day not in self.ending:
            self.ending[day] = reminders.count_ending(self.room.db, midnight(day), midnight(day + _DAY))
        return jitter_days(candidate.lineage_id, terms.wave_days) if self.ending[day] >= terms.wave_from else 0

    def _messages(self, steps: Sequence[_DueReminder]) -> list[NewMessage]:
        db = self.room.db
        people = holders(db, {step.found.lineage_id for step in steps})
        acting = roles(db, {step.found.organisation_id for step in steps}, self.now)
        digested = readers_of(db, acting, self.now)
        return [
            _message(step, reader, channel)
            for step in steps
            for reader, channel in _copies(step, people[step.found.lineage_id], acting[step.found.organisation_id])
            if channel is MessageChannel.SMS or not _is_in_digest(step, reader, digested[step.found.organisation_id])
        ]


def plan(ctx: NotificationContext, now: datetime) -> ReminderReport:
    """Queue each reminder whose step is due, and store the time of the next check.

    Two runs at the same time queue no message twice. Each batch of some hundred certificates is one transaction; a run
    that follows a killed one continues with the next batch.
    """
    planner, window = _ReminderPlanner(ctx, now), _reach(ctx, now)
    while True:
        with reminders.claim_batch(ctx.db, window) as candidates:
            if not candidates:
                return ReminderReport(planner.looked, planner.queued_count)
            reminders.store_batch(ctx.db, planner.decide(candidates), now)
        ctx.step("plan-noted")


def next_due_time(ctx: NotificationContext, after: datetime) -> datetime | None:
    """Return the next instant with something to plan or to send, or None.

    It may turn out that nothing is queued: stopped reminders are still checked.
    """
    db, reach = ctx.db, _reach(ctx, after)
    ends, look = reminders.next_look(db, reach)
    instants = [look, reminders.next_due(db, after)]
    if ends is not None:
        instants.append(send_time(ends, ctx.terms.ladder[0], first=True, day_off=is_holiday))
    if reminders.overdue(db, reach):
        instants.append(after + _SECOND)
    if (opens := next_business_time(after)) > after and reminders.hours_awaited(db, after):
        instants.append(opens)
    return min((at for at in instants if at is not None), default=None)


def _reach(ctx: NotificationContext, now: datetime) -> ReminderWindow:
    return ReminderWindow(now, now - UNSEEN_FOR, now + ctx.terms.ladder[0])


def _copies(
    due_reminder: _DueReminder, holder: tuple[Recipient | None, Recipient | None], acting: Roles
) -> tuple[Copy, ...]:
    span = due_reminder.found.course.span
    return copies(due_reminder.step, span, audience(due_reminder.step, span, holder, acting))


def _is_in_digest(due_reminder: _DueReminder, reader: Recipient, digested: Collection[str]) -> bool:
    """Return True if a service provider's digest covers this reminder.

    The digest goes to these addresses (docs/operators/digests.md).
    """
    return due_reminder.kind is MessageKind.REMINDER and due_reminder.step <= NEAR and reader.address in digested


def _message(due_reminder: _DueReminder, reader: Recipient, channel: MessageChannel) -> NewMessage:
    days = due_reminder.step / _DAY
    return NewMessage(
        due_reminder.kind,
        channel,
        about=due_reminder.found.serial,
        step=step_name(due_reminder.step),
        due=due_reminder.due,
        recipient=reader.person_id,
        lineage=due_reminder.found.lineage_id,
        certificate=due_reminder.found.certificate,
        facts={"days": int(days) if days.is_integer() else days},
    )
