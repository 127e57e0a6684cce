"""Refused again and again: when the people of a holding are told that its program gets no further (docs/people.md)."""

from datetime import timedelta

from sinetti.domain.refusals import RejectionReason

TIMES = 3
"""How often the same reason is given, to callers who have proven who they are, before people are told."""

WITHIN = timedelta(days=7)
"""How long refusals count together; and how long it stays quiet about a holding and a reason that people were told of.

A program that asks every minute makes one message a week.
"""

NOT_TOLD = frozenset(
    {
        # A program that asks every day until the window opens: it is told when, and nothing is wrong.
        RejectionReason.TOO_EARLY,
        # These pass by themselves, or are ours to mend: operators are told (docs/watch.md).
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }
)
"""Reasons that nobody at the holder's can do anything about, or need not."""


def triggers_alert(reason: RejectionReason) -> bool:
    """Whether people are told of this reason at all."""
    return reason not in NOT_TOLD
