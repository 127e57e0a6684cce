"""Letters about a call for early replacement, one to each person.

A letter lists all of the person's certificates in the call.
"""

from sinetti.database.notifications.early_replacement_audience import (
    CallDetails,
    CallListItem,
    find_call_details,
    list_called,
)
from sinetti.i18n import translate
from sinetti.notifications.templates import early_replacement_texts as texts
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, RowsBlock, named, sanitise
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport

_ROWS = 200
"""So many certificates are listed: mail that is longer than 100 kB is cut by those who show it."""


def early(matter: MessageContext) -> MessageBody:
    """Say what is to be replaced, why, by when, what to do, and where it is seen."""
    call, rows = _told(matter)
    count, language = len(rows), matter.language
    subject = translate.translate_plural(*texts.SUBJECT, count, language, day=matter.day(call.ends))
    ends = matter.when(call.ends)
    said: list[Part] = [
        translate.translate_plural(*texts.ASKED, count, language, service=matter.room.terms.service, ends=ends)
    ]
    if explanation := call.explanation[language]:
        said.append(matter.say(texts.EXPLAINED, explanation=sanitise(explanation)))
    said += [
        RowsBlock(tuple(_line(matter, row) for row in rows[:_ROWS])),
        *([translate.translate_plural(*texts.MORE, count - _ROWS, language)] if count > _ROWS else []),
        *(matter.say(one) for one in (texts.BY_PROGRAM, texts.BY_HAND, texts.OR_ORDER, texts.VALID, texts.WHERE)),
    ]
    return MessageBody(subject, tuple(said), Role.SIGNATORY, matter.say(texts.WHY))


def early_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the text message to a person whom mail does not reach, and its values."""
    call, rows = _told(matter)
    message = texts.SMS_ONE
    if len(rows) > 1:
        message = texts.SMS_SAME if len({one.customer_id for one in rows}) == 1 else texts.SMS_MORE
    # The default alphabet of text messages has no space that does not break.
    values = {"count": str(len(rows)), "ends": matter.day(call.ends)}
    return message, {**values, "organisation": named(rows[0].organisation)}


def _told(matter: MessageContext) -> tuple[CallDetails, tuple[CallListItem, ...]]:
    """The call, and what of it is still to be replaced. Raises NothingToReport."""
    call_id, db = matter.fact("call"), matter.room.db
    call = None if call_id is None else find_call_details(db, call_id)
    if call_id is None or call is None:
        raise NothingToReport(NOT_THERE)
    if call.undone:
        why = "the call was undone"
        raise NothingToReport(why)
    rows = list_called(db, call_id, matter.owed.recipient or "", matter.now)
    if not rows:
        why = "all that was called has been replaced"
        raise NothingToReport(why)
    return call, rows


def _line(matter: MessageContext, row: CallListItem) -> str:
    return matter.say(
        texts.ROW,
        organisation=named(row.organisation),
        customer_id=row.customer_id,
        description=named(row.description) if row.description else row.channel.value,
        channel=row.channel.value,
        serial=row.serial,
        ends=matter.when(row.not_after),
    )
