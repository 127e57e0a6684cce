"""One round: what is owed by now becomes rows, and what is due leaves.

For timers, and the bench's clock.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.sql import random_id
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.sender import SendReport, send_due
from sinetti.notifications.planning.digests import plan_digests
from sinetti.notifications.planning.events import expand_events, owe_findings
from sinetti.notifications.planning.reminders import ReminderReport, plan

_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What a round found to be owed: messages of events, reminders, digests, and findings for operators."""

    spread: int
    planned: ReminderReport
    digests: int
    findings: int


@dataclass(frozen=True, slots=True)
class DeliveryRunReport:
    """What came of a round."""

    owing: PlanReport
    sent: SendReport


def plan_all(ctx: NotificationContext, now: datetime, findings: Mapping[str, str | None]) -> PlanReport:
    """Make rows of all that is owed at `now` on the office's clock; what is owed already stays one message.

    `findings` are what `alarms.warnings` tell, by name; None where all is well. A fault of ours in one of these keeps
    no other from being owed: reminders do not wait for an event that cannot be read. It is raised once the others are.
    """
    faults: list[Exception] = []

    def owed(owe: Callable[[], _Result], nothing: _Result) -> _Result:
        try:
            return owe()
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as fault:  # noqa: BLE001 - raised below
            # Without its text: that may name people.
            _log.error("what is owed could not be made rows: %s", type(fault).__name__)
            faults.append(fault)
            return nothing

    owing = PlanReport(
        owed(lambda: expand_events(ctx, now), 0),
        owed(lambda: plan(ctx, now), ReminderReport(0, 0)),
        owed(lambda: plan_digests(ctx, now), 0),
        owed(lambda: owe_findings(ctx, findings, now), 0),
    )
    if faults:
        raise faults[0]
    return owing


def run_once(ctx: NotificationContext, now: datetime, findings: Mapping[str, str | None]) -> DeliveryRunReport:
    """Owe all, then send what is due, whatever could not be owed.

    Raises what REGISTER_UNAVAILABLE lists.
    """
    try:
        owing = plan_all(ctx, now, findings)
    except DATABASE_UNAVAILABLE:
        raise
    except Exception:
        send_due(ctx, random_id(), now)
        raise
    return DeliveryRunReport(owing, send_due(ctx, random_id(), now))
