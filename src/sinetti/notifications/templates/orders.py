"""Transfer IDs: the message with the link alone, and the text message with the PIN code."""

from sinetti.database.notifications import message_data
from sinetti.domain.link_tokens import OPEN_LINK, link_token, pin_code
from sinetti.notifications.templates import layout_texts as frame_texts
from sinetti.notifications.templates import notices_orders
from sinetti.notifications.templates.layout import page
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport


def transfer_ids(matter: MessageContext) -> MessageBody:
    """Send the link to the secure message, and how it is opened."""
    secure_id, ordered = matter.fact("secure"), matter.told.ordered_at
    if secure_id is None or ordered is None:
        raise NothingToReport(NOT_THERE)
    expires = message_data.secure_expires(matter.room.db, secure_id)
    if expires is None or matter.now > expires:
        why = "the link would not work any more"
        raise NothingToReport(why)
    subject = matter.say(notices_orders.IDS_SUBJECT, day=matter.day(expires), organisation=matter.organisation)
    parts = (
        matter.say(notices_orders.ORDERED, ordered=matter.when(ordered), **matter.names()),
        _how(matter),
        LinkBlock(f"{matter.room.terms.people_address}/m/{link_token(matter.room.key, OPEN_LINK, secure_id)}"),
        matter.say(frame_texts.TYPE_IT, address=page(matter)),
        matter.say(notices_orders.LINK_WORKS, expires=matter.when(expires)),
        matter.say(notices_orders.UNEXPECTED),
    )
    return MessageBody(subject, parts, Role.CONTACT)


def pin_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """The PIN code's text message: its id and values; the organisation's name may be cut."""
    pin_id = matter.fact("pin")
    if pin_id is None:
        raise NothingToReport(NOT_THERE)
    expires = message_data.pin_expires(matter.room.db, pin_id)
    if expires is None or matter.now > expires:
        why = "the PIN code would not work any more"
        raise NothingToReport(why)
    return notices_orders.PIN, {"pin": pin_code(matter.room.key, pin_id), "organisation": matter.organisation}


def _how(matter: MessageContext) -> str:
    """How the message is opened. Of the phone number two digits are told, so that a letter gives none away."""
    phone = matter.told.to.phone if matter.told.to else ""
    digits = "".join(one for one in phone if one.isdecimal())[-2:]
    button = matter.say(notices_orders.BUTTON)
    if digits:
        return matter.say(notices_orders.OPEN_WITH_PIN, button=button, digits=digits)
    return matter.say(notices_orders.OPEN_WITH_CODE, button=button)
