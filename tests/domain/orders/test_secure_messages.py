"""Secure messages: targets of links, state of PIN codes, and Finnish days.

The tests also check the beginning of a Finnish day.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.orders.secure_messages import (
    IssuedPin,
    LinkState,
    PinState,
    SecureLink,
    SmsDelivery,
    link_state,
    pin_state,
    start_of_local_day,
)
from sinetti.domain.values import Channel

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LINK = SecureLink(
    "a" * 32,
    "b" * 32,
    OrderState.OPEN,
    NOW,
    ended=False,
    wrong=0,
    phone="+358 00 000",
    customer_id="0123456-7",
    customer_name="Sinisiipi Oy",
    channel=Channel.WS,
    description="payroll",
)
PIN = IssuedPin("c" * 32, NOW, wrong=0, used=False, delivery=SmsDelivery.SENT)

LINKS = {
    "its last second": (LINK, LinkState.PIN),
    "no phone": (replace(LINK, phone=""), LinkState.CODE),
    "nobody": (replace(LINK, phone=None), LinkState.CLOSED),
    "unknown": (None, LinkState.CLOSED),
    "past its time": (replace(LINK, expires=NOW - SECOND), LinkState.CLOSED),
    "ended": (replace(LINK, ended=True), LinkState.CLOSED),
    "ended, and its order is spent": (replace(LINK, ended=True, order=OrderState.FULFILLED), LinkState.CLOSED),
    "its order is spent": (replace(LINK, order=OrderState.FULFILLED), LinkState.SPENT),
    "its order was cancelled": (replace(LINK, order=OrderState.CANCELLED), LinkState.CLOSED),
}


@pytest.mark.parametrize(("link", "to"), LINKS.values(), ids=LINKS)
def test_what_a_link_leads_to(link, to):
    assert link_state(link, NOW) is to


PINS = {
    "none was sent": (None, PinState.NONE),
    "its last second": (PIN, PinState.WAITING),
    "four wrong entries": (replace(PIN, wrong=4), PinState.WAITING),
    "the fifth": (replace(PIN, wrong=5), PinState.LOCKED),
    "past its time": (replace(PIN, expires=NOW - SECOND), PinState.OVER),
    "used": (replace(PIN, used=True), PinState.OVER),
}


@pytest.mark.parametrize(("pin", "stands"), PINS.values(), ids=PINS)
def test_how_a_pin_stands(pin, stands):
    assert pin_state(pin, NOW) is stands


DAYS = {
    "winter": ("2026-01-15T12:00:00", "2026-01-14T22:00:00"),
    "summer": ("2026-07-15T12:00:00", "2026-07-14T21:00:00"),
    "the first second of a day": ("2026-01-14T22:00:00", "2026-01-14T22:00:00"),
    "the last second of a day": ("2026-01-14T21:59:59", "2026-01-13T22:00:00"),
    "the day that summer time begins, 23 hours": ("2026-03-29T20:59:59", "2026-03-28T22:00:00"),
    "the hour that comes twice, the second time": ("2026-10-25T01:30:00", "2026-10-24T21:00:00"),
}


@pytest.mark.parametrize(("now", "began"), DAYS.values(), ids=DAYS)
def test_where_a_finnish_day_begins(now, began):
    assert start_of_local_day(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(began).replace(
        tzinfo=UTC
    )
