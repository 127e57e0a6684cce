"""First page: a description of the service for strangers, the tasks for users."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.eservice.core.authentication import current_actor, current_permissions
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Component, Link, Links, Section, Severity, Task, Tasks, Text
from sinetti.eservice.ui.navigation import SECURITY, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop
from sinetti.services.access.permissions import Actor
from sinetti.services.self_service.dashboard import Overview, overview

_TITLE = gettext_noop("Certificate service")
_WHAT = (
    gettext_noop(
        "Organisations get certificates for their programs here. A program uses its certificate to prove "
        "whose data it sends or requests over the technical interface."
    ),
    gettext_noop(
        "If you are looking for your organisation's certificate, ask your software supplier or your "
        "technical contact person."
    ),
)
_SIGN_IN = (
    gettext_noop("Sign in to order certificates, to see when they expire and to give authorisations to others."),
    gettext_noop("An account alone gives no rights. Your organisation's representative gives you an authorisation."),
)
_FETCH = gettext_noop(
    "If you have transfer IDs, you can retrieve a certificate in your program or here in the browser. You "
    "do not need to sign in."
)
_MESSAGE = gettext_noop(
    "If you got a message from us, open the link in it. You do not need to sign in. We never ask for a "
    "PIN code by phone."
)
_NOTHING = gettext_noop("You have no tasks right now.")
_NO_AUTHORISATION = (
    gettext_noop("You have no authorisation for any organisation yet."),
    gettext_noop(
        "Your organisation's representative, for example the managing director, can give you one. You can "
        "send the request here."
    ),
)
_WAITING = gettext_noop(
    "Some of your authorisations need a second factor. Sign in with it, or set one up for your account."
)

_STATES: dict[DisplayStatus, tuple[Severity, tuple[str, str]]] = {
    DisplayStatus.EXPIRED: (
        Severity.ERROR,
        ngettext_noop(
            "{count} certificate has expired without a replacement",
            "{count} certificates have expired without a replacement",
        ),
    ),
    DisplayStatus.REVOKED: (
        Severity.ERROR,
        ngettext_noop(
            "{count} certificate was revoked without a replacement",
            "{count} certificates were revoked without a replacement",
        ),
    ),
    DisplayStatus.ENDS_SOON: (
        Severity.WARNING,
        ngettext_noop("{count} certificate expires within 14 days", "{count} certificates expire within 14 days"),
    ),
    DisplayStatus.OLD_IN_USE: (
        Severity.WARNING,
        ngettext_noop(
            "{count} renewed certificate, but the old one is still in use",
            "{count} renewed certificates, but the old ones are still in use",
        ),
    ),
    DisplayStatus.NEW_WAITS: (
        Severity.WARNING,
        ngettext_noop(
            "{count} new certificate has not been retrieved", "{count} new certificates have not been retrieved"
        ),
    ),
    DisplayStatus.NOT_FETCHED: (
        Severity.WARNING,
        ngettext_noop("{count} certificate has not been retrieved", "{count} certificates have not been retrieved"),
    ),
    DisplayStatus.IDS_LAPSED: (
        Severity.WARNING,
        ngettext_noop("{count} order has expired transfer IDs", "{count} orders have expired transfer IDs"),
    ),
    DisplayStatus.RENEWAL_OPEN: (
        Severity.PLAIN,
        ngettext_noop("{count} certificate can be renewed now", "{count} certificates can be renewed now"),
    ),
    DisplayStatus.IDS_OPENED: (
        Severity.PLAIN,
        ngettext_noop(
            "{count} order has transfer IDs that were opened but not used",
            "{count} orders have transfer IDs that were opened but not used",
        ),
    ),
    DisplayStatus.IDS_SENT: (
        Severity.PLAIN,
        ngettext_noop(
            "{count} order has transfer IDs that have not been opened",
            "{count} orders have transfer IDs that have not been opened",
        ),
    ),
}
"""States in the order of urgency."""
_REQUESTS = ngettext_noop(
    "Answer {count} request for an authorisation",
    "Answer {count} requests for an authorisation",
)
_APPLICATIONS = ngettext_noop("Decide {count} application", "Decide {count} applications")


@require_safe
def home_page(request: HttpRequest) -> HttpResponse:
    """Show a description of the service, or the user's tasks."""
    actor = current_actor(request)
    blocks = _welcome() if actor is None else _to_do(request, actor)
    return render_page(request, Page(_(_TITLE), blocks))


def _welcome() -> list[Component]:
    sign_in = Link(_("Sign in"), url_or_empty("account_login"), button=True)
    fetch = Link(_("Retrieve a certificate"), url_or_empty("fetch"), button=True)
    fetching: list[Component] = [Text([_(_FETCH)]), *([Links([fetch])] if fetch.address else [])]
    return [
        Text([_(one) for one in _WHAT]),
        Section(_("Your organisation's certificates"), [Text([_(one) for one in _SIGN_IN]), Links([sign_in])]),
        Section(_("Retrieval with transfer IDs"), fetching),
        Section(_("Message from us"), [Text([_(_MESSAGE)])]),
    ]


def _to_do(request: HttpRequest, actor: Actor) -> list[Component]:
    who = current_permissions(request)
    found = overview(actor, who, portal_context(request).ctx)
    blocks: list[Component] = []
    if who.waiting:
        factor = Link(_(SECURITY), url_or_empty("mfa_index"))
        blocks.append(Alert(_(_WAITING), Severity.WARNING, [factor] if factor.address else []))
    tasks = _tasks(found)
    if tasks:
        blocks.append(Section(_("Your tasks"), [Tasks(tasks)]))
    elif found.organisations or actor.staff:
        blocks.append(Alert(_(_NOTHING), Severity.GOOD))
    elif not who.waiting:
        blocks.append(Text([_(one) for one in _NO_AUTHORISATION]))
    orders = bool(who.organisations(Permission.ORDER))
    ways = _ways(sees=bool(found.organisations), orders=orders)
    if actor.staff and actor.second_factor:
        desk = Link(_("Clerk's pages"), url_or_empty("staff"), button=True)
        ways = [desk, *(ways if found.organisations else [])]
    return [*blocks, Links(ways)]


def _tasks(found: Overview) -> list[Task]:
    certificates = url_or_empty("certificates")
    tasks = [
        Task(ngettext(*plural_texts, count), f"{certificates}?state={state}" if certificates else "", tone)
        for state, (tone, plural_texts) in _STATES.items()
        if (count := found.states.get(state, 0))
    ]
    if found.requests:
        tasks.append(Task(ngettext(*_REQUESTS, found.requests), url_or_empty("authorisations"), Severity.WARNING))
    if found.applications:
        place = url_or_empty("staff_applications") or url_or_empty("staff")
        tasks.append(Task(ngettext(*_APPLICATIONS, found.applications), place, Severity.WARNING))
    return tasks


def _ways(*, sees: bool, orders: bool) -> list[Link]:
    """Return links to the most common next pages that the user may open."""
    places = (
        [(gettext_noop("All certificates"), "certificates")]
        if sees
        else [(gettext_noop("Request an authorisation"), "ask")]
    )
    if orders:
        places.append((gettext_noop("Order a certificate"), "order_new"))
    elif not sees:
        places.append((gettext_noop("Retrieve a certificate"), "fetch"))
    ways = (Link(_(name), url_or_empty(place), button=True) for name, place in places)
    return [one for one in ways if one.address]
