"""The world's rows in a database, before the simulation begins.

They have no keys and octets.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.db import connections, transaction

from simulate.world import BEGINS, LASTS, Habit, Life, Organisation, Person, World
from sinetti.database import models
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Gateway
from sinetti.database.operations import authorities
from sinetti.database.operations.authorities import NewAuthority
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Channel, Environment, IdentifierType, Language, Sha256

AUTHORITY, GATEWAY = "SimulatedCAv1", "simulated"
_TYPE = f"data-provider-{Channel.WS.lower()}"
_BATCH = 500
_CENTURY = timedelta(days=36_500)


def found(db: Database, world: World) -> None:
    """Write the CA, organisations, people, mandates and certificates.

    The database must be empty.
    """
    authority = NewAuthority(
        AUTHORITY, "Simulated CA v1", "issuing", None, Channel.WS, b"", Sha256(digest("ca")), digest("key"),
        BEGINS - _CENTURY, BEGINS + _CENTURY,
    )  # fmt: skip
    authorities.insert_authority(db, Environment.TEST, (authority,), AuditContext("simulation", BEGINS, "0" * 32))
    Gateway.objects.using(db.alias).create(name=GATEWAY, public_key="", added=BEGINS)
    with transaction.atomic(using=db.alias):
        _write(db, models.Person, map(_person, people(world)))
        _write(db, models.Organisation, map(_organisation, world.organisations))
        _write(db, models.ApprovedChannel, map(_approval, world.organisations))
        _write(db, models.RoleAssignment, chain.from_iterable(map(_mandates, world.organisations)))
        _write(db, models.Lineage, map(_lineage, world.lives))
        replaced = [life for life in world.lives if life.habit is Habit.REPLACED]
        _write(db, models.UsedKey, map(_key, world.lives))
        _write(db, models.Certificate, map(_certificate, world.lives))
        ids = _ids(db)
        _write(db, models.UsedKey, map(_replacing_key, replaced))
        _write(db, models.Order, (_replacing_order(life, ids[life.serial]) for life in replaced))
        _write(db, models.Certificate, (_replacing(life, ids[life.serial]) for life in replaced))
    with connections[db.alias].cursor() as cursor:
        cursor.execute("ANALYZE")


def digest(text: str) -> str:
    """Return 64 hex digits in place of a hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def replacing_serial(life: Life) -> str:
    """Return the serial number of a successor from before the simulation."""
    return f"50{life.serial[2:]}"


def people(world: World) -> Iterator[Person]:
    """Yield every person who is there at the beginning."""
    for one in world.organisations:
        yield from one.signatories
        if one.contact is not None:
            yield one.contact
    for life in world.lives:
        yield life.contact
        if life.deputy is not None:
            yield life.deputy


def _write(db: Database, model: Any, rows: Iterable[Any]) -> None:  # noqa: ANN401 - one loop over nine models
    every = iter(rows)
    while part := list(islice(every, _BATCH)):
        model.objects.using(db.alias).bulk_create(part)


def _ids(db: Database) -> dict[str, int]:
    return dict(models.Certificate.objects.using(db.alias).values_list("serial", "pk"))


def _person(person: Person) -> models.Person:
    return models.Person(
        person_id=person.person_id,
        name=f"Nimi {person.email.partition('@')[0]}",
        email=person.email,
        phone=person.phone,
        language=Language(person.language),
    )


def _organisation(one: Organisation) -> models.Organisation:
    return models.Organisation(
        organisation_id=one.organisation_id,
        customer_id=f"SIM-{one.number}",
        normalised_id=f"SIM-{one.number}".casefold(),
        kind=IdentifierType.ARTIFICIAL,
        name=f"Yritys {one.number} Oy",
        language=Language.FI,
        created=BEGINS,
        contact_id=one.contact.person_id if one.contact else None,
    )


def _approval(one: Organisation) -> models.ApprovedChannel:
    return models.ApprovedChannel(organisation_id=one.organisation_id, type_id=_TYPE, approved_at=BEGINS)


def _mandates(one: Organisation) -> Iterator[models.RoleAssignment]:
    common: dict[str, Any] = {"organisation_id": one.organisation_id, "valid_from": BEGINS - VALIDITY}
    for person in one.signatories:
        yield models.RoleAssignment(**common, person_id=person.person_id, role=Role.SIGNATORY)
    if one.firm is not None:
        yield models.RoleAssignment(**common, agent_id=one.firm.organisation_id, role=Role.MANAGER)


def _lineage(life: Life) -> models.Lineage:
    return models.Lineage(
        lineage_id=life.lineage_id,
        organisation_id=life.organisation.organisation_id,
        type_id=_TYPE,
        subject_serial=life.lineage_id.upper(),
        description=f"payroll {life.number}",
        contact_id=life.contact.person_id,
        deputy_id=life.deputy.person_id if life.deputy else None,
        created=BEGINS,
    )


def _key(life: Life) -> models.UsedKey:
    return models.UsedKey(key_id=digest(life.serial), first_seen=life.ends - VALIDITY)


def _replacing_key(life: Life) -> models.UsedKey:
    return models.UsedKey(key_id=digest(replacing_serial(life)), first_seen=_REPLACED_AT)


def _certificate(life: Life) -> models.Certificate:
    return _row(life, life.serial, life.ends, origin="import")


_REPLACED_AT = BEGINS - timedelta(days=100)


def _replacing_order(life: Life, replaced: int) -> models.Order:
    return models.Order(
        order_id=digest(f"order {life.serial}")[:32],
        lineage_id=life.lineage_id,
        contact_id=life.contact.person_id,
        replaces_id=replaced,
        state=OrderState.FULFILLED,
        created=_REPLACED_AT,
    )


def _replacing(life: Life, replaced: int) -> models.Certificate:
    order_id = digest(f"order {life.serial}")[:32]
    # So far off that it causes no message while the simulation lasts.
    return _row(
        life, replacing_serial(life), BEGINS + 2 * LASTS, origin="order", order_id=order_id, replaces_id=replaced
    )


def _row(life: Life, serial: str, ends: datetime, **more: Any) -> models.Certificate:  # noqa: ANN401 - columns
    begins = min(ends - VALIDITY, BEGINS - timedelta(days=1))
    return models.Certificate(
        serial=serial,
        authority_id=AUTHORITY,
        lineage_id=life.lineage_id,
        state=CertificateState.RETRIEVED,
        key_id=digest(serial),
        sha256=digest(f"der {serial}"),
        retrieval_id=digest(f"retrieval {serial}")[:32],
        not_before=begins,
        not_after=ends,
        renewable_from=ends - RENEWAL_WINDOW,
        reserved_at=begins,
        recorded_at=begins,
        first_fetched_at=begins,
        **more,
    )
