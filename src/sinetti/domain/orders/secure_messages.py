"""Secure messages: what a link leads to now, how long links and PIN codes last, and how often one may try.

The rules are those of docs/secure-messages.md. All instants are the office's clock's, UTC.
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
"""The fifth wrong entry ends a PIN code."""
PINS_A_DAY: Final = 3
"""PIN codes for one secure message on one Finnish day, so that nobody who has a link can fill a phone."""
CODE_TRIES: Final = 5
"""The fifth wrong code of a signatory ends the link: there is no second channel that could send another."""


class LinkState(StrEnum):
    """What a link leads to."""

    CLOSED = "closed"
    """Unknown, ended or past its time: whoever has no right to know learns no more."""
    SPENT = "spent"
    PIN = "pin"
    CODE = "code"


class PinState(StrEnum):
    """How the PIN code that was sent last stands."""

    NONE = "none"
    WAITING = "waiting"
    LOCKED = "locked"
    OVER = "over"


class SmsDelivery(StrEnum):
    """Whether the SMS with a PIN code got away."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SecureLink:
    """What is kept of a secure message.

    `phone` is its recipient's: empty without one, None without a recipient.
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


@dataclass(frozen=True, slots=True)
class IssuedPin:
    """The PIN code that was sent last."""

    pin_id: str
    expires: datetime
    wrong: int
    used: bool
    delivery: SmsDelivery


@dataclass(frozen=True, slots=True)
class PinHistory:
    """The PIN codes of a secure message: how many were ever made, how many today, and the one that may count."""

    made: int
    today: int
    last: IssuedPin | None


NO_PINS: Final = PinHistory(0, 0, None)


def link_state(link: SecureLink | None, now: datetime) -> LinkState:
    """What a link leads to now."""
    if link is None or link.ended or now > link.expires or link.phone is None:
        return LinkState.CLOSED
    if link.order is OrderState.OPEN:
        return LinkState.PIN if link.phone else LinkState.CODE
    return LinkState.SPENT if link.order is OrderState.SPENT else LinkState.CLOSED


def pin_state(pin: IssuedPin | None, now: datetime) -> PinState:
    """How a PIN code stands now; its last second is in time."""
    if pin is None:
        return PinState.NONE
    if pin.wrong >= PIN_TRIES:
        return PinState.LOCKED
    return PinState.OVER if pin.used or now > pin.expires else PinState.WAITING


def start_of_local_day(now: datetime) -> datetime:
    """The last Finnish midnight, UTC: from then on PIN codes are counted."""
    local = now.astimezone(FINNISH_TIME)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)
