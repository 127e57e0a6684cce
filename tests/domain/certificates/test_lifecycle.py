"""States of certificates and orders, the moves between them, and their display."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.domain.certificates.lifecycle import (
    CERTIFICATE_MOVES,
    ORDER_MOVES,
    CertificateState,
    DisplayState,
    OrderState,
    can_transition,
    display_state,
    order_predecessors,
    predecessors,
)
from sinetti.domain.values import VALIDITY
from tests.domain.facts import AROUND, INSTANTS, NOW, ONE_SECOND, certificate

RESERVED, ISSUED, FETCHED, VOID = CertificateState
ALLOWED = {(RESERVED, ISSUED), (RESERVED, VOID), (ISSUED, FETCHED), (ISSUED, VOID)}


@pytest.mark.parametrize(("state", "to"), [*product(CertificateState, CertificateState)])
def test_a_certificate_moves_forward_and_is_never_voided_once_fetched(state, to):
    assert can_transition(state, to) is ((state, to) in ALLOWED)
    assert (state in predecessors(to)) is ((state, to) in ALLOWED)


def test_every_state_has_its_moves():
    assert set(CERTIFICATE_MOVES) == set(CertificateState)
    assert set(ORDER_MOVES) == set(OrderState)


def test_an_order_is_spent_or_cancelled_and_may_open_again_only_from_spent():
    moves = {(state, to) for state, goals in ORDER_MOVES.items() for to in goals}
    assert moves == {
        (OrderState.OPEN, OrderState.FULFILLED),
        (OrderState.OPEN, OrderState.CANCELLED),
        (OrderState.FULFILLED, OrderState.OPEN),
    }
    for to in OrderState:
        assert order_predecessors(to) == {state for state, goal in moves if goal is to}


SHOWN = {
    "reserved": (RESERVED, False, NOW, DisplayState.RESERVED),
    "issued": (ISSUED, False, NOW, DisplayState.ISSUED),
    "fetched, in its last second": (FETCHED, False, NOW, DisplayState.FETCHED),
    "fetched, one second later": (FETCHED, False, NOW - ONE_SECOND, DisplayState.EXPIRED),
    "issued and never fetched, one second later": (ISSUED, False, NOW - ONE_SECOND, DisplayState.EXPIRED),
    "revoked": (FETCHED, True, NOW, DisplayState.REVOKED),
    "revoked, and expired since": (FETCHED, True, NOW - ONE_SECOND, DisplayState.REVOKED),
    "voided": (VOID, True, NOW, DisplayState.REVOKED),
    "voided, even if no instant is known": (VOID, False, NOW, DisplayState.REVOKED),
}


@pytest.mark.parametrize(("state", "revoked", "not_after", "expected"), SHOWN.values(), ids=SHOWN)
def test_shown(state, revoked, not_after, expected):
    assert display_state(state, revoked=revoked, not_after=not_after, now=NOW) is expected


LIVE = {
    "fetched": (certificate(NOW + VALIDITY), True),
    "in its last second": (certificate(NOW), True),
    "one second later": (certificate(NOW - ONE_SECOND), False),
    "revoked": (certificate(NOW + VALIDITY, revoked_at=NOW), False),
    "voided": (certificate(NOW + VALIDITY, state=VOID), False),
    "reserved": (replace(certificate(NOW + VALIDITY), state=RESERVED), True),
}


@pytest.mark.parametrize(("one", "lives"), LIVE.values(), ids=LIVE)
def test_live(one, lives):
    assert one.is_active(NOW) is lives


@given(state=some.sampled_from(CertificateState), revoked=some.booleans(), ends=INSTANTS, distance=AROUND)
def test_what_is_shown_as_living_is_what_lives(state, revoked, ends, distance):
    """Two places decide whether a certificate is in force; they never differ."""
    one = certificate(ends, state=state, revoked_at=NOW if revoked else None)
    now = ends + distance
    gone = display_state(state, revoked=revoked, not_after=ends, now=now) in {
        DisplayState.REVOKED,
        DisplayState.EXPIRED,
    }
    assert one.is_active(now) is not gone
