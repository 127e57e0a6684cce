"""Reminders, and messages *take into use*.

They state the certificate's end, the last working day before it, and the steps until then.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sinetti.database.notifications.message_data import ToldSuccessor
from sinetti.domain.business_days import is_workday, last_workday
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.notifications.context import is_holiday
from sinetti.notifications.templates.layout import MessageBody, MessageContext
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, named, to_gsm7

ENDS_SUBJECT = gettext_noop("Certificate expires on {day} – {organisation}")
ENDED_SUBJECT = gettext_noop("Certificate expired on {day} – {organisation}")
USE_SUBJECT = gettext_noop("Old certificate still in use, expires on {day} – {organisation}")
USE_ENDED_SUBJECT = gettext_noop("Old certificate still in use, expired on {day} – {organisation}")

ENDS = gettext_noop("The certificate “{description}” of {organisation} expires on {ends}.")
DAY_OFF = gettext_noop("That is not a working day.")
OLD_ENDED = gettext_noop("The certificate “{description}” of {organisation} expired on {ends}.")
ENDED = gettext_noop(
    "The certificate “{description}” of {organisation} expired on {ends}. The program can no longer use "
    "the technical interface with it or send data."
)


# Steps of the technical contact person.
RENEW_BETWEEN = gettext_noop(
    "Renew it in your program in the period {days}. If the program cannot renew it, ask the "
    "organisation's representative to order a replacement. Otherwise the program will no longer be able "
    "to send data."
)
BY_ITSELF = gettext_noop("If your program renews the certificate automatically, only make sure that it does.")
RENEW_BY = gettext_noop(
    "Renew it in your program by {last}, the last working day before it expires. If the program cannot "
    "renew it, ask the organisation's representative to order a replacement. Otherwise the program will "
    "no longer be able to send data."
)
RENEW_BEFORE = gettext_noop(
    "Renew it in your program before then. If the program cannot renew it, ask the organisation's "
    "representative to order a replacement. Otherwise the program will no longer be able to send data."
)
ORDERED_ANEW = gettext_noop(
    "It can no longer be renewed. Ask the organisation's representative to order a new one in the "
    "e-service (Settings > Technical interface and certificates). It is retrieved in the same way as the "
    "first one."
)

# Steps of representatives and the organisation's contact person.
LOOKED_AFTER = gettext_noop(
    "Its technical contact person is {contact}. Ask them whether the renewal is under way. The "
    "certificate must be renewed by {last}. Otherwise the program will no longer be able to send data."
)
RENEW_WITHOUT_CONTACT = gettext_noop(
    "It has no technical contact person now, so one must be named. The certificate must be renewed by "
    "{last}. Otherwise the program will no longer be able to send data."
)
OR_REPLACE = gettext_noop(
    "If the certificate is no longer looked after, name a new technical contact person or order a "
    "replacement in the e-service (Settings > Technical interface and certificates)."
)
ASK_TO_REPLACE = gettext_noop(
    "If the certificate is no longer looked after, ask the organisation's representative to name a new "
    "technical contact person or to order a replacement."
)
ORDER_ANEW = gettext_noop(
    "It can no longer be renewed. Order a new one in the e-service (Settings > Technical interface and "
    "certificates) and name the person who retrieves it. It is retrieved in the same way as the first "
    "one."
)

# The new certificate has not been retrieved.
UNFETCHED = gettext_noop(
    "The new certificate was issued on {made} but has not been retrieved yet. When the old one expires, "
    "the program cannot send data without the new one."
)
FETCH_BY = gettext_noop(
    "Retrieve it in your program by {last}. The retrieval ID that the program received can be used as often as needed."
)
FETCH_NOW = gettext_noop(
    "The new certificate was issued on {made} but has not been retrieved yet. It is valid. Retrieve it in "
    "your program now. The retrieval ID that the program received still works."
)
ASK_TO_FETCH = gettext_noop("Its technical contact person is {contact}. Ask them to retrieve the new one by {last}.")
ASK_TO_FETCH_NOW = gettext_noop(
    "The new certificate was issued on {made} but has not been retrieved yet. It is valid. Ask the "
    "technical contact person, {contact}, to retrieve it now."
)

# The certificate has no technical contact person.
FETCH_WITHOUT_CONTACT = gettext_noop(
    "It has no technical contact person now, so one must be named. The new certificate must be retrieved by {last}."
)
FETCH_NOW_WITHOUT_CONTACT = gettext_noop(
    "It has no technical contact person now, so one must be named. The new certificate must be retrieved now."
)
USE_WITHOUT_CONTACT = gettext_noop(
    "It has no technical contact person now, so one must be named. The new certificate must be put into "
    "use everywhere by {last}."
)
USE_NOW_WITHOUT_CONTACT = gettext_noop(
    "It has no technical contact person now, so one must be named. The new certificate must be put into "
    "use everywhere now."
)

# A replacement was ordered, but its transfer IDs have not been used.
ORDERED = gettext_noop(
    "A replacement was ordered on {ordered} but has not been retrieved yet. When the old one expires, the "
    "program cannot send data without the new one."
)
FETCH_ORDERED = gettext_noop(
    "Retrieve it with the transfer IDs by {last}. If they have expired, ask the organisation's "
    "representative for new ones."
)
ASK_TO_FETCH_ORDERED = gettext_noop(
    "Its technical contact person is {contact}. Ask them to retrieve the replacement with the transfer "
    "IDs by {last}. If the transfer IDs have expired, the organisation's representative can send new ones "
    "from the e-service."
)
FETCH_ORDERED_NOW = gettext_noop(
    "Retrieve it with the transfer IDs now. If they have expired, ask the organisation's representative for new ones."
)
ASK_TO_FETCH_ORDERED_NOW = gettext_noop(
    "Its technical contact person is {contact}. Ask them to retrieve the replacement with the transfer "
    "IDs now. If the transfer IDs have expired, the organisation's representative can send new ones from "
    "the e-service."
)

# The new certificate was retrieved, but the old one is still in use.
STILL_USED_SINCE = gettext_noop(
    "The new certificate was retrieved on {fetched}, but a program of the organisation has used the old "
    "one since then. Data sent with the old certificate is refused once it has expired."
)
STILL_USED = gettext_noop(
    "The new certificate has been retrieved, but a program of the organisation has used the old one since "
    "then. Data sent with the old certificate is refused once it has expired."
)
USE_BY = gettext_noop(
    "Put the new certificate into use everywhere by {last}. Check every server and program that has the old one."
)
USE_NOW = gettext_noop(
    "Put the new certificate into use everywhere now. Check every server and program that has the old one."
)
ASK_TO_USE = gettext_noop(
    "Its technical contact person is {contact}. Ask them to put the new certificate into use everywhere by {last}."
)
ASK_TO_USE_NOW = gettext_noop(
    "Its technical contact person is {contact}. Ask them to put the new certificate into use everywhere now."
)

# SMS: at most 160 characters, all of them in GSM 03.38.
SMS_ENDS = gettext_noop("Certificate of {organisation} expires on {ends}. Renew it in the program by {last}.")
SMS_FETCH = gettext_noop("Certificate of {organisation} expires on {ends}. Retrieve the new one by {last}.")
SMS_ASK = gettext_noop("Certificate of {organisation} expires on {ends}. Ask {contact} whether it has been renewed.")
SMS_ENDED = gettext_noop("Certificate of {organisation} expired on {ends}. No data can be sent with it.")
SMS_USE = gettext_noop("Old certificate of {organisation} still in use, expires on {ends}. Put the new one into use.")
SMS_USE_ENDED = gettext_noop("Old certificate of {organisation} expired on {ends}. Put the new one into use now.")
SEE_EMAIL = gettext_noop("See e-mail.")
MAIL_FAILS = gettext_noop("Our e-mail to you bounces.")


_FAR = timedelta(days=31)
"""Remaining validity above which the whole period for renewal is given.

Below it, only its last day is given.
"""

_LONGEST_NAME = 22
"""Longest name of a person in an SMS, in characters."""

_DOES_IT = frozenset({Role.CONTACT, Role.DEPUTY})


def reminder(ctx: MessageContext) -> MessageBody:
    """Write the message about an end in the future or the past."""
    role = ctx.role()
    ended = ctx.ended
    subject = ctx.say(
        ENDED_SUBJECT if ended else ENDS_SUBJECT,
        day=ctx.day(ctx.certificate.not_after),
        organisation=ctx.organisation,
    )
    parts = _ended(ctx, role) if ended else _ends(ctx, role)
    return MessageBody(subject, tuple(parts), role)


def take_into_use(ctx: MessageContext) -> MessageBody:
    """Write the message about an old certificate that is still in use.

    The new one was retrieved already. The old one is near its end, or has ended.
    """
    role, certificate = ctx.role(), ctx.certificate
    ended = ctx.ended
    names = ctx.names()
    subject = ctx.say(
        USE_ENDED_SUBJECT if ended else USE_SUBJECT,
        day=ctx.day(certificate.not_after),
        organisation=names["organisation"],
    )
    ends = ctx.say(OLD_ENDED if ended else ENDS, ends=ctx.when_on(certificate.not_after), **names)
    begins = ends if ended else _with_day_off(ctx, ends)
    stops = ctx.stops(ended=ended)
    return MessageBody(subject, (begins, *stops, _still_used(ctx), _use(ctx, role, ended=ended)), role)


def reminder_sms(ctx: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the message id and the values of the reminder by SMS.

    The organisation's name may be shortened.
    """
    certificate = ctx.certificate
    values = {"ends": ctx.when(certificate.not_after), "organisation": ctx.organisation}
    if ctx.ended:
        return SMS_ENDED, values
    contact = to_gsm7(named(ctx.lineage.contact.name)) if ctx.lineage.contact else None
    if ctx.role() not in _DOES_IT and contact:
        return SMS_ASK, {**values, "contact": contact[:_LONGEST_NAME].rstrip()}
    last = {"last": ctx.day(_last_day(ctx))}
    return (SMS_FETCH if _unfetched(ctx) else SMS_ENDS), {**values, **last}


def take_into_use_sms(ctx: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the message id and the values of *take into use* by SMS."""
    certificate = ctx.certificate
    values = {"ends": ctx.when(certificate.not_after), "organisation": ctx.organisation}
    return (SMS_USE_ENDED if ctx.ended else SMS_USE), values


def also_written(ctx: MessageContext) -> str:
    """Return the sentence of an SMS about the e-mail on the same matter.

    It refers to the e-mail, or says that mail to the recipient fails. Without an address it is empty.
    """
    to = ctx.data.to
    if to is None or not to.email:
        return ""
    return f" {ctx.say(MAIL_FAILS if to.bounced else SEE_EMAIL)}"


def _still_used(ctx: MessageContext) -> str:
    successor = ctx.certificate.successor
    if successor is None or successor.first_fetched_at is None:
        # Its replacement was revoked and replaced too (database/notifications/reminders.py).
        return ctx.say(STILL_USED)
    return ctx.say(STILL_USED_SINCE, fetched=ctx.when(successor.first_fetched_at))


def _use(ctx: MessageContext, role: Role, *, ended: bool) -> str:
    if role in _DOES_IT:
        return ctx.say(USE_NOW) if ended else ctx.say(USE_BY, last=_last(ctx))
    if (contact := _contact(ctx)) is None:
        return ctx.say(USE_NOW_WITHOUT_CONTACT) if ended else ctx.say(USE_WITHOUT_CONTACT, last=_last(ctx))
    if ended:
        return ctx.say(ASK_TO_USE_NOW, contact=contact)
    return ctx.say(ASK_TO_USE, last=_last(ctx), contact=contact)


def _ends(ctx: MessageContext, role: Role) -> Iterator[Part]:
    certificate = ctx.certificate
    ends = ctx.say(ENDS, ends=ctx.when_on(certificate.not_after), **ctx.names())
    last = _last(ctx)
    unfetched = _unfetched(ctx)
    yield _with_day_off(ctx, ends)
    yield from ctx.stops(ended=False)
    if unfetched is not None:
        yield ctx.say(UNFETCHED, made=ctx.when(unfetched.not_before))
        yield _fetch(ctx, role, last)
    elif certificate.replacement_ordered is not None:
        yield from _ordered(ctx, role, certificate.replacement_ordered)
    elif role in _DOES_IT:
        yield from _renew(ctx, last)
    else:
        yield _asked(ctx, last)
        yield ctx.say(OR_REPLACE if role is Role.SIGNATORY else ASK_TO_REPLACE)


def _renew(ctx: MessageContext, last: str) -> Iterator[Part]:
    certificate, last_day = ctx.certificate, _last_day(ctx)
    opens = translate.finnish_day(certificate.renewable_from)
    if certificate.not_after - ctx.now > _FAR and opens < last_day:
        yield ctx.say(RENEW_BETWEEN, days=translate.format_date_range(opens, last_day, ctx.language))
        yield ctx.say(BY_ITSELF)
    elif last_day == translate.finnish_day(certificate.not_after):
        yield ctx.say(RENEW_BEFORE)
    else:
        yield ctx.say(RENEW_BY, last=last)


def _asked(ctx: MessageContext, last: str) -> str:
    if (contact := _contact(ctx)) is None:
        return ctx.say(RENEW_WITHOUT_CONTACT, last=last)
    return ctx.say(LOOKED_AFTER, contact=contact, last=last)


def _ordered(ctx: MessageContext, role: Role, at: datetime) -> Iterator[Part]:
    """Yield the parts about an ordered replacement with unused transfer IDs.

    Until the end, a renewal is possible too.
    """
    yield ctx.say(ORDERED, ordered=ctx.when(at))
    ended, contact = ctx.ended, _contact(ctx)
    last = {} if ended else {"last": _last(ctx)}
    if role in _DOES_IT:
        yield ctx.say(FETCH_ORDERED_NOW if ended else FETCH_ORDERED, **last)
    elif contact is None:
        yield ctx.say(FETCH_NOW_WITHOUT_CONTACT if ended else FETCH_WITHOUT_CONTACT, **last)
    else:
        how = ASK_TO_FETCH_ORDERED_NOW if ended else ASK_TO_FETCH_ORDERED
        yield ctx.say(how, contact=contact, **last)


def _fetch(ctx: MessageContext, role: Role, last: str) -> str:
    if role in _DOES_IT:
        return ctx.say(FETCH_BY, last=last)
    if (contact := _contact(ctx)) is None:
        return ctx.say(FETCH_WITHOUT_CONTACT, last=last)
    return ctx.say(ASK_TO_FETCH, contact=contact, last=last)


def _ended(ctx: MessageContext, role: Role) -> Iterator[Part]:
    yield ctx.say(ENDED, ends=ctx.when_on(ctx.certificate.not_after), **ctx.names())
    yield from ctx.stops(ended=True)
    unfetched, ordered = _unfetched(ctx), ctx.certificate.replacement_ordered
    if unfetched is not None:
        yield from _fetch_now(ctx, role, ctx.when(unfetched.not_before))
    elif ordered is not None:
        yield from _ordered(ctx, role, ordered)
    else:
        yield ctx.say(ORDER_ANEW if role is Role.SIGNATORY else ORDERED_ANEW)


def _fetch_now(ctx: MessageContext, role: Role, made: str) -> Iterator[Part]:
    if role in _DOES_IT:
        yield ctx.say(FETCH_NOW, made=made)
    elif (contact := _contact(ctx)) is not None:
        yield ctx.say(ASK_TO_FETCH_NOW, made=made, contact=contact)
    else:
        yield ctx.say(UNFETCHED, made=made)
        yield ctx.say(FETCH_NOW_WITHOUT_CONTACT)


def _with_day_off(ctx: MessageContext, ends: str) -> str:
    works = is_workday(translate.finnish_day(ctx.certificate.not_after), is_holiday)
    return ends if works else f"{ends} {ctx.say(DAY_OFF)}"


def _contact(ctx: MessageContext) -> str | None:
    contact = ctx.lineage.contact
    return named(contact.name) if contact else None


def _unfetched(ctx: MessageContext) -> ToldSuccessor | None:
    successor = ctx.certificate.successor
    return successor if successor is not None and successor.first_fetched_at is None else None


def _last_day(ctx: MessageContext) -> date:
    return last_workday(ctx.certificate.not_after, is_holiday)


def _last(ctx: MessageContext) -> str:
    return translate.format_weekday(_last_day(ctx), ctx.language)
