"""Digests for firms that act for many organisations: sections and send times.

Each certificate is listed under the party that has to act. docs/operators/digests.md has the same rules as tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.business_days import (
    DayOff,
    finnish_date,
    is_business_hours,
    start_of_business,
    workday_after,
    workday_before,
)
from sinetti.domain.certificates.display_status import IN_TIME, SEVERITIES, DisplayStatus, StateSeverity
from sinetti.domain.certificates.renewal_info import in_proportion
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, ValidityPeriod

NEAR = RENEWAL_WINDOW
"""Time before its end from which a certificate appears in digests."""
STAYS = timedelta(days=14)
"""Time after its end for which a certificate without a successor stays in digests.

Pages show it until it is replaced or let end; mail must not repeat for ever.
"""
CLOSE = timedelta(days=7)
"""Time before its end from which a certificate causes a digest each working day."""

_ONE_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


class DigestSection(StrEnum):
    """Sections of a digest by the party that has to act, in their order."""

    NEEDS_YOU = "needs-you"
    NEEDS_CLIENT = "needs-client"
    BY_ITSELF = "by-itself"


class DigestItemKind(StrEnum):
    """Entry of a digest for a certificate: the first that applies, in this order."""

    DONE = "done"
    RETRIEVE = "retrieve"
    REPLACEMENT_ORDERED = "replacement-ordered"
    USE_TRANSFER_IDS = "use-transfer-ids"
    ENDED = "ended"
    REVOKED = "revoked"
    NOT_APPROVED = "not-approved"
    RENEWS_ITSELF = "renews-itself"
    UNREACHABLE = "unreachable"
    RENEW = "renew"


class Successor(StrEnum):
    """Successor of a certificate: a renewal, or that of a replacement order."""

    NONE = "none"
    WAITING = "waiting"
    FETCHED = "fetched"


@dataclass(frozen=True)
class DigestCertificate:
    """Data of one certificate for which a firm acts.

    Instants are UTC, in whole seconds.

    - `life`: the whole validity period. A short one needs less time left to count as in time.
    - `ordered_until`: last instant at which transfer ids of a replacement order may be used, or None.
    - `by_renewal`: the certificate is a renewal, so a program has renewed this lineage in time before.
    - `firms`: the contact or the deputy of the lineage is one of the firm's people.
    - `reached`: mail reaches the contact or the deputy.
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


@dataclass(frozen=True)
class DigestSlot:
    """Digest that may be sent on one day.

    - `at`, `week_at`: 8:00 Finnish time of the day and of the week's first working day, in UTC.
    - `week_days`: days of this week on which a digest may have been sent already, from the weekly digest to `day`. It
      is empty before that.
    - `before`: 8:00 of the working day before.
    """

    day: date
    at: datetime
    before: datetime
    week_at: datetime
    week_days: tuple[date, ...]


def item_kind(certificate: DigestCertificate, now: datetime) -> DigestItemKind:
    """Return the digest entry of a certificate."""
    in_time = certificate.not_after - now > in_proportion(
        IN_TIME, ValidityPeriod(certificate.not_after - certificate.life, certificate.not_after)
    )
    ordered = certificate.ordered_until is not None and now <= certificate.ordered_until
    held = {
        DigestItemKind.DONE: certificate.successor is Successor.FETCHED,
        DigestItemKind.RETRIEVE: certificate.successor is Successor.WAITING,
        DigestItemKind.REPLACEMENT_ORDERED: ordered and in_time,
        DigestItemKind.USE_TRANSFER_IDS: ordered,
        # notAfter is the last valid second (RFC 5280, 4.1.2.5).
        DigestItemKind.ENDED: now > certificate.not_after,
        DigestItemKind.REVOKED: certificate.revoked,
        DigestItemKind.NOT_APPROVED: not certificate.approved,
        DigestItemKind.RENEWS_ITSELF: certificate.by_renewal and in_time,
        DigestItemKind.UNREACHABLE: not certificate.firms and not certificate.reached,
    }
    return next((name for name, holds in held.items() if holds), DigestItemKind.RENEW)


def section(what: DigestItemKind, *, firms: bool) -> DigestSection:
    """Return the section of an entry; `firms` as in `DigestCertificate`."""
    if what in _BY_ITSELF:
        return DigestSection.BY_ITSELF
    return DigestSection.NEEDS_CLIENT if what in _SIGNATORIES or not firms else DigestSection.NEEDS_YOU


def item_severity(what: DigestItemKind, *, ends_soon: bool) -> StateSeverity:
    """Return the severity of an entry: that of the certificate's state on pages."""
    open_state = DisplayStatus.ENDS_SOON if ends_soon else DisplayStatus.RENEWAL_OPEN
    return SEVERITIES[_STATES.get(what, open_state)]


_STATES: Mapping[DigestItemKind, DisplayStatus] = MappingProxyType(
    {
        DigestItemKind.DONE: DisplayStatus.RENEWED,
        DigestItemKind.RETRIEVE: DisplayStatus.NEW_WAITS,
        DigestItemKind.ENDED: DisplayStatus.EXPIRED,
        DigestItemKind.REVOKED: DisplayStatus.REVOKED,
    }
)
"""State of a certificate by its entry.

The others are open for renewal, or end soon.
"""
_BY_ITSELF = frozenset({DigestItemKind.DONE, DigestItemKind.REPLACEMENT_ORDERED, DigestItemKind.RENEWS_ITSELF})
_SIGNATORIES = frozenset(
    {DigestItemKind.ENDED, DigestItemKind.REVOKED, DigestItemKind.NOT_APPROVED, DigestItemKind.UNREACHABLE}
)
"""Entries on which only a signatory of the client can act.

The signatory orders a certificate or names another contact.
"""


def digest_slot(now: datetime, day_off: DayOff) -> DigestSlot | None:
    """Return the digest that may be sent now, or None outside office hours."""
    if not is_business_hours(now, day_off):
        return None
    day = finnish_date(now)
    first = week_begins(day, day_off)
    days = tuple(first + count * _ONE_DAY for count in range((day - first).days + 1))
    return DigestSlot(
        day, start_of_business(day), start_of_business(workday_before(day, day_off)), start_of_business(first), days
    )


def week_begins(day: date, day_off: DayOff) -> date:
    """Return the first working day of a day's week: Monday, unless that is a day off."""
    return workday_after(day - (day.weekday() + 1) * _ONE_DAY, day_off)


def next_day(after: datetime, day_off: DayOff) -> datetime:
    """Return the first 8:00 of a working day after this instant."""
    day = finnish_date(after)
    if start_of_business(day) > after:
        day -= _ONE_DAY
    return start_of_business(workday_after(day, day_off))


def next_week(after: datetime, day_off: DayOff) -> datetime:
    """Return the first 8:00 of a week's first working day after this instant."""
    day = finnish_date(after)
    first = start_of_business(week_begins(day, day_off))
    return first if first > after else start_of_business(week_begins(day + _WEEK, day_off))
