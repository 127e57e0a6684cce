"""A firm looks at the organisations that it acts for, and asks others for a role (docs/mandates.md)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sinetti.actions.acts import act_for
from sinetti.actions.authority import Actor, NotAllowed, Standing, require
from sinetti.actions.behalf.authorisations import TooMany, WrongTerms
from sinetti.actions.office import Office
from sinetti.domain.customers import folded
from sinetti.domain.invitations import ASKED_AT_ONCE, ASKED_BY_A_FIRM_A_DAY
from sinetti.domain.mandates import Held, Right, Role, for_an_agent
from sinetti.registry import asking, authorised
from sinetti.registry.asking import Asked, Asker
from sinetti.registry.authorised import Client, RequestFound
from sinetti.registry.mandating import Terms

__all__ = ["AskClients", "Asked", "Client", "Itself", "TooMany", "WrongTerms", "ask_clients", "clients", "requests"]


class Itself(Exception):
    """A firm is no client of its own."""


@dataclass(frozen=True, slots=True)
class AskClients:
    """What a firm asks: of these organisations, by ids that look like some, a role with an end."""

    firm_id: str
    customer_ids: Collection[str]
    role: Role
    until: datetime


def clients(firm_id: str, who: Standing, office: Office, start: int = 0) -> tuple[Client, ...]:
    """Whom a firm acts for, from `start` on. Raises NotAllowed."""
    _directly(who.require(Right.ASK, firm_id), firm_id)
    return authorised.clients(office.register, firm_id, office.now(), start)


def requests(firm_id: str, who: Standing, office: Office, start: int = 0) -> tuple[RequestFound, ...]:
    """What a firm asked, from `start` on, the newest first. Raises NotAllowed."""
    _directly(who.require(Right.ASK, firm_id), firm_id)
    return authorised.requests_of_firm(office.register, firm_id, office.now(), start)


def ask_clients(asked: AskClients, office: Office, actor: Actor, request_id: str) -> Asked:
    """Ask each organisation's signatories for a role for the firm; what was asked already is not asked anew.

    The answer tells nothing of which ids are in the register. Raises NotAllowed, WrongTerms, TooMany and Itself.
    """
    _directly(require(Right.ASK, asked.firm_id, actor, office), asked.firm_id)
    if len(asked.customer_ids) > ASKED_AT_ONCE:
        raise TooMany
    own = {folded(one.customer_id) for one in authorised.names(office.register, {asked.firm_id}).values()}
    if not own.isdisjoint(map(folded, asked.customer_ids)):
        raise Itself
    who = Asker(actor.user_id, asked.firm_id, ASKED_BY_A_FIRM_A_DAY)
    with act_for(Right.ASK, asked.firm_id, office, actor, request_id) as act:
        _directly(act.standing.require(Right.ASK, asked.firm_id), asked.firm_id)
        if not for_an_agent(asked.role, asked.until, act.deed.at):
            raise WrongTerms
        return asking.ask(office.register, who, asked.customer_ids, Terms(asked.role, asked.until), act.deed)


def _directly(held: Held, firm_id: str) -> None:
    """What a firm has is not passed on: who acts for it through another one does not ask in its name."""
    if held.via is not None:
        raise NotAllowed(Right.ASK, firm_id)
