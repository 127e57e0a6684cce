"""Whether a clock may be believed: beside the database's, beside the newest stored instant, and beside itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LARGEST_DIFFERENCE = timedelta(seconds=30)
"""From this difference on nothing is issued.

Nodes on one database may so be nearly twice as far apart.
"""


class ClockProblem(StrEnum):
    """Why a clock is not believed. Closed."""

    DIFFERS = "differs-from-the-database"
    BEHIND = "behind-the-newest-instant"
    JUMPED = "jumped"


@dataclass(frozen=True, slots=True)
class ClockReadings:
    """What was read at one look. Times UTC.

    `asked` and `answered` are the machine's, around the question to the database; `database` is its clock then, None
    where it has none but the machine's. `newest` is the newest stored instant that counts. `jumped` is how far the
    machine's clock has moved beside a clock that never jumps, since it was last believed.
    """

    asked: datetime
    answered: datetime
    database: datetime | None
    newest: datetime | None
    jumped: timedelta = timedelta(0)


def difference(readings: ClockReadings) -> timedelta | None:
    """How far the machine is ahead of the database, at the least: the database answered at some point in between.

    None without a clock of the database's. A slow answer is so never taken for a wrong clock.
    """
    if readings.database is None:
        return None
    if readings.database > readings.answered:
        return readings.answered - readings.database
    return max(readings.asked - readings.database, timedelta(0))


def clock_problem(readings: ClockReadings) -> ClockProblem | None:
    """Why this clock is not believed; None where it is.

    Alone on its database, a machine may not lie behind what it stored itself. Where a database serves several, each may
    be ahead of it by less than the largest difference, and so may what they stored; more than that, nobody rightly has.
    A jump counts where no other clock can tell whether it was a correction.
    """
    ahead = difference(readings)
    if ahead is not None and abs(ahead) >= LARGEST_DIFFERENCE:
        return ClockProblem.DIFFERS
    if readings.newest is not None and readings.newest > _latest_of_others(readings):
        return ClockProblem.BEHIND
    if ahead is None and abs(readings.jumped) >= LARGEST_DIFFERENCE:
        return ClockProblem.JUMPED
    return None


def _latest_of_others(readings: ClockReadings) -> datetime:
    return readings.answered if readings.database is None else readings.database + LARGEST_DIFFERENCE
