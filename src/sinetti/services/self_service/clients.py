"""Client organisations of a service provider, and its role requests.

docs/e-service/authorisations.md describes them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sinetti.database.access import queries, role_requests
from sinetti.database.access.clients import (
    Client,
    ClientState,
    list_clients,
    next_ends,
)
from sinetti.database.access.queries import SHOWN, RoleRequestView
from sinetti.database.access.role_assignments import GrantTerms
from sinetti.database.access.role_requests import Requester, RequestResult
from sinetti.database.certificates import list_query
from sinetti.domain.access.invitations import ASKED_AT_ONCE, ASKED_BY_A_FIRM_A_DAY
from sinetti.domain.access.roles import EffectiveRole, Permission, Role, check_firm_grant
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.domain.values import has_text, normalise
from sinetti.services.access.act_transaction import act_for
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, require_permission
from sinetti.services.context import ServiceContext
from sinetti.services.self_service.role_assignments import InvalidTerms, InvitationLimitReached

__all__ = ["Client", "ClientState", "InvalidTerms", "InvitationLimitReached", "RequestResult"]


ASKED_AGAIN: Final = 400
"""Clients that one check page lists, so that it stays below 150 kB."""


class OwnOrganisation(Exception):
    """Raised if a service provider asks itself for a role."""


@dataclass(frozen=True)
class AskClients:
    """Role requests of a service provider.

    It asks organisations, by ids of valid format, for a role with an end date.
    """

    firm_id: str
    customer_ids: Collection[str]
    role: Role
    until: datetime


class ClientSort(StrEnum):
    """Sort order of a firm's clients."""

    NAME = "name"
    EXPIRY = "expiry"
    UNTIL = "until"


@dataclass(frozen=True)
class ClientQuery:
    """Part of a firm's clients: a text in name or id, a state, and the order.

    Without a state it has all of them.
    """

    firm_id: str
    text: str = ""
    state: ClientState | None = None
    sort: ClientSort = ClientSort.NAME
    descending: bool = False
    start: int = 0


@dataclass(frozen=True)
class ClientList:
    """A page of clients and one more row, counts by state, and certificates.

    `certificates` are counts by display status, `next_ends` the first end of one that nothing has replaced. Both are by
    the id of the organisation.
    """

    rows: tuple[Client, ...]
    counts: Mapping[ClientState, int]
    certificates: Mapping[str, Mapping[DisplayStatus, int]]
    next_ends: Mapping[str, datetime]


@dataclass(frozen=True)
class AskAgain:
    """Clients that a service provider may ask again, and the limits that apply.

    `left_today` is the number of requests that it may make until its limit of 24 hours. `has_more`: further clients
    can be asked once these are.
    """

    clients: tuple[Client, ...]
    left_today: int
    has_more: bool


@dataclass(frozen=True)
class AgainRequest:
    """Request of a service provider for the roles of these assignments again."""

    firm_id: str
    mandate_ids: Collection[str]
    until: datetime


def clients(wanted: ClientQuery, permissions: Permissions, ctx: ServiceContext) -> ClientList:
    """Return clients of a service provider with their certificates.

    It takes three statements. A search compares any part of the name or the id. Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, wanted.firm_id), wanted.firm_id)
    now = ctx.now()
    all_clients = list_clients(ctx.db, wanted.firm_id, now)
    found = [
        client
        for client in all_clients
        if has_text(wanted.text, client.organisation.name, client.organisation.customer_id)
    ]
    rows = [client for client in found if wanted.state in (None, client.state)]
    ends = next_ends(ctx.db, _served(rows), now) if wanted.sort is ClientSort.EXPIRY and rows else {}
    page = _sorted(rows, wanted, ends)[wanted.start : wanted.start + SHOWN + 1]
    served = _served(page)
    if served and not ends:
        ends = next_ends(ctx.db, served, now)
    certificates = list_query.counts_by_organisation(ctx.db, served, now) if served else {}
    return ClientList(tuple(page), Counter(client.state for client in found), certificates, ends)


def _served(rows: Iterable[Client]) -> frozenset[str]:
    return frozenset(row.organisation.organisation_id for row in rows if not row.is_ended)


def _sorted(rows: Iterable[Client], wanted: ClientQuery, ends: Mapping[str, datetime]) -> list[Client]:
    """Return the rows in the wanted order; rows without an instant come last."""
    by_name = sorted(rows, key=lambda client: (client.organisation.name.casefold(), client.mandate_id))
    if wanted.sort is ClientSort.NAME:
        return by_name[::-1] if wanted.descending else by_name
    instants = {
        client.mandate_id: client.until
        if wanted.sort is ClientSort.UNTIL
        else ends.get(client.organisation.organisation_id)
        for client in by_name
    }
    dated = [(at, client) for client in by_name if (at := instants[client.mandate_id]) is not None]
    dated.sort(key=lambda pair: pair[0], reverse=wanted.descending)
    return [*(one for _, one in dated), *(client for client in by_name if instants[client.mandate_id] is None)]


def to_ask_again(firm_id: str, mandate_ids: Collection[str], permissions: Permissions, ctx: ServiceContext) -> AskAgain:
    """Return the clients of these assignments, or all, that can be asked again.

    Their authorisation ends within 60 days or has ended, and no request waits. Raises PermissionDenied.
    """
    _directly(permissions.require(Permission.ASK, firm_id), firm_id)
    now = ctx.now()
    clients = _to_ask(firm_id, mandate_ids, ctx, now)
    left = ASKED_BY_A_FIRM_A_DAY - role_requests.count_recent(ctx.db, _requester("", firm_id), now)
    return AskAgain(tuple(clients[:ASKED_AGAIN]), max(left, 0), len(clients) > ASKED_AGAIN)


def _to_ask(firm_id: str, mandate_ids: Collection[str], ctx: ServiceContext, now: datetime) -> list[Client]:
    """Return these clients, or all, that can be asked again, by end."""
    clients = [
        client
        for client in list_clients(ctx.db, firm_id, now)
        if client.until is not None and client.state is not ClientState.ON and not client.is_asked
    ]
    if mandate_ids:
        clients = [client for client in clients if client.mandate_id in mandate_ids]
    return sorted(clients, key=lambda client: (client.until or now, client.organisation.name))


def ask_again(asked: AgainRequest, ctx: ServiceContext, actor: Actor, request_id: str) -> int:
    """Ask the clients of these assignments for the same role again.

    Returns their number. Clients that cannot be asked again now are skipped. Raises PermissionDenied, InvalidTerms and
    InvitationLimitReached; no client is asked then.
    """
    firm_id, ids = asked.firm_id, asked.mandate_ids
    with act_for(Permission.ASK, firm_id, ctx, actor, request_id) as act:
        _directly(act.permissions.require(Permission.ASK, firm_id), firm_id)
        if len(ids) > ASKED_AT_ONCE:
            raise InvitationLimitReached
        if not check_firm_grant(Role.MANAGER, asked.until, act.audit.at):
            raise InvalidTerms
        clients = _to_ask(firm_id, frozenset(ids), ctx, act.audit.at) if ids else []
        who = _requester(actor.user_id, firm_id)
        for role in sorted({client.role for client in clients}):
            customers = [client.organisation.customer_id for client in clients if client.role is role]
            role_requests.ask(ctx.db, who, customers, GrantTerms(role, asked.until), act.audit)
    return len(clients)


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
    own = {normalise(name.customer_id) for name in queries.names(ctx.db, {asked.firm_id}).values()}
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
