"""Renderer of queued messages, in the recipient's language and from current data."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sinetti.database.notifications import message_data
from sinetti.database.notifications.message_data import Addressee, MessageData
from sinetti.database.organisations.applications import DECIDED_STEP
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.values import Environment, Language
from sinetti.notifications.context import NotificationContext, RenderedMessage
from sinetti.notifications.templates import (
    access,
    accounts,
    application_decision,
    certificate_events,
    contacts,
    digests,
    early_replacement,
    layout,
    markup,
    orders,
    pending_invitations,
    reminders,
)
from sinetti.notifications.templates.layout import MessageBody, MessageContext, NothingToReport, Skip, with_layout

__all__ = ["Skip"]

EMAILS: Mapping[MessageKind, Callable[[MessageContext], MessageBody]] = {
    MessageKind.TRANSFER_IDS: orders.transfer_ids,
    MessageKind.REMINDER: reminders.reminder,
    MessageKind.TAKE_INTO_USE: reminders.take_into_use,
    MessageKind.DIGEST: digests.digest,
    MessageKind.FETCHED: certificate_events.fetched,
    MessageKind.RENEWED: certificate_events.renewed,
    MessageKind.REFUSED: certificate_events.refused,
    MessageKind.REVOKED: certificate_events.revoked,
    MessageKind.BOUNCED: contacts.bounced,
    MessageKind.CONTACT_GONE: contacts.contact_gone,
    MessageKind.CONTACT_CHANGED: contacts.contact_changed,
    MessageKind.ACCOUNT: accounts.account,
    MessageKind.EARLY: early_replacement.early,
    MessageKind.INCIDENT: early_replacement.early,
    MessageKind.DRILL: early_replacement.drill,
    MessageKind.AUTHORISATION: access.authorisation,
    MessageKind.INVITATION_PENDING: pending_invitations.pending,
    MessageKind.OPERATOR: application_decision.finding,
}
"""Writers of e-mails by kind."""

TEXT_MESSAGES: Mapping[MessageKind, Callable[[MessageContext], tuple[str, dict[str, str]]]] = {
    MessageKind.PIN: orders.pin_sms,
    MessageKind.REMINDER: reminders.reminder_sms,
    MessageKind.TAKE_INTO_USE: reminders.take_into_use_sms,
    MessageKind.EARLY: early_replacement.early_sms,
    MessageKind.INCIDENT: early_replacement.early_sms,
    MessageKind.DRILL: early_replacement.drill_sms,
}
"""Writers of SMS by kind."""


_ALONE = frozenset({MessageKind.PIN, MessageKind.EARLY, MessageKind.INCIDENT, MessageKind.DRILL})
"""Kinds of SMS that are complete without an e-mail on the same matter."""


def render(
    message: QueuedMessage, notification: NotificationContext, *, has_notice: bool = True
) -> RenderedMessage | Skip:
    """Return the complete message for this row's recipient, or why there is none.

    Without `has_notice` it lacks the privacy notice of a first message. Raises the errors of the database.
    """
    now = notification.now()
    data = message_data.load_message_data(notification.db, message, now)
    if (why := _unreachable(message, data)) is not None:
        return Skip(why)
    if data.to is not None and not has_notice:
        data = replace(data, to=replace(data.to, written_to=True))
    ctx = MessageContext(message, notification, data, data.to.language if data.to else _language(message), now)
    try:
        return _email(ctx) if message.channel is MessageChannel.EMAIL else _text_message(ctx)
    except NothingToReport as nothing:
        return Skip(str(nothing))


def _language(message: QueuedMessage) -> Language:
    """Return the language for an address that belongs to no person.

    It is that of the row, else that of the operators.
    """
    spoken = (message.facts or {}).get("language")
    return Language(spoken) if spoken in set(Language) else Language.EN


def _unreachable(message: QueuedMessage, data: MessageData) -> str | None:
    """Return the reason why the recipient cannot be reached, or None."""
    if data.to is None:
        return None if message.address and message.channel is MessageChannel.EMAIL else "there is no recipient"
    if data.to.erased:
        return "the recipient was erased"
    if message.channel is MessageChannel.SMS:
        return None if data.to.phone else "the recipient has no phone number"
    return _not_mailable(data.to)


def _not_mailable(to: Addressee) -> str | None:
    if not to.email:
        return "the recipient has no e-mail address"
    if to.bounced:
        return "the recipient's e-mail address does not work"
    return "the recipient has opted out of mail" if to.stopped else None


def _email(ctx: MessageContext) -> RenderedMessage | Skip:
    message = ctx.message
    # A decision has the kind of authorisations, because it is about the rights of an organisation.
    writer = application_decision.decided if message.step == DECIDED_STEP else EMAILS.get(message.kind)
    if writer is None:
        return Skip(f"messages of the kind {message.kind} are not sent by e-mail")
    written = writer(ctx)
    whole = with_layout(ctx, written)
    subject = markup.truncate(written.subject, markup.LONGEST_SUBJECT)
    return RenderedMessage(
        message.message_id,
        message.kind,
        message.channel,
        ctx.data.to.email if ctx.data.to else message.address or "",
        ctx.language,
        subject,
        markup.render_text(whole),
        markup.render_html(subject, whole, ctx.language),
    )


def _text_message(ctx: MessageContext) -> RenderedMessage | Skip:
    message, to = ctx.message, ctx.data.to
    if to is None or (writer := TEXT_MESSAGES.get(message.kind)) is None:
        return Skip(f"messages of the kind {message.kind} are not sent as text messages")
    message_id, values = writer(ctx)
    text = _short(ctx, message_id, values)
    return RenderedMessage(message.message_id, message.kind, message.channel, to.phone, ctx.language, "", text)


def _short(ctx: MessageContext, message_id: str, values: Mapping[str, str]) -> str:
    """Return the SMS in its alphabet.

    The organisation's name is shortened, so that the text fits into one SMS.
    """
    # A name outside the alphabet would halve the length of an SMS, so the id replaces it.
    organisation = markup.to_gsm7(values["organisation"]) or _instead(ctx)
    before = ctx.say(layout.REHEARSAL_SHORT) if ctx.notification.environment is Environment.TEST else ""
    after = "" if ctx.message.kind in _ALONE else reminders.also_written(ctx)
    bare = before + ctx.say(message_id, **{**values, "organisation": ""}) + after
    left = max(markup.LONGEST_SMS - len(bare), _SHORTEST_NAME)
    if len(organisation) > left:
        organisation = f"{organisation[: left - 2].rstrip()}.."
    return before + ctx.say(message_id, **{**values, "organisation": organisation}) + after


def _instead(ctx: MessageContext) -> str:
    """Return the organisation's id, for a name that the SMS alphabet cannot express."""
    return ctx.data.lineage.customer_id if ctx.data.lineage is not None else "-"


_SHORTEST_NAME = 12
"""Fewest characters of an organisation's name in an SMS."""
