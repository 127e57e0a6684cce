"""Roles and role requests as pages show them.

The module reads an organisation's roles, the requests it received, and a firm's requests. It counts role
requests that wait for organisations. At each request of a signed-in user it reads the organisations for which the user
may act.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Case, CharField, DateTimeField, Model, OuterRef, QuerySet, Subquery, Value, When

from sinetti.database import models
from sinetti.database.access.role_assignments import counting_links
from sinetti.database.connection import Database
from sinetti.database.models import Invitation, RoleRequest
from sinetti.database.notifications.recipients import active_assignments, current_assignments
from sinetti.database.organisations.search import OrganisationRef
from sinetti.database.sql import json_values
from sinetti.domain.access.ends import NEAR
from sinetti.domain.access.invitations import REQUEST_LIVES, RoleRequestState, role_request_state
from sinetti.domain.access.roles import OrganisationLabel, Role, RoleGrant, roles_up_to
from sinetti.domain.values import normalise

_Row = TypeVar("_Row", bound=Model)

SHOWN = 50
"""Rows of a list on one page.

One more row is read, which shows that another page exists.
"""


@dataclass(frozen=True)
class RoleAssignmentView:
    """A role assignment of a person or of another organisation.

    `agent` is None for a person, whose data may have been erased since. `link_until` is the expiry of the invitation
    link. Without an `account` the role gives no access in the e-service.
    """

    mandate_id: str
    organisation_id: str
    role: Role
    since: datetime
    until: datetime | None
    agent: OrganisationRef | None
    name: str = field(repr=False)
    email: str = field(repr=False)
    account: str | None = None
    waiting: bool = False
    link_until: datetime | None = None


@dataclass(frozen=True)
class RoleRequestView:
    """A role request; `agent` is None if a person asks for themselves."""

    request_id: str
    customer_id: str
    role: Role
    until: datetime | None
    created: datetime
    agent: OrganisationRef | None
    name: str = field(repr=False)
    email: str = field(repr=False)
    state: RoleRequestState = RoleRequestState.WAITING


@dataclass(frozen=True)
class OwnRole:
    """A role that a person has directly."""

    mandate_id: str
    organisation: OrganisationRef
    role: Role
    until: datetime | None


def names(db: Database, organisation_ids: Collection[str], start: int = 0) -> Mapping[str, OrganisationRef]:
    """Return the open ones of these organisations by id, one page, sorted by name.

    The page begins at the row `start`.
    """
    if not organisation_ids:
        return {}
    rows = db.rows(models.Organisation).filter(pk__in=organisation_ids, closed_at__isnull=True)
    return {row.organisation_id: organisation_ref(row) for row in page_of(rows.order_by("name", "customer_id"), start)}


def mandates(
    db: Database, organisation_id: str, now: datetime, start: int = 0, ending_but: str | None = None
) -> tuple[RoleAssignmentView, ...]:
    """Return the current roles of an organisation, one page from `start` on.

    With `ending_but`, only accepted ones that end within 60 days, without those of this account: they are a task of
    the holder's side. People come before organisations, and signatories first.
    """
    rows = _mandates(db, now).filter(current_assignments(now), organisation=organisation_id)
    if ending_but is not None:
        rows = rows.filter(waiting=False, valid_until__lte=now + NEAR)
        rows = rows.exclude(user__isnull=False, user=ending_but)
    place = Case(*(When(role=role, then=Value(number)) for number, role in enumerate(roles_up_to(Role.SIGNATORY))))
    firm = Case(When(agent__isnull=True, then=Value(0)), default=Value(1))
    ordered = rows.alias(place=place, firm=firm).order_by("firm", "place", "valid_from", "pk")
    return tuple(_found(row) for row in page_of(ordered, start))


def mandate(db: Database, mandate_id: str, now: datetime) -> RoleAssignmentView | None:
    """Return one current role assignment, or None."""
    row = _mandates(db, now).filter(current_assignments(now), pk=mandate_id).first()
    return None if row is None else _found(row)


def requests_to(db: Database, organisation_id: str, now: datetime) -> tuple[RoleRequestView, ...]:
    """Return the waiting requests to an organisation, oldest first."""
    own = db.rows(models.Organisation).filter(pk=organisation_id).values("normalised_id")
    rows = db.rows(RoleRequest).filter(normalised_id__in=own, answered_at__isnull=True)
    rows = rows.filter(created__gte=now - REQUEST_LIVES).select_related("agent", "user").order_by("created", "pk")
    return tuple(_request(row, now) for row in page_of(rows, 0))


def request(db: Database, request_id: str, now: datetime) -> RoleRequestView | None:
    """Return one waiting request, or None."""
    rows = db.rows(RoleRequest).filter(pk=request_id, answered_at__isnull=True)
    row = rows.filter(created__gte=now - REQUEST_LIVES).select_related("agent", "user").first()
    return None if row is None else _request(row, now)


def requests_of_firm(db: Database, agent_id: str, now: datetime, start: int = 0) -> tuple[RoleRequestView, ...]:
    """Return a firm's requests, newest first, one page from `start` on.

    Waiting requests are included, and those answered or lapsed in the last 60 days.
    """
    rows = db.rows(RoleRequest).filter(agent=agent_id, created__gte=now - 2 * REQUEST_LIVES)
    rows = rows.select_related("agent", "user").order_by("-created", "customer_id")
    return tuple(_request(row, now) for row in page_of(rows, start))


def requests_of_user(db: Database, user_id: str, now: datetime, start: int = 0) -> tuple[RoleRequestView, ...]:
    """Return a user's requests for themselves, as `requests_of_firm` does for a firm."""
    rows = db.rows(RoleRequest).filter(user=user_id, agent__isnull=True)
    rows = rows.filter(created__gte=now - 2 * REQUEST_LIVES).select_related("user").order_by("-created", "customer_id")
    return tuple(_request(row, now) for row in page_of(rows, start))


def mandates_of_user(
    db: Database, user_id: str, seen: Collection[str], now: datetime, start: int = 0
) -> tuple[OwnRole, ...]:
    """Return a user's active roles for organisations among `seen`, one page.

    They are sorted by the organisation's name.
    """
    return tuple(_own_role(row) for row in page_of(_of_user(db, user_id, seen, now), start))


def ending_of_user(
    db: Database, user_id: str, seen: Collection[str], now: datetime, start: int = 0
) -> tuple[OwnRole, ...]:
    """Return those of `mandates_of_user` that end within 60 days."""
    rows = _of_user(db, user_id, seen, now).filter(valid_until__lte=now + NEAR)
    return tuple(_own_role(row) for row in page_of(rows, start))


def _of_user(db: Database, user_id: str, seen: Collection[str], now: datetime) -> "QuerySet[models.RoleAssignment]":
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now), user=user_id)
    rows = rows.filter(organisation__in=json_values(db, seen))
    rows = rows.filter(organisation__closed_at__isnull=True).select_related("organisation")
    return rows.order_by("organisation__name", "organisation__customer_id", "pk")


def roles_in_force(db: Database, mandate_ids: Collection[str], now: datetime) -> tuple[OwnRole, ...]:
    """Return those of these roles that are in force, by the organisation's name."""
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now), pk__in=mandate_ids)
    return tuple(_own_role(row) for row in rows.select_related("organisation").order_by("organisation__name", "pk"))


def _own_role(row: models.RoleAssignment) -> OwnRole:
    return OwnRole(row.mandate_id, organisation_ref(row.organisation), Role(row.role), row.valid_until)


def page_of(rows: "QuerySet[_Row]", start: int) -> "QuerySet[_Row]":
    """Return the rows of a page from `start` on, and one more."""
    return rows[start : start + SHOWN + 1]


def _mandates(db: Database, now: datetime) -> "QuerySet[models.RoleAssignment]":
    links = Invitation.objects.filter(
        counting_links(), mandate=OuterRef("pk"), used_at__isnull=True, ended_at__isnull=True, expires__gte=now
    )
    rows = db.rows(models.RoleAssignment).select_related("agent", "person")
    # Roles not accepted whose link has lapsed are shown too, because the link can be sent again.
    return rows.annotate(link_until=Subquery(links.order_by("-expires").values("expires")[:1]))


def _found(row: models.RoleAssignment) -> RoleAssignmentView:
    person = row.person
    return RoleAssignmentView(
        row.mandate_id,
        row.organisation_id,
        Role(row.role),
        row.valid_from,
        row.valid_until,
        None if row.agent is None else organisation_ref(row.agent),
        person.name if person else "",
        person.email if person else "",
        row.user_id,
        row.waiting,
        row.link_until,  # type: ignore[attr-defined] # annotated
    )


def _request(row: RoleRequest, now: datetime) -> RoleRequestView:
    return RoleRequestView(
        row.request_id,
        row.customer_id,
        Role(row.role),
        row.until,
        row.created,
        None if row.agent is None else organisation_ref(row.agent),
        row.user.name if row.user else "",
        row.user.email if row.user else "",
        role_request_state(row.created, row.answered_at, now, given=row.mandate_id is not None),
    )


def organisation_ref(row: models.Organisation) -> OrganisationRef:
    """Return an organisation's ids and name."""
    return OrganisationRef(row.organisation_id, row.customer_id, row.name)


def requests(db: Database, organisations: Collection[str], now: datetime) -> int:
    """Count the role requests that wait for an answer of these organisations."""
    own = db.rows(models.Organisation).filter(pk__in=organisations).values("normalised_id")
    rows = db.rows(RoleRequest).filter(normalised_id__in=own, answered_at__isnull=True)
    return rows.filter(created__gte=now - REQUEST_LIVES).count()


def for_user(db: Database, user_id: str, now: datetime) -> tuple[RoleGrant, ...]:
    """Return an account's direct roles and those through its organisations (`via`).

    Only roles in force count, of open organisations. It is one statement of two parts, each of which uses an index.
    """
    counting = _counting(db, now)
    direct = counting.filter(user=user_id, agent__isnull=True)
    return _grants(_values(direct).union(_values(counting.filter(agent__in=direct.values("organisation"))), all=True))


def for_firms(
    db: Database, customer_ids: Collection[str], now: datetime
) -> tuple[dict[str, OrganisationRef], tuple[RoleGrant, ...]]:
    """Return open organisations, and the roles that others gave them.

    They are keyed by customer ids as the caller wrote them. Unknown customer ids are omitted. Only roles in force
    count. It is one statement, because it runs at each request.
    """
    if not customer_ids:
        return {}, ()
    by_folded: dict[str, list[str]] = {}
    for customer_id in customer_ids:
        by_folded.setdefault(normalise(customer_id), []).append(customer_id)
    known = db.rows(models.Organisation).filter(normalised_id__in=by_folded, closed_at__isnull=True)
    given = _values(_counting(db, now).filter(agent__in=known.values("pk")))
    # A row without an agent is an organisation, with its normalised id in the place of the role. Roles have an agent.
    no_person, never = Value(None, CharField()), Value(None, DateTimeField())
    own = known.values_list("pk", "normalised_id", no_person, never, "customer_id", "name")
    rows = list(given.union(own, all=True))
    found = {row[1]: OrganisationRef(row[0], row[4], row[5]) for row in rows if row[2] is None}
    refs = {way: ref for folded, ref in found.items() for way in by_folded[folded]}
    return refs, _grants(row for row in rows if row[2] is not None)


def _counting(db: Database, now: datetime) -> "QuerySet[models.RoleAssignment]":
    rows = db.rows(models.RoleAssignment)
    return rows.filter(active_assignments(now), organisation__closed_at__isnull=True)


def _values(rows: "QuerySet[models.RoleAssignment]") -> "QuerySet[models.RoleAssignment, Any]":
    return rows.values_list(
        "organisation", "role", "agent", "valid_until", "organisation__customer_id", "organisation__name"
    )


def _grants(rows: Iterable[Any]) -> tuple[RoleGrant, ...]:
    return tuple(
        RoleGrant(organisation_id, Role(role), via, until, OrganisationLabel(*name))
        for organisation_id, role, via, until, *name in rows
    )
