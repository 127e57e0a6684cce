"""Calendar file with the start of renewal and the end of validity (RFC 5545)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from icalendar import Alarm, Calendar
from icalendar import Event as CalendarEvent

from sinetti.domain.certificates.listing import CertificateDetails
from sinetti.i18n.translate import _, format_datetime, gettext_noop

_OPENS, _ENDS = (
    gettext_noop("Renewal opens: certificate “{description}”, {name}"),
    gettext_noop("Certificate expires: “{description}”, {name}"),
)
_OPENS_TEXT, _ENDS_TEXT = (
    gettext_noop(
        "Your program can renew the certificate from {opens}. Use the program's renewal function or the "
        "command sinetti renew NAME --store DIR. The certificate expires on {ends}."
    ),
    gettext_noop(
        "The certificate expires on {ends}. After that it cannot be renewed, and your program cannot use "
        "it to send anything. Renew it in time or order a replacement."
    ),
)
_ATONCE = timedelta(0)
_BEFORE_THE_END = (timedelta(days=-14), timedelta(days=-1))
_LASTS = timedelta(minutes=15)


def written(certificate: CertificateDetails, now: datetime) -> bytes:
    """Return the file. An event of a certificate keeps its UID for ever."""
    facts, listed = certificate.facts, certificate.listed
    values = {
        "description": listed.description or certificate.serial,
        "name": listed.organisation,
        "opens": format_datetime(facts.renewable_from),
        "ends": format_datetime(facts.span.not_after),
    }
    # An alarm of a short life comes in the second half of its time for renewing, as its reminders do.
    late = (facts.renewable_from - facts.span.not_after) / 2
    near_end = [before for before in _BEFORE_THE_END if before >= late]
    calendar = Calendar()
    calendar.add("prodid", "-//Sinetti//Certificates//EN")
    calendar.add("version", "2.0")
    events = (
        ("renewal-opens", facts.renewable_from, _OPENS, _OPENS_TEXT, (_ATONCE,)),
        ("ends", facts.span.not_after, _ENDS, _ENDS_TEXT, near_end),
    )
    for name, at, title, what, alarms in events:
        words = _(title, **values), _(what, **values)
        calendar.add_component(_event(f"{certificate.serial}:{name}", at, now, words, alarms))
    octets: bytes = calendar.to_ical()
    return octets


def _event(
    about: str, at: datetime, now: datetime, words: tuple[str, str], alarms: Sequence[timedelta]
) -> CalendarEvent:
    summary, description = words
    event = CalendarEvent()
    event.add("uid", str(uuid5(NAMESPACE_OID, f"sinetti:{about}")))
    event.add("dtstamp", now)
    event.add("dtstart", at)
    event.add("dtend", at + _LASTS)
    event.add("summary", summary)
    event.add("description", description)
    event.add("transp", "TRANSPARENT")
    for before in alarms:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", summary)
        alarm.add("trigger", before)
        event.add_component(alarm)
    return event
