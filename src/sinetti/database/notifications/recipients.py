"""Who is concerned: the people who look after lineages, and those who act for organisations, for many at a time.

Everybody with one e-mail address: marks on an address are set on all their rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower

from sinetti.database import models, sql
from sinetti.database.connection import Database
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language

_Value = TypeVar("_Value")

_CHUNK = 500
"""Ids in one statement: SQLite's older builds take 999 values."""


_FIELDS = ("person_id", "name", "email", "phone", "language", "erased_at", "bounced_at", "stopped_at")
_PERSON = len(_FIELDS)
_ONE_LINEAGE = f"""
SELECT {", ".join(f"c.{name}" for name in _FIELDS)}, {", ".join(f"d.{name}" for name in _FIELDS)}
  FROM sinetti_lineage h
  LEFT JOIN sinetti_person c ON c.person_id = h.contact_id
  LEFT JOIN sinetti_person d ON d.person_id = h.deputy_id
 WHERE h.lineage_id = %(lineage)s
"""  # noqa: S608 - names of columns


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody whom messages may concern.

    `mailable`: there is an e-mail address, which is not erased, not known to fail, and to which mail was not stopped.
    `textable`: there is a phone number, which is not erased. `stopped`: they want no more mail at this address.
    """

    person_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    language: Language
    mailable: bool
    textable: bool
    stopped: bool = False

    @property
    def address(self) -> str:
        """The e-mail address as it is compared: to one address goes one message."""
        return self.email.casefold()


@dataclass(frozen=True, slots=True)
class Roles:
    """Who acts for an organisation: people, and by their ids the open organisations that look after it."""

    signatories: tuple[Recipient, ...] = ()
    contact_person: Recipient | None = None
    agents: tuple[str, ...] = ()


def roles(db: Database, organisation_ids: Iterable[str], now: datetime) -> Mapping[str, Roles]:
    """Who acts for each of these organisations at `now`, in three statements for each 500 of them.

    Each id that was asked about is there. People are in the order in which they were named, and stand there whether
    mail reaches them or not.
    """
    found: dict[str, Roles] = {}
    for part in chunked(organisation_ids):
        signatories, agents = _grouped(_signatories(db, part, now)), _grouped(_agents(db, part, now))
        contacts = dict(_contact_persons(db, part))
        for one in part:
            found[one] = Roles(signatories.get(one, ()), contacts.get(one), agents.get(one, ()))
    return found


def accounts(db: Database, organisation_id: str, now: datetime) -> tuple[str, ...]:
    """Return the accounts with a role for an organisation at `now`.

    A role may come through another organisation.
    """
    rows = models.RoleAssignment.objects.using(db.alias).filter(active_assignments(now))
    own = rows.filter(organisation=organisation_id)
    firms = own.filter(agent__isnull=False, agent__closed_at__isnull=True).values("agent")
    found = rows.filter(Q(organisation=organisation_id) | Q(organisation__in=firms), user__isnull=False)
    return tuple(sorted({str(one) for one in found.values_list("user_id", flat=True)}))


def holders(db: Database, lineage_ids: Iterable[str]) -> Mapping[str, tuple[Recipient | None, Recipient | None]]:
    """Contact and deputy of each of these lineages as they are now, in one statement for each 500 of them.

    A lineage that is not there is left out. For one, as it is asked of each reminder that leaves, the statement is
    written by hand.
    """
    found: dict[str, tuple[Recipient | None, Recipient | None]] = {}
    ids = tuple(lineage_ids)
    if len(ids) == 1:
        for told in sql.read(db, _ONE_LINEAGE, {"lineage": ids[0]}):
            found[ids[0]] = (_read(told[:_PERSON]), _read(told[_PERSON:]))
        return found
    for part in chunked(ids):
        rows = models.Lineage.objects.using(db.alias).filter(pk__in=part).select_related("contact", "deputy")
        found.update({row.lineage_id: (_maybe(row.contact), _maybe(row.deputy)) for row in rows})
    return found


def readers(db: Database, person_ids: Iterable[str]) -> Mapping[str, Recipient]:
    """These people, by their ids; whoever is not there is left out."""
    found: dict[str, Recipient] = {}
    for part in chunked(person_ids):
        rows = models.Person.objects.using(db.alias).filter(pk__in=part)
        found.update({row.person_id: reader(row) for row in rows})
    return found


def unique_by_address(people: Iterable[Recipient | None]) -> tuple[Recipient, ...]:
    """One of these for each address, the first of whom counts.

    Whoever has no address stays, once.
    """
    found: dict[str, Recipient] = {}
    for one in people:
        if one is not None:
            found.setdefault(one.address or one.person_id, one)
    return tuple(found.values())


def active_assignments(now: datetime) -> Q:
    """Which mandates count at `now`: taken up, begun, not withdrawn, not past their last instant."""
    return Q(waiting=False, valid_from__lte=now, withdrawn_at__isnull=True) & (
        Q(valid_until__isnull=True) | Q(valid_until__gte=now)
    )


def current_assignments(now: datetime) -> Q:
    """Which mandates are neither withdrawn nor past their end, whether they were taken up or not."""
    return Q(withdrawn_at__isnull=True) & (Q(valid_until__isnull=True) | Q(valid_until__gte=now))


def reader(row: models.Person) -> Recipient:
    """Whom a row is about."""
    there = row.erased_at is None
    works = row.bounced_at is None and row.stopped_at is None
    return Recipient(
        row.person_id,
        row.name,
        row.email,
        row.phone,
        Language(row.language),
        mailable=there and works and bool(row.email),
        textable=there and bool(row.phone),
        stopped=row.stopped_at is not None,
    )


def _read(row: sql.Row) -> Recipient | None:
    return None if row[0] is None else reader(models.Person(**dict(zip(_FIELDS, row, strict=True))))


def chunked(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """These ids, each once, in portions that one statement takes."""
    different = tuple(dict.fromkeys(ids))
    for start in range(0, len(different), _CHUNK):
        yield different[start : start + _CHUNK]


def _maybe(row: models.Person | None) -> Recipient | None:
    return None if row is None else reader(row)


def _mandates(
    db: Database, organisation_ids: tuple[str, ...], role: Role, now: datetime
) -> "QuerySet[models.RoleAssignment]":
    rows = models.RoleAssignment.objects.using(db.alias).filter(
        active_assignments(now), organisation__in=organisation_ids
    )
    return rows.filter(role=role).order_by("valid_from", "pk")


def _signatories(db: Database, organisation_ids: tuple[str, ...], now: datetime) -> Iterator[tuple[str, Recipient]]:
    rows = _mandates(db, organisation_ids, Role.SIGNATORY, now).filter(person__isnull=False)
    for row in rows.select_related("person"):
        if row.person is not None:
            yield row.organisation_id, reader(row.person)


def _agents(db: Database, organisation_ids: tuple[str, ...], now: datetime) -> Iterator[tuple[str, str]]:
    rows = _mandates(db, organisation_ids, Role.MANAGER, now)
    for one, agent in rows.filter(agent__closed_at__isnull=True).values_list("organisation_id", "agent_id"):
        if agent is not None:
            yield one, agent


def _contact_persons(db: Database, organisation_ids: tuple[str, ...]) -> Iterator[tuple[str, Recipient]]:
    rows = models.Organisation.objects.using(db.alias).filter(pk__in=organisation_ids, contact__isnull=False)
    for row in rows.select_related("contact"):
        if row.contact is not None:
            yield row.organisation_id, reader(row.contact)


def _grouped(pairs: Iterable[tuple[str, _Value]]) -> dict[str, tuple[_Value, ...]]:
    found: dict[str, list[_Value]] = {}
    for one, value in pairs:
        found.setdefault(one, []).append(value)
    return {one: tuple(values) for one, values in found.items()}


def people_at(db: Database, address: str) -> "QuerySet[models.Person]":
    """The rows of people with this address, whatever its case; none for an empty one.

    The database folds both sides, so that what is the same to it is found by its index.
    """
    rows = models.Person.objects.using(db.alias)
    return (
        rows.alias(normalised_id=Lower("email")).filter(normalised_id=Lower(Value(address))) if address else rows.none()
    )
