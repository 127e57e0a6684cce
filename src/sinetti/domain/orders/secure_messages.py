"""Secure messages: state of a link, lifetime of links and PIN codes, and limits.

The rules are those of docs/operators/secure-messages.md. All instants are UTC, of the authority's clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.values import TRANSFER_IDS_LIVE, Channel

LINK_LIVES: Final = TRANSFER_IDS_LIVE
PIN_LIVES: Final = timedelta(minutes=15)
PIN_TRIES: Final = 5
"""Wrong entries after which a PIN code ends."""
PINS_A_DAY: Final = 3
"""PIN codes for one secure message on one Finnish day.

The limit prevents a holder of the link from flooding a phone.
"""
CODE_TRIES: Final = 5
"""Wrong entries of a signatory's code after which the link ends.

No second channel exists that could carry another code.
"""


class LinkState(StrEnum):
    """Target of a link."""

    CLOSED = "closed"
    """The link is unknown, ended or expired; an unauthorised caller learns no more."""
    SPENT = "spent"
    PIN = "pin"
    CODE = "code"


class PinState(StrEnum):
    """State of the PIN code that was sent last."""

    NONE = "none"
    WAITING = "waiting"
    LOCKED = "locked"
    OVER = "over"


class SmsDelivery(StrEnum):
    """Delivery state of the SMS with a PIN code."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class SecureLink:
    """Stored data of a secure message.

    `phone` is the recipient's number, empty if there is none. It is None if there is no recipient.
    """

    secure_id: str
    order_id: str
    order: OrderState
    expires: datetime
    ended: bool
    wrong: int
    phone: str | None
    customer_id: str
    customer_name: str
    channel: Channel
    description: str


@dataclass(frozen=True)
class IssuedPin:
    """PIN code that was sent last."""

    pin_id: str
    expires: datetime
    wrong: int
    used: bool
    delivery: SmsDelivery


@dataclass(frozen=True)
class PinHistory:
    """PIN codes of a secure message: total, number of today, and the last one."""

    made: int
    today: int
    last: IssuedPin | None


NO_PINS: Final = PinHistory(0, 0, None)


def link_state(link: SecureLink | None, now: datetime) -> LinkState:
    """Return the target of a link now."""
    if link is None or link.ended or now > link.expires or link.phone is None:
        return LinkState.CLOSED
    if link.order is OrderState.OPEN:
        return LinkState.PIN if link.phone else LinkState.CODE
    return LinkState.SPENT if link.order is OrderState.FULFILLED else LinkState.CLOSED


def pin_state(pin: IssuedPin | None, now: datetime) -> PinState:
    """Return the state of a PIN code now; its last second is valid."""
    if pin is None:
        return PinState.NONE
    if pin.wrong >= PIN_TRIES:
        return PinState.LOCKED
    return PinState.OVER if pin.used or now > pin.expires else PinState.WAITING


def start_of_local_day(now: datetime) -> datetime:
    """Return the last Finnish midnight, in UTC, from which PIN codes are counted."""
    local = now.astimezone(FINNISH_TIME)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)
