"""What operators are told by mail: what the alarms and the watchdog find, once a week each (docs/people.md)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sinetti.database.common.locks import claim_interval
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.notifications.context import NotificationContext

LOOKED_EVERY = timedelta(hours=1)
"""How often the timers look for findings: beside a million revocations one look takes seconds."""


def time_to_look(ctx: NotificationContext, now: datetime) -> bool:
    """Whether no node has looked for findings for an hour; whoever is told so looks."""
    return claim_interval(ctx.db, "findings-looked-for", LOOKED_EVERY, now)


def owe_findings(ctx: NotificationContext, findings: Mapping[str, str | None], now: datetime) -> int:
    """Owe each operator a message about each finding: one in a calendar week, whatever its sentence says by then.

    `findings` are sentences by name, None where all is well (alarms.findings). Returns how many rows are new.
    """
    year, week, _ = now.isocalendar()
    messages = [
        NewMessage(
            MessageKind.OPERATOR,
            MessageChannel.EMAIL,
            about=name,
            step=f"{year}-W{week:02}",
            due=now,
            address=address,
            facts={"finding": name, "text": sentence},
        )
        for name, sentence in sorted(findings.items())
        if sentence is not None
        # One address is one operator, however it is spelt.
        for address in dict.fromkeys(operator.casefold() for operator in ctx.terms.operators)
    ]
    return outbox.enqueue_new(ctx.db, messages, now)
