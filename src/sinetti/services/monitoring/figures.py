"""Count of the authority's figures and of its health, for the clerks' first page.

The background work of `serve` calls it (authority/maintenance.py); pages read what it stored.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta

from sinetti.database.notifications.outbox_queries import outbox_summary
from sinetti.database.operations import figures, monitoring
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.operations.figures import HealthKind
from sinetti.domain.operations.monitoring import ANSWERS_LATE, is_past_half_life
from sinetti.services.context import ServiceContext

_HOUR = timedelta(hours=1)


def refresh_figures(ctx: ServiceContext, deferred: Collection[MessageKind] = ()) -> bool:
    """Count and store the figures if ten minutes have passed; return True if it did.

    `deferred` are kinds of messages that are held back now, so that they are not late.
    """
    if not figures.claim_count(ctx.db, ctx.machine_now()):
        return False
    found = figures.count_figures(ctx.db, ctx.now(), ctx.machine_now())
    figures.store_figures(ctx.db, replace(found, health=dict(_problems(ctx, deferred))))
    return True


def _problems(ctx: ServiceContext, deferred: Collection[MessageKind]) -> Iterator[tuple[HealthKind, int]]:
    """Yield each problem with its size (domain/operations/figures.py)."""
    now = ctx.now()
    lists = [
        begins
        for name, begins, ends in monitoring.list_ages(ctx.db)
        if ctx.signs_lists(name) and is_past_half_life(begins, ends, now)
    ]
    answers = [
        age.this_update
        for age in monitoring.answer_ages(ctx.db)
        if is_past_half_life(age.this_update, age.next_update, now - ANSWERS_LATE)
    ]
    for kind, begun in ((HealthKind.LISTS, lists), (HealthKind.ANSWERS, answers)):
        if begun:
            yield kind, (now - min(begun)) // _HOUR
    messages = outbox_summary(ctx.db, now, deferred)
    if messages.late:
        yield HealthKind.MESSAGES, messages.late
    if messages.dead:
        yield HealthKind.FAILED, messages.dead
    if not ctx.issuance_allowed():
        yield HealthKind.CLOCK, 1
