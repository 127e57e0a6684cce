"""Officers: the people who propose and approve acts, by their keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import OfficerRecord
from sinetti.domain.approvals.acts import OfficerRole
from sinetti.domain.approvals.officers import Officer

_TURN = "officers"


@contextmanager
def locked_officers(db: Database) -> Iterator[None]:
    """Open a transaction that changes of officers and other approvals wait for."""
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        yield


def list_officers(db: Database) -> tuple[Officer, ...]:
    """Return the officers in force, by name."""
    return tuple(to_officer(row) for row in _in_force(db).order_by("name"))


def list_all_officers(db: Database) -> tuple[Officer, ...]:
    """Return all officers, also removed ones, in the order of their addition."""
    rows = db.rows(OfficerRecord)
    return tuple(to_officer(row) for row in rows.order_by("added_at", "name", "pk"))


def has_officers(db: Database) -> bool:
    """Return True if there is an officer in force."""
    return _in_force(db).exists()


def find_officer(db: Database, name: str) -> Officer | None:
    """Return the officer in force with this name, or None."""
    row = _in_force(db).filter(name=name).first()
    return to_officer(row) if row else None


def is_known_key(db: Database, fingerprint: str) -> bool:
    """Return True if the key belongs to an officer, or belonged to one."""
    return db.rows(OfficerRecord).filter(fingerprint=fingerprint).exists()


def insert_officer(db: Database, new: Officer, audit: AuditContext) -> None:
    """Insert an officer; the caller holds the lock and has checked name and key."""
    db.rows(OfficerRecord).create(
        officer_id=new.officer_id,
        name=new.name,
        role=new.role.value,
        key=new.key,
        fingerprint=new.fingerprint,
        attestation=new.attestation,
        added_at=new.added_at,
    )
    _write(db, audit, "officer-added", new)


def remove_officer(db: Database, officer: Officer, audit: AuditContext) -> bool:
    """Remove an officer, once; return True if this call did it."""
    rows = db.rows(OfficerRecord).filter(pk=officer.officer_id, removed_at__isnull=True)
    if not rows.update(removed_at=audit.at):
        return False
    _write(db, audit, "officer-removed", officer)
    return True


def record_recovery(db: Database, audit: AuditContext, **statement: str) -> None:
    """Record the statement of the root key, by which all officers are replaced."""
    audit_log.write(db, audit, "officers-recovered", "officers", **statement)


def _in_force(db: Database) -> "QuerySet[OfficerRecord]":
    return db.rows(OfficerRecord).filter(removed_at__isnull=True)


def _write(db: Database, audit: AuditContext, action: str, officer: Officer) -> None:
    facts: dict[str, str] = {"role": officer.role.value, "key": officer.fingerprint}
    if action == "officer-added":
        facts["public_key"] = officer.key
    if officer.attestation:
        facts["attestation"] = officer.attestation
    audit_log.write(db, audit, action, f"officer:{officer.name}", **facts)


def to_officer(row: OfficerRecord) -> Officer:
    """Return the officer of a row."""
    added: datetime = row.added_at
    return Officer(
        row.officer_id,
        row.name,
        OfficerRole(row.role),
        row.key,
        row.fingerprint,
        row.attestation,
        added,
        row.removed_at,
    )
