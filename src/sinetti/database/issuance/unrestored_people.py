"""Holdings restored without contact, deputy and roles (docs/operators/journal.md)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications.recipients import current_assignments
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.values import Channel, Serial


@dataclass(frozen=True, slots=True)
class UnrestoredHolding:
    """A holding in use without its people.

    `serial` is that of its newest certificate. `has_roles` is False if the organisation was restored from a journal,
    and no person or other organisation acts for it.
    """

    holding_id: str
    serial: Serial
    customer_id: str
    channel: Channel
    has_contact: bool
    has_roles: bool


def insert_row(db: Database, lineage_id: str, now: datetime, *, has_new_organisation: bool) -> None:
    """Record that the people of a lineage could not be restored."""
    db.rows(models.UnrestoredPeople).create(
        lineage_id=lineage_id, has_new_organisation=has_new_organisation, restored_at=now
    )


def list_open(db: Database, now: datetime) -> tuple[UnrestoredHolding, ...]:
    """Return the holdings in use whose people are still missing, oldest first."""
    roles = db.rows(models.RoleAssignment).filter(
        current_assignments(now), organisation=OuterRef("lineage__organisation")
    )
    rows = _open(db).annotate(serial=Subquery(_live(db, now).values("serial")[:1]), has_role=Exists(roles))
    columns = ("lineage_id", "serial", "lineage__organisation__customer_id", "lineage__type__channel")
    flags = ("lineage__contact__email", "has_new_organisation", "has_role")
    facts = rows.filter(serial__isnull=False).order_by("number").values_list(*columns, *flags)
    # An erased person has no address.
    holdings = (
        UnrestoredHolding(holding, Serial(serial), customer, Channel(channel), bool(email), has_role or not is_new)
        for holding, serial, customer, channel, email, is_new, has_role in facts
    )
    return tuple(holding for holding in holdings if not (holding.has_contact and holding.has_roles))


def settle(db: Database, lineage_id: str, audit: AuditContext) -> bool:
    """Record that a lineage lacks no people; return False if it is not reported."""
    with transaction.atomic(using=db.alias):
        if not _open(db).filter(lineage=lineage_id).update(settled_at=audit.at):
            return False
        audit_log.write(db, audit, "people-settled", f"lineage:{lineage_id}")
    return True


def _open(db: Database) -> QuerySet[models.UnrestoredPeople]:
    return db.rows(models.UnrestoredPeople).filter(settled_at__isnull=True)


def _live(db: Database, now: datetime) -> QuerySet[models.Certificate]:
    rows = db.rows(models.Certificate).filter(
        lineage=OuterRef("lineage"), revoked_at__isnull=True, sha256__isnull=False, not_after__gte=now
    )
    return rows.exclude(state=CertificateState.SUPERSEDED).order_by("-not_before", "-pk")
