"""Privacy notice (GDPR, Articles 13 and 14): data, purposes, periods and rights."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Component, DescriptionItem, DescriptionList, Section, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop

_TITLE = gettext_noop("Privacy")
_CONTROLLER = gettext_noop("The controller is whoever runs {service}. Questions about your data: {help}")
_WHAT = (
    (
        gettext_noop("Account"),
        gettext_noop(
            "Name, e-mail address and language; a password as a value from which it cannot be read, or "
            "the service with which you sign in; your second factor; where and when you are signed in. "
            "So that nobody else can act in your name."
        ),
    ),
    (
        gettext_noop("Contact persons of certificates"),
        gettext_noop(
            "Name, e-mail address, phone number and language. So that transfer IDs and reminders reach whoever looks "
            "after a certificate. They come from the organisation that orders it."
        ),
    ),
    (
        gettext_noop("Authorisations"),
        gettext_noop(
            "Who may act for which organisation, given by whom and until when. So that nobody else acts for it."
        ),
    ),
    (
        gettext_noop("Records of what was done"),
        gettext_noop(
            "Which account did what and when, by an id without a name; and what clerks looked at, with the purpose. So "
            "that it can be proved who ordered or revoked a certificate."
        ),
    ),
)
_NO_BASIS = gettext_noop("The legal basis has not been written down here yet. Ask: {help}")
_NOT_PASSED_ON = gettext_noop(
    "Data is passed on to nobody but those who carry our e-mail and text messages. Certificates have the name and "
    "the ID of the organisation: of a sole trader that is a person's name. Nothing on these pages comes from "
    "elsewhere, and nobody counts visits: cookies are kept for signing in, for protecting forms and for your language "
    "alone."
)
_DAYS = ngettext_noop("{count} day", "{count} days")
_KEPT = (
    (
        gettext_noop("Accounts"),
        gettext_noop(
            "{days} after you last signed in and your last authorisation ended; 7 days if the address is not "
            "confirmed. Ask us, and an account is ended at once"
        ),
    ),
    (gettext_noop("Requests for an authorisation"), gettext_noop("{days} after they were made")),
    (gettext_noop("Contact persons' data"), gettext_noop("{days} after their last task with certificates has ended")),
    (
        gettext_noop("Messages that were sent"),
        gettext_noop("{days} after they were sent and their certificate has ended; the text is not kept"),
    ),
    (gettext_noop("Refused requests"), gettext_noop("{days} after they were refused")),
)
_FOR_GOOD = (
    gettext_noop(
        "Certificates and records of what was done are not erased. Records have ids, and no names of people; "
        "certificates have a person's name only where the organisation has it, as a sole trader's business may."
    ),
    gettext_noop("Applications and the decisions on them are kept as the archives of authorities are."),
)
_RIGHTS = (
    gettext_noop(
        "You may see your data and have it corrected. You may ask us to erase it or to restrict its use, or object to "
        "it."
    ),
    gettext_noop("You may complain to the Data Protection Ombudsman (tietosuoja.fi)."),
)


@require_safe
def privacy_page(request: HttpRequest) -> HttpResponse:
    """Show the privacy notice."""
    language, around = language_of(request), portal_context(request)
    help_line = around.help[language]
    basis = around.eservice.legal_basis.get(language) or _(_NO_BASIS, help=help_line)
    controller = _(_CONTROLLER, service=around.service, help=help_line)
    blocks = [
        Section(_("Controller"), [Text([controller])]),
        Section(
            _("What data, and what for"), [DescriptionList([DescriptionItem(_(name), _(what)) for name, what in _WHAT])]
        ),
        Section(_("Legal basis"), [Text([basis])]),
        Section(_("Who gets it"), [Text([_(_NOT_PASSED_ON)])]),
        Section(_("How long it is kept"), _kept(request)),
        Section(_("Your rights"), [Text([_(one) for one in _RIGHTS])]),
    ]
    return render_page(request, Page(_(_TITLE), blocks))


def _kept(request: HttpRequest) -> list[Component]:
    periods = portal_context(request).eservice.periods
    people = periods.people
    rows = zip(_KEPT, (people, people, people, periods.messages, periods.refusals), strict=True)
    values = [DescriptionItem(_(name), _(text, days=_days(period))) for (name, text), period in rows]
    return [DescriptionList(values), Text([_(one) for one in _FOR_GOOD])]


def _days(period: timedelta) -> str:
    return ngettext(*_DAYS, period.days)
