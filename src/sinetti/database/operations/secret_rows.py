"""Rows whose data a secret key made, for the rotation of keys.

See docs/operators/keys.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.domain.notifications.messages import MessageChannel


@dataclass(frozen=True)
class SealedFactor:
    """Second factor of an account, with its sealed values."""

    number: int
    data: Mapping[str, Any] = field(repr=False)


def list_password_macs(db: Database, now: datetime) -> Iterator[bytes]:
    """Yield the stored MACs of passwords that can still be used."""
    rows = db.rows(models.TransferIds).filter(ended_at=None, expires__gt=now)
    return (bytes(mac) for mac in rows.values_list("password_mac", flat=True).iterator())


def list_sessions(db: Database, machine_now: datetime) -> Iterator[str]:
    """Yield the sealed data of sessions that have not expired."""
    rows = db.rows(apps.get_model("sessions", "Session")).filter(expire_date__gt=machine_now)
    return rows.values_list("session_data", flat=True).iterator()


def list_factors(db: Database) -> Iterator[SealedFactor]:
    """Yield the second factors that have sealed values, by number."""
    rows = db.rows(apps.get_model("mfa", "Authenticator")).filter(type__in=("totp", "recovery_codes"))
    return (SealedFactor(number, data) for number, data in rows.order_by("pk").values_list("pk", "data"))


def update_factor(db: Database, old: SealedFactor, data: Mapping[str, Any]) -> bool:
    """Replace the sealed values of a factor; return False if it was changed meanwhile."""
    unchanged = {f"data__{name}": value for name, value in old.data.items()}
    rows = db.rows(apps.get_model("mfa", "Authenticator")).filter(pk=old.number, **unchanged)
    return bool(rows.update(data=dict(data)))


def list_link_ids(db: Database, now: datetime) -> Iterator[str]:
    """Yield the ids of rows whose link still works."""
    secure = db.rows(models.SecureMessage).filter(ended_at=None, shown_at=None, expires__gt=now)
    yield from secure.values_list("secure_id", flat=True)
    invitations = db.rows(models.Invitation).filter(used_at=None, ended_at=None, expires__gt=now)
    yield from invitations.values_list("invitation_id", flat=True)
    namings = db.rows(models.SignatoryNaming).filter(vetoed_at=None, ends_at__gt=now)
    yield from namings.values_list("naming_id", flat=True)


def list_sealed_links(db: Database) -> Iterator[str]:
    """Yield the sealed links of messages that still wait."""
    rows = db.rows(models.OutboxMessage).filter(sent=None, failed_at=None, cancelled_at=None)
    for facts in rows.filter(facts__way__isnull=False).values_list("facts", flat=True):
        yield (facts or {})["way"]


def list_pin_ids(db: Database, now: datetime) -> Iterator[str]:
    """Yield the ids of PIN codes that can still be used."""
    rows = db.rows(models.Pin).filter(used_at=None, ended_at=None, expires__gt=now)
    return rows.values_list("pin_id", flat=True).iterator()


def list_sending_times(db: Database) -> Iterator[datetime]:
    """Yield the times at which the stored e-mails were sent."""
    rows = db.rows(models.OutboxMessage).filter(channel=MessageChannel.EMAIL, sent__isnull=False)
    return (at for at in rows.values_list("sent", flat=True).iterator() if at is not None)


def count_persons(db: Database) -> int:
    """Return the number of stored digests of clerks."""
    return db.rows(models.StaffPerson).count()


def write_event(db: Database, audit: AuditContext, action: str, subject: str, **facts: str | int) -> None:
    """Write an audit row about secret keys."""
    with transaction.atomic(using=db.alias):
        audit_log.write(db, audit, action, subject, **facts)
