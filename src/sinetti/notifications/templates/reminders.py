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


def reminder(matter: MessageContext) -> MessageBody:
    """Write the message about an end in the future or the past."""
    role = matter.role()
    ended = matter.ended
    subject = matter.say(
        ENDED_SUBJECT if ended else ENDS_SUBJECT,
        day=matter.day(matter.certificate.not_after),
        organisation=matter.organisation,
    )
    parts = _ended(matter, role) if ended else _ends(matter, role)
    return MessageBody(subject, tuple(parts), role)


def take_into_use(matter: MessageContext) -> MessageBody:
    """Write the message about an old certificate that is still in use.

    The new one was retrieved already. The old one is near its end, or has ended.
    """
    role, certificate = matter.role(), matter.certificate
    ended = matter.ended
    names = matter.names()
    subject = matter.say(
        USE_ENDED_SUBJECT if ended else USE_SUBJECT,
        day=matter.day(certificate.not_after),
        organisation=names["organisation"],
    )
    ends = matter.say(OLD_ENDED if ended else ENDS, ends=matter.when_on(certificate.not_after), **names)
    begins = ends if ended else _with_day_off(matter, ends)
    stops = matter.stops(ended=ended)
    return MessageBody(subject, (begins, *stops, _still_used(matter), _use(matter, role, ended=ended)), role)


def reminder_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the message id and the values of the reminder by SMS.

    The organisation's name may be shortened.
    """
    certificate = matter.certificate
    values = {"ends": matter.when(certificate.not_after), "organisation": matter.organisation}
    if matter.ended:
        return SMS_ENDED, values
    contact = to_gsm7(named(matter.lineage.contact.name)) if matter.lineage.contact else None
    if matter.role() not in _DOES_IT and contact:
        return SMS_ASK, {**values, "contact": contact[:_LONGEST_NAME].rstrip()}
    last = {"last": matter.day(_last_day(matter))}
    return (SMS_FETCH if _unfetched(matter) else SMS_ENDS), {**values, **last}


def take_into_use_sms(matter: MessageContext) -> tuple[str, dict[str, str]]:
    """Return the message id and the values of *take into use* by SMS."""
    certificate = matter.certificate
    values = {"ends": matter.when(certificate.not_after), "organisation": matter.organisation}
    return (SMS_USE_ENDED if matter.ended else SMS_USE), values


def also_written(matter: MessageContext) -> str:
    """Return the sentence of an SMS about the e-mail on the same matter.

    It refers to the e-mail, or says that mail to the recipient fails. Without an address it is empty.
    """
    to = matter.data.to
    if to is None or not to.email:
        return ""
    return f" {matter.say(MAIL_FAILS if to.bounced else SEE_EMAIL)}"


def _still_used(matter: MessageContext) -> str:
    successor = matter.certificate.successor
    if successor is None or successor.first_fetched_at is None:
        # Its replacement was revoked and replaced too (database/notifications/reminders.py).
        return matter.say(STILL_USED)
    return matter.say(STILL_USED_SINCE, fetched=matter.when(successor.first_fetched_at))


def _use(matter: MessageContext, role: Role, *, ended: bool) -> str:
    if role in _DOES_IT:
        return matter.say(USE_NOW) if ended else matter.say(USE_BY, last=_last(matter))
    if (contact := _contact(matter)) is None:
        return matter.say(USE_NOW_WITHOUT_CONTACT) if ended else matter.say(USE_WITHOUT_CONTACT, last=_last(matter))
    if ended:
        return matter.say(ASK_TO_USE_NOW, contact=contact)
    return matter.say(ASK_TO_USE, last=_last(matter), contact=contact)


def _ends(matter: MessageContext, role: Role) -> Iterator[Part]:
    certificate = matter.certificate
    ends = matter.say(ENDS, ends=matter.when_on(certificate.not_after), **matter.names())
    last = _last(matter)
    unfetched = _unfetched(matter)
    yield _with_day_off(matter, ends)
    yield from matter.stops(ended=False)
    if unfetched is not None:
        yield matter.say(UNFETCHED, made=matter.when(unfetched.not_before))
        yield _fetch(matter, role, last)
    elif certificate.replacement_ordered is not None:
        yield from _ordered(matter, role, certificate.replacement_ordered)
    elif role in _DOES_IT:
        yield from _renew(matter, last)
    else:
        yield _asked(matter, last)
        yield matter.say(OR_REPLACE if role is Role.SIGNATORY else ASK_TO_REPLACE)


def _renew(matter: MessageContext, last: str) -> Iterator[Part]:
    certificate, last_day = matter.certificate, _last_day(matter)
    opens = translate.finnish_day(certificate.renewable_from)
    if certificate.not_after - matter.now > _FAR and opens < last_day:
        yield matter.say(RENEW_BETWEEN, days=translate.format_date_range(opens, last_day, matter.language))
        yield matter.say(BY_ITSELF)
    elif last_day == translate.finnish_day(certificate.not_after):
        yield matter.say(RENEW_BEFORE)
    else:
        yield matter.say(RENEW_BY, last=last)


def _asked(matter: MessageContext, last: str) -> str:
    if (contact := _contact(matter)) is None:
        return matter.say(RENEW_WITHOUT_CONTACT, last=last)
    return matter.say(LOOKED_AFTER, contact=contact, last=last)


def _ordered(matter: MessageContext, role: Role, at: datetime) -> Iterator[Part]:
    """Yield the parts about an ordered replacement with unused transfer IDs.

    Until the end, a renewal is possible too.
    """
    yield matter.say(ORDERED, ordered=matter.when(at))
    ended, contact = matter.ended, _contact(matter)
    last = {} if ended else {"last": _last(matter)}
    if role in _DOES_IT:
        yield matter.say(FETCH_ORDERED_NOW if ended else FETCH_ORDERED, **last)
    elif contact is None:
        yield matter.say(FETCH_NOW_WITHOUT_CONTACT if ended else FETCH_WITHOUT_CONTACT, **last)
    else:
        how = ASK_TO_FETCH_ORDERED_NOW if ended else ASK_TO_FETCH_ORDERED
        yield matter.say(how, contact=contact, **last)


def _fetch(matter: MessageContext, role: Role, last: str) -> str:
    if role in _DOES_IT:
        return matter.say(FETCH_BY, last=last)
    if (contact := _contact(matter)) is None:
        return matter.say(FETCH_WITHOUT_CONTACT, last=last)
    return matter.say(ASK_TO_FETCH, contact=contact, last=last)


def _ended(matter: MessageContext, role: Role) -> Iterator[Part]:
    yield matter.say(ENDED, ends=matter.when_on(matter.certificate.not_after), **matter.names())
    yield from matter.stops(ended=True)
    unfetched, ordered = _unfetched(matter), matter.certificate.replacement_ordered
    if unfetched is not None:
        yield from _fetch_now(matter, role, matter.when(unfetched.not_before))
    elif ordered is not None:
        yield from _ordered(matter, role, ordered)
    else:
        yield matter.say(ORDER_ANEW if role is Role.SIGNATORY else ORDERED_ANEW)


def _fetch_now(matter: MessageContext, role: Role, made: str) -> Iterator[Part]:
    if role in _DOES_IT:
        yield matter.say(FETCH_NOW, made=made)
    elif (contact := _contact(matter)) is not None:
        yield matter.say(ASK_TO_FETCH_NOW, made=made, contact=contact)
    else:
        yield matter.say(UNFETCHED, made=made)
        yield matter.say(FETCH_NOW_WITHOUT_CONTACT)


def _with_day_off(matter: MessageContext, ends: str) -> str:
    works = is_workday(translate.finnish_day(matter.certificate.not_after), is_holiday)
    return ends if works else f"{ends} {matter.say(DAY_OFF)}"


def _contact(matter: MessageContext) -> str | None:
    contact = matter.lineage.contact
    return named(contact.name) if contact else None


def _unfetched(matter: MessageContext) -> ToldSuccessor | None:
    successor = matter.certificate.successor
    return successor if successor is not None and successor.first_fetched_at is None else None


def _last_day(matter: MessageContext) -> date:
    return last_workday(matter.certificate.not_after, is_holiday)


def _last(matter: MessageContext) -> str:
    return translate.format_weekday(_last_day(matter), matter.language)
