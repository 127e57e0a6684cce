"""Messages about a call for early replacement or a drill, one to each person.

A message lists all of the person's certificates in the call.
"""

from sinetti.database.notifications import early_replacement_audience
from sinetti.database.notifications.early_replacement_audience import CallDetails, CallListItem, CallSubject, subject_of
from sinetti.domain.link_tokens import DRILL_LINK, link_token
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.notifications.templates.layout import (
    NOT_THERE,
    TYPE_STOP,
    MessageBody,
    MessageContext,
    NothingToReport,
    page,
)
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock, Part, RowsBlock, named, sanitise

SUBJECT = ngettext_noop(
    "Replace {count} certificate by {day} – earlier than usual",
    "Replace {count} certificates by {day} – earlier than usual",
)
ASKED = ngettext_noop(
    "{service} asks you to replace this certificate earlier than usual, by {ends}.",
    "{service} asks you to replace these certificates earlier than usual, by {ends}.",
)
SUBJECT_INCIDENT = ngettext_noop(
    "Security incident: replace {count} certificate by {day}",
    "Security incident: replace {count} certificates by {day}",
)
ASKED_INCIDENT = ngettext_noop(
    "A key of the authority that issued this certificate may have been stolen. {service} asks you to replace the "
    "certificate by {ends}.",
    "A key of the authority that issued these certificates may have been stolen. {service} asks you to replace the "
    "certificates by {ends}.",
)
OWN_KEY = gettext_noop("Your own key has not been stolen, so your program can renew with it as usual.")
ACCEPTED = gettext_noop(
    "Until {until}, systems that receive your data accept a certificate that has not been replaced. After that, they "
    "refuse it, and data can no longer be sent with it."
)
REPEATED = gettext_noop("We have asked you before. The following certificates have not been replaced yet.")
EXPLAINED = gettext_noop("Reason: {explanation}")
VALID = gettext_noop(
    "We may revoke a certificate that has not been replaced by then. It can then no longer be used to "
    "send data. Until then, everything works as before."
)
BY_PROGRAM = gettext_noop(
    "If your program renews certificates automatically, no action is needed. It asks the service when to "
    "renew and renews in time. Check that the new certificate is in use."
)
BY_HAND = gettext_noop(
    "Otherwise, renew it in your program now. Renewal is already open. With this service's client, use "
    "the command: sinetti renew NAME --force"
)
OR_ORDER = gettext_noop(
    "If the program cannot renew certificates, the organisation's representative orders a replacement in "
    "the e-service (Settings > Technical interface and certificates)."
)
WHERE = gettext_noop(
    "The e-service shows which certificates have been replaced (Settings > Technical interface and certificates)."
)
ROW = gettext_noop(
    "{organisation}, {customer_id}: “{description}”, {channel}, serial number {serial}, valid until {ends}"
)
MORE = ngettext_noop("And {count} more. See the e-service.", "And {count} more. See the e-service.")
WHY = gettext_noop(
    "You are receiving this message because you look after these certificates or represent the "
    "organisation that holds them. Each person receives one message about all their certificates."
)

DRILL_SUBJECT = gettext_noop("EXERCISE – please confirm that this message reached you")
DRILL_ONLY = gettext_noop(
    "This is an exercise. Nothing has happened, and your certificates work as before. Do not replace them."
)
DRILL_WHAT = gettext_noop(
    "{service} checks how fast a message reaches everyone after a security incident. In a real incident, we would ask "
    "you to replace these certificates:"
)
DRILL_OPERATORS = gettext_noop("{service} checks how fast a message reaches its operators after a security incident.")
DRILL_ANSWER = gettext_noop(
    "Please confirm on this page that the message reached you. The page needs no sign-in, shows no information about "
    "you and changes no certificate:"
)

# SMS: at most 160 characters of GSM 03.38.
SMS_ONE = gettext_noop("Replace the certificate of {organisation} by {ends}. Renew it in the program.")
SMS_MORE = gettext_noop(
    "Replace {count} certificates ({organisation} and others) by {ends}. Renew them in the program."
)
SMS_SAME = gettext_noop("Replace {count} certificates of {organisation} by {ends}. Renew them in the program.")
SMS_INCIDENT = gettext_noop(
    "Security incident: replace the certificates ({count}) of {organisation} by {ends}. Renew them in the program."
)
SMS_DRILL = gettext_noop("EXERCISE, no action needed: after an incident we would reach {organisation} at this number.")


_ROWS = 200
"""Largest number of listed certificates.

Mail programs cut messages of more than 100 kB.
"""


def early(ctx: MessageContext) -> MessageBody:
    """Write the e-mail: certificates, reason, deadline, steps, and where to check."""
    call, rows = _call_and_rows(ctx)
    count, language = len(rows), ctx.language
    is_incident = ctx.message.kind is MessageKind.INCIDENT
    subject, asked = (SUBJECT_INCIDENT, ASKED_INCIDENT) if is_incident else (SUBJECT, ASKED)
    service, ends = ctx.notification.terms.service, ctx.when(call.ends)
    parts: list[Part] = [translate.translate_plural(*asked, count, language, service=service, ends=ends)]
    if is_incident:
        parts.append(ctx.say(OWN_KEY))
    if explanation := call.explanation[language]:
        parts.append(ctx.say(EXPLAINED, explanation=sanitise(explanation)))
    if ctx.fact("repeated"):
        parts.append(ctx.say(REPEATED))
    until = min((row.accepted_until for row in rows if row.accepted_until), default=None)
    then = ctx.say(VALID) if until is None else ctx.say(ACCEPTED, until=ctx.when(until))
    parts += [*_listed(ctx, rows), *(ctx.say(text) for text in (BY_PROGRAM, BY_HAND, OR_ORDER))]
    parts += [then, ctx.say(WHERE)]
    title = translate.translate_plural(*subject, count, language, day=ctx.day(call.ends))
    return MessageBody(title, tuple(parts), Role.SIGNATORY, ctx.say(WHY))


def early_sms(ctx: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the SMS for a person without a working e-mail address, and its values.

    In the last stage of a call all others get it too.
    """
    call, rows = _call_and_rows(ctx)
    message = SMS_ONE
    if ctx.message.kind is MessageKind.INCIDENT:
        message = SMS_INCIDENT
    elif len(rows) > 1:
        message = SMS_SAME if len({row.customer_id for row in rows}) == 1 else SMS_MORE
    # The SMS alphabet has no no-break space, which formatted numbers contain.
    values = {"count": str(len(rows)), "ends": ctx.day(call.ends)}
    return message, {**values, "organisation": named(rows[0].organisation)}


def drill(ctx: MessageContext) -> MessageBody:
    """Write the e-mail of an exercise, with a link that confirms it."""
    service = ctx.notification.terms.service
    parts: list[Part] = [ctx.say(DRILL_ONLY)]
    role = Role.OPERATOR if ctx.data.to is None else Role.SIGNATORY
    if role is Role.OPERATOR:
        parts.append(ctx.say(DRILL_OPERATORS, service=service))
    else:
        parts += [ctx.say(DRILL_WHAT, service=service), *_listed(ctx, _drill_rows(ctx))]
    parts += [ctx.say(DRILL_ANSWER), LinkBlock(_answer_address(ctx)), ctx.say(TYPE_STOP, address=page(ctx))]
    why = "" if role is Role.OPERATOR else ctx.say(WHY)
    return MessageBody(ctx.say(DRILL_SUBJECT), tuple(parts), role, why)


def drill_sms(ctx: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the SMS of an exercise, which has no link, and its values."""
    return SMS_DRILL, {"organisation": named(_drill_rows(ctx)[0].organisation)}


def _answer_address(ctx: MessageContext) -> str:
    message_id = ctx.message.message_id
    token = link_token(ctx.notification.ring.current(SecretPurpose.MAIL).octets, DRILL_LINK, message_id)
    return f"{ctx.notification.terms.people_address}/drill/{message_id}/{token}"


def _drill_rows(ctx: MessageContext) -> tuple[CallListItem, ...]:
    """Return the reader's certificates in a drill. Raises NothingToReport."""
    rows = _rows(ctx)
    if not rows:
        raise NothingToReport(NOT_THERE)
    return rows


def _call_and_rows(ctx: MessageContext) -> tuple[CallDetails, tuple[CallListItem, ...]]:
    """Return the call and its unreplaced certificates. Raises NothingToReport."""
    call_id = ctx.fact("call")
    call = None if call_id is None else early_replacement_audience.find_call_details(ctx.notification.db, call_id)
    if call is None:
        raise NothingToReport(NOT_THERE)
    if call.undone:
        raise NothingToReport("the call was cancelled")
    rows = _rows(ctx)
    if not rows:
        raise NothingToReport("all certificates in the call have been replaced")
    return call, rows


def _rows(ctx: MessageContext) -> tuple[CallListItem, ...]:
    message = ctx.message
    subject = subject_of(message.kind, message.facts or {}) or CallSubject("")
    return early_replacement_audience.list_called(ctx.notification.db, subject, message.recipient or "", ctx.now)


def _listed(ctx: MessageContext, rows: tuple[CallListItem, ...]) -> tuple[Part, ...]:
    """Return the list of certificates, cut after `_ROWS`."""
    block = RowsBlock(tuple(_line(ctx, row) for row in rows[:_ROWS]))
    more = len(rows) - _ROWS
    return (block, translate.translate_plural(*MORE, more, ctx.language)) if more > 0 else (block,)


def _line(ctx: MessageContext, row: CallListItem) -> str:
    return ctx.say(
        ROW,
        organisation=named(row.organisation),
        customer_id=row.customer_id,
        description=named(row.description) if row.description else row.channel.value,
        channel=row.channel.value,
        serial=row.serial,
        ends=ctx.when(row.not_after),
    )
