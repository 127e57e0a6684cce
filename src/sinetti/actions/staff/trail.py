"""A clerk reads the audit trail, which is itself a look that is written down (docs/clerks.md)."""

from sinetti.actions.staff.clerk import Clerk, look_for
from sinetti.domain.looking import Place
from sinetti.registry import trail
from sinetti.registry.trail import Asked, Entry, Found

__all__ = ["Asked", "Entry", "entries"]


def entries(asked: Asked, most: int, clerk: Clerk) -> Found:
    """Rows of the trail, the newest first."""
    look_for(Place.AUDIT, " ".join(one for one in (asked.object, asked.actor, asked.action) if one), clerk)
    return trail.entries(clerk.office.register, asked, most)
