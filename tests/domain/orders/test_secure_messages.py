"""Secure messages: what a link leads to, how a PIN code stands, and where a Finnish day begins."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.orders.secure_messages import Delivery, Leads, Link, SentPin, Standing, day_began, leads, standing
from sinetti.domain.values import Channel

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LINK = Link(
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
PIN = SentPin("c" * 32, NOW, wrong=0, used=False, delivery=Delivery.SENT)

LINKS = {
    "its last second": (LINK, Leads.PIN),
    "no phone": (replace(LINK, phone=""), Leads.CODE),
    "nobody": (replace(LINK, phone=None), Leads.CLOSED),
    "unknown": (None, Leads.CLOSED),
    "past its time": (replace(LINK, expires=NOW - SECOND), Leads.CLOSED),
    "ended": (replace(LINK, ended=True), Leads.CLOSED),
    "ended, and its order is spent": (replace(LINK, ended=True, order=OrderState.SPENT), Leads.CLOSED),
    "its order is spent": (replace(LINK, order=OrderState.SPENT), Leads.SPENT),
    "its order was cancelled": (replace(LINK, order=OrderState.CANCELLED), Leads.CLOSED),
}


@pytest.mark.parametrize(("link", "to"), LINKS.values(), ids=LINKS)
def test_what_a_link_leads_to(link, to):
    assert leads(link, NOW) is to


PINS = {
    "none was sent": (None, Standing.NONE),
    "its last second": (PIN, Standing.WAITING),
    "four wrong entries": (replace(PIN, wrong=4), Standing.WAITING),
    "the fifth": (replace(PIN, wrong=5), Standing.LOCKED),
    "past its time": (replace(PIN, expires=NOW - SECOND), Standing.OVER),
    "used": (replace(PIN, used=True), Standing.OVER),
}


@pytest.mark.parametrize(("pin", "stands"), PINS.values(), ids=PINS)
def test_how_a_pin_stands(pin, stands):
    assert standing(pin, NOW) is stands


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
    assert day_began(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(began).replace(
        tzinfo=UTC
    )
