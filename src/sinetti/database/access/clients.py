"""Clients of a firm: authorisations in force, and those of the last year.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Exists, Min, OuterRef

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import RoleRequest
from sinetti.database.organisations.search import OrganisationRef
from sinetti.database.sql import json_values
from sinetti.domain.access.ends import LISTED_FOR, NEAR
from sinetti.domain.access.invitations import REQUEST_LIVES
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState


class ClientState(StrEnum):
    """State of a firm's authorisation from a client."""

    ON = "on"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True)
class Client:
    """An organisation that gave a firm a role, in force or ended.

    `is_asked`: a request of the firm waits for an answer.
    """

    mandate_id: str
    organisation: OrganisationRef
    role: Role
    since: datetime
    until: datetime | None
    state: ClientState
    is_asked: bool = False

    @property
    def is_ended(self) -> bool:
        """True if the firm can no longer act for the client."""
        return self.state is ClientState.ENDED


def list_clients(db: Database, agent_id: str, now: datetime) -> tuple[Client, ...]:
    """Return all clients of a firm, in one statement.

    They are authorisations in force, and ended ones of the last year that are to be listed.

    A firm has at most some thousand clients. Searched and sorted in memory, they take less time than in a statement
    that tests each for a later authorisation (measured with 1,000).
    """
    rows = db.rows(models.RoleAssignment).filter(agent=agent_id, organisation__closed_at__isnull=True)
    rows = rows.filter(waiting=False, valid_from__lte=now).exclude(valid_until__lt=now - 2 * LISTED_FOR)
    rows = rows.exclude(withdrawn_at__lt=now - 2 * LISTED_FOR).annotate(
        is_asked=Exists(
            RoleRequest.objects.filter(
                agent=agent_id,
                normalised_id=OuterRef("organisation__normalised_id"),
                answered_at__isnull=True,
                created__gte=now - REQUEST_LIVES,
            )
        )
    )
    found: dict[str, list[Any]] = {}
    for row in rows.order_by("valid_from", "pk").values_list(*_COLUMNS, named=True):
        found.setdefault(row.organisation, []).append(row)
    return tuple(client for of in found.values() for client in _listed(of, now))


def next_ends(db: Database, organisations: Collection[str], now: datetime) -> Mapping[str, datetime]:
    """Return the first end of a certificate without a successor, by organisation."""
    later = models.Certificate.objects.filter(revoked_at__isnull=True).exclude(state=CertificateState.SUPERSEDED)
    rows = db.rows(models.Certificate).filter(not_after__gte=now, revoked_at__isnull=True)
    rows = rows.filter(lineage__organisation__in=json_values(db, organisations))
    rows = rows.exclude(state=CertificateState.SUPERSEDED)
    # Two tests, because one with OR uses no index.
    for link in ("predecessor", "replaces"):
        rows = rows.exclude(Exists(later.filter(**{link: OuterRef("pk")})))
    return dict(rows.order_by().values_list("lineage__organisation").annotate(Min("not_after")))


_COLUMNS = (
    *("mandate_id", "organisation", "organisation__customer_id", "organisation__name", "role", "valid_from"),
    *("valid_until", "withdrawn_at", "giver_noted_at", "holder_noted_at", "is_asked"),
)


def _listed(of: Sequence[Any], now: datetime) -> Iterator[Client]:
    """Yield what is in force of one client, or else the last one if it is listed."""
    active = [one for one in of if one.withdrawn_at is None and (one.valid_until is None or one.valid_until >= now)]
    if active:
        yield from (_client(one, now) for one in active)
    elif _is_loss(of[-1], now):
        yield _client(of[-1], now)


def _is_loss(row: Any, now: datetime) -> bool:  # noqa: ANN401 - a row of values
    """Return the same as `ends.is_ended` for a firm's last authorisation."""
    if row.holder_noted_at is not None:
        return False
    if row.withdrawn_at is None:
        return bool(row.valid_until >= now - LISTED_FOR)
    return row.giver_noted_at is not None and bool(row.withdrawn_at >= now - LISTED_FOR)


def _client(row: Any, now: datetime) -> Client:  # noqa: ANN401 - a row of values
    end = row.withdrawn_at or row.valid_until
    state = ClientState.ON
    if row.withdrawn_at is not None or (end is not None and end < now):
        state = ClientState.ENDED
    elif end is not None and end <= now + NEAR:
        state = ClientState.ENDING
    return Client(
        row.mandate_id,
        OrganisationRef(row.organisation, row.organisation__customer_id, row.organisation__name),
        Role(row.role),
        row.valid_from,
        end,
        state,
        row.is_asked,
    )
