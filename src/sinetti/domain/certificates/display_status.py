"""What a list says of certificates and of orders that wait: state, urgency, and who can act now.

docs/certificates-page.md has the same in words. database/certificates/list_query.py sorts and filters by the same rule.

Progress of a certificate: fetched, seen in use, revoked, left to end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import LATELY
from sinetti.domain.values import ValidityPeriod


@dataclass(frozen=True, slots=True)
class CertificateProgress:
    """What became of a certificate.

    `revoked` is true of one that was voided or is not issued, too.

    `fetched` is when what renewed or replaced it was first fetched, if that is not revoked. `seen` and `new_seen` are
    when gateways last saw the old one and the new one.
    """

    span: ValidityPeriod
    revoked: bool = False
    let_end: bool = False
    closed: bool = False
    fetched: datetime | None = None
    seen: datetime | None = None
    new_seen: datetime | None = None


def is_still_used(course: CertificateProgress, fetched: datetime, now: datetime) -> bool:
    """Whether the old one was seen after the new one was fetched, and no change was made since.

    Between fetching and taking into use it is seen for a while, rightly. So where the new one was seen later than the
    old one, and the old one not lately, the change is made.
    """
    if course.seen is None or course.seen <= fetched:
        return False
    changed = course.new_seen is not None and course.new_seen > course.seen
    return not changed or now - course.seen <= LATELY


class DisplayStatus(StrEnum):
    """What there is to say of a certificate, the first of these that holds, in this order; then of orders."""

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
"""The states of orders whose certificate was not fetched."""


class Urgency(StrEnum):
    """How urgent: what somebody may have to see to, what is seen to, what is over."""

    OPEN = "open"
    SEEN_TO = "seen-to"
    OVER = "over"


class NextActor(StrEnum):
    """In whose hands it is now."""

    REPRESENTATIVE = "representative"
    """Whoever may order for the organisation."""
    CONTACT = "contact"
    PROGRAM = "program"
    NOBODY = "nobody"
    """There is nothing to do now."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the register knows of a certificate. Instants are UTC, whole seconds.

    `succeeded`: a renewal, or the certificate of an order that names it, stands in its place; `taken_at` is when the
    first of these was fetched. `seen` and `new_seen` are when gateways last saw this one and what took its place.
    `by_renewal`: it came by a renewal, so that a program has renewed this lineage in time before.
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
    taken_at: datetime | None = None
    seen: datetime | None = None
    new_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the register knows of an order that waits.

    `expires` is None where its transfer ids were ended.
    """

    created: datetime
    expires: datetime | None
    opened: bool = False


FOR_GOOD = frozenset({RevocationReason.SUPERSEDED, RevocationReason.CESSATION_OF_OPERATION})
"""What was revoked for these reasons needs nothing in its place."""

SEEN_TO = frozenset({DisplayStatus.RENEWED, DisplayStatus.LET_END, DisplayStatus.ISSUING})
"""What somebody has seen to, or goes by itself."""


def state_of(one: CertificateFacts, now: datetime) -> DisplayStatus:
    """Tell what there is to say of a certificate."""
    course = CertificateProgress(one.span, seen=one.seen, new_seen=one.new_seen)
    held = {
        DisplayStatus.REVOKED: one.revoked_at is not None,
        # notAfter is the last valid second (RFC 5280, 4.1.2.5).
        DisplayStatus.EXPIRED: now > one.span.not_after,
        DisplayStatus.ISSUING: not one.issued,
        DisplayStatus.OLD_IN_USE: one.taken_at is not None and is_still_used(course, one.taken_at, now),
        DisplayStatus.RENEWED: one.taken_at is not None,
        DisplayStatus.NEW_WAITS: one.succeeded,
        DisplayStatus.NOT_FETCHED: one.fetched_at is None,
        # Whoever renewed or replaced it after all wants the new one to be renewed, too.
        DisplayStatus.LET_END: one.renewal_opt_out_at is not None and one.span.not_before <= one.renewal_opt_out_at,
        # One that lives for weeks ends soon from its beginning: it counts only once something can be done.
        DisplayStatus.ENDS_SOON: one.span.not_after - now <= IN_TIME and now >= one.renewable_from,
        DisplayStatus.RENEWAL_OPEN: now >= one.renewable_from,
    }
    return next((name for name, holds in held.items() if holds), DisplayStatus.VALID)


def order_state(one: OrderFacts, now: datetime) -> DisplayStatus:
    """Tell what there is to say of an order whose certificate was not fetched."""
    if one.expires is None or now > one.expires:
        return DisplayStatus.IDS_LAPSED
    return DisplayStatus.IDS_OPENED if one.opened else DisplayStatus.IDS_SENT


def ended_at(one: CertificateFacts) -> datetime:
    """When it was over, or will be: its revocation, else its end."""
    return one.span.not_after if one.revoked_at is None else one.revoked_at


def urgency_of(one: CertificateFacts, now: datetime) -> Urgency:
    """Tell how urgent it is.

    What is over stays in sight for 14 days where nothing took its place.
    """
    state = state_of(one, now)
    if state in {DisplayStatus.REVOKED, DisplayStatus.EXPIRED}:
        out_of_sight = one.succeeded or one.reason in FOR_GOOD or ended_at(one) < now - STAYS
        return Urgency.OVER if out_of_sight else Urgency.OPEN
    return Urgency.SEEN_TO if state in SEEN_TO else Urgency.OPEN


def next_actor(one: CertificateFacts, now: datetime) -> NextActor:
    """Tell in whose hands it is."""
    if urgency_of(one, now) is not Urgency.OPEN:
        return NextActor.NOBODY
    state = state_of(one, now)
    if state in {DisplayStatus.ENDS_SOON, DisplayStatus.RENEWAL_OPEN} and not one.approved:
        return NextActor.REPRESENTATIVE
    if state is DisplayStatus.RENEWAL_OPEN and one.by_renewal:
        return NextActor.PROGRAM
    return HANDS[state]


HANDS: Mapping[DisplayStatus, NextActor] = MappingProxyType(
    {
        DisplayStatus.REVOKED: NextActor.REPRESENTATIVE,
        DisplayStatus.EXPIRED: NextActor.REPRESENTATIVE,
        DisplayStatus.IDS_LAPSED: NextActor.REPRESENTATIVE,
        DisplayStatus.VALID: NextActor.NOBODY,
        **dict.fromkeys(SEEN_TO, NextActor.NOBODY),
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
"""In whose hands each state is, but for what `next_actor` says more of."""


def days_left(not_after: datetime, now: datetime) -> int:
    """How many whole days of 24 hours are left; none after the end."""
    return max((not_after - now) // timedelta(days=1), 0)


def percent_left(span: ValidityPeriod, now: datetime) -> int:
    """How much of its life is left, in whole hundredths; a little is never shown as nothing."""
    if now > span.not_after:
        return 0
    part = (span.not_after - now) * 100 // max(span.not_after - span.not_before, timedelta(seconds=1))
    return min(max(int(part), 1), 100)


IN_TIME = timedelta(days=14)
"""While more than this is left, what somebody else has begun is trusted to go by itself."""


STAYS = timedelta(days=14)
"""So long after its end a certificate stays in digests, where nothing took its place."""
