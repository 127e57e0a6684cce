"""Recipients: people of lineages and of organisations, read for many at a time.

Marks on an e-mail address are set on the rows of all people with that address.
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
"""Number of ids in one statement; older SQLite builds accept 999 values."""


_FIELDS = ("person_id", "name", "email", "phone", "language", "erased_at", "bounced_at", "stopped_at")
_PERSON = len(_FIELDS)
_ONE_LINEAGE = f"""
SELECT {", ".join(f"c.{name}" for name in _FIELDS)}, {", ".join(f"d.{name}" for name in _FIELDS)}
  FROM sinetti_lineage h
  LEFT JOIN sinetti_person c ON c.person_id = h.contact_id
  LEFT JOIN sinetti_person d ON d.person_id = h.deputy_id
 WHERE h.lineage_id = %(lineage)s
"""  # noqa: S608 - names of columns


@dataclass(frozen=True)
class Recipient:
    """A person who may receive messages.

    `mailable` requires an e-mail address that is not erased, not known to fail and not opted out. `textable` requires
    a phone number that is not erased. `stopped` means that the person wants no more mail at this address.
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
        """E-mail address in the form for comparison; each address gets one message."""
        return self.email.casefold()


@dataclass(frozen=True)
class Roles:
    """People who act for an organisation, and ids of its open service providers."""

    signatories: tuple[Recipient, ...] = ()
    contact_person: Recipient | None = None
    agents: tuple[str, ...] = ()


def roles(db: Database, organisation_ids: Iterable[str], now: datetime) -> Mapping[str, Roles]:
    """Return the roles of each organisation at `now`.

    It takes three statements for 500 organisations. The result has every id of the argument. People are in the order
    in which they were named, whether they can receive mail or not.
    """
    found: dict[str, Roles] = {}
    for part in chunked(organisation_ids):
        signatories, agents = _grouped(_signatories(db, part, now)), _grouped(_agents(db, part, now))
        contacts = dict(_contact_persons(db, part))
        for text in part:
            found[text] = Roles(signatories.get(text, ()), contacts.get(text), agents.get(text, ()))
    return found


def accounts(db: Database, organisation_id: str, now: datetime) -> tuple[str, ...]:
    """Return the accounts with a role for an organisation at `now`.

    A role may come through another organisation.
    """
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now))
    own = rows.filter(organisation=organisation_id)
    firms = own.filter(agent__isnull=False, agent__closed_at__isnull=True).values("agent")
    queryset = rows.filter(Q(organisation=organisation_id) | Q(organisation__in=firms), user__isnull=False)
    return tuple(sorted({str(text) for text in queryset.values_list("user_id", flat=True)}))


def holders(db: Database, lineage_ids: Iterable[str]) -> Mapping[str, tuple[Recipient | None, Recipient | None]]:
    """Return the present contact and deputy of each lineage.

    It takes one statement for 500 lineages. Unknown lineages are omitted. A single lineage uses a hand-written
    statement, because each reminder that is sent reads it.
    """
    found: dict[str, tuple[Recipient | None, Recipient | None]] = {}
    ids = tuple(lineage_ids)
    if len(ids) == 1:
        for columns in sql.read(db, _ONE_LINEAGE, {"lineage": ids[0]}):
            found[ids[0]] = (_read(columns[:_PERSON]), _read(columns[_PERSON:]))
        return found
    for part in chunked(ids):
        rows = db.rows(models.Lineage).filter(pk__in=part).select_related("contact", "deputy")
        found.update({row.lineage_id: (_maybe(row.contact), _maybe(row.deputy)) for row in rows})
    return found


def readers(db: Database, person_ids: Iterable[str]) -> Mapping[str, Recipient]:
    """Return these people by their ids; unknown ids are omitted."""
    recipients: dict[str, Recipient] = {}
    for part in chunked(person_ids):
        rows = db.rows(models.Person).filter(pk__in=part)
        recipients.update({row.person_id: reader(row) for row in rows})
    return recipients


def unique_by_address(people: Iterable[Recipient | None]) -> tuple[Recipient, ...]:
    """Return the first recipient for each address.

    Recipients without an address are kept, once each.
    """
    recipients: dict[str, Recipient] = {}
    for person in people:
        if person is not None:
            recipients.setdefault(person.address or person.person_id, person)
    return tuple(recipients.values())


def active_assignments(now: datetime) -> Q:
    """Filter role assignments in force at `now`.

    They are accepted, have begun, are not withdrawn and not past their last instant.
    """
    return Q(waiting=False, valid_from__lte=now, withdrawn_at__isnull=True) & (
        Q(valid_until__isnull=True) | Q(valid_until__gte=now)
    )


def current_assignments(now: datetime) -> Q:
    """Filter role assignments neither withdrawn nor past their end, accepted or not."""
    return Q(withdrawn_at__isnull=True) & (Q(valid_until__isnull=True) | Q(valid_until__gte=now))


def reader(row: models.Person) -> Recipient:
    """Convert a person's row to a Recipient."""
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
    """Yield these ids, each once, in chunks that fit into one statement."""
    different = tuple(dict.fromkeys(ids))
    for start in range(0, len(different), _CHUNK):
        yield different[start : start + _CHUNK]


def _maybe(row: models.Person | None) -> Recipient | None:
    return None if row is None else reader(row)


def _mandates(
    db: Database, organisation_ids: tuple[str, ...], role: Role, now: datetime
) -> "QuerySet[models.RoleAssignment]":
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now), organisation__in=organisation_ids)
    return rows.filter(role=role).order_by("valid_from", "pk")


def _signatories(db: Database, organisation_ids: tuple[str, ...], now: datetime) -> Iterator[tuple[str, Recipient]]:
    rows = _mandates(db, organisation_ids, Role.SIGNATORY, now).filter(person__isnull=False)
    for row in rows.select_related("person"):
        if row.person is not None:
            yield row.organisation_id, reader(row.person)


def _agents(db: Database, organisation_ids: tuple[str, ...], now: datetime) -> Iterator[tuple[str, str]]:
    rows = _mandates(db, organisation_ids, Role.MANAGER, now)
    for text, agent in rows.filter(agent__closed_at__isnull=True).values_list("organisation_id", "agent_id"):
        if agent is not None:
            yield text, agent


def _contact_persons(db: Database, organisation_ids: tuple[str, ...]) -> Iterator[tuple[str, Recipient]]:
    rows = db.rows(models.Organisation).filter(pk__in=organisation_ids, contact__isnull=False)
    for row in rows.select_related("contact"):
        if row.contact is not None:
            yield row.organisation_id, reader(row.contact)


def _grouped(pairs: Iterable[tuple[str, _Value]]) -> dict[str, tuple[_Value, ...]]:
    found: dict[str, list[_Value]] = {}
    for one, value in pairs:
        found.setdefault(one, []).append(value)
    return {text: tuple(values) for text, values in found.items()}


def people_at(db: Database, address: str) -> "QuerySet[models.Person]":
    """Return the rows of people with this address in any case; none for an empty one.

    The database folds both sides, so that equality is the same as in its index.
    """
    rows = db.rows(models.Person)
    return (
        rows.alias(normalised_id=Lower("email")).filter(normalised_id=Lower(Value(address))) if address else rows.none()
    )
