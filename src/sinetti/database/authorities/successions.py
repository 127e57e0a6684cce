"""CAs of the register as their timetable needs them.

The rules are in domain/authorities/timetable.py.
"""

from dataclasses import replace
from datetime import timedelta

from sinetti.database import models
from sinetti.database.authorities import register
from sinetti.database.authorities.register import AuthorityView
from sinetti.database.connection import Database
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.authorities.timetable import PlannedCa
from sinetti.pki.encoding import load_certificate


def list_planned(db: Database, holder_validity: timedelta) -> tuple[PlannedCa, ...]:
    """Return all CAs and requests of CAs, without the ends of what they signed."""
    pending = (
        PlannedCa(
            pending.name, pending.role, pending.issuer, pending.channel, CaState.PENDING, replaces=pending.replaces
        )
        for pending in register.list_pending(db)
    )
    return (*(_installed(ca, holder_validity) for ca in register.list_authorities(db)), *pending)


def add_last_ends(db: Database, authorities: tuple[PlannedCa, ...]) -> tuple[PlannedCa, ...]:
    """Return the CAs with the end of the last certificate of each that only publishes.

    Until then `ca retire` is refused. It reads all certificates of such a CA.
    """
    views = {ca.name: ca for ca in register.list_authorities(db)}
    closed = [authority for authority in authorities if authority.state is CaState.PUBLISHING]
    ends = {planned_ca.name: register.last_end(db, views[planned_ca.name]) for planned_ca in closed}
    return tuple(replace(authority, last_leaf_ends_at=ends.get(authority.name)) for authority in authorities)


def list_closed(db: Database) -> tuple[str, ...]:
    """Return the names of CAs that issue nothing any more."""
    states = (CaState.PUBLISHING, CaState.RETIRED, CaState.REVOKED)
    return tuple(db.rows(models.CertificateAuthority).filter(state__in=states).values_list("name", flat=True))


def _installed(view: AuthorityView, holder_validity: timedelta) -> PlannedCa:
    certificate = load_certificate(view.certificate)
    return PlannedCa(
        view.name,
        view.role,
        view.issuer,
        view.channel,
        view.state,
        validity=holder_validity if view.role == "issuing" else timedelta(),
        replaces=view.replaces,
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )
