"""How the bench's clock walks through the years: far where nothing is due, a day at a time where something is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

STRIDE = timedelta(days=1)
"""As a timer once a day has it. Whatever falls due in between is done a day late, as with such a timer."""

LEAP = timedelta(days=180)
"""The longest step: whoever watches sees the years go by."""


@dataclass(frozen=True, slots=True)
class ClockPace:
    """How the clock walks: at least a stride, at most a leap at a time."""

    stride: timedelta = STRIDE
    leap: timedelta = LEAP


DAILY = ClockPace()
BRIEF = ClockPace(timedelta(days=9), timedelta(days=700))
"""For a few organisations before an audience in a hurry: whatever falls due is up to nine days late."""
WATCHFUL = ClockPace(timedelta(minutes=1), timedelta(hours=1))
"""As a timer once an hour that also wakes for what is due."""


def next_step(now: datetime, due: Iterable[datetime | None], goal: datetime, pace: ClockPace = DAILY) -> datetime:
    """Say where the clock goes next: to when something is due, at least a stride and at most a leap on, to the goal.

    `due` is what each agent says of itself: None where it plans nothing.
    """
    planned = min((one for one in due if one is not None), default=now + pace.leap)
    return min(max(planned, now + pace.stride), now + pace.leap, goal)
