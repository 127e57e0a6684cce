"""Ends of roles: steps that mail reports, and the time for which ends are listed.

The rules are described in docs/e-service/authorisations.md, "Ends".
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

STEPS: Final = (60, 14, 0)
"""Days before an end at which mail reports it, the longest first."""
NEAR: Final = timedelta(days=STEPS[0])
"""Time before an end in which both sides have a task."""
LISTED_FOR: Final = timedelta(days=365)
"""Time after an end in which both sides' pages list it."""
LATE_FOR: Final = timedelta(days=7)
"""Time after an end in which mail still reports it, after a pause of the service."""


class EndSide(StrEnum):
    """Side of a role on which a reader stands."""

    GIVEN = "given"
    """A signatory of the organisation that gave it."""
    FIRM = "firm"
    """A person who may ask for roles in the name of the firm that has it."""
    OWN = "own"
    """The person who has it."""


def passed_step(until: datetime | None, now: datetime) -> int | None:
    """Return the latest step before an end that has passed, or None.

    The last second of a role still counts, so its end has passed after it.
    """
    if until is None or now < until - NEAR:
        return None
    return next(days for days in reversed(STEPS) if (now > until if days == 0 else now >= until - timedelta(days=days)))


def has_mail(step: int, since: datetime, until: datetime) -> bool:
    """Return True if a step of a role that began at `since` is reported by mail.

    A step in the first half of the time is left out: mail about it would follow the mail about the role itself.
    """
    return not step or until - timedelta(days=step) >= since + (until - since) / 2
