"""Namings of an organisation's first signatory, who may act only after a time.

Until then the organisation can stop it by a link (docs/e-service/authorisations.md). The role's `valid_from` is the
only state that permissions read, so no later step is needed, and a kill changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation, SignatoryNaming
from sinetti.database.notifications import outbox
from sinetti.database.notifications.access_messages import queue_naming
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import active_assignments, current_assignments
from sinetti.database.organisations.organisations import ContactDetails, insert_person, mark_replaced
from sinetti.domain.access.pending_invitations import NamingView, WaitingRole
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language


@dataclass(frozen=True)
class NewNaming:
    """A naming to insert: id, hash of its token, and the time before it counts.

    `address` is the organisation's in the trade register's extract. Without it, a letter is the only notice.
    """

    naming_id: str
    token_sha256: str
    wait: timedelta
    address: ContactDetails | None = None


def has_signatory(db: Database, organisation_id: str, now: datetime) -> bool:
    """Return True if an organisation has an active signatory.

    The role is accepted and in force, and the account is active.
    """
    rows = db.rows(models.RoleAssignment).filter(
        active_assignments(now), organisation=organisation_id, role=Role.SIGNATORY, user__is_active=True
    )
    return rows.exists()


def begin_waiting(db: Database, row: models.RoleAssignment, new: NewNaming | None, audit: AuditContext) -> None:
    """Let a first signatory's role begin after the time, and queue its notice.

    Call it under the organisation's lock, and only if no signatory is active. A role that has waited before does not
    wait again.
    """
    namings = _all(db).filter(mandate=row.pk, vetoed_at__isnull=True)
    if new is None or not new.wait or namings.filter(ends_at__lte=audit.at).exists():
        return
    ends_at = audit.at + new.wait
    db.rows(models.RoleAssignment).filter(pk=row.pk, valid_from__lt=ends_at).update(valid_from=ends_at)
    person = None if new.address is None else insert_person(db, new.address)
    if person is not None:
        mark_replaced(db, [person.person_id], ends_at)
    _all(db).create(
        naming_id=new.naming_id,
        mandate=row,
        person=person,
        token_sha256=new.token_sha256,
        created=audit.at,
        ends_at=ends_at,
    )
    facts = {"mandate": row.pk, "naming": new.naming_id, "until": ends_at.isoformat()}
    audit_log.write(db, audit, "signatory-waits", f"organisation:{row.organisation_id}", **facts)
    if person is not None:
        queue_naming(db, row.mandate_id, new.naming_id, person.person_id, audit.at)


def find_naming(db: Database, naming_id: str) -> NamingView | None:
    """Return the naming with this id, or None."""
    row = _viewed(db).filter(naming_id=naming_id).first()
    return None if row is None else _view(row)


def list_waiting(db: Database, normalised_id: str, now: datetime) -> tuple[NamingView, ...]:
    """Return the namings of an organisation that wait, oldest first."""
    rows = _viewed(db).filter(mandate__organisation__normalised_id=normalised_id, mandate__withdrawn_at__isnull=True)
    rows = rows.filter(ends_at__gt=now, vetoed_at__isnull=True)
    return tuple(_view(row) for row in rows.order_by("number"))


def find_of_invitation(db: Database, invitation_id: str) -> NamingView | None:
    """Return the last naming of the role of an invitation, or None."""
    row = _viewed(db).filter(mandate__invitations=invitation_id).order_by("-number").first()
    return None if row is None else _view(row)


def veto(db: Database, naming_id: str, letters: list[NewMessage], audit: AuditContext) -> bool:
    """End a naming that waits, with its role and links; return False if none waits."""
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(naming_id=naming_id)
        # The organisation is locked first, as in every change of a role.
        db.rows(models.Organisation).filter(given__namings__in=rows).update(created=F("created"))
        if not rows.filter(vetoed_at__isnull=True, ends_at__gt=audit.at).update(vetoed_at=audit.at):
            return False
        role = rows.get().mandate
        mandates = db.rows(models.RoleAssignment).filter(pk=role.pk, withdrawn_at__isnull=True)
        mandates.update(withdrawn_at=audit.at, giver_noted_at=audit.at)
        mark_replaced(db, [role.person_id], audit.at)
        links = db.rows(Invitation).filter(mandate=role.pk, used_at__isnull=True)
        links.filter(ended_at__isnull=True).update(ended_at=audit.at)
        facts = {"mandate": role.pk, "naming": naming_id}
        audit_log.write(db, audit, "signatory-vetoed", f"organisation:{role.organisation_id}", **facts)
        outbox.enqueue(db, letters, audit.at)
    return True


def list_waiting_of_user(db: Database, user_id: str, now: datetime) -> tuple[WaitingRole, ...]:
    """Return the accepted roles of an account that do not count yet."""
    rows = db.rows(models.RoleAssignment).filter(
        current_assignments(now), user=user_id, waiting=False, valid_from__gt=now, organisation__closed_at__isnull=True
    )
    values = rows.order_by("valid_from", "pk").values_list(
        "organisation__name", "organisation__customer_id", "valid_from"
    )
    return tuple(WaitingRole(*row) for row in values)


def _all(db: Database) -> "QuerySet[SignatoryNaming]":
    return db.rows(SignatoryNaming)


def _viewed(db: Database) -> "QuerySet[SignatoryNaming]":
    return _all(db).select_related("mandate__organisation", "mandate__person", "person")


def _view(row: SignatoryNaming) -> NamingView:
    named, organisation = row.mandate.person, row.mandate.organisation
    return NamingView(
        row.naming_id,
        row.token_sha256,
        organisation.name,
        organisation.customer_id,
        named.name if named else "",
        named.email if named else "",
        Language(organisation.language),
        row.person.email if row.person else "",
        row.created,
        row.ends_at,
        row.vetoed_at,
        stands=row.mandate.withdrawn_at is None and organisation.closed_at is None,
    )
