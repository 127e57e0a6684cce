"""Transfer ids over two channels: a link by e-mail and a PIN by SMS.

The ids are generated when they are shown. docs/operators/secure-messages.md lists the guarantees. Each call reads the
state anew.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sinetti.database import sql
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import claim_interval
from sinetti.database.issuance.transactions import ConcurrentUpdate
from sinetti.database.organisations import secure_messages
from sinetti.database.organisations.organisations import NewOrder, NewTransferIds
from sinetti.database.organisations.secure_messages import NewLink, NewPin, NoRecipient, OrganisationCannotIssue
from sinetti.domain.link_tokens import OPEN_LINK, constant_time_equal, delivery_code, link_token, pin_code, token_hash
from sinetti.domain.orders.ordering_rules import ORDER_LAPSES_AFTER, OrderErrorReason
from sinetti.domain.orders.secure_messages import (
    CODE_TRIES,
    LINK_LIVES,
    NO_PINS,
    PIN_LIVES,
    PIN_TRIES,
    PINS_A_DAY,
    LinkState,
    PinHistory,
    PinState,
    SecureLink,
    SmsDelivery,
    link_state,
    pin_state,
    start_of_local_day,
)
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Channel
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import order
from sinetti.services.issuance.order import GeneratedTransferIds

_SHOWN_DIGITS = 2


@dataclass(frozen=True)
class LinkSent:
    """A link that is queued to an order's contact.

    `code` is the code that the signatory passes on to a contact without a phone.
    """

    order_id: str
    secure_id: str
    expires: datetime
    code: str | None = field(repr=False)

    @property
    def needs_code(self) -> bool:
        """True if the contact has no phone to which a PIN code could go."""
        return self.code is not None


@dataclass(frozen=True)
class LinkView:
    """State of a link, as its page shows it.

    `made` counts the PIN codes so far, `pins_left` those that may follow today. `tries_left` counts the remaining
    attempts with the PIN or the code. `phone_end` are the last digits of the phone number that gets the PIN codes.
    """

    leads: LinkState
    pin_state: PinState = PinState.NONE
    delivery: SmsDelivery = SmsDelivery.WAITING
    made: int = 0
    pins_left: int = 0
    tries_left: int = 0
    phone_end: str = ""


@dataclass(frozen=True)
class PinSent:
    """A generated PIN code; `message_id` is its SMS, which is queued."""

    message_id: str


@dataclass(frozen=True)
class RevealedIds:
    """Transfer ids as shown once, and their certificate's data."""

    ids: GeneratedTransferIds
    customer_id: str
    customer_name: str
    channel: Channel
    description: str


def send_link(order_id: str, ctx: ServiceContext, actor: str, request_id: str, seen: str | None = None) -> LinkSent:
    """Queue a link to transfer ids for the current contact of an open order.

    Former links and transfer ids end. `seen` is the id of the link that the requester saw, empty for none. Raises
    NewerLinkExists if another link has been made since, OrderUnknown, OrderAlreadyUsed, and OrderError if the order
    has no contact or the organisation is closed.
    """
    try:
        with ctx.act(actor, request_id) as audit:
            link = replace(_new_link(ctx, audit, LINK_LIVES), seen=seen)
            has_phone = secure_messages.send_link(ctx.db, order_id, link, _unknown_ids(ctx, audit), audit)
    except ConcurrentUpdate:
        raise order.order_closed_error(order_id, ctx) from None
    except NoRecipient:
        raise order.OrderError(
            OrderErrorReason.NO_CONTACT,
            "the order has no contact person any more: name one first (sinetti authority change-contact)",
        ) from None
    except OrganisationCannotIssue:
        raise order.OrderError(
            OrderErrorReason.CLOSED, "the organisation has ended: no certificates are issued to it"
        ) from None
    return _offered(order_id, link, ctx, has_phone=has_phone)


def order_and_offer(
    new: NewOrder, ctx: ServiceContext, actor: str, request_id: str, link_lives: timedelta = LINK_LIVES
) -> LinkSent:
    """Store an order and queue a link to its transfer ids for the contact.

    The transfer ids exist only once they are shown. Raises OrderError, and DuplicateOrder if the order has its own
    order id and was placed before.
    """
    order.check_order(new, ctx)
    with ctx.act(actor, request_id) as audit:
        link = _new_link(ctx, audit, link_lives)
        order_id, has_phone = secure_messages.order_and_offer(ctx.db, new, link, _unknown_ids(ctx, audit), audit)
    return _offered(order_id, link, ctx, has_phone=has_phone)


LAPSE_EVERY, LAPSED_AT_ONCE = timedelta(hours=1), 500
"""Interval of the search for orders that lapse, and most of them at once."""


def lapse_orders(ctx: ServiceContext, request_id: str) -> int:
    """Cancel orders whose last transfer IDs ended long ago; return their number.

    Nothing is sent: the contact could not use anything any more (docs/e-service/ordering.md). One node looks once an
    hour, because the query reads all open orders.
    """
    if not claim_interval(ctx.db, "orders-lapse", LAPSE_EVERY, ctx.now()):
        return 0
    audit = ctx.audit_entry("service", request_id)
    return secure_messages.lapse(ctx.db, ctx.now() - ORDER_LAPSES_AFTER, LAPSED_AT_ONCE, audit)


def view_link(token: str, ctx: ServiceContext) -> LinkView:
    """Return the state of a link. Changes and sends nothing."""
    now = ctx.now()
    link = secure_messages.find_link(ctx.db, token_hash(token))
    return _seen(link, _pins(link, ctx, now), now)


def send_pin(token: str, after: int, ctx: ServiceContext, request_id: str) -> PinSent | LinkView:
    """Generate a PIN code and queue its SMS, or return the state of the link.

    `after` is the number of PIN codes that the user saw, so that a form submitted twice sends one.
    """
    now = ctx.now()
    link = secure_messages.find_link(ctx.db, token_hash(token))
    if link is None or link_state(link, now) is not LinkState.PIN:
        return _seen(link, NO_PINS, now)
    audit = _audit_entry(link, ctx, request_id)
    pin_id = ctx.keyring.new_row_id(SecretPurpose.PINS, sql.random_id())
    new = NewPin(pin_id, audit.at + PIN_LIVES, after, start_of_local_day(audit.at))
    message_id = secure_messages.open_message(ctx.db, link, new, audit)
    return PinSent(message_id) if message_id is not None else view_link(token, ctx)


def reveal_with_pin(token: str, pin: str, ctx: ServiceContext, request_id: str) -> RevealedIds | LinkView:
    """Generate and show transfer ids for the PIN code that was sent last.

    The former transfer ids and the PIN code end. Any other input returns the state of the link, after a wrong PIN code
    has been counted.
    """
    now = ctx.now()
    link = secure_messages.find_link(ctx.db, token_hash(token))
    if link is None or link_state(link, now) is not LinkState.PIN:
        return _seen(link, NO_PINS, now)
    last = _pins(link, ctx, now).last
    if last is None or pin_state(last, now) is not PinState.WAITING:
        return view_link(token, ctx)
    audit = _audit_entry(link, ctx, request_id)
    if not constant_time_equal(
        pin_code(ctx.keyring.of_row(SecretPurpose.PINS, last.pin_id), last.pin_id), _without_spaces(pin)
    ):
        secure_messages.count_wrong_pin(ctx.db, link, last.pin_id, audit)
        return view_link(token, ctx)
    return _reveal(link, last.pin_id, ctx, audit) or view_link(token, ctx)


def reveal_with_code(token: str, code: str, ctx: ServiceContext, request_id: str) -> RevealedIds | LinkView:
    """Generate and show transfer ids for the code that a signatory passed on.

    Contacts without a phone get such a code. Any other input returns the state of the link, after a wrong code has
    been counted. The fifth wrong code ends the link.
    """
    now = ctx.now()
    link = secure_messages.find_link(ctx.db, token_hash(token))
    if link is None or link_state(link, now) is not LinkState.CODE:
        return _seen(link, NO_PINS, now)
    audit = _audit_entry(link, ctx, request_id)
    if not constant_time_equal(_code(link.secure_id, ctx), _without_spaces(code).casefold()):
        secure_messages.count_wrong_code(ctx.db, link, audit)
        seen = view_link(token, ctx)
        # The holder of a formerly valid link learns why it has ended; later it is treated like an unknown link.
        return seen if seen.leads is not LinkState.CLOSED else LinkView(LinkState.CLOSED, PinState.LOCKED)
    return _reveal(link, None, ctx, audit) or view_link(token, ctx)


def _reveal(link: SecureLink, pin_id: str | None, ctx: ServiceContext, audit: AuditContext) -> RevealedIds | None:
    """Return the ids that are stored now, or None if another call was faster."""
    new, password = order.generate_transfer_ids(ctx.keyring, audit.at)
    try:
        stored = (
            secure_messages.show_for_code(ctx.db, link, new, audit)
            if pin_id is None
            else secure_messages.reveal_with_pin(ctx.db, link, pin_id, new, audit)
        )
    except ConcurrentUpdate:
        return None
    if not stored:
        return None
    made = GeneratedTransferIds(link.order_id, new.transfer_id, password, new.expires)
    return RevealedIds(made, link.customer_id, link.customer_name, link.channel, link.description)


def _pins(link: SecureLink | None, ctx: ServiceContext, now: datetime) -> PinHistory:
    if link is None or link_state(link, now) is not LinkState.PIN:
        return NO_PINS
    return secure_messages.find_pins(ctx.db, link.secure_id, start_of_local_day(now))


def _seen(link: SecureLink | None, pins: PinHistory, now: datetime) -> LinkView:
    where = link_state(link, now)
    if link is None or where in {LinkState.CLOSED, LinkState.SPENT}:
        return LinkView(where)
    if where is LinkState.CODE:
        return LinkView(where, tries_left=max(0, CODE_TRIES - link.wrong))
    digits = "".join(letter for letter in link.phone or "" if letter.isdigit())
    last = pins.last
    return LinkView(
        where,
        pin_state(last, now),
        last.delivery if last is not None else SmsDelivery.WAITING,
        made=pins.made,
        pins_left=max(0, PINS_A_DAY - pins.today),
        tries_left=PIN_TRIES - last.wrong if last is not None else 0,
        phone_end=digits[-_SHOWN_DIGITS:],
    )


def _new_link(ctx: ServiceContext, audit: AuditContext, lives: timedelta) -> NewLink:
    ring = ctx.keyring
    secure_id = ring.new_row_id(SecretPurpose.LINKS, sql.random_id())
    token = link_token(ring.of_row(SecretPurpose.LINKS, secure_id), OPEN_LINK, secure_id)
    return NewLink(secure_id, token_hash(token), audit.at + lives)


def _unknown_ids(ctx: ServiceContext, audit: AuditContext) -> NewTransferIds:
    """Return transfer ids that are never shown; they only end the former ones."""
    return order.generate_transfer_ids(ctx.keyring, audit.at)[0]


def _offered(order_id: str, link: NewLink, ctx: ServiceContext, *, has_phone: bool) -> LinkSent:
    code = None if has_phone else _code(link.secure_id, ctx)
    return LinkSent(order_id, link.secure_id, link.expires, code)


def _code(secure_id: str, ctx: ServiceContext) -> str:
    return delivery_code(ctx.keyring.of_row(SecretPurpose.LINKS, secure_id), secure_id)


def _audit_entry(link: SecureLink, ctx: ServiceContext, request_id: str) -> AuditContext:
    return ctx.audit_entry(f"secure-message:{link.secure_id}", request_id)


def _without_spaces(text: str) -> str:
    return "".join(text.split())
