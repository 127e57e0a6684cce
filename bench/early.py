"""`python -m bench.early`: time from a call to its first messages.

The call is for early replacement of all certificates. The outbox is full of reminders that are due. Messages go to a
transport that accepts all of them.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import TypeVar, cast

from bench.clusters import cluster, new_database
from bench.filling import run, settle
from bench.notices import NOW, WINDOW, fill, terms
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database, migrate, open_database
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.notifications.early_replacement import DrillAudience
from sinetti.domain.notifications.messages import CALLS, MessageChannel
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.notifications.context import NotificationContext, RenderedMessage
from sinetti.notifications.delivery.sender import iter_batches
from sinetti.notifications.planning.early_replacement import plan_calls
from sinetti.notifications.planning.events import expand_events
from sinetti.notifications.planning.reminders import plan
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.drills import DrillRequest, begin_drill
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early, list_status, preview

AIM = 900.0
"""Limit in seconds from the command to the first messages, from the issue.

It is for 100,000 certificates.
"""

_ALIAS = "bench-early"
_DUE_AT = NOW + WINDOW
_EVERY = CertificateSelection(is_every=True)
_DAY = timedelta(days=1)
_BATCHES = 10
_Value = TypeVar("_Value")

HEAD = "| step | objects | s |\n|---|--:|--:|"


@dataclass(frozen=True, slots=True)
class Figure:
    """One step: number of objects, and duration in seconds. `aim` is the limit, or 0."""

    what: str
    count: int
    seconds: float
    aim: float = 0.0

    @property
    def missed(self) -> bool:
        """True if the step took longer than its limit."""
        return bool(self.aim) and self.seconds > self.aim

    def row(self) -> str:
        """Return the figure as a row of the table."""
        return f"| {self.what} | {self.count:,} | {self.seconds:.2f} |"


class Counter:
    """Transport that accepts all messages and counts those about calls."""

    def __init__(self) -> None:
        self.urgent = self.others = 0

    def deliver(self, letter: RenderedMessage) -> None:
        """Count one message."""
        if letter.kind in CALLS:
            self.urgent += 1
        else:
            self.others += 1

    def close(self) -> None:
        """Do nothing, since no connection is open."""


def main() -> int:
    """Measure and print the table; return 1 if the first messages exceed their limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.early", description=__doc__)
    return run(parser, HEAD, lambda parsed: measured(parsed.certificates))


def measured(certificates: int) -> list[Figure]:
    """Fill a database, call all certificates, and send the first messages."""
    with ExitStack() as stack:
        db = open_database(new_database(stack.enter_context(cluster())), alias=_ALIAS)
        stack.callback(db.close)
        migrate(db)
        fill(db, certificates, certificates)
        counter = Counter()
        room = _room(db, counter)
        queued = plan(room, _DUE_AT).queued_count
        return [Figure("reminders that are due already", queued, 0.0), *_called(db, room, counter, certificates)]


def _called(db: Database, room: NotificationContext, counter: Counter, certificates: int) -> list[Figure]:
    ctx = _service(db)
    ask = EarlyReplacementRequest(_EVERY, "a17", "measurement", Explanation(), timedelta(days=2))
    seconds, reach = timed(lambda: preview(ask, ctx).reached)
    figures = [Figure("preview of the reach", reach.email, seconds)]
    calling, _ = timed(lambda: call_early(ask, ctx, "0" * 32))
    figures.append(Figure("the call: certificates are open for renewal", certificates, calling))
    planning, messages = timed(lambda: expand_events(room, _DUE_AT))
    figures.append(Figure("one message for each person", messages, planning))
    settle(db)
    batches = iter_batches(room, "0" * 32, lambda: _DUE_AT)
    next(batches)
    first, _ = timed(lambda: next(batches))
    figures.append(Figure("from the command to the first messages", counter.urgent, calling + planning + first, AIM))
    sending, _ = timed(lambda: [next(batches) for _ in range(_BATCHES)])
    figures.append(Figure(f"more messages of one worker ({counter.others} others)", counter.urgent, sending))
    seconds, (status,) = timed(lambda: list_status(ctx))
    figures.append(Figure("status", status.heard, seconds))
    seconds, _ = timed(lambda: plan_calls(room, _DUE_AT + _DAY))
    repeating, messages = timed(lambda: expand_events(room, _DUE_AT + _DAY))
    figures.append(Figure("messages of the next day", messages, seconds + repeating))
    drill = DrillRequest(_EVERY, "a17", "measurement", DrillAudience.HOLDERS)
    seconds, _ = timed(lambda: begin_drill(drill, ctx, "0" * 32))
    figures.append(Figure("beginning of a drill", certificates, seconds))
    return figures


def timed(do: Callable[[], _Value]) -> tuple[float, _Value]:
    """Return the duration in seconds, and the result."""
    begun = monotonic_seconds()
    value = do()
    return monotonic_seconds() - begun, value


def _room(db: Database, counter: Counter) -> NotificationContext:
    transports = dict.fromkeys(MessageChannel, counter)
    keys = fixed_keys(b"k" * 32)
    return NotificationContext(db, Environment.TEST, lambda: _DUE_AT, utc_now, terms(), transports, keys)


def _service(db: Database) -> ServiceContext:
    """Return what calls use of a service: database, clock and audit data."""
    return cast(
        "ServiceContext",
        SimpleNamespace(
            db=db,
            now=lambda: _DUE_AT,
            step=lambda _name: None,
            audit_entry=lambda actor, request_id: AuditContext(actor, _DUE_AT, request_id),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
