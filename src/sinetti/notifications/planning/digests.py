"""Digests for service providers with many certificates.

See docs/operators/digests.md.

One a week, and one a day if a certificate ends soon.
"""

from datetime import datetime, timedelta

from sinetti.database.notifications import digests, outbox
from sinetti.database.notifications.digests import DigestTrigger
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import Recipient
from sinetti.domain.business_days import finnish_date, start_of_business, workday_before
from sinetti.domain.notifications.digests import CLOSE, NEAR, STAYS, DigestSlot, digest_slot, next_day, next_week
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.notifications.context import NotificationContext, is_holiday

_SECOND = timedelta(seconds=1)
_SUPERSEDED = "a later digest has the same content"


def plan_digests(ctx: NotificationContext, now: datetime) -> int:
    """Queue the digest for each service provider's readers; return the new ones.

    Nothing is queued outside office hours. Any number of nodes may plan at the same time, as often as they like. An
    address gets at most one digest a day, and one that was sent earlier in the week is the week's.
    """
    current = digest_slot(now, is_holiday)
    if current is None:
        return 0
    causes = digests.triggers(ctx.db, current, now)
    readers = digests.firm_readers(ctx.db, [cause.agent for cause in causes], now)
    wanted = [(cause, reader) for cause in causes for reader in readers[cause.agent]]
    found = digests.sent_days(ctx.db, [(cause.agent, reader) for cause, reader in wanted], current.week_days)
    due_messages = [
        _message(cause, reader, current)
        for (cause, reader), days in zip(wanted, found, strict=True)
        if (cause.week and not days) or (cause.day and current.day not in days)
    ]
    outbox.enqueue(ctx.db, due_messages, now)
    return len(due_messages)


def superseded_reason(message: QueuedMessage, ctx: NotificationContext, now: datetime) -> str | None:
    """Return the reason against a digest that could not be sent on its day.

    Today's digest says the same. Returns None for all other messages.
    """
    today = finnish_date(now)
    if message.kind is not MessageKind.DIGEST or message.recipient is None or message.step >= today.isoformat():
        return None
    agent = (message.facts or {}).get("agent", "")
    return _SUPERSEDED if digests.is_queued(ctx.db, agent, message.recipient, today) else None


def next_digest_time(ctx: NotificationContext, after: datetime) -> datetime | None:
    """Return the next instant at which `plan_digests` may queue digests, or None.

    It is always 8:00 of a working day and never too late. On rare days nothing is queued then.
    """
    week, day = next_week(after, is_holiday), next_day(after, is_holiday)
    before = start_of_business(workday_before(finnish_date(day), is_holiday))
    soon = digests.first_end(ctx.db, after, before, week + CLOSE)
    this_week = digests.first_end(ctx.db, after, week - STAYS, week + NEAR)
    candidates = [week] if this_week is not None else []
    if soon is not None:
        candidates.append(max(day, next_day(soon - CLOSE - _SECOND, is_holiday)))
    if candidates:
        return min(candidates)
    later = digests.first_end_after(ctx.db, after, week + NEAR)
    return None if later is None else next_week(later - NEAR - _SECOND, is_holiday)


def _message(cause: DigestTrigger, reader: Recipient, current: DigestSlot) -> NewMessage:
    return NewMessage(
        kind=MessageKind.DIGEST,
        channel=MessageChannel.EMAIL,
        about=cause.agent,
        step=current.day.isoformat(),
        due=current.at,
        recipient=reader.person_id,
        facts={"agent": cause.agent},
    )
