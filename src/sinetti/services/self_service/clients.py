"""Client organisations of a service provider, and its role requests.

docs/e-service/authorisations.md describes them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sinetti.database.access import queries, role_requests
from sinetti.database.access.queries import Client, RoleRequestView
from sinetti.database.access.role_assignments import GrantTerms
from sinetti.database.access.role_requests import Requester, RequestResult
from sinetti.domain.access.invitations import ASKED_AT_ONCE, ASKED_BY_A_FIRM_A_DAY
from sinetti.domain.access.roles import EffectiveRole, Permission, Role, check_firm_grant
from sinetti.domain.values import normalise
from sinetti.services.access.act_transaction import act_for
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, require_permission
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.role_assignments import InvalidTerms, InvitationLimitReached

__all__ = [
    "AskClients",
    "Client",
    "InvalidTerms",
    "InvitationLimitReached",
    "OwnOrganisation",
    "RequestResult",
    "ask_clients",
    "clients",
    "requests",
]


class OwnOrganisation(Exception):
    """Raised if a service provider asks itself for a role."""


@dataclass(frozen=True, slots=True)
class AskClients:
    """Role requests of a service provider.

    It asks organisations, by ids of valid format, for a role with an end date.
    """

    firm_id: str
    customer_ids: Collection[str]
    role: Role
    until: datetime


def clients(firm_id: str, permissions: Permissions, ctx: ServiceContext, start: int = 0) -> tuple[Client, ...]:
    """Return the clients of a service provider, from row `start` on.

    Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, firm_id), firm_id)
    return queries.clients(ctx.db, firm_id, ctx.now(), start)


def requests(
    firm_id: str, permissions: Permissions, ctx: ServiceContext, start: int = 0
) -> tuple[RoleRequestView, ...]:
    """Return a service provider's role requests, newest first, from row `start` on.

    Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, firm_id), firm_id)
    return queries.requests_of_firm(ctx.db, firm_id, ctx.now(), start)


def ask_clients(asked: AskClients, ctx: ServiceContext, actor: Actor, request_id: str) -> RequestResult:
    """Ask each organisation's signatories for a role for the service provider.

    An open request is not repeated. The answer does not reveal which ids are in the database. Raises PermissionDenied,
    InvalidTerms, InvitationLimitReached and OwnOrganisation.
    """
    _directly(require_permission(Permission.ASK, asked.firm_id, actor, ctx), asked.firm_id)
    if len(asked.customer_ids) > ASKED_AT_ONCE:
        raise InvitationLimitReached
    own = {normalise(one.customer_id) for one in queries.names(ctx.db, {asked.firm_id}).values()}
    if not own.isdisjoint(map(normalise, asked.customer_ids)):
        raise OwnOrganisation
    who = Requester(actor.user_id, asked.firm_id, ASKED_BY_A_FIRM_A_DAY)
    with act_for(Permission.ASK, asked.firm_id, ctx, actor, request_id) as act:
        _directly(act.permissions.require(Permission.ASK, asked.firm_id), asked.firm_id)
        if not check_firm_grant(asked.role, asked.until, act.audit.at):
            raise InvalidTerms
        return role_requests.ask(ctx.db, who, asked.customer_ids, GrantTerms(asked.role, asked.until), act.audit)


def _directly(held: EffectiveRole, firm_id: str) -> None:
    """Raise PermissionDenied if the role comes through another service provider.

    Roles of a service provider are not passed on, so such a user cannot ask in its name.
    """
    if held.via is not None:
        raise PermissionDenied(Permission.ASK, firm_id)
