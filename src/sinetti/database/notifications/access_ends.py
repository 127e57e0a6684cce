"""Ends of roles that mail reports: due steps, readers, and rows of a message.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications import recipients
from sinetti.database.notifications.recipients import Recipient, active_assignments, chunked, current_assignments
from sinetti.domain.access.ends import LATE_FOR, LISTED_FOR, NEAR, STEPS, EndSide
from sinetti.domain.access.roles import Role


@dataclass(frozen=True)
class EndingRole:
    """A role of which a step is due: its parties, its time, and the holder.

    `agent` is the firm, or None for a person. `holder` is the person, if they have an address.
    """

    mandate_id: str
    organisation: str
    agent: str | None
    since: datetime
    until: datetime
    holder: Recipient | None


@dataclass(frozen=True)
class EndItem:
    """A role in a message about ends: who gave it, who has it, and its end.

    `holder` is the name of a person or firm, `holder_id` the firm's id or the person's address.
    """

    organisation: str
    customer_id: str
    role: Role
    until: datetime
    holder: str = field(default="", repr=False)
    holder_id: str = field(default="", repr=False)


_CLAIM = "access-ends-planned"


@contextmanager
def claim_day(db: Database, day: date, at: datetime) -> Iterator[Sequence[EndingRole]]:
    """Yield the roles with a due step that is not stored yet, once a day.

    It is a transaction. Later calls of the day get none, also those of other nodes, which wait for the first one. The
    caller queues the messages and calls `store_steps` inside. After an error the day is not claimed.
    """
    counters = db.rows(models.Counter)
    if counters.filter(pk=_CLAIM, value__gte=day.toordinal()).exists():
        yield ()
        return
    with transaction.atomic(using=db.alias):
        counters.get_or_create(name=_CLAIM)
        if not counters.filter(pk=_CLAIM, value__lt=day.toordinal()).update(value=day.toordinal()):
            yield ()
            return
        rows = _unreported(db, at).filter(_due(at)).select_related("person").order_by("valid_until", "pk")
        yield [_ending(row) for row in rows]


def store_steps(db: Database, steps: Mapping[str, int]) -> None:
    """Store the reported step of each role."""
    for step in STEPS:
        for part in chunked(one for one, stored in steps.items() if stored == step):
            db.rows(models.RoleAssignment).filter(pk__in=part).update(end_notice=step)


def first_due(db: Database, after: datetime) -> datetime | None:
    """Return the earliest instant of a step that is not stored yet, or None."""
    rows = _unreported(db, after)
    ends = {f"step_{step}": Min("valid_until", filter=_not_reported(step)) for step in STEPS}
    totals = rows.aggregate(**ends)
    instants = [totals[f"step_{step}"] - timedelta(days=step) for step in STEPS if totals[f"step_{step}"] is not None]
    return min(instants, default=None)


def firm_people(db: Database, agents: Iterable[str], now: datetime) -> Mapping[str, tuple[Recipient, ...]]:
    """Return the signatories and managers of each firm, once for each address."""
    found: dict[str, list[Recipient]] = {}
    for part in chunked(agents):
        rows = db.rows(models.RoleAssignment).filter(active_assignments(now), organisation__in=part)
        rows = rows.filter(role__in=(Role.SIGNATORY, Role.MANAGER), person__isnull=False).select_related("person")
        for row in rows.order_by("valid_from", "pk"):
            if row.person is not None:
                found.setdefault(row.organisation_id, []).append(recipients.reader(row.person))
    return {text: recipients.unique_by_address(people) for text, people in found.items()}


def list_items(db: Database, mandate_ids: Collection[str], side: EndSide, now: datetime) -> tuple[EndItem, ...]:
    """Return those of these roles that still end soon or have ended, by end and name.

    Roles that were extended, withdrawn or given again are omitted.
    """
    found: list[EndItem] = []
    for part in chunked(mandate_ids):
        rows = _running(db).filter(pk__in=part, valid_until__lte=now + NEAR, valid_until__gte=now - LISTED_FOR)
        rows = rows.exclude(again(db, side, now)).select_related("organisation", "agent", "person")
        found += [_item(row) for row in rows]
    return tuple(sorted(found, key=lambda end: (end.until, end.organisation, end.holder)))


def again(db: Database, side: EndSide, now: datetime) -> Exists:
    """Test for another role by which the holder of an outer row has a role again.

    A later one counts even if it has ended too, since that one is listed then.
    """
    rows = db.rows(models.RoleAssignment).filter(organisation=OuterRef("organisation"))
    rows = rows.exclude(pk=OuterRef("pk"))
    later = Q(waiting=False, valid_from__gt=OuterRef("valid_from"))
    same_firm, same_user = Q(agent=OuterRef("agent")), Q(user=OuterRef("user"))
    if side is not EndSide.GIVEN:
        same = same_firm if side is EndSide.FIRM else same_user
        return Exists(rows.filter(same, later | active_assignments(now)))
    rows = rows.alias(address=Lower("person__email"))
    same = same_firm | same_user | Q(address=Lower(OuterRef("person__email")))
    return Exists(rows.filter(same, later | current_assignments(now)))


def _running(db: Database) -> "QuerySet[models.RoleAssignment]":
    rows = db.rows(models.RoleAssignment).filter(withdrawn_at__isnull=True, waiting=False)
    rows = rows.filter(organisation__closed_at__isnull=True)
    return rows.filter(Q(agent__isnull=True) | Q(agent__closed_at__isnull=True))


def _unreported(db: Database, at: datetime) -> "QuerySet[models.RoleAssignment]":
    rows = _running(db).filter(valid_until__gte=at - LATE_FOR)
    return rows.filter(Q(end_notice__isnull=True) | Q(end_notice__gt=0))


def _not_reported(step: int) -> Q:
    return Q(end_notice__isnull=True) | Q(end_notice__gt=step)


def _due(at: datetime) -> Q:
    due = Q(valid_until__lt=at) & _not_reported(0)
    for step in STEPS[:-1]:
        due |= Q(valid_until__lte=at + timedelta(days=step)) & _not_reported(step)
    return due


def _ending(row: Any) -> EndingRole:  # noqa: ANN401 - a row of the models
    holder = recipients.reader(row.person) if row.person is not None else None
    return EndingRole(row.mandate_id, row.organisation_id, row.agent_id, row.valid_from, row.valid_until, holder)


def _item(row: Any) -> EndItem:  # noqa: ANN401 - as above
    firm, person = row.agent, row.person
    return EndItem(
        row.organisation.name,
        row.organisation.customer_id,
        Role(row.role),
        row.valid_until,
        firm.name if firm else person.name if person else "",
        firm.customer_id if firm else person.email if person else "",
    )
