"""CAs of the register as their timetable needs them.

The rules are in domain/authorities/timetable.py.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Max

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.authorities.timetable import PlannedCa
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate


def list_planned(db: Database, holder_validity: timedelta) -> tuple[PlannedCa, ...]:
    """Return all CAs and requests of CAs, without the ends of what they signed."""
    pending = {one.name: one for one in models.PendingAuthority.objects.using(db.alias).defer("request")}
    rows = models.CertificateAuthority.objects.using(db.alias).order_by("name")
    installed = [_installed(one, pending.get(one.name), holder_validity) for one in rows]
    known = {one.name for one in installed}
    return (*installed, *(_pending(one) for name, one in sorted(pending.items()) if name not in known))


def add_last_ends(db: Database, authorities: tuple[PlannedCa, ...]) -> tuple[PlannedCa, ...]:
    """Return the CAs with the end of the last certificate of each that only publishes.

    It reads all certificates of such a CA.
    """
    return tuple(
        replace(one, last_leaf_ends_at=_last_end(db, one.name, authorities)) if one.state is CaState.PUBLISHING else one
        for one in authorities
    )


def list_closed(db: Database) -> tuple[str, ...]:
    """Return the names of CAs that issue nothing any more."""
    states = (CaState.PUBLISHING, CaState.RETIRED, CaState.REVOKED)
    return tuple(
        models.CertificateAuthority.objects.using(db.alias).filter(state__in=states).values_list("name", flat=True)
    )


def _installed(
    row: models.CertificateAuthority, request: models.PendingAuthority | None, holder_validity: timedelta
) -> PlannedCa:
    certificate = load_certificate(bytes(row.certificate))
    channel = Channel(row.channel) if row.channel is not None else None
    return PlannedCa(
        row.name,
        row.role,
        row.issuer_id,
        channel,
        CaState(row.state),
        validity=holder_validity if row.role == "issuing" else timedelta(),
        replaces=request.replaces_id if request is not None else None,
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )


def _pending(row: models.PendingAuthority) -> PlannedCa:
    channel = Channel(row.channel) if row.channel is not None else None
    return PlannedCa(row.name, row.role, row.issuer_id, channel, CaState.PENDING, replaces=row.replaces_id)


def _last_end(db: Database, name: str, authorities: tuple[PlannedCa, ...]) -> datetime | None:
    """Return the end of the last certificate that a CA signed; None without one."""
    below = [one.ends_at for one in authorities if one.parent == name and one.ends_at is not None]
    leaves = models.Certificate.objects.using(db.alias).filter(authority_id=name).aggregate(last=Max("not_after"))
    return max((*below, *([leaves["last"]] if leaves["last"] is not None else [])), default=None)
