"""Retention: list and erase records past their period.

See docs/operators/retention.md.

The audit log stays complete.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sinetti.database.access import accounts
from sinetti.database.access.accounts import InactivityLimit
from sinetti.database.common import daily_counts
from sinetti.database.operations import retention
from sinetti.domain.operations.monitoring import Cutoffs, Periods, cutoffs
from sinetti.services.context import ServiceContext


class NotErased(ValueError):
    """Raised if nothing may be erased now; the message gives the reason."""


@dataclass(frozen=True)
class ExpiredRecords:
    """Ids of records that are past their period now.

    `unconfirmed` and `unused` are accounts; `files` are uploads of clerks; `callers` are network addresses; `proposals`
    are those to officers.
    """

    cutoffs: Cutoffs
    people: tuple[str, ...]
    refusals: tuple[str, ...]
    messages: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    unused: tuple[str, ...]
    requests: tuple[str, ...]
    files: tuple[str, ...]
    callers: tuple[str, ...]
    proposals: tuple[str, ...]


@dataclass(frozen=True)
class ErasureReport:
    """Count of erased records, for each field of `ExpiredRecords`."""

    people: int = 0
    refusals: int = 0
    messages: int = 0
    unconfirmed: int = 0
    unused: int = 0
    requests: int = 0
    files: int = 0
    callers: int = 0
    proposals: int = 0


def plan_retention(periods: Periods, ctx: ServiceContext) -> ExpiredRecords:
    """Return the records that `apply_retention` would erase now.

    Ended sessions are not listed.
    """
    db, now = ctx.db, ctx.now()
    until = cutoffs(periods, now)
    return ExpiredRecords(
        until,
        retention.people(db, until.people),
        retention.refusals(db, until.refusals),
        retention.messages(db, until.messages),
        accounts.unconfirmed(db, until.unconfirmed),
        accounts.unused(db, _lapse(periods, until, ctx)),
        retention.requests(db, until.people, now),
        retention.loads(db, until.messages),
        retention.callers(db, until.callers),
        retention.proposals(db, until.people),
    )


def apply_retention(periods: Periods, ctx: ServiceContext, request_id: str, actor: str = "service") -> ErasureReport:
    """Erase records past their period, in small transactions, each audited.

    An interrupted run is completed by the next one. Raises NotErased while the clock is not trusted.
    """
    if not ctx.issuance_allowed():
        sentence = "the machine's clock is not trusted, and retention periods depend on it: "
        raise NotErased(sentence + "see sinetti authority clock show")
    past, db = plan_retention(periods, ctx), ctx.db

    def each(ids: Sequence[str], erase: Callable[[Sequence[str]], int]) -> int:
        done = 0
        for start in range(0, len(ids), retention.AT_ONCE):
            done += erase(ids[start : start + retention.AT_ONCE])
            ctx.step("retained")
        return done

    audit, until = ctx.audit_entry(actor, request_id), past.cutoffs
    lapse = _lapse(periods, until, ctx)
    # Messages first: a queued message keeps the data of its recipient.
    erased = ErasureReport(
        messages=each(past.messages, lambda ids: retention.delete_messages(db, ids, until.messages, audit)),
        refusals=each(past.refusals, lambda ids: retention.delete_refusals(db, ids, until.refusals, audit)),
        people=each(past.people, lambda ids: retention.erase_people(db, ids, until.people, audit)),
        unconfirmed=each(past.unconfirmed, lambda ids: accounts.erase_unconfirmed(db, ids, until.unconfirmed, audit)),
        unused=each(past.unused, lambda ids: accounts.erase_unused(db, ids, lapse, audit)),
        requests=each(past.requests, lambda ids: retention.delete_requests(db, ids, until.people, audit)),
        files=each(past.files, lambda ids: retention.delete_loads(db, ids, until.messages, audit)),
        proposals=each(past.proposals, lambda ids: retention.delete_proposals(db, ids, until.people, audit)),
        callers=each(past.callers, lambda ids: retention.delete_callers(db, ids, until.callers, audit)),
    )
    accounts.purge_sessions(db, ctx.machine_now())
    daily_counts.forget(db, ctx.machine_now())
    return erased


def _lapse(periods: Periods, until: Cutoffs, ctx: ServiceContext) -> InactivityLimit:
    """Return the instants since which accounts count as unused.

    Sign-ins are recorded by the machine's clock.
    """
    return InactivityLimit(until.people, ctx.machine_now() - periods.people)
