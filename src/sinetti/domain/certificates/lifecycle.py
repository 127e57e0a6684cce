"""States of certificates and orders, and the allowed transitions."""

from datetime import datetime
from enum import StrEnum


class CertificateState(StrEnum):
    """State of a certificate in the database.

    Revocation is stored separately. Expiry follows from the clock.
    """

    RESERVED = "reserved"
    ISSUED = "issued"
    RETRIEVED = "fetched"
    SUPERSEDED = "void"


class OrderState(StrEnum):
    """State of an order, which waits for the use of its transfer ids and is then done."""

    OPEN = "open"
    FULFILLED = "spent"
    CANCELLED = "cancelled"


class DisplayState(StrEnum):
    """State that users and programs see: revoked takes precedence, then expired."""

    RESERVED = "reserved"
    ISSUED = "issued"
    FETCHED = "fetched"
    REVOKED = "revoked"
    EXPIRED = "expired"


CERTIFICATE_MOVES: dict[CertificateState, frozenset[CertificateState]] = {
    CertificateState.RESERVED: frozenset({CertificateState.ISSUED, CertificateState.SUPERSEDED}),
    CertificateState.ISSUED: frozenset({CertificateState.RETRIEVED, CertificateState.SUPERSEDED}),
    CertificateState.RETRIEVED: frozenset(),
    CertificateState.SUPERSEDED: frozenset(),
}
"""Allowed transitions of the state of a certificate.

A retrieved certificate is never voided, since it may be in use (docs/contributors/issuance.md, "Never two, never
none").
"""

ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.OPEN: frozenset({OrderState.FULFILLED, OrderState.CANCELLED}),
    OrderState.FULFILLED: frozenset({OrderState.OPEN}),
    OrderState.CANCELLED: frozenset(),
}
"""Allowed transitions of the state of an order.

A spent order opens again only if the reservation that spent it is voided.
"""


def opt_out_applies(renewal_opt_out_at: datetime | None, not_before: datetime) -> bool:
    """Return True if the organisation lets a certificate with this notBefore end.

    An opt-out from before a renewal or replacement does not apply to the new certificate.
    """
    return renewal_opt_out_at is not None and not_before <= renewal_opt_out_at


def can_transition(state: CertificateState, to: CertificateState) -> bool:
    """Return True if a certificate may move from `state` to `to`."""
    return to in CERTIFICATE_MOVES[state]


def predecessors(to: CertificateState) -> frozenset[CertificateState]:
    """Return the states from which `to` may be reached.

    They are the condition of the conditional UPDATE.
    """
    return frozenset(state for state in CertificateState if can_transition(state, to))


def order_predecessors(to: OrderState) -> frozenset[OrderState]:
    """Return the states of an order from which `to` may be reached."""
    return frozenset(state for state in OrderState if to in ORDER_MOVES[state])


def display_state(state: CertificateState, *, revoked: bool, not_after: datetime, now: datetime) -> DisplayState:
    """Return the state to show; a voided certificate counts as revoked."""
    if revoked or state is CertificateState.SUPERSEDED:
        return DisplayState.REVOKED
    if now > not_after:
        return DisplayState.EXPIRED
    return DisplayState(state.value)
