"""Messages about a call for early replacement, one to each person.

A message lists all of the person's certificates in the call.
"""

from sinetti.database.notifications.early_replacement_audience import CallDetails, CallListItem
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, RowsBlock, named, sanitise

SUBJECT = ngettext_noop(
    "Replace {count} certificate by {day} – earlier than usual",
    "Replace {count} certificates by {day} – earlier than usual",
)
ASKED = ngettext_noop(
    "{service} asks you to replace this certificate earlier than usual, by {ends}.",
    "{service} asks you to replace these certificates earlier than usual, by {ends}.",
)
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

# SMS: at most 160 characters of GSM 03.38.
SMS_ONE = gettext_noop("Replace the certificate of {organisation} by {ends}. Renew it in the program.")
SMS_MORE = gettext_noop(
    "Replace {count} certificates ({organisation} and others) by {ends}. Renew them in the program."
)
SMS_SAME = gettext_noop("Replace {count} certificates of {organisation} by {ends}. Renew them in the program.")


_ROWS = 200
"""Largest number of listed certificates.

Mail programs cut messages of more than 100 kB.
"""


def early(matter: MessageContext) -> MessageBody:
    """Write the e-mail: certificates, reason, deadline, steps, and where to check."""
    call, rows = _call_and_rows(matter)
    count, language = len(rows), matter.language
    subject = translate.translate_plural(*SUBJECT, count, language, day=matter.day(call.ends))
    ends = matter.when(call.ends)
    parts: list[Part] = [
        translate.translate_plural(*ASKED, count, language, service=matter.room.terms.service, ends=ends)
    ]
    if explanation := call.explanation[language]:
        parts.append(matter.say(EXPLAINED, explanation=sanitise(explanation)))
    parts += [
        RowsBlock(tuple(_line(matter, row) for row in rows[:_ROWS])),
        *([translate.translate_plural(*MORE, count - _ROWS, language)] if count > _ROWS else []),
        *(matter.say(one) for one in (BY_PROGRAM, BY_HAND, OR_ORDER, VALID, WHERE)),
    ]
    return MessageBody(subject, tuple(parts), Role.SIGNATORY, matter.say(WHY))


def early_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the SMS for a person without a working e-mail address, and its values."""
    call, rows = _call_and_rows(matter)
    message = SMS_ONE
    if len(rows) > 1:
        message = SMS_SAME if len({one.customer_id for one in rows}) == 1 else SMS_MORE
    # The SMS alphabet has no no-break space, which formatted numbers contain.
    values = {"count": str(len(rows)), "ends": matter.day(call.ends)}
    return message, {**values, "organisation": named(rows[0].organisation)}


def _call_and_rows(matter: MessageContext) -> tuple[CallDetails, tuple[CallListItem, ...]]:
    """Return the call and its unreplaced certificates. Raises NothingToReport."""
    call_id, loader = matter.fact("call"), matter.room.loader
    call = None if call_id is None else loader.find_call(call_id)
    if call_id is None or call is None:
        raise NothingToReport(NOT_THERE)
    if call.undone:
        why = "the call was cancelled"
        raise NothingToReport(why)
    rows = loader.list_called(call_id, matter.message.recipient or "", matter.now)
    if not rows:
        why = "all certificates in the call have been replaced"
        raise NothingToReport(why)
    return call, rows


def _line(matter: MessageContext, row: CallListItem) -> str:
    return matter.say(
        ROW,
        organisation=named(row.organisation),
        customer_id=row.customer_id,
        description=named(row.description) if row.description else row.channel.value,
        channel=row.channel.value,
        serial=row.serial,
        ends=matter.when(row.not_after),
    )
