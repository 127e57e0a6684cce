"""Search of organisations by a part of their name or identifier."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet

from sinetti.database import models
from sinetti.database.common.text_search import SHORTEST_PART, collated, contains
from sinetti.database.connection import Database
from sinetti.database.sql import json_values
from sinetti.domain.values import normalise


@dataclass(frozen=True)
class OrganisationRef:
    """An organisation with its ids and name."""

    organisation_id: str
    customer_id: str
    name: str


def matches(db: Database, text: str, path: str = "") -> Q:
    """Return a condition on the organisation at a path of a query.

    The path is empty, or like "organisation__". Name or identifier contain the text. A text of one or two characters
    must be the beginning. An empty text matches all.
    """
    text, number = text.strip(), normalise(text)
    if not text:
        return Q()
    part = "contains" if len(number) >= SHORTEST_PART else "startswith"
    return contains(db, f"{path}name", text) | Q(**{f"{path}normalised_id__{part}": number})


def find_organisations(
    db: Database, text: str, within: Collection[str] | None = None, *, start: int = 0, most: int = 50
) -> tuple[OrganisationRef, ...]:
    """Return the organisations that match a text, by name, in one statement.

    Parameters:
    - `within`: ids of the organisations that the reader may see; None for all, which only clerks may.
    - `start` and `most`: the first row and the number of rows of a page. To know if more follow, ask for one more.
    """
    rows = db.rows(models.Organisation).filter(matches(db, text))
    if within is not None:
        rows = rows.filter(pk__in=json_values(db, within))
    return _by_name(db, rows, start, most)


def find_by_address(db: Database, text: str, most: int) -> tuple[OrganisationRef, ...]:
    """Return the organisations of people with a role whose address has a text.

    Roles that have ended or were withdrawn count. It is one statement, and `most` is its number of rows.
    """
    people = models.Person.objects.filter(contains(db, "email", text)).values("pk")
    roles = models.RoleAssignment.objects.filter(person__in=people).values("organisation")
    return _by_name(db, db.rows(models.Organisation).filter(pk__in=roles), 0, most)


def _by_name(db: Database, rows: "QuerySet[models.Organisation]", start: int, most: int) -> tuple[OrganisationRef, ...]:
    queryset = rows.order_by(collated(db, "name"), F("pk"))[start : start + most]
    return tuple(OrganisationRef(*row) for row in queryset.values_list("organisation_id", "customer_id", "name"))
