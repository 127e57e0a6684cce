"""One round: what is owed by now becomes rows, and what is due leaves. For timers, and the bench's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sinetti.notices.digests import plan_digests
from sinetti.notices.operators import owe_findings
from sinetti.notices.plan import Planned, plan
from sinetti.notices.room import Mailroom
from sinetti.notices.send import Sent, send_due
from sinetti.notices.spread import spread_events
from sinetti.registry.ids import random_id


@dataclass(frozen=True, slots=True)
class Owing:
    """What a round found to be owed: messages of events, reminders, digests, and findings for operators."""

    spread: int
    planned: Planned
    digests: int
    findings: int


@dataclass(frozen=True, slots=True)
class Round:
    """What came of a round."""

    owing: Owing
    sent: Sent


def owe_all(room: Mailroom, now: datetime, findings: Mapping[str, str | None]) -> Owing:
    """Make rows of all that is owed at `now` on the office's clock; what is owed already stays one message.

    `findings` are what `alarms.warnings` tell, by name; None where all is well.
    """
    return Owing(
        spread_events(room, now),
        plan(room, now),
        plan_digests(room, now),
        owe_findings(room, findings, now),
    )


def run(room: Mailroom, now: datetime, findings: Mapping[str, str | None]) -> Round:
    """Owe all, then send what is due. Raises what REGISTER_UNAVAILABLE lists."""
    return Round(owe_all(room, now, findings), send_due(room, random_id(), now))
