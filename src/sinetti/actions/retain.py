"""Retention: what is past its period is named, and erased; the audit trail stays whole (docs/retention.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sinetti.actions.office import Office
from sinetti.domain.retention import UNCONFIRMED, Cutoffs, Periods, cutoffs
from sinetti.registry import accounts, retaining


class NotErased(ValueError):
    """Nothing may be erased now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is past its period now, by ids."""

    cutoffs: Cutoffs
    people: tuple[str, ...]
    refusals: tuple[str, ...]
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased."""

    people: int
    refusals: int
    messages: int


def plan_retention(periods: Periods, office: Office) -> Past:
    """What `apply_retention` would erase now."""
    until = cutoffs(periods, office.now())
    return Past(
        until,
        retaining.people(office.register, until.people),
        retaining.refusals(office.register, until.refusals),
        retaining.messages(office.register, until.messages),
    )


def apply_retention(periods: Periods, office: Office, request_id: str) -> Erased:
    """Erase what is past its period, in small transactions, each audited: whoever was cut short runs it again.

    Raises NotErased while the clock is not believed.
    """
    if not office.may_issue():
        sentence = "the machine's clock is not believed, and what is past its period is a matter of the clock: "
        raise NotErased(sentence + "sinetti authority clock show says more")
    past, register = plan_retention(periods, office), office.register

    def each(ids: Sequence[str], erase: Callable[[Sequence[str]], int]) -> int:
        done = 0
        for start in range(0, len(ids), retaining.AT_ONCE):
            done += erase(ids[start : start + retaining.AT_ONCE])
            office.step("retained")
        return done

    deed, until = office.deed("operator", request_id), past.cutoffs
    # Messages first: what is still owed to somebody keeps that person.
    sent = each(past.messages, lambda ids: retaining.delete_messages(register, ids, until.messages, deed))
    refused = each(past.refusals, lambda ids: retaining.delete_refusals(register, ids, until.refusals, deed))
    people = each(past.people, lambda ids: retaining.erase_people(register, ids, until.people, deed))
    signed_in = office.machine_now() - periods.people
    _again(lambda: accounts.erase_unconfirmed(register, deed.at - UNCONFIRMED, deed), accounts.AT_ONCE)
    _again(lambda: accounts.erase_unused(register, until.people, signed_in, deed), accounts.AT_ONCE)
    _again(lambda: retaining.delete_requests(register, until.people, deed), retaining.AT_ONCE)
    retaining.delete_loads(register, until.messages, deed)
    accounts.forget_sessions(register, office.machine_now())
    return Erased(people, refused, sent)


def _again(erase: Callable[[], int], at_once: int) -> None:
    """Erase until there is nothing left, so much in each transaction."""
    while erase() == at_once:
        pass
