"""Totals of certificates and orders, and the months in which certificates end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sinetti.domain.business_days import finnish_date, midnight
from sinetti.domain.certificates.display_status import OF_ORDERS, DisplayStatus, Urgency

MONTHS = 24
"""Months of a chart."""
LATELY_ENDED = timedelta(days=365)
"""Time after its end for which a certificate without a successor is counted."""
ENDED = frozenset({DisplayStatus.REVOKED, DisplayStatus.EXPIRED})


def month_begins(day: date, later: int = 0) -> date:
    """Return the first day of a day's month, or of one so many months later."""
    number = day.year * 12 + day.month - 1 + later
    return date(number // 12, number % 12 + 1, 1)


def coming_months(now: datetime) -> tuple[date, ...]:
    """Return the first days of this Finnish month and of the 23 after it."""
    today = finnish_date(now)
    return tuple(month_begins(today, later) for later in range(MONTHS))


def past_months(now: datetime) -> tuple[date, ...]:
    """Return the first days of 24 Finnish months, this one last."""
    today = finnish_date(now)
    return tuple(month_begins(today, later) for later in range(1 - MONTHS, 1))


def bounds(months: Sequence[date]) -> tuple[datetime, ...]:
    """Return the instants at which the months begin, and the end of the last one."""
    return tuple(midnight(month) for month in (*months, month_begins(months[-1], 1)))


@dataclass(frozen=True)
class StatusGroup:
    """Certificates, or orders, of one state that end in the same month.

    `month` is the place in `coming_months`, -1 for an earlier month, 24 for a later one, None for orders. `first_end`
    is the first end among them, `key` the serial or order id of one of them. `followed`: another certificate followed
    them. `lately`: they ended within the last year.
    """

    status: DisplayStatus
    urgency: Urgency
    count: int
    key: str
    month: int | None = None
    first_end: datetime | None = None
    followed: bool = False
    lately: bool = False


@dataclass(frozen=True)
class CertificateTotals:
    """Totals for the start page.

    `states` counts what needs action, by state. `in_force` are certificates that can be used now, `replaced` those of
    them that have a successor or are left to end. `ends` counts the ends of each of the 24 months. `next_end` is the
    first end of a certificate in force without a successor. `ended` counts those that ended within a year without one.
    `only` is the key of the only certificate or order that is not over, and whether it is an order.
    """

    states: Mapping[DisplayStatus, int]
    in_force: int = 0
    replaced: int = 0
    ends: tuple[int, ...] = (0,) * MONTHS
    next_end: datetime | None = None
    ended: int = 0
    only: tuple[str, bool] | None = None


NO_CERTIFICATES = CertificateTotals({})


def add_up(groups: Iterable[StatusGroup]) -> CertificateTotals:
    """Return the totals of these groups."""
    states: dict[DisplayStatus, int] = {}
    in_force = replaced = ended = 0
    ends, next_ends, left = [0] * MONTHS, list[datetime](), list[StatusGroup]()
    for group in groups:
        if group.urgency is Urgency.OPEN and group.status is not DisplayStatus.VALID:
            states[group.status] = states.get(group.status, 0) + group.count
        if group.urgency is not Urgency.OVER:
            left.append(group)
        if group.status in ENDED:
            ended += group.count if group.lately and not group.followed else 0
        elif group.status not in OF_ORDERS:
            in_force += group.count
            replaced += group.count if group.urgency is Urgency.SEEN_TO else 0
            next_ends += [group.first_end] if group.first_end is not None and group.urgency is Urgency.OPEN else []
        if (
            (group.status is not DisplayStatus.REVOKED and group.urgency is not Urgency.OVER)
            and group.month is not None
            and 0 <= group.month < MONTHS
        ):
            ends[group.month] += group.count
    only = (left[0].key, left[0].status in OF_ORDERS) if len(left) == 1 and left[0].count == 1 else None
    return CertificateTotals(states, in_force, replaced, tuple(ends), min(next_ends, default=None), ended, only)
