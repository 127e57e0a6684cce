"""Client organisations of a service provider, and its role requests.

docs/e-service/authorisations.md describes them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sinetti.database.access import queries, role_requests
from sinetti.database.access.clients import (
    Client,
    ClientQuery,
    ClientSort,
    ClientState,
    count_clients,
    list_clients,
    list_to_ask,
)
from sinetti.database.access.queries import RoleRequestView
from sinetti.database.access.role_assignments import GrantTerms
from sinetti.database.access.role_requests import Requester, RequestResult
from sinetti.database.certificates import list_query
from sinetti.domain.access.invitations import ASKED_AT_ONCE, ASKED_BY_A_FIRM_A_DAY
from sinetti.domain.access.roles import EffectiveRole, Permission, Role, check_firm_grant
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.domain.values import normalise
from sinetti.services.access.act_transaction import act_for
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, require_permission
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.role_assignments import InvalidTerms, InvitationLimitReached

__all__ = [
    "AskClients",
    "Client",
    "ClientQuery",
    "ClientSort",
    "ClientState",
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


@dataclass(frozen=True, slots=True)
class ClientList:
    """A page of clients and one more row, the counts by state, and their certificates.

    `certificates` are counts by display status, by the id of the organisation.
    """

    rows: tuple[Client, ...]
    counts: Mapping[ClientState, int]
    certificates: Mapping[str, Mapping[DisplayStatus, int]]


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Clients that a service provider may ask again, and the limits that apply.

    `left_today` is the number of requests that it may make until its limit of 24 hours. `has_more`: further clients
    can be asked once these are.
    """

    clients: tuple[Client, ...]
    left_today: int
    has_more: bool


def clients(wanted: ClientQuery, permissions: Permissions, ctx: ServiceContext) -> ClientList:
    """Return clients of a service provider with their certificates, in three statements.

    Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, wanted.agent_id), wanted.agent_id)
    now = ctx.now()
    rows = list_clients(ctx.db, wanted, now)
    seen = {one.organisation.organisation_id for one in rows if not one.is_ended}
    certificates = list_query.counts_by_organisation(ctx.db, seen, now) if seen else {}
    return ClientList(rows, count_clients(ctx.db, wanted.agent_id, wanted.text, now), certificates)


def to_ask_again(firm_id: str, mandate_ids: Collection[str], permissions: Permissions, ctx: ServiceContext) -> AskAgain:
    """Return the clients of these assignments, or all, that can be asked again.

    Their authorisation ends within 60 days or has ended, and no request waits. Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, firm_id), firm_id)
    now = ctx.now()
    found = list_to_ask(ctx.db, firm_id, now, ASKED_AT_ONCE + 1, mandate_ids)
    left = ASKED_BY_A_FIRM_A_DAY - role_requests.count_recent(ctx.db, _requester("", firm_id), now)
    return AskAgain(found[:ASKED_AT_ONCE], max(left, 0), len(found) > ASKED_AT_ONCE)


def ask_again(
    firm_id: str, mandate_ids: Collection[str], until: datetime, ctx: ServiceContext, actor: Actor, request_id: str
) -> int:
    """Ask the clients of these assignments for the same role again; return their number.

    Clients that cannot be asked again now are skipped. Raises PermissionDenied, InvalidTerms and
    InvitationLimitReached; no client is asked then.
    """
    with act_for(Permission.ASK, firm_id, ctx, actor, request_id) as act:
        _directly(act.permissions.require(Permission.ASK, firm_id), firm_id)
        if len(mandate_ids) > ASKED_AT_ONCE:
            raise InvitationLimitReached
        if not check_firm_grant(Role.MANAGER, until, act.audit.at):
            raise InvalidTerms
        found = list_to_ask(ctx.db, firm_id, act.audit.at, ASKED_AT_ONCE, mandate_ids) if mandate_ids else ()
        for role in sorted({one.role for one in found}):
            ids = [one.organisation.customer_id for one in found if one.role is role]
            role_requests.ask(ctx.db, _requester(actor.user_id, firm_id), ids, GrantTerms(role, until), act.audit)
    return len(found)


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
    who = _requester(actor.user_id, asked.firm_id)
    with act_for(Permission.ASK, asked.firm_id, ctx, actor, request_id) as act:
        _directly(act.permissions.require(Permission.ASK, asked.firm_id), asked.firm_id)
        if not check_firm_grant(asked.role, asked.until, act.audit.at):
            raise InvalidTerms
        return role_requests.ask(ctx.db, who, asked.customer_ids, GrantTerms(asked.role, asked.until), act.audit)


def _requester(user_id: str, firm_id: str) -> Requester:
    return Requester(user_id, firm_id, ASKED_BY_A_FIRM_A_DAY)


def _directly(held: EffectiveRole, firm_id: str) -> None:
    """Raise PermissionDenied if the role comes through another service provider.

    Roles of a service provider are not passed on, so such a user cannot ask in its name.
    """
    if held.via is not None:
        raise PermissionDenied(Permission.ASK, firm_id)
