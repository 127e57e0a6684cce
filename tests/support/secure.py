"""Secure messages in tests.

Examples: `sent = offered(scene)`, `code = asked(scene, sent)`, `ids = opened(scene, sent)`.
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
from tests.support.scene import CONTACT, REQUEST, TRANSFER_KEY, Scene, an_order


@dataclass(frozen=True, slots=True)
class Sent:
    """A secure message, and the token of the link in its e-mail."""

    offered: LinkSent
    token: str


def sent_of(scene: Scene, offered: LinkSent) -> Sent:
    """Return the secure message with the token that its e-mail contains."""
    return Sent(offered, link_token(TRANSFER_KEY, OPEN_LINK, offered.secure_id))


def offered(scene: Scene, phone: str = CONTACT.phone) -> Sent:
    """Order a certificate whose contact gets a secure message."""
    new = replace(an_order(), contact=replace(CONTACT, phone=phone))
    return sent_of(scene, order_and_offer(new, scene.ctx, "operator", REQUEST))


def asked(scene: Scene, sent: Sent) -> str:
    """Request a PIN code and return the code of the SMS."""
    opened = send_pin(sent.token, view_link(sent.token, scene.ctx).made, scene.ctx, REQUEST)
    assert isinstance(opened, PinSent), opened
    return code_of_sms(scene, sent)


def code_of_sms(scene: Scene, sent: Sent) -> str:
    """Return the PIN code that was made last."""
    pin = Pin.objects.using(scene.db.alias).get(message=sent.offered.secure_id, ended_at__isnull=True)
    return pin_code(TRANSFER_KEY, pin.pin_id)


def opened(scene: Scene, sent: Sent) -> RevealedIds:
    """Request a PIN code, enter it, and return the transfer ids."""
    shown = reveal_with_pin(sent.token, asked(scene, sent), scene.ctx, REQUEST)
    assert isinstance(shown, RevealedIds), shown
    return shown


def another(pin: str) -> str:
    """Return a PIN code that differs from this one."""
    return f"{(int(pin) + 1) % 1_000_000:06}"
