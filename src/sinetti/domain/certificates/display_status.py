"""Display status, urgency and next actor of certificates and of open orders.

docs/e-service/certificates.md describes the same rules. database/certificates/list_query.py sorts and filters by them.

The progress of a certificate comprises: retrieved, seen in use, revoked, excluded from renewal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.certificates.lifecycle import opt_out_applies
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import LATELY
from sinetti.domain.values import ValidityPeriod


@dataclass(frozen=True)
class CertificateProgress:
    """Progress of a certificate and of its successor.

    `revoked` is also true of a certificate that was voided or is not issued.

    `fetched` is the instant of the first retrieval of its renewal or replacement, unless that is revoked. `seen` and
    `new_seen` are the instants at which gateways last saw the old and the new certificate.
    """

    span: ValidityPeriod
    revoked: bool = False
    let_end: bool = False
    closed: bool = False
    fetched: datetime | None = None
    seen: datetime | None = None
    new_seen: datetime | None = None


def is_still_used(course: CertificateProgress, fetched: datetime, now: datetime) -> bool:
    """Return True if the old certificate is in use after the retrieval of the new one.

    Between retrieval and installation of the new certificate the old one is rightly seen for a while. The change is
    complete if gateways saw the new certificate later than the old one, and the old one not within `LATELY`.
    """
    if course.seen is None or course.seen <= fetched:
        return False
    changed = course.new_seen is not None and course.new_seen > course.seen
    return not changed or now - course.seen <= LATELY


class DisplayStatus(StrEnum):
    """Display status of a certificate, then of an order.

    The first status that applies is shown, in this order.
    """

    REVOKED = "revoked"
    EXPIRED = "expired"
    ISSUING = "issuing"
    OLD_IN_USE = "old-in-use"
    RENEWED = "renewed"
    NEW_WAITS = "new-waits"
    NOT_FETCHED = "not-fetched"
    LET_END = "let-end"
    ENDS_SOON = "ends-soon"
    RENEWAL_OPEN = "renewal-open"
    VALID = "valid"
    IDS_LAPSED = "ids-lapsed"
    IDS_OPENED = "ids-opened"
    IDS_SENT = "ids-sent"


OF_ORDERS = (DisplayStatus.IDS_LAPSED, DisplayStatus.IDS_OPENED, DisplayStatus.IDS_SENT)
"""Statuses of orders whose certificate was not retrieved."""


class Urgency(StrEnum):
    """Urgency: a person may have to act, action is under way, or the matter is over."""

    OPEN = "open"
    SEEN_TO = "seen-to"
    OVER = "over"


class StateSeverity(StrEnum):
    """Severity of a state, the same on pages, in lists, in mail and in CSV."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


class NextActor(StrEnum):
    """Party that has to act next."""

    REPRESENTATIVE = "representative"
    """A person who may order for the organisation."""
    CONTACT = "contact"
    PROGRAM = "program"
    NONE = "nobody"
    """No action is needed now."""


@dataclass(frozen=True)
class CertificateFacts:
    """Data of a certificate from which its display status follows.

    Instants are UTC, in whole seconds.

    - `succeeded`: a valid renewal, or the certificate of a replacement order, exists.
    - `followed`: the same, valid or revoked. What an ended certificate lacks is shown at the one that followed it.
    - `taken_at`: instant of the first retrieval of such a successor.
    - `seen`, `new_seen`: instants at which gateways last saw this certificate and its successor.
    - `by_renewal`: the certificate is a renewal, so a program has renewed this lineage in time before.
    """

    span: ValidityPeriod
    renewable_from: datetime
    issued: bool = True
    fetched_at: datetime | None = None
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None
    renewal_opt_out_at: datetime | None = None
    by_renewal: bool = False
    approved: bool = True
    succeeded: bool = False
    followed: bool = False
    taken_at: datetime | None = None
    seen: datetime | None = None
    new_seen: datetime | None = None


@dataclass(frozen=True)
class OrderFacts:
    """Data of an open order from which its display status follows.

    `expires` is None if its transfer ids were ended.
    """

    created: datetime
    expires: datetime | None
    opened: bool = False


FOR_GOOD = frozenset({RevocationReason.SUPERSEDED, RevocationReason.CESSATION_OF_OPERATION})
"""Reasons for revocation after which a certificate needs no replacement."""

SEEN_TO = frozenset({DisplayStatus.RENEWED, DisplayStatus.LET_END, DisplayStatus.ISSUING})
"""Statuses in which action is under way, or the process continues by itself."""


def state_of(facts: CertificateFacts, now: datetime) -> DisplayStatus:
    """Return the display status of a certificate."""
    course = CertificateProgress(facts.span, seen=facts.seen, new_seen=facts.new_seen)
    held = {
        DisplayStatus.REVOKED: facts.revoked_at is not None,
        # notAfter is the last valid second (RFC 5280, 4.1.2.5).
        DisplayStatus.EXPIRED: now > facts.span.not_after,
        DisplayStatus.ISSUING: not facts.issued,
        DisplayStatus.OLD_IN_USE: facts.taken_at is not None and is_still_used(course, facts.taken_at, now),
        DisplayStatus.RENEWED: facts.taken_at is not None,
        DisplayStatus.NEW_WAITS: facts.succeeded,
        DisplayStatus.NOT_FETCHED: facts.fetched_at is None,
        DisplayStatus.LET_END: is_let_end(facts),
        # A certificate that is valid for weeks ends soon from its beginning; programs renew it in the first half.
        DisplayStatus.ENDS_SOON: ends_soon(facts.span.not_after, facts.renewable_from, now),
        DisplayStatus.RENEWAL_OPEN: now >= facts.renewable_from,
    }
    return next((name for name, holds in held.items() if holds), DisplayStatus.VALID)


def is_let_end(facts: CertificateFacts) -> bool:
    """Return True if the organisation lets it end, before its end or after it."""
    return opt_out_applies(facts.renewal_opt_out_at, facts.span.not_before)


def ends_soon(not_after: datetime, renewable_from: datetime, now: datetime) -> bool:
    """Return True with 14 days left, in the second half of the time for renewing."""
    return not_after - now <= min(IN_TIME, now - renewable_from)


def order_state(order_facts: OrderFacts, now: datetime) -> DisplayStatus:
    """Return the display status of an order whose certificate was not retrieved."""
    if order_facts.expires is None or now > order_facts.expires:
        return DisplayStatus.IDS_LAPSED
    return DisplayStatus.IDS_OPENED if order_facts.opened else DisplayStatus.IDS_SENT


def urgency_of(facts: CertificateFacts, now: datetime) -> Urgency:
    """Return the urgency of a certificate.

    An ended certificate stays open until another one follows it or the organisation lets it end.
    """
    state = state_of(facts, now)
    if state in {DisplayStatus.REVOKED, DisplayStatus.EXPIRED}:
        settled = facts.succeeded or facts.followed or facts.reason in FOR_GOOD or is_let_end(facts)
        return Urgency.OVER if settled else Urgency.OPEN
    return Urgency.SEEN_TO if state in SEEN_TO else Urgency.OPEN


def severity_of(facts: "CertificateFacts | OrderFacts", now: datetime) -> StateSeverity:
    """Return the severity of a certificate or an order; what is over is plain."""
    if isinstance(facts, OrderFacts):
        return SEVERITIES[order_state(facts, now)]
    return StateSeverity.PLAIN if urgency_of(facts, now) is Urgency.OVER else SEVERITIES[state_of(facts, now)]


SEVERITIES: Mapping[DisplayStatus, StateSeverity] = MappingProxyType(
    {
        DisplayStatus.REVOKED: StateSeverity.ERROR,
        DisplayStatus.EXPIRED: StateSeverity.ERROR,
        DisplayStatus.ISSUING: StateSeverity.PLAIN,
        DisplayStatus.OLD_IN_USE: StateSeverity.WARNING,
        DisplayStatus.RENEWED: StateSeverity.GOOD,
        DisplayStatus.NEW_WAITS: StateSeverity.WARNING,
        DisplayStatus.NOT_FETCHED: StateSeverity.WARNING,
        DisplayStatus.LET_END: StateSeverity.PLAIN,
        DisplayStatus.ENDS_SOON: StateSeverity.ERROR,
        DisplayStatus.RENEWAL_OPEN: StateSeverity.WARNING,
        DisplayStatus.VALID: StateSeverity.GOOD,
        DisplayStatus.IDS_LAPSED: StateSeverity.PLAIN,
        DisplayStatus.IDS_OPENED: StateSeverity.PLAIN,
        DisplayStatus.IDS_SENT: StateSeverity.PLAIN,
    }
)
"""Severity of each state that is not over.

It follows from the state alone, so that counts by state have the same severity as the rows.
"""


def next_actor(facts: CertificateFacts, now: datetime) -> NextActor:
    """Return the party that has to act next."""
    if urgency_of(facts, now) is not Urgency.OPEN:
        return NextActor.NONE
    state = state_of(facts, now)
    if state in {DisplayStatus.ENDS_SOON, DisplayStatus.RENEWAL_OPEN} and not facts.approved:
        return NextActor.REPRESENTATIVE
    if state is DisplayStatus.RENEWAL_OPEN and facts.by_renewal:
        return NextActor.PROGRAM
    return HANDS[state]


HANDS: Mapping[DisplayStatus, NextActor] = MappingProxyType(
    {
        DisplayStatus.REVOKED: NextActor.REPRESENTATIVE,
        DisplayStatus.EXPIRED: NextActor.REPRESENTATIVE,
        DisplayStatus.IDS_LAPSED: NextActor.REPRESENTATIVE,
        DisplayStatus.VALID: NextActor.NONE,
        **dict.fromkeys(SEEN_TO, NextActor.NONE),
        **dict.fromkeys(
            (
                DisplayStatus.OLD_IN_USE,
                DisplayStatus.NEW_WAITS,
                DisplayStatus.NOT_FETCHED,
                DisplayStatus.ENDS_SOON,
                DisplayStatus.RENEWAL_OPEN,
                DisplayStatus.IDS_OPENED,
                DisplayStatus.IDS_SENT,
            ),
            NextActor.CONTACT,
        ),
    }
)
"""Party that has to act, by status; `next_actor` handles the exceptions."""


def days_left(not_after: datetime, now: datetime) -> int:
    """Return the number of whole days of 24 hours left, 0 after the end."""
    return max((not_after - now) // timedelta(days=1), 0)


def percent_elapsed(span: ValidityPeriod, now: datetime) -> int:
    """Return the elapsed part of the validity period, in whole per cent.

    The result is at most 99 until the end, and 100 afterwards.
    """
    if now > span.not_after:
        return 100
    life = max(span.not_after - span.not_before, timedelta(seconds=1))
    return min(max(int((now - span.not_before) * 100 // life), 0), 99)


IN_TIME = timedelta(days=14)
"""Time before the end from which an action that is under way becomes urgent.

While more time is left, it is expected to complete by itself.
"""
