"""Secure messages in tests.

Examples: `sent = offered(desk)`, `code = asked(desk, sent)`, `ids = opened(desk, sent)`.
"""

from dataclasses import dataclass, replace

from sinetti.database.models import Pin
from sinetti.domain.link_tokens import OPEN_LINK, link_token, pin_code
from sinetti.services.issuance.secure_message import (
    LinkSent,
    PinSent,
    RevealedIds,
    order_and_offer,
    reveal_with_pin,
    send_pin,
    view_link,
)
from tests.support.service_context import CONTACT, REQUEST, TRANSFER_KEY, Desk, an_order


@dataclass(frozen=True, slots=True)
class Sent:
    """A secure message, and the token of the link in its e-mail."""

    offered: LinkSent
    token: str


def sent_of(desk: Desk, offered: LinkSent) -> Sent:
    """Return the secure message with the token that its e-mail contains."""
    return Sent(offered, link_token(TRANSFER_KEY, OPEN_LINK, offered.secure_id))


def offered(desk: Desk, phone: str = CONTACT.phone) -> Sent:
    """Order a certificate whose contact gets a secure message."""
    new = replace(an_order(), contact=replace(CONTACT, phone=phone))
    return sent_of(desk, order_and_offer(new, desk.ctx, "operator", REQUEST))


def asked(desk: Desk, sent: Sent) -> str:
    """Request a PIN code and return the code of the SMS."""
    opened = send_pin(sent.token, view_link(sent.token, desk.ctx).made, desk.ctx, REQUEST)
    assert isinstance(opened, PinSent), opened
    return code_of_sms(desk, sent)


def code_of_sms(desk: Desk, sent: Sent) -> str:
    """Return the PIN code that was made last."""
    pin = Pin.objects.using(desk.db.alias).get(message=sent.offered.secure_id, ended_at__isnull=True)
    return pin_code(TRANSFER_KEY, pin.pin_id)


def opened(desk: Desk, sent: Sent) -> RevealedIds:
    """Request a PIN code, enter it, and return the transfer ids."""
    shown = reveal_with_pin(sent.token, asked(desk, sent), desk.ctx, REQUEST)
    assert isinstance(shown, RevealedIds), shown
    return shown


def another(pin: str) -> str:
    """Return a PIN code that differs from this one."""
    return f"{(int(pin) + 1) % 1_000_000:06}"
