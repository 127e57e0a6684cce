"""Retention: what is past its period is named, and erased; the audit trail stays whole (docs/retention.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sinetti.database.access import accounts
from sinetti.database.access.accounts import InactivityLimit
from sinetti.database.common import daily_counts
from sinetti.database.operations import retention
from sinetti.domain.operations.retention import Cutoffs, Periods, cutoffs
from sinetti.services.context import ServiceContext


class NotErased(ValueError):
    """Nothing may be erased now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class ExpiredRecords:
    """What is past its period now, by ids: `unconfirmed` and `unused` are accounts, `files` what clerks sent."""

    cutoffs: Cutoffs
    people: tuple[str, ...]
    refusals: tuple[str, ...]
    messages: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    unused: tuple[str, ...]
    requests: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """How much was erased, of each that `ExpiredRecords` names."""

    people: int = 0
    refusals: int = 0
    messages: int = 0
    unconfirmed: int = 0
    unused: int = 0
    requests: int = 0
    files: int = 0


def plan_retention(periods: Periods, office: ServiceContext) -> ExpiredRecords:
    """What `apply_retention` would erase now, but for sessions that have ended."""
    register, now = office.register, office.now()
    until = cutoffs(periods, now)
    return ExpiredRecords(
        until,
        retention.people(register, until.people),
        retention.refusals(register, until.refusals),
        retention.messages(register, until.messages),
        accounts.unconfirmed(register, until.unconfirmed),
        accounts.unused(register, _lapse(periods, until, office)),
        retention.requests(register, until.people, now),
        retention.loads(register, until.messages),
    )


def apply_retention(periods: Periods, office: ServiceContext, request_id: str) -> ErasureReport:
    """Erase what is past its period, in small transactions, each audited: whoever was cut short runs it again.

    Raises NotErased while the clock is not believed.
    """
    if not office.may_issue():
        sentence = "the machine's clock is not believed, and what is past its period is a matter of the clock: "
        raise NotErased(sentence + "sinetti authority clock show says more")
    past, register = plan_retention(periods, office), office.register

    def each(ids: Sequence[str], erase: Callable[[Sequence[str]], int]) -> int:
        done = 0
        for start in range(0, len(ids), retention.AT_ONCE):
            done += erase(ids[start : start + retention.AT_ONCE])
            office.step("retained")
        return done

    deed, until = office.deed("operator", request_id), past.cutoffs
    lapse = _lapse(periods, until, office)
    # Messages first: what is still owed to somebody keeps that person.
    erased = ErasureReport(
        messages=each(past.messages, lambda ids: retention.delete_messages(register, ids, until.messages, deed)),
        refusals=each(past.refusals, lambda ids: retention.delete_refusals(register, ids, until.refusals, deed)),
        people=each(past.people, lambda ids: retention.erase_people(register, ids, until.people, deed)),
        unconfirmed=each(
            past.unconfirmed, lambda ids: accounts.erase_unconfirmed(register, ids, until.unconfirmed, deed)
        ),
        unused=each(past.unused, lambda ids: accounts.erase_unused(register, ids, lapse, deed)),
        requests=each(past.requests, lambda ids: retention.delete_requests(register, ids, until.people, deed)),
        files=each(past.files, lambda ids: retention.delete_loads(register, ids, until.messages, deed)),
    )
    accounts.purge_sessions(register, office.machine_now())
    daily_counts.forget(register, office.machine_now())
    return erased


def _lapse(periods: Periods, until: Cutoffs, office: ServiceContext) -> InactivityLimit:
    """Since when an account is not used: who signs in does it by the machine's clock."""
    return InactivityLimit(until.people, office.machine_now() - periods.people)
