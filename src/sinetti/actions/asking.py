"""Somebody asks an organisation for a role for themselves, and sees what came of it (docs/mandates.md)."""

from sinetti.actions.authority import Actor
from sinetti.actions.office import Office
from sinetti.domain.invitations import ASKED_A_DAY
from sinetti.domain.mandates import Role
from sinetti.registry import asking, authorised
from sinetti.registry.asking import Asked, Asker
from sinetti.registry.authorised import SHOWN, Named, RequestFound
from sinetti.registry.mandating import Terms, TooMany

__all__ = ["SHOWN", "Asked", "Named", "RequestFound", "TooMany", "ask_for_oneself", "asked_by", "organisations"]


def ask_for_oneself(customer_id: str, role: Role, office: Office, actor: Actor, request_id: str) -> Asked:
    """Ask an organisation's signatories for a role. Whether it is in the register is not told. Raises TooMany."""
    who = Asker(actor.user_id, None, ASKED_A_DAY)
    return asking.ask(office.register, who, [customer_id], Terms(role, None), office.deed(actor.name, request_id))


def asked_by(actor: Actor, office: Office, start: int = 0) -> tuple[RequestFound, ...]:
    """What somebody asked for themselves lately, from `start` on, and what came of it."""
    return authorised.requests_of_user(office.register, actor.user_id, office.now(), start)


def organisations(ids: frozenset[str], office: Office, start: int = 0) -> tuple[Named, ...]:
    """Open organisations by their ids, in the order of their names, from `start` on: those that one has a role for."""
    return tuple(authorised.names(office.register, ids, start).values())
