"""Clients of a firm: the rows of its page, and those that it may ask again.

The page shows authorisations in force and those that ended in the last year (docs/e-service/authorisations.md,
"Ends"). A search compares any part of the name or the id.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Lower

from sinetti.database import models
from sinetti.database.access.ends import ended, is_ending
from sinetti.database.access.queries import OrganisationRef, organisation_ref, page_of
from sinetti.database.connection import Database
from sinetti.database.models import RoleRequest
from sinetti.database.notifications.recipients import active_assignments, chunked
from sinetti.domain.access.ends import EndSide
from sinetti.domain.access.invitations import REQUEST_LIVES
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.values import normalise


class ClientState(StrEnum):
    """State of a firm's authorisation from a client, as the page filters it."""

    ALL = "all"
    ENDING = "ending"
    ENDED = "ended"


class ClientSort(StrEnum):
    """Sort order of a firm's clients."""

    NAME = "name"
    EXPIRY = "expiry"
    UNTIL = "until"


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """Part of a firm's clients: a text in name or id, a state, and the order."""

    agent_id: str
    text: str = ""
    state: ClientState = ClientState.ALL
    sort: ClientSort = ClientSort.NAME
    descending: bool = False
    start: int = 0


@dataclass(frozen=True, slots=True)
class Client:
    """An organisation that gave a firm a role, in force or ended.

    `next_end` is the first end of a certificate that nothing has replaced. `is_asked`: a request of the firm waits for
    an answer.
    """

    mandate_id: str
    organisation: OrganisationRef
    role: Role
    since: datetime
    until: datetime | None
    is_ended: bool
    next_end: datetime | None = None
    is_asked: bool = False


def list_clients(db: Database, wanted: ClientQuery, now: datetime) -> tuple[Client, ...]:
    """Return one page of a firm's clients and one more row, in one statement."""
    rows = _searched(_states(db, wanted.agent_id, now)[wanted.state], wanted.text)
    rows = rows.annotate(
        over=Case(When(active_assignments(now), then=Value(0)), default=Value(1)),
        next_end=_next_end(now),
        is_asked=_is_asked(wanted.agent_id, now),
        name=Lower("organisation__name"),
        end=Coalesce("withdrawn_at", "valid_until"),
    )
    key = {ClientSort.NAME: F("name"), ClientSort.EXPIRY: F("next_end"), ClientSort.UNTIL: F("end")}[wanted.sort]
    way = key.desc(nulls_last=True) if wanted.descending else key.asc(nulls_last=True)
    ordered = rows.select_related("organisation").order_by(way, "name", "pk")
    return tuple(_client(one) for one in page_of(ordered, wanted.start))


def count_clients(db: Database, agent_id: str, text: str, now: datetime) -> Mapping[ClientState, int]:
    """Count a firm's clients by state, in one statement."""
    states = _states(db, agent_id, now)
    inside = {
        one.value: Count("pk", filter=Q(pk__in=states[one].values("pk")))
        for one in (ClientState.ENDING, ClientState.ENDED)
    }
    found = _searched(states[ClientState.ALL], text).aggregate(all=Count("pk"), **inside)
    return {one: found[one.value] for one in ClientState}


def list_to_ask(
    db: Database, agent_id: str, now: datetime, most: int, only: Collection[str] = ()
) -> tuple[Client, ...]:
    """Return clients whose role ends soon or has ended and that are not asked yet.

    The first to end come first, at most `most`. With `only`, just these assignments are considered.
    """
    states = _states(db, agent_id, now)
    rows = states[ClientState.ALL].filter(
        Q(pk__in=states[ClientState.ENDING].values("pk")) | Q(pk__in=states[ClientState.ENDED].values("pk"))
    )
    rows = rows.exclude(_is_asked(agent_id, now)).annotate(
        over=Case(When(active_assignments(now), then=Value(0)), default=Value(1)),
        end=Coalesce("withdrawn_at", "valid_until"),
    )
    rows = rows.select_related("organisation").order_by("end", "organisation__name", "pk")
    if not only:
        return tuple(_client(one) for one in rows[:most])
    found = [one for part in chunked(only) for one in rows.filter(pk__in=part)]
    return tuple(_client(one) for one in found[:most])


def _states(db: Database, agent_id: str, now: datetime) -> "dict[ClientState, QuerySet[models.RoleAssignment]]":
    own = models.RoleAssignment.objects.using(db.alias).filter(agent=agent_id, organisation__closed_at__isnull=True)
    gone = ended(db, EndSide.FIRM, now).filter(agent=agent_id)
    return {
        ClientState.ALL: own.filter(active_assignments(now) | Q(pk__in=gone.values("pk"))),
        ClientState.ENDING: own.filter(is_ending(now)),
        ClientState.ENDED: gone,
    }


def _searched(rows: "QuerySet[models.RoleAssignment]", text: str) -> "QuerySet[models.RoleAssignment]":
    if not text:
        return rows
    named = Q(organisation__name__icontains=text)
    folded = normalise(text)
    return rows.filter(named | Q(organisation__normalised_id__contains=folded) if folded else named)


def _next_end(now: datetime) -> Subquery:
    later = models.Certificate.objects.filter(revoked_at__isnull=True).exclude(state=CertificateState.SUPERSEDED)
    rows = models.Certificate.objects.filter(
        lineage__organisation=OuterRef("organisation"), not_after__gte=now, revoked_at__isnull=True
    )
    rows = rows.exclude(state=CertificateState.SUPERSEDED)
    # Two tests, because one with OR uses no index.
    for link in ("predecessor", "replaces"):
        rows = rows.exclude(Exists(later.filter(**{link: OuterRef("pk")})))
    return Subquery(rows.order_by().values("lineage__organisation").annotate(first=Min("not_after")).values("first"))


def _is_asked(agent_id: str, now: datetime) -> Exists:
    return Exists(
        RoleRequest.objects.filter(
            agent=agent_id,
            normalised_id=OuterRef("organisation__normalised_id"),
            answered_at__isnull=True,
            created__gte=now - REQUEST_LIVES,
        )
    )


def _client(row: Any) -> Client:  # noqa: ANN401 - a row with annotations
    return Client(
        row.mandate_id,
        organisation_ref(row.organisation),
        Role(row.role),
        row.valid_from,
        row.end,
        bool(row.over),
        getattr(row, "next_end", None),
        getattr(row, "is_asked", False),
    )
