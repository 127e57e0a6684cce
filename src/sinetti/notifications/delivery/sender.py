"""Sends what is due: rows become letters, one after the other, in the steps of docs/notices.md.

A letter is written at the moment that it leaves, from the register as it is then. One that cannot leave keeps no other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sinetti.database.ids import random_id
from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import Shift
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, Owed
from sinetti.notifications.context import Mailroom
from sinetti.notifications.delivery.attempts import Outcome, Tries
from sinetti.notifications.office_hours import may_leave

BATCH: Final = 50
"""Messages that a worker takes at once: few enough that other workers find some, too."""

_MARGIN = delivery.LEASE / 2
"""No letter is begun later than this before the lease ends: a mail server that is slow with each of its answers takes
four times its timeout for one."""

_GOES_ON = timedelta(hours=1)
"""So long a run that began in office hours goes on after them: all that had to leave by 16:00 is due in that minute."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How many messages left, will be tried again, were given up, and were not owed any more; who could not be reached.

    Those who were away are told by channel; messages that nobody tried are counted nowhere.
    """

    sent: int = 0
    again: int = 0
    dead: int = 0
    dropped: int = 0
    away: frozenset[MessageChannel] = frozenset()

    def __add__(self, more: "Sent") -> "Sent":
        return Sent(
            self.sent + more.sent,
            self.again + more.again,
            self.dead + more.dead,
            self.dropped + more.dropped,
            self.away | more.away,
        )


def send_due(room: Mailroom, worker: str, now: datetime) -> Sent:
    """Send what is due at `now` on the office's clock, until nothing is or nobody takes it; `worker` is a random name.

    Several workers and processes share the work. Raises what REGISTER_UNAVAILABLE lists.
    """
    return sum(sending_rounds(room, worker, lambda: now), Sent())


def sending_rounds(room: Mailroom, worker: str, now: Callable[[], datetime]) -> Iterator[Sent]:
    """Send as `send_due` does, on a clock that may go on meanwhile; tells after each batch what came of it."""
    if not room.deliverers:
        return
    begun = now()
    yield Sent(dead=delivery.end_worn(room.register, _shift(room, worker, begun)))
    for channel in MessageChannel:
        # What nobody can deliver waits. Where letters leave but no texts, texts end: they would come too late one day.
        served = channel in room.deliverers or channel is MessageChannel.SMS
        while served and (taken := _taken(room, worker, (begun, now()), channel)):
            batch = _send(Tries(room, worker, now(), channel), list(taken))
            yield batch
            served = not batch.away


def send_one(room: Mailroom, message_id: str, now: datetime) -> bool:
    """Send this message at once; False where it was not due any more, did not get away, or is being sent by another.

    What did not get away is tried again by `send_due`. Raises what REGISTER_UNAVAILABLE lists.
    """
    worker = random_id()
    owed = delivery.take_one(room.register, _shift(room, worker, now), message_id)
    return owed is not None and _send(Tries(room, worker, now, owed.channel), [owed]).sent == 1


def _taken(room: Mailroom, worker: str, since: tuple[datetime, datetime], channel: MessageChannel) -> tuple[Owed, ...]:
    """Take a batch now, in a run that has begun: two instants of the office's clock."""
    begun, now = since
    return delivery.take(room.register, _shift(room, worker, now, max(begun, now - _GOES_ON)), channel, BATCH)


def _shift(room: Mailroom, worker: str, now: datetime, begun: datetime | None = None) -> Shift:
    """Who sends now. What may leave now may, and what might when the run began."""
    instants = (now,) if begun is None else (begun, now)
    held = frozenset(kind for kind in MessageKind if not any(may_leave(kind, at) for at in instants))
    return Shift(worker, now, room.machine_now(), held)


def _send(tries: Tries, rest: list[Owed]) -> Sent:
    """Send a batch, letter by letter. What is not begun in time, or has nobody to take it, is let go."""
    room = tries.room
    until = room.machine_now() + delivery.LEASE - _MARGIN
    room.step("taken")
    counts = dict.fromkeys(Outcome, 0)
    try:
        while rest and not tries.away and room.machine_now() < until:
            counts[tries.attempt(rest.pop(0))] += 1
        delivery.let_go(room.register, tries.shift, rest)
    finally:
        tries.close()
    return Sent(
        counts[Outcome.SENT],
        counts[Outcome.AGAIN],
        counts[Outcome.DEAD],
        counts[Outcome.DROPPED],
        frozenset({tries.channel} if tries.away else ()),
    )
