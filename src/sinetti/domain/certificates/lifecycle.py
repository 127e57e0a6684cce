"""The states of a certificate and of an order, and the moves that are allowed."""

from datetime import datetime
from enum import StrEnum


class CertificateState(StrEnum):
    """What the register stores.

    Revocation stands beside it, and expiry follows from the clock.
    """

    RESERVED = "reserved"
    ISSUED = "issued"
    FETCHED = "fetched"
    VOID = "void"


class OrderState(StrEnum):
    """An order waits for its transfer ids to be spent, and is then done."""

    OPEN = "open"
    SPENT = "spent"
    CANCELLED = "cancelled"


class DisplayState(StrEnum):
    """What people and machines are shown: revoked wins, then expired."""

    RESERVED = "reserved"
    ISSUED = "issued"
    FETCHED = "fetched"
    REVOKED = "revoked"
    EXPIRED = "expired"


CERTIFICATE_MOVES: dict[CertificateState, frozenset[CertificateState]] = {
    CertificateState.RESERVED: frozenset({CertificateState.ISSUED, CertificateState.VOID}),
    CertificateState.ISSUED: frozenset({CertificateState.FETCHED, CertificateState.VOID}),
    CertificateState.FETCHED: frozenset(),
    CertificateState.VOID: frozenset(),
}
"""A fetched certificate is never voided: it may be in use (docs/issuance.md, "Never two, never none")."""

ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.OPEN: frozenset({OrderState.SPENT, OrderState.CANCELLED}),
    OrderState.SPENT: frozenset({OrderState.OPEN}),
    OrderState.CANCELLED: frozenset(),
}
"""A spent order opens again only when the reservation that spent it is voided."""


def can_transition(state: CertificateState, to: CertificateState) -> bool:
    """Whether a certificate in `state` may come to be in state `to`."""
    return to in CERTIFICATE_MOVES[state]


def predecessors(to: CertificateState) -> frozenset[CertificateState]:
    """The states from which `to` may be reached: the condition of the conditional update."""
    return frozenset(state for state in CertificateState if can_transition(state, to))


def order_predecessors(to: OrderState) -> frozenset[OrderState]:
    """The same for orders."""
    return frozenset(state for state in OrderState if to in ORDER_MOVES[state])


def display_state(state: CertificateState, *, revoked: bool, not_after: datetime, now: datetime) -> DisplayState:
    """The state to show. A voided certificate is always a revoked one."""
    if revoked or state is CertificateState.VOID:
        return DisplayState.REVOKED
    if now > not_after:
        return DisplayState.EXPIRED
    return DisplayState(state.value)
