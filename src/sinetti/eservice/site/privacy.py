"""Privacy notice (GDPR, Articles 13 and 14): data, purposes, periods and rights."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Component, DescriptionItem, DescriptionList, Section, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop

_TITLE = gettext_noop("Privacy")
_CONTROLLER = gettext_noop("The controller is the operator of {service}. Questions about your data: {help}")
_WHAT = (
    (
        gettext_noop("Account"),
        gettext_noop(
            "Your name, e-mail address and language. A hash of your password, or the service that you "
            "sign in with. Your second factor, and where and when you are signed in. We need this so that "
            "no other person can act in your name."
        ),
    ),
    (
        gettext_noop("Contact persons of certificates"),
        gettext_noop(
            "Name, e-mail address, phone number and language. We need them to send transfer IDs and "
            "reminders. We get them from the organisation that orders the certificate."
        ),
    ),
    (
        gettext_noop("Authorisations"),
        gettext_noop(
            "The organisations that you may act for, who gave the authorisation and until when it is "
            "valid. We need this so that only authorised people act for an organisation."
        ),
    ),
    (
        gettext_noop("Audit records"),
        gettext_noop(
            "What each account did and when, with an ID in place of a name. What clerks looked at and for "
            "what purpose. We need this to prove who ordered or revoked a certificate."
        ),
    ),
)
_NO_BASIS = gettext_noop("The legal basis has not been added here yet. More information: {help}")
_NOT_PASSED_ON = gettext_noop(
    "We pass data on only to the providers that deliver our e-mail and text messages. A certificate "
    "contains the name and the ID of the organisation. The name of a sole trader's business may be a "
    "person's name. These pages load nothing from other sites, and we do not track visits. Cookies are "
    "used only for signing in, for protecting forms and for your language."
)
_DAYS = ngettext_noop("{count} day", "{count} days")
_KEPT = (
    (
        gettext_noop("Accounts"),
        gettext_noop(
            "{days} after your last sign-in and the end of your last authorisation, or 7 days if you do "
            "not confirm the address. We close your account at once if you ask us."
        ),
    ),
    (gettext_noop("Requests for an authorisation"), gettext_noop("{days} after the request was sent")),
    (
        gettext_noop("Contact persons' data"),
        gettext_noop("{days} after the person's last task with certificates has ended"),
    ),
    (
        gettext_noop("Sent messages"),
        gettext_noop("{days} after the message was sent and the certificate expired. The text is not kept."),
    ),
    (gettext_noop("Refused requests"), gettext_noop("{days} after the refusal")),
    (
        gettext_noop("Network addresses of acts and refused requests"),
        gettext_noop("{days} after the request. We need them to find out who misused an account or a key."),
    ),
)
_FOR_GOOD = (
    gettext_noop(
        "Certificates and audit records are not erased. Audit records contain IDs and no names of people. "
        "A certificate contains a person's name only if it is the organisation's name, as with some sole "
        "traders."
    ),
    gettext_noop("Applications and the decisions on them are kept according to the archiving rules for authorities."),
)
_RIGHTS = (
    gettext_noop(
        "You have the right to see your data and to have it corrected. You can ask us to erase it or "
        "restrict its use, and you can object to its use."
    ),
    gettext_noop("You can lodge a complaint with the Data Protection Ombudsman (tietosuoja.fi)."),
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
        Section(_("Data and purposes"), [DescriptionList([DescriptionItem(_(name), _(what)) for name, what in _WHAT])]),
        Section(_("Legal basis"), [Text([basis])]),
        Section(_("Disclosure of data"), [Text([_(_NOT_PASSED_ON)])]),
        Section(_("Retention periods"), _kept(request)),
        Section(_("Your rights"), [Text([_(text) for text in _RIGHTS])]),
    ]
    return render_page(request, Page(_(_TITLE), blocks))


def _kept(request: HttpRequest) -> list[Component]:
    periods = portal_context(request).eservice.periods
    people = periods.people
    kept = (people, people, people, periods.messages, periods.refusals, periods.callers)
    rows = zip(_KEPT, kept, strict=True)
    values = [DescriptionItem(_(name), _(text, days=ngettext(*_DAYS, period.days))) for (name, text), period in rows]
    return [DescriptionList(values), Text([_(text) for text in _FOR_GOOD])]
