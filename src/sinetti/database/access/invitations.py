"""Acceptance of invitations, and open invitations as clerks see them.

Accepting binds the link's role to an account, once (docs/e-service/authorisations.md).
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from sinetti.database import models
from sinetti.database.access.role_assignments import counting_links
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation
from sinetti.database.notifications.access_messages import AccessEvent, queue_for_signatories
from sinetti.database.notifications.recipients import current_assignments
from sinetti.database.organisations.contacts import OrganisationClosed, lock_open
from sinetti.domain.access.invitations import InvitationState as State
from sinetti.domain.access.invitations import invitation
from sinetti.domain.access.roles import Role


@dataclass(frozen=True)
class InvitationOffer:
    """Content of an invitation link: recipient, organisation, role and user."""

    invitation_id: str
    organisation_id: str
    organisation: str
    customer_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    role: Role
    until: datetime | None
    state: State
    used_by: str | None


def find_offer(db: Database, token_sha256: str, now: datetime) -> InvitationOffer | None:
    """Return the content of a link by the SHA-256 of its token.

    Returns None for an unknown token or a closed organisation.
    """
    row = _found(db, token_sha256)
    if row is None or row.mandate.organisation.closed_at is not None:
        return None
    mandate, person = row.mandate, row.mandate.person
    state = invitation(row.expires, row.used_at, row.ended_at, now)
    gone = mandate.withdrawn_at is not None or (mandate.valid_until is not None and mandate.valid_until < now)
    return InvitationOffer(
        row.invitation_id,
        mandate.organisation_id,
        mandate.organisation.name,
        mandate.organisation.customer_id,
        person.name if person else "",
        person.email if person else "",
        Role(mandate.role),
        mandate.valid_until,
        State.ENDED if gone or not _gives(row) else state,
        row.used_by_id,
    )


def accept(db: Database, token_sha256: str, user_id: str, audit: AuditContext) -> bool:
    """Bind a link's role to an account; return False if the link does not work.

    A second call by the same user returns True again, so a double click has no effect. The signatories are notified of
    a new signatory.
    """
    invitation = _found(db, token_sha256)
    if invitation is None:
        return False
    try:
        with transaction.atomic(using=db.alias):
            lock_open(db, invitation.mandate.organisation_id)
            links = db.rows(Invitation).filter(pk=invitation.pk)
            open_ = links.filter(counting_links(), used_at__isnull=True, ended_at__isnull=True, expires__gte=audit.at)
            if not open_.update(used_at=audit.at, used_by=user_id):
                return links.filter(used_by=user_id, mandate__withdrawn_at__isnull=True).exists()
            rows = db.rows(models.RoleAssignment).filter(current_assignments(audit.at), pk=invitation.mandate_id)
            # A first signatory's role begins later (database/access/signatory_namings.py).
            rows.filter(waiting=True, valid_from__lt=audit.at).update(valid_from=audit.at)
            rows.update(user=user_id, waiting=False)
            row = rows.select_related("person").get()
            about = f"organisation:{row.organisation_id}"
            audit_log.write(db, audit, "invitation-used", about, mandate=row.mandate_id, invitation=invitation.pk)
            if row.role == Role.SIGNATORY:
                queue_for_signatories(db, row.organisation_id, AccessEvent.JOINED, audit.at, mandate=row.mandate_id)
    except OrganisationClosed:
        return False
    return True


def _gives(row: Invitation) -> bool:
    """Return True if an invitation gives, or has given, its role.

    A signatory's invitation gives it only if it was vouched for.
    """
    return row.vouched or row.used_at is not None or row.mandate.role != Role.SIGNATORY


def _found(db: Database, token_sha256: str) -> Invitation | None:
    rows = db.rows(Invitation).filter(token_sha256=token_sha256)
    return rows.select_related("mandate__organisation", "mandate__person").first()


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation of a signatory: organisation, recipient, and expiry of its link."""

    invitation_id: str
    mandate_id: str
    organisation_id: str
    customer_id: str
    organisation: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    created: datetime
    expires: datetime
    vouched: bool
    """True if the link works, because authorised people made or confirmed it.

    Older code made links without this.
    """


def listed(db: Database, now: datetime, start: int, most: int) -> tuple[OpenInvitation, ...]:
    """Return a page of open invitations of signatories, newest first."""
    rows = db.rows(Invitation).filter(used_at__isnull=True, ended_at__isnull=True, expires__gte=now)
    rows = rows.filter(mandate__role=Role.SIGNATORY, mandate__withdrawn_at__isnull=True)
    rows = rows.select_related("mandate__organisation", "mandate__person").order_by("-created", "pk")
    return tuple(_read(row) for row in rows[start : start + most])


def find(db: Database, invitation_id: str, now: datetime) -> OpenInvitation | None:
    """Return an open invitation of a signatory, or None."""
    rows = db.rows(Invitation).filter(pk=invitation_id, used_at__isnull=True, ended_at__isnull=True)
    rows = rows.filter(expires__gte=now, mandate__role=Role.SIGNATORY, mandate__withdrawn_at__isnull=True)
    row = rows.select_related("mandate__organisation", "mandate__person").first()
    return None if row is None else _read(row)


def _read(row: Invitation) -> OpenInvitation:
    mandate = row.mandate
    return OpenInvitation(
        row.invitation_id,
        mandate.mandate_id,
        mandate.organisation_id,
        mandate.organisation.customer_id,
        mandate.organisation.name,
        mandate.person.name if mandate.person else "",
        mandate.person.email if mandate.person else "",
        row.created,
        row.expires,
        row.vouched,
    )
