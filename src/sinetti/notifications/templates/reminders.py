"""Reminders and *take into use*: the certificate's end, the last working day before it, what to do until then."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sinetti.database.notifications.message_data import ToldSuccessor
from sinetti.domain.business_days import is_workday, last_workday
from sinetti.i18n import translate
from sinetti.notifications.office_hours import is_holiday
from sinetti.notifications.templates import reminder_texts as texts
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, named, to_gsm7
from sinetti.notifications.templates.message_context import MessageBody, MessageContext

_FAR = timedelta(days=31)
"""With more than this left, the whole time for renewing is told; then the last day of it."""

_LONGEST_NAME = 22
"""Characters of a person's name in a text message."""

_DOES_IT = frozenset({Role.CONTACT, Role.DEPUTY})


def reminder(matter: MessageContext) -> MessageBody:
    """Tell of an end that comes, or has come."""
    role = matter.role()
    ended = matter.ended
    subject = matter.say(
        texts.ENDED_SUBJECT if ended else texts.ENDS_SUBJECT,
        day=matter.day(matter.certificate.not_after),
        organisation=matter.organisation,
    )
    said = _ended(matter, role) if ended else _ends(matter, role)
    return MessageBody(subject, tuple(said), role)


def take_into_use(matter: MessageContext) -> MessageBody:
    """Tell that the old certificate is, or was until its end, still used though the new one was retrieved."""
    role, certificate = matter.role(), matter.certificate
    ended = matter.ended
    names = matter.names()
    subject = matter.say(
        texts.USE_ENDED_SUBJECT if ended else texts.USE_SUBJECT,
        day=matter.day(certificate.not_after),
        organisation=names["organisation"],
    )
    ends = matter.say(texts.OLD_ENDED if ended else texts.ENDS, ends=matter.when_on(certificate.not_after), **names)
    begins = ends if ended else _with_day_off(matter, ends)
    stops = matter.stops(ended=ended)
    return MessageBody(subject, (begins, *stops, _still_used(matter), _use(matter, role, ended=ended)), role)


def reminder_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """The reminder's text message: its id and values; the organisation's name may be cut."""
    certificate = matter.certificate
    values = {"ends": matter.when(certificate.not_after), "organisation": matter.organisation}
    if matter.ended:
        return texts.SMS_ENDED, values
    contact = to_gsm7(named(matter.holding.contact.name)) if matter.holding.contact else None
    if matter.role() not in _DOES_IT and contact:
        return texts.SMS_ASK, {**values, "contact": contact[:_LONGEST_NAME].rstrip()}
    last = {"last": matter.day(_last_day(matter))}
    return (texts.SMS_FETCH if _unfetched(matter) else texts.SMS_ENDS), {**values, **last}


def take_into_use_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """The same of *take into use*."""
    certificate = matter.certificate
    values = {"ends": matter.when(certificate.not_after), "organisation": matter.organisation}
    return (texts.SMS_USE_ENDED if matter.ended else texts.SMS_USE), values


def also_written(matter: MessageContext) -> str:
    """Where a text message says that more is: in an e-mail, if mail reaches its reader; or that mail comes back."""
    to = matter.told.to
    if to is None or not to.email:
        return ""
    return f" {matter.say(texts.MAIL_FAILS if to.bounced else texts.SEE_EMAIL)}"


def _still_used(matter: MessageContext) -> str:
    successor = matter.certificate.successor
    if successor is None or successor.first_fetched_at is None:
        # Its replacement was revoked and replaced in turn (database/notifications/reminders.py).
        return matter.say(texts.STILL_USED)
    return matter.say(texts.STILL_USED_SINCE, fetched=matter.when(successor.first_fetched_at))


def _use(matter: MessageContext, role: Role, *, ended: bool) -> str:
    if role in _DOES_IT:
        return matter.say(texts.USE_NOW) if ended else matter.say(texts.USE_BY, last=_last(matter))
    if (contact := _contact(matter)) is None:
        return matter.say(texts.NOBODY_USES_NOW) if ended else matter.say(texts.NOBODY_USES, last=_last(matter))
    if ended:
        return matter.say(texts.ASK_TO_USE_NOW, contact=contact)
    return matter.say(texts.ASK_TO_USE, last=_last(matter), contact=contact)


def _ends(matter: MessageContext, role: Role) -> Iterator[Part]:
    certificate = matter.certificate
    ends = matter.say(texts.ENDS, ends=matter.when_on(certificate.not_after), **matter.names())
    last = _last(matter)
    unfetched = _unfetched(matter)
    yield _with_day_off(matter, ends)
    yield from matter.stops(ended=False)
    if unfetched is not None:
        yield matter.say(texts.UNFETCHED, made=matter.when(unfetched.not_before))
        yield _fetch(matter, role, last)
    elif certificate.replacement_ordered is not None:
        yield from _ordered(matter, role, certificate.replacement_ordered)
    elif role in _DOES_IT:
        yield from _renew(matter, last)
    else:
        yield _asked(matter, last)
        yield matter.say(texts.OR_REPLACE if role is Role.SIGNATORY else texts.ASK_TO_REPLACE)


def _renew(matter: MessageContext, last: str) -> Iterator[Part]:
    certificate, last_day = matter.certificate, _last_day(matter)
    opens = translate.finnish_day(certificate.renewable_from)
    if certificate.not_after - matter.now > _FAR and opens < last_day:
        yield matter.say(texts.RENEW_BETWEEN, days=translate.format_date_range(opens, last_day, matter.language))
        yield matter.say(texts.BY_ITSELF)
    elif last_day == translate.finnish_day(certificate.not_after):
        yield matter.say(texts.RENEW_BEFORE)
    else:
        yield matter.say(texts.RENEW_BY, last=last)


def _asked(matter: MessageContext, last: str) -> str:
    if (contact := _contact(matter)) is None:
        return matter.say(texts.LOOKED_AFTER_BY_NOBODY, last=last)
    return matter.say(texts.LOOKED_AFTER, contact=contact, last=last)


def _ordered(matter: MessageContext, role: Role, at: datetime) -> Iterator[Part]:
    """A replacement is ordered and nobody has used its transfer IDs. Until the end renewing would do as well."""
    yield matter.say(texts.ORDERED, ordered=matter.when(at))
    ended, contact = matter.ended, _contact(matter)
    last = {} if ended else {"last": _last(matter)}
    if role in _DOES_IT:
        yield matter.say(texts.FETCH_ORDERED_NOW if ended else texts.FETCH_ORDERED, **last)
    elif contact is None:
        yield matter.say(texts.NOBODY_FETCHES_NOW if ended else texts.NOBODY_FETCHES, **last)
    else:
        how = texts.ASK_TO_FETCH_ORDERED_NOW if ended else texts.ASK_TO_FETCH_ORDERED
        yield matter.say(how, contact=contact, **last)


def _fetch(matter: MessageContext, role: Role, last: str) -> str:
    if role in _DOES_IT:
        return matter.say(texts.FETCH_BY, last=last)
    if (contact := _contact(matter)) is None:
        return matter.say(texts.NOBODY_FETCHES, last=last)
    return matter.say(texts.ASK_TO_FETCH, contact=contact, last=last)


def _ended(matter: MessageContext, role: Role) -> Iterator[Part]:
    yield matter.say(texts.ENDED, ends=matter.when_on(matter.certificate.not_after), **matter.names())
    yield from matter.stops(ended=True)
    unfetched, ordered = _unfetched(matter), matter.certificate.replacement_ordered
    if unfetched is not None:
        yield from _fetch_now(matter, role, matter.when(unfetched.not_before))
    elif ordered is not None:
        yield from _ordered(matter, role, ordered)
    else:
        yield matter.say(texts.ORDER_ANEW if role is Role.SIGNATORY else texts.ORDERED_ANEW)


def _fetch_now(matter: MessageContext, role: Role, made: str) -> Iterator[Part]:
    if role in _DOES_IT:
        yield matter.say(texts.FETCH_NOW, made=made)
    elif (contact := _contact(matter)) is not None:
        yield matter.say(texts.ASK_TO_FETCH_NOW, made=made, contact=contact)
    else:
        yield matter.say(texts.UNFETCHED, made=made)
        yield matter.say(texts.NOBODY_FETCHES_NOW)


def _with_day_off(matter: MessageContext, ends: str) -> str:
    works = is_workday(translate.finnish_day(matter.certificate.not_after), is_holiday)
    return ends if works else f"{ends} {matter.say(texts.DAY_OFF)}"


def _contact(matter: MessageContext) -> str | None:
    contact = matter.holding.contact
    return named(contact.name) if contact else None


def _unfetched(matter: MessageContext) -> ToldSuccessor | None:
    successor = matter.certificate.successor
    return successor if successor is not None and successor.first_fetched_at is None else None


def _last_day(matter: MessageContext) -> date:
    return last_workday(matter.certificate.not_after, is_holiday)


def _last(matter: MessageContext) -> str:
    return translate.format_weekday(_last_day(matter), matter.language)
