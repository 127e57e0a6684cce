"""Check of the clock against the database, stored instants and a monotonic clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LARGEST_DIFFERENCE = timedelta(seconds=30)
"""Difference from which no certificate is issued.

Two nodes on one database may therefore differ by nearly twice as much.
"""


LONGEST_GAP = timedelta(hours=1)
"""Lead over the newest instant from which something must confirm the clock."""


class ClockProblem(StrEnum):
    """Reason not to trust the clock. A closed list."""

    DIFFERS = "differs-from-the-database"
    BEHIND = "behind-the-newest-instant"
    AHEAD = "ahead-of-the-newest-instant"
    JUMPED = "jumped"


@dataclass(frozen=True)
class ClockReadings:
    """Readings of one check. Instants are UTC.

    - `asked`, `answered`: the machine's clock before and after the query to the database.
    - `database`: the database's clock at the query, or None if it has no clock of its own.
    - `newest`: the newest stored instant that counts.
    - `unconfirmed_since`: that instant when the clock was found far ahead of it, and nothing confirmed it.
    - `jumped`: difference of the machine's clock to a monotonic clock since it was last trusted.
    """

    asked: datetime
    answered: datetime
    database: datetime | None
    newest: datetime | None
    jumped: timedelta = timedelta(0)
    unconfirmed_since: datetime | None = None


def difference(readings: ClockReadings) -> timedelta | None:
    """Return the least time by which the machine's clock is ahead of the database's.

    The database answered at some point between the two readings of the machine's clock. A slow answer therefore never
    looks like a wrong clock. The result is None if the database has no clock of its own.
    """
    if readings.database is None:
        return None
    if readings.database > readings.answered:
        return readings.answered - readings.database
    return max(readings.asked - readings.database, timedelta(0))


def clock_problem(readings: ClockReadings) -> ClockProblem | None:
    """Return the reason not to trust this clock, or None.

    A machine that is alone on its database must not be behind an instant that it stored itself. If a database serves
    several machines, each may be ahead of it by less than the largest difference, and so may their stored instants. No
    machine is rightly ahead by more. A jump counts only if no other clock can show if it was a correction.
    """
    ahead = difference(readings)
    if ahead is not None and abs(ahead) >= LARGEST_DIFFERENCE:
        return ClockProblem.DIFFERS
    if readings.newest is not None and readings.newest > _latest_of_others(readings):
        return ClockProblem.BEHIND
    if readings.unconfirmed_since is not None and readings.answered - readings.unconfirmed_since > LONGEST_GAP:
        return ClockProblem.AHEAD
    if ahead is None and abs(readings.jumped) >= LARGEST_DIFFERENCE:
        return ClockProblem.JUMPED
    return None


def _latest_of_others(readings: ClockReadings) -> datetime:
    return readings.answered if readings.database is None else readings.database + LARGEST_DIFFERENCE
