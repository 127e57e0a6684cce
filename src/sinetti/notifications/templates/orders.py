"""Messages about transfer IDs: e-mail with the link, and SMS with the PIN code."""

from sinetti.database.notifications import message_data
from sinetti.database.organisations.secure_messages import CANCELLED_STEP
from sinetti.domain.link_tokens import OPEN_LINK, link_token, pin_code
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.i18n.translate import gettext_noop
from sinetti.notifications.templates import layout
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, page
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock

IDS_SUBJECT = gettext_noop("Open your transfer IDs by {day} – {organisation}")
ORDERED = gettext_noop(
    "{organisation} ordered the certificate “{description}” on {ordered} and named you to retrieve it. "
    "You need transfer IDs to retrieve it. They are in a secure message."
)
OPEN_WITH_PIN = gettext_noop(
    "Open the link below and press “{button}”. We will then send a PIN code by text message to your "
    "number ending in {digits}. Enter the code on the page."
)
OPEN_WITH_CODE = gettext_noop(
    "Open the link below and press “{button}”. We do not have your phone number, so the page asks for a "
    "code. You get the code from the organisation's representative."
)
BUTTON = gettext_noop("Open message")
LINK_WORKS = gettext_noop(
    "The page then shows the transfer IDs. Enter them in the program that retrieves the certificate. The "
    "link expires on {expires}."
)
UNEXPECTED = gettext_noop(
    "If you did not expect this message, do not open the link. Tell the organisation's representative or us."
)

CANCELLED_SUBJECT = gettext_noop("Certificate order cancelled on {day} – {organisation}")
CANCELLED = gettext_noop(
    "{organisation} cancelled the order of the certificate “{description}” that it made on {ordered}. The link that "
    "we sent you and its transfer IDs no longer work."
)
CANCELLED_NEXT = gettext_noop(
    "You do not need to do anything. If you think that this is a mistake, ask the organisation's representative."
)

PIN = gettext_noop(
    "PIN code {pin} opens the secure message about a certificate of {organisation}. It works for 15 "
    "minutes. We never ask for it by phone."
)


def transfer_ids(ctx: MessageContext) -> MessageBody:
    """Write the e-mail with the link to the secure message, and how to open it."""
    if ctx.message.step == CANCELLED_STEP:
        return _cancelled(ctx)
    secure_id, ordered = ctx.fact("secure"), ctx.data.ordered_at
    if secure_id is None or ordered is None:
        raise NothingToReport(NOT_THERE)
    expires = message_data.secure_expires(ctx.notification.db, secure_id)
    if expires is None or ctx.now > expires:
        raise NothingToReport("the link is no longer valid")
    key = ctx.notification.ring.of_row(SecretPurpose.LINKS, secure_id)
    subject = ctx.say(IDS_SUBJECT, day=ctx.day(expires), organisation=ctx.organisation)
    parts = (
        ctx.say(ORDERED, ordered=ctx.when(ordered), **ctx.names()),
        _how(ctx),
        LinkBlock(f"{ctx.notification.terms.people_address}/m/{link_token(key, OPEN_LINK, secure_id)}"),
        ctx.say(layout.TYPE_IT, address=page(ctx)),
        ctx.say(LINK_WORKS, expires=ctx.when(expires)),
        ctx.say(UNEXPECTED),
    )
    return MessageBody(subject, parts, Role.CONTACT)


def _cancelled(ctx: MessageContext) -> MessageBody:
    """Write the e-mail about an order that was cancelled while its link worked."""
    ordered = ctx.data.ordered_at
    if ordered is None:
        raise NothingToReport(NOT_THERE)
    subject = ctx.say(CANCELLED_SUBJECT, day=ctx.day(ctx.message.due), organisation=ctx.organisation)
    what = ctx.say(CANCELLED, ordered=ctx.when(ordered), **ctx.names())
    return MessageBody(subject, (what, ctx.say(CANCELLED_NEXT)), Role.CONTACT)


def pin_sms(ctx: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the message id and the values of the SMS with the PIN code.

    The organisation's name may be shortened.
    """
    pin_id = ctx.fact("pin")
    if pin_id is None:
        raise NothingToReport(NOT_THERE)
    expires = message_data.pin_expires(ctx.notification.db, pin_id)
    if expires is None or ctx.now > expires:
        raise NothingToReport("the PIN code is no longer valid")
    key = ctx.notification.ring.of_row(SecretPurpose.PINS, pin_id)
    return PIN, {"pin": pin_code(key, pin_id), "organisation": ctx.organisation}


def _how(ctx: MessageContext) -> str:
    """Return how to open the message.

    Only two digits of the phone number are given, so that a message does not reveal the number.
    """
    phone = ctx.data.to.phone if ctx.data.to else ""
    digits = "".join(text for text in phone if text.isdecimal())[-2:]
    button = ctx.say(BUTTON)
    if digits:
        return ctx.say(OPEN_WITH_PIN, button=button, digits=digits)
    return ctx.say(OPEN_WITH_CODE, button=button)
