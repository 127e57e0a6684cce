"""Digests for firms that look after many: who has to act on each certificate, and when a digest leaves.

docs/digests.md has the same as tables.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sinetti.domain.business_days import (
    DayOff,
    finnish_date,
    is_business_hours,
    start_of_business,
    workday_after,
    workday_before,
)
from sinetti.domain.certificates.display_status import IN_TIME
from sinetti.domain.certificates.renewal_info import in_proportion
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, ValidityPeriod

NEAR = RENEWAL_WINDOW
"""So long before its end a certificate comes into digests."""
CLOSE = timedelta(days=7)
"""So long before its end a certificate brings a digest each working day."""

_ONE_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


class DigestSection(StrEnum):
    """Who has to act: the three parts of a digest, in their order."""

    NEEDS_YOU = "needs-you"
    NEEDS_CLIENT = "needs-client"
    BY_ITSELF = "by-itself"


class DigestItemKind(StrEnum):
    """What there is to say of a certificate: the first of these that holds, in this order."""

    DONE = "done"
    RETRIEVE = "retrieve"
    REPLACEMENT_ORDERED = "replacement-ordered"
    USE_TRANSFER_IDS = "use-transfer-ids"
    ENDED = "ended"
    REVOKED = "revoked"
    NOT_APPROVED = "not-approved"
    RENEWS_ITSELF = "renews-itself"
    NOBODY_REACHED = "nobody-reached"
    RENEW = "renew"


class Successor(StrEnum):
    """What took a certificate's place: a renewal, or the certificate of an order that names it."""

    NONE = "none"
    WAITING = "waiting"
    FETCHED = "fetched"


@dataclass(frozen=True, slots=True)
class DigestCertificate:
    """What is known of one certificate that a firm looks after.

    Instants are UTC, whole seconds.

    `life` is its whole life: of a short one less has to be left to be in time.

    `ordered_until` is how long transfer ids of an order that replaces it may still be used, None without any.
    `by_renewal`: it came by a renewal, so that a program has renewed this lineage in time before. `firms`: the
    lineage's contact or deputy is one of the firm's people. `reached`: mail reaches its contact or deputy.
    """

    not_after: datetime
    successor: Successor = Successor.NONE
    ordered_until: datetime | None = None
    revoked: bool = False
    approved: bool = True
    by_renewal: bool = False
    firms: bool = False
    reached: bool = True
    life: timedelta = VALIDITY


@dataclass(frozen=True, slots=True)
class DigestSlot:
    """The digest that may leave on one day.

    `at` and `week_at` are 8:00 Finnish time, in UTC.

    `week_days` are the days of this week on which a digest may have left already, from the one that is due to all
    who have rows to `day`; it is empty before that. `before` is 8:00 of the working day before.
    """

    day: date
    at: datetime
    before: datetime
    week_at: datetime
    week_days: tuple[date, ...]


def item_kind(one: DigestCertificate, now: datetime) -> DigestItemKind:
    """Tell what there is to say of a certificate."""
    in_time = one.not_after - now > in_proportion(IN_TIME, ValidityPeriod(one.not_after - one.life, one.not_after))
    ordered = one.ordered_until is not None and now <= one.ordered_until
    held = {
        DigestItemKind.DONE: one.successor is Successor.FETCHED,
        DigestItemKind.RETRIEVE: one.successor is Successor.WAITING,
        DigestItemKind.REPLACEMENT_ORDERED: ordered and in_time,
        DigestItemKind.USE_TRANSFER_IDS: ordered,
        # notAfter is the last valid second (RFC 5280, 4.1.2.5).
        DigestItemKind.ENDED: now > one.not_after,
        DigestItemKind.REVOKED: one.revoked,
        DigestItemKind.NOT_APPROVED: not one.approved,
        DigestItemKind.RENEWS_ITSELF: one.by_renewal and in_time,
        DigestItemKind.NOBODY_REACHED: not one.firms and not one.reached,
    }
    return next((name for name, holds in held.items() if holds), DigestItemKind.RENEW)


def section(what: DigestItemKind, *, firms: bool) -> DigestSection:
    """Tell who has to act; `firms` as in Watched."""
    if what in _BY_ITSELF:
        return DigestSection.BY_ITSELF
    return DigestSection.NEEDS_CLIENT if what in _SIGNATORIES or not firms else DigestSection.NEEDS_YOU


_BY_ITSELF = frozenset({DigestItemKind.DONE, DigestItemKind.REPLACEMENT_ORDERED, DigestItemKind.RENEWS_ITSELF})
_SIGNATORIES = frozenset(
    {DigestItemKind.ENDED, DigestItemKind.REVOKED, DigestItemKind.NOT_APPROVED, DigestItemKind.NOBODY_REACHED}
)
"""What only a signatory of the client can mend: by an order, or by naming somebody else."""


def digest_slot(now: datetime, day_off: DayOff) -> DigestSlot | None:
    """The digest that may leave now; None outside office hours."""
    if not is_business_hours(now, day_off):
        return None
    day = finnish_date(now)
    first = week_begins(day, day_off)
    days = tuple(first + count * _ONE_DAY for count in range((day - first).days + 1))
    return DigestSlot(
        day, start_of_business(day), start_of_business(workday_before(day, day_off)), start_of_business(first), days
    )


def week_begins(day: date, day_off: DayOff) -> date:
    """The first working day of a day's week: Monday, unless that is off."""
    return workday_after(day - (day.weekday() + 1) * _ONE_DAY, day_off)


def next_day(after: datetime, day_off: DayOff) -> datetime:
    """The first 8:00 of a working day after this instant."""
    day = finnish_date(after)
    if start_of_business(day) > after:
        day -= _ONE_DAY
    return start_of_business(workday_after(day, day_off))


def next_week(after: datetime, day_off: DayOff) -> datetime:
    """The first 8:00 of a week's first working day after this instant."""
    day = finnish_date(after)
    first = start_of_business(week_begins(day, day_off))
    return first if first > after else start_of_business(week_begins(day + _WEEK, day_off))
