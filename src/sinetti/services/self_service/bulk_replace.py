"""Replacements for many certificates at once: looked at first, then ordered one by one (docs/ordering.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sinetti.database.certificates import replacement
from sinetti.database.certificates.replacement import Candidate
from sinetti.database.common import daily_counts
from sinetti.database.common.daily_counts import Charge
from sinetti.domain.access.roles import Right
from sinetti.domain.daily_limits import LimitKind, LimitReached, mailbox
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE, LeftOut, left_out
from sinetti.domain.validation import WordError
from sinetti.domain.values import Serial
from sinetti.services.access.objects import may_act
from sinetti.services.access.permissions import Actor, NotAllowed, Standing
from sinetti.services.context import Office
from sinetti.services.issuance.order import OrderError, check_words
from sinetti.services.self_service.order import OrderAsk, order

__all__ = ["Candidate", "Preview", "Replaced", "chosen", "ending", "replace_many", "within_limits"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be ordered, and what is left out and why; `strange` were chosen and are not there, or others'.

    `more`: there are more than are taken at once.
    """

    ordered: tuple[Candidate, ...]
    left: tuple[tuple[Candidate, LeftOut], ...]
    strange: int = 0
    more: bool = False

    @property
    def without_messages(self) -> "Preview":
        """The same where no text message can be sent: contacts with a number would wait for their code for ever."""
        phones = tuple(one for one in self.ordered if one.contact is not None and one.contact.phone)
        ordered = tuple(one for one in self.ordered if one not in phones)
        left = (*self.left, *((one, LeftOut.NO_MESSAGES) for one in phones))
        return replace(self, ordered=ordered, left=left)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The number of replacements ordered, and of those left out.

    `left` were not ordered; a limit of 24 hours stopped `limited` of these.
    """

    ordered: int
    left: int
    limited: int = 0


def chosen(serials: Iterable[Serial], standing: Standing, office: Office) -> Preview:
    """Look at certificates that were chosen one by one, at most 300 of them."""
    asked = list(dict.fromkeys(serials))
    found = replacement.by_serial(office.register, asked[:MOST_AT_ONCE])
    ours = [one for one in found if standing.may(Right.ORDER, one.organisation_id)]
    return _preview(ours, len(asked[:MOST_AT_ONCE]) - len(ours), by_name=True, more=len(asked) > MOST_AT_ONCE)


def ending(days: int, standing: Standing, office: Office) -> Preview:
    """Look at all that end within so many days, of the organisations that somebody may order for."""
    now, organisations = office.now(), standing.organisations(Right.ORDER)
    found = replacement.ending(office.register, organisations, now, now + timedelta(days=days), MOST_AT_ONCE + 1)
    return _preview(found[:MOST_AT_ONCE], 0, by_name=False, more=len(found) > MOST_AT_ONCE)


def within_limits(found: Preview, standing: Standing, office: Office, actor: Actor) -> Preview:
    """Leave out the replacements that would exceed a limit of 24 hours."""
    limits = office.daily_limits
    if limits is None:
        return found
    own = daily_counts.own_mailboxes(office.register, actor.name)
    charges = {one.serial: _charges(one, standing, actor, own) for one in found.ordered}
    now = office.machine_now()
    used = dict(daily_counts.counts(office.register, {each for some in charges.values() for each in some}, now))
    over: list[Candidate] = []
    for one in found.ordered:
        if any(used[each] >= limits.of(each.what) for each in charges[one.serial]):
            over.append(one)
            continue
        for each in charges[one.serial]:
            used[each] += 1
    ordered = tuple(one for one in found.ordered if one not in over)
    return replace(found, ordered=ordered, left=(*found.left, *((one, LeftOut.LIMIT) for one in over)))


def _charges(one: Candidate, standing: Standing, actor: Actor, own: frozenset[str]) -> tuple[Charge, ...]:
    """Return the charges for an order in its place."""
    firm = standing.require(Right.ORDER, one.organisation_id).via or one.organisation_id
    orders = (Charge(LimitKind.ORDERS, actor.name), Charge(LimitKind.FIRM_ORDERS, firm))
    to = mailbox(one.contact.email) if one.contact is not None else ""
    return orders if to in own else (*orders, Charge(LimitKind.LETTERS, to))


def replace_many(form: str, serials: Iterable[Serial], office: Office, actor: Actor, request_id: str) -> Replaced:
    """Order a replacement of each of these for its contact of now, each in a transaction of its own.

    Whoever is cut short presses again: what was ordered is not ordered twice. Others' certificates are passed over.
    """
    ordered = left = limited = 0
    for one in replacement.by_serial(office.register, list(dict.fromkeys(serials))[:MOST_AT_ONCE]):
        try:
            done = _ordered(one, form, office, actor, request_id)
        except LimitReached:
            limited += 1
            continue
        if done:
            ordered += 1
            office.step("replacement-ordered")
        else:
            left += 1
    return Replaced(ordered, left, limited)


def _ordered(one: Candidate, form: str, office: Office, actor: Actor, request_id: str) -> bool:
    why = left_out(one.known, by_name=True)
    # An order that is open may be this form's own: then the same is answered again.
    if (why is not None and why is not LeftOut.ORDERED) or one.contact is None:
        return False
    ask = OrderAsk(
        form, one.organisation_id, one.channel, one.description, one.contact, one.deputy, one.serves, one.serial
    )
    try:
        may_act(Right.ORDER, one.organisation_id, actor, office)
        order(ask, office, actor, request_id)
    except (NotAllowed, OrderError, WordError):
        return False
    return True


def _preview(found: Sequence[Candidate], strange: int, *, by_name: bool, more: bool) -> Preview:
    why = {one.serial: left_out(one.known, by_name=by_name) or _linked(one) for one in found}
    ordered = tuple(one for one in found if why[one.serial] is None)
    left = tuple((one, reason) for one in found if (reason := why[one.serial]) is not None)
    return Preview(ordered, left, strange, more)


def _linked(one: Candidate) -> LeftOut | None:
    """Return whether its stored texts, which a letter would show, have an address."""
    try:
        check_words(one.description, (one.contact, one.deputy))
    except WordError:
        return LeftOut.LINKED
    return None
