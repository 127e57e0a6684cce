"""Ends of roles as pages show them: counts of start pages, lists of both sides.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from sinetti.database import models
from sinetti.database.access.queries import organisation_ref, page_of
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications.access_ends import again
from sinetti.database.notifications.recipients import active_assignments
from sinetti.database.organisations.search import OrganisationRef
from sinetti.domain.access.ends import LISTED_FOR, NEAR, EndSide
from sinetti.domain.access.roles import Role


@dataclass(frozen=True)
class EndReader:
    """A reader: the account, and the organisations on whose side the reader is.

    `giving` are the organisations whose roles the reader may give, `firms` those for which the reader may ask.
    """

    user_id: str
    giving: frozenset[str]
    firms: frozenset[str]


@dataclass(frozen=True)
class EndedRole:
    """A role that ended, with its organisation and its former holder.

    `firm` is None for a person.
    """

    mandate_id: str
    organisation: OrganisationRef
    role: Role
    ended_at: datetime
    firm: OrganisationRef | None
    name: str
    email: str


_SCOPES = {EndSide.GIVEN: "organisation", EndSide.FIRM: "agent", EndSide.OWN: "user"}
"""Column with the id of the party on a side."""


def count_ends(db: Database, reader: EndReader, now: datetime) -> Mapping[tuple[EndSide, bool], Mapping[str, int]]:
    """Count a reader's ending and ended roles by party, in at most one statement.

    Keys are the side, and True for ended roles. Values are counts by the id of the organisation, firm or account.
    """
    parties = {EndSide.GIVEN: reader.giving, EndSide.FIRM: reader.firms, EndSide.OWN: {reader.user_id}}
    parts = []
    for side, ids in parties.items():
        if not ids:
            continue
        for over, rows in ((True, ended(db, side, now)), (False, _open(db).filter(is_ending(now)))):
            own = rows.filter(**{f"{_SCOPES[side]}__in": ids})
            if side is EndSide.GIVEN:
                # The reader's own role is a task of the holder's side.
                own = own.exclude(user__isnull=False, user=reader.user_id)
            named = own.order_by().annotate(side=Value(side.value), over=Value(int(over)))
            parts.append(named.values_list("side", "over", _SCOPES[side]).annotate(Count("pk")))
    found: dict[tuple[EndSide, bool], dict[str, int]] = {}
    for side, over, party, count in parts[0].union(*parts[1:], all=True):
        found.setdefault((EndSide(side), bool(over)), {})[party] = count
    return found


def ended(db: Database, side: EndSide, now: datetime) -> "QuerySet[models.RoleAssignment]":
    """Return the roles whose end a side has to know of, for all parties.

    They ended in the last year, by themselves or by the other side, were not given again and not removed from the
    side's list.
    """
    return _open(db).filter(is_ended(db, side, now))


def is_ended(db: Database, side: EndSide, now: datetime) -> Q:
    """Filter the roles of open organisations as `ended` does."""
    own, other = ("giver", "holder") if side is EndSide.GIVEN else ("holder", "giver")
    since = now - LISTED_FOR
    by_itself = Q(withdrawn_at__isnull=True, valid_until__lt=now, valid_until__gte=since)
    by_other = Q(withdrawn_at__gte=since, **{f"{other}_noted_at__isnull": False})
    terms = (by_itself | by_other) & Q(waiting=False, **{f"{own}_noted_at__isnull": True})
    return terms & ~Q(again(db, side, now))


def list_ended(db: Database, side: EndSide, party: str, now: datetime, start: int = 0) -> tuple[EndedRole, ...]:
    """Return the ended roles of a party on a side, the latest end first, one page."""
    rows = ended(db, side, now).filter(**{_SCOPES[side]: party}).select_related("organisation", "agent", "person")
    ordered = rows.order_by("-valid_until", "pk")
    return tuple(_ended_role(role) for role in page_of(ordered, start))


def find_ended(db: Database, mandate_id: str, now: datetime) -> EndedRole | None:
    """Return an ended role that its organisation may give again, or None."""
    rows = ended(db, EndSide.GIVEN, now).filter(pk=mandate_id).select_related("organisation", "agent", "person")
    row = rows.first()
    return None if row is None else _ended_role(row)


def parties_of(db: Database, side: EndSide, mandate_ids: Collection[str]) -> frozenset[str]:
    """Return the ids of the parties on a side of these roles; "" for a missing one."""
    rows = db.rows(models.RoleAssignment).filter(pk__in=mandate_ids)
    found = dict(rows.values_list("pk", _SCOPES[side]))
    return frozenset(found.get(mandate_id) or "" for mandate_id in mandate_ids)


def note_ended(db: Database, side: EndSide, mandate_ids: Collection[str], audit: AuditContext) -> int:
    """Remove ended roles from a side's list; return their number.

    The caller has a transaction.
    """
    rows = ended(db, side, audit.at).filter(pk__in=mandate_ids)
    pairs = list(rows.values_list("pk", "organisation"))
    column = "giver_noted_at" if side is EndSide.GIVEN else "holder_noted_at"
    db.rows(models.RoleAssignment).filter(pk__in=[mandate_id for mandate_id, _ in pairs]).update(**{column: audit.at})
    for mandate_id, organisation_id in pairs:
        audit_log.write(db, audit, "authorisation-end-noted", f"organisation:{organisation_id}", mandate=mandate_id)
    return len(pairs)


def is_ending(now: datetime) -> Q:
    """Filter roles in force that end within 60 days."""
    return active_assignments(now) & Q(valid_until__lte=now + NEAR)


def _open(db: Database) -> "QuerySet[models.RoleAssignment]":
    rows = db.rows(models.RoleAssignment).filter(organisation__closed_at__isnull=True)
    return rows.filter(Q(agent__isnull=True) | Q(agent__closed_at__isnull=True))


def _ended_role(row: Any) -> EndedRole:  # noqa: ANN401 - a row of the models
    return EndedRole(
        row.mandate_id,
        organisation_ref(row.organisation),
        Role(row.role),
        row.withdrawn_at or row.valid_until,
        None if row.agent is None else organisation_ref(row.agent),
        row.person.name if row.person else "",
        row.person.email if row.person else "",
    )
