"""Role requests: a user requests a role and follows its state.

See docs/e-service/authorisations.md.
"""

from sinetti.database.access import queries, role_requests
from sinetti.database.access.queries import SHOWN, RoleRequestView
from sinetti.database.access.role_assignments import GrantTerms, InvitationLimitReached
from sinetti.database.access.role_requests import Requester, RequestResult
from sinetti.database.organisations.search import OrganisationRef
from sinetti.domain.access.invitations import ASKED_A_DAY
from sinetti.domain.access.roles import Role
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext

__all__ = ["SHOWN", "InvitationLimitReached", "OrganisationRef", "RequestResult", "RoleRequestView"]


def ask_for_oneself(customer_id: str, role: Role, ctx: ServiceContext, actor: Actor, request_id: str) -> RequestResult:
    """Ask an organisation's signatories for a role.

    The result does not reveal if the organisation is in the database. Raises InvitationLimitReached.
    """
    who = Requester(actor.user_id, None, ASKED_A_DAY)
    return role_requests.ask(
        ctx.db, who, [customer_id], GrantTerms(role, None), ctx.audit_entry(actor.name, request_id)
    )


def asked_by(actor: Actor, ctx: ServiceContext, start: int = 0) -> tuple[RoleRequestView, ...]:
    """Return the actor's recent role requests and their results, from row `start` on."""
    return queries.requests_of_user(ctx.db, actor.user_id, ctx.now(), start)


def organisations(ids: frozenset[str], ctx: ServiceContext, start: int = 0) -> tuple[OrganisationRef, ...]:
    """Return open organisations with these ids, by name, from row `start` on.

    The ids are those for which the actor has a role.
    """
    return tuple(queries.names(ctx.db, ids, start).values())
