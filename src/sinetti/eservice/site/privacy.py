"""What is done with people's data (GDPR, Articles 13 and 14): whose, what for, how long, and what one may ask."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.values import Language
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import Block, Section, Text, Value, Values
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import count_text, mark, mark_count, text

_TITLE = mark("Privacy")
_CONTROLLER = mark("The controller is whoever runs {service}. Questions about your data: {help}")
_WHAT = (
    (
        mark("Account"),
        mark(
            "Name, e-mail address and language; a password as a value from which it cannot be read, or "
            "the service with which you sign in; your second factor; where and when you are signed in. "
            "So that nobody else can act in your name."
        ),
    ),
    (
        mark("Contact persons of certificates"),
        mark(
            "Name, e-mail address, phone number and language. So that transfer IDs and reminders reach whoever looks "
            "after a certificate. They come from the organisation that orders it."
        ),
    ),
    (
        mark("Authorisations"),
        mark("Who may act for which organisation, given by whom and until when. So that nobody else acts for it."),
    ),
    (
        mark("Records of what was done"),
        mark(
            "Which account did what and when, by an id without a name; and what clerks looked at, with the purpose. So "
            "that it can be proved who ordered or revoked a certificate."
        ),
    ),
)
_NO_BASIS = mark("The legal basis has not been written down here yet. Ask: {help}")
_NOT_PASSED_ON = mark(
    "Data is passed on to nobody but those who carry our e-mail and text messages. Certificates have the name and "
    "the ID of the organisation: of a sole trader that is a person's name. Nothing on these pages comes from "
    "elsewhere, and nobody counts visits: cookies are kept for signing in, for protecting forms and for your language "
    "alone."
)
_DAYS = mark_count("{count} day", "{count} days")
_KEPT = (
    (
        mark("Accounts"),
        mark(
            "{days} after you last signed in and your last authorisation ended; 7 days if the address is not "
            "confirmed. Ask us, and an account is ended at once"
        ),
    ),
    (mark("Requests for an authorisation"), mark("{days} after they were made")),
    (mark("Contact persons' data"), mark("{days} after their last task with certificates has ended")),
    (
        mark("Messages that were sent"),
        mark("{days} after they were sent and their certificate has ended; the text is not kept"),
    ),
    (mark("Refused requests"), mark("{days} after they were refused")),
)
_FOR_GOOD = (
    mark(
        "Certificates and records of what was done are not erased. Records have ids, and no names of people; "
        "certificates have a person's name only where the organisation has it, as a sole trader's business may."
    ),
    mark("Applications and the decisions on them are kept as the archives of authorities are."),
)
_RIGHTS = (
    mark(
        "You may see your data and have it corrected. You may ask us to erase it or to restrict its use, or object to "
        "it."
    ),
    mark("You may complain to the Data Protection Ombudsman (tietosuoja.fi)."),
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Say it."""
    language, around = language_of(request), surroundings(request)
    help_line = around.help[language]
    basis = around.eservice.legal_basis.get(language) or text(_NO_BASIS, language, help=help_line)
    controller = text(_CONTROLLER, language, service=around.service, help=help_line)
    blocks = [
        Section(text(mark("Controller"), language), [Text([controller])]),
        Section(
            text(mark("What data, and what for"), language),
            [Values([Value(text(name, language), text(what, language)) for name, what in _WHAT])],
        ),
        Section(text(mark("Legal basis"), language), [Text([basis])]),
        Section(text(mark("Who gets it"), language), [Text([text(_NOT_PASSED_ON, language)])]),
        Section(text(mark("How long it is kept"), language), _kept(request, language)),
        Section(text(mark("Your rights"), language), [Text([text(one, language) for one in _RIGHTS])]),
    ]
    return show(request, Page(text(_TITLE, language), blocks))


def _kept(request: HttpRequest, language: Language) -> list[Block]:
    periods = surroundings(request).eservice.periods
    people = periods.people
    rows = zip(_KEPT, (people, people, people, periods.messages, periods.refusals), strict=True)
    values = [
        Value(text(name, language), text(told, language, days=_days(period, language))) for (name, told), period in rows
    ]
    return [Values(values), Text([text(one, language) for one in _FOR_GOOD])]


def _days(period: timedelta, language: Language) -> str:
    return count_text(*_DAYS, period.days, language)
