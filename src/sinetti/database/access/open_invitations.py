"""Invitations that nobody has taken up yet, as clerks see them."""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.connection import Database
from sinetti.database.models import Invitation
from sinetti.domain.access.roles import Role


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation of a signatory: for which organisation, to whom, and until when its link works."""

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
    """Whether its link works: it was made, or confirmed, by whom it takes. Older code has made it otherwise."""


def listed(db: Database, now: datetime, start: int, most: int) -> tuple[OpenInvitation, ...]:
    """Some invitations of signatories that wait and whose link works, the newest first."""
    rows = Invitation.objects.using(db.alias).filter(used_at__isnull=True, ended_at__isnull=True, expires__gte=now)
    rows = rows.filter(mandate__role=Role.SIGNATORY, mandate__withdrawn_at__isnull=True)
    rows = rows.select_related("mandate__organisation", "mandate__person").order_by("-created", "pk")
    return tuple(_read(row) for row in rows[start : start + most])


def find(db: Database, invitation_id: str, now: datetime) -> OpenInvitation | None:
    """An invitation of a signatory that waits."""
    rows = Invitation.objects.using(db.alias).filter(pk=invitation_id, used_at__isnull=True, ended_at__isnull=True)
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
