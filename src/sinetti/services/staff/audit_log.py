"""A clerk reads the audit trail, which is itself a look that is written down (docs/clerks.md)."""

from sinetti.database.operations import audit_queries
from sinetti.database.operations.audit_queries import Asked, Entry, Found
from sinetti.domain.access.access_purpose import Place
from sinetti.services.staff.session import Clerk, look_for

__all__ = ["Asked", "Entry", "entries"]


def entries(asked: Asked, most: int, clerk: Clerk) -> Found:
    """Rows of the trail, the newest first."""
    look_for(Place.AUDIT, " ".join(one for one in (asked.object, asked.actor, asked.action) if one), clerk)
    return audit_queries.entries(clerk.office.register, asked, most)
