"""One round: queue the messages that are due, then send.

For timers, and the test bench's clock.
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
from sinetti.notifications.planning.access_ends import plan_access_ends
from sinetti.notifications.planning.digests import plan_digests
from sinetti.notifications.planning.early_replacement import plan_calls
from sinetti.notifications.planning.events import expand_events, plan_findings
from sinetti.notifications.planning.reminders import ReminderReport, plan

_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlanReport:
    """Counts of messages queued in a round, by planner."""

    spread: int
    planned: ReminderReport
    digests: int
    access_ends: int
    findings: int


@dataclass(frozen=True)
class DeliveryRunReport:
    """Result of a round."""

    report: PlanReport
    sent: SendReport


def plan_all(ctx: NotificationContext, now: datetime, findings: Mapping[str, str | None]) -> PlanReport:
    """Queue all messages that are due at `now` on the service's clock, once each.

    `findings` are the warnings of `alarms.warnings` by name; None if all is well. An error in one of the planners does
    not stop the others: reminders do not wait for an event that cannot be read. It is raised after the others have
    run.
    """
    faults: list[Exception] = []

    def run_planner(planner: Callable[[], _Result], nothing: _Result) -> _Result:
        """Return the planner's result, or `nothing` after an error."""
        try:
            return planner()
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as fault:  # noqa: BLE001 - raised below
            # Logged without its text, which may name people.
            _log.error("due messages could not be queued: %s", type(fault).__name__)
            faults.append(fault)
            return nothing

    run_planner(lambda: plan_calls(ctx, now), 0)
    report = PlanReport(
        run_planner(lambda: expand_events(ctx, now), 0),
        run_planner(lambda: plan(ctx, now), ReminderReport(0, 0)),
        run_planner(lambda: plan_digests(ctx, now), 0),
        run_planner(lambda: plan_access_ends(ctx, now), 0),
        run_planner(lambda: plan_findings(ctx, findings, now), 0),
    )
    if faults:
        raise faults[0]
    return report


def run_once(ctx: NotificationContext, now: datetime, findings: Mapping[str, str | None]) -> DeliveryRunReport:
    """Queue all due messages, then send, even after an error in a planner.

    Raises the exceptions in DATABASE_UNAVAILABLE.
    """
    try:
        report = plan_all(ctx, now, findings)
    except DATABASE_UNAVAILABLE:
        raise
    except Exception:
        send_due(ctx, random_id(), now)
        raise
    return DeliveryRunReport(report, send_due(ctx, random_id(), now))
