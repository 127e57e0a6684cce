"""First page: a description for strangers, tasks and totals for users."""

from collections.abc import Iterator
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import SEVERITIES, DisplayStatus, OrderFacts
from sinetti.domain.certificates.overview import coming_months
from sinetti.eservice.authorisations.access_tasks import access_tasks, own_waiting
from sinetti.eservice.certificates import labels, list_view
from sinetti.eservice.core.authentication import current_actor, current_permissions
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.core.representation import represented_permissions
from sinetti.eservice.ui.charts import month_chart
from sinetti.eservice.ui.components import (
    Alert,
    Badge,
    Component,
    DescriptionItem,
    DescriptionList,
    Link,
    Links,
    Section,
    Severity,
    Task,
    Tasks,
    Text,
    Total,
    Totals,
)
from sinetti.eservice.ui.navigation import SECURITY, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, finnish_day, format_date, format_datetime, gettext_noop, ngettext, ngettext_noop
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
_START = gettext_noop("Start page")
_NOTHING = gettext_noop("You have no tasks right now.")
_NOTHING_BUT_ENDED = ngettext_noop(
    "You have no tasks right now. {count} certificate ended within the last year and was not replaced.",
    "You have no tasks right now. {count} certificates ended within the last year and were not replaced.",
)
_NO_AUTHORISATION = (
    gettext_noop("You have no authorisation that is in force."),
    gettext_noop(
        "Your organisation's representative, for example the managing director, can give you one. You can "
        "send the request here."
    ),
)
_WAITING = gettext_noop(
    "Some of your authorisations need a second factor. Sign in with it, or set one up for your account."
)

_STATES: dict[DisplayStatus, tuple[tuple[str, str], str]] = {
    DisplayStatus.EXPIRED: (
        ngettext_noop(
            "{count} certificate has expired without a replacement",
            "{count} certificates have expired without a replacement",
        ),
        gettext_noop("Order a replacement, or state that the certificate is no longer needed."),
    ),
    DisplayStatus.REVOKED: (
        ngettext_noop(
            "{count} certificate was revoked without a replacement",
            "{count} certificates were revoked without a replacement",
        ),
        gettext_noop("Order a replacement, or state that the certificate is no longer needed."),
    ),
    DisplayStatus.ENDS_SOON: (
        ngettext_noop("{count} certificate expires within 14 days", "{count} certificates expire within 14 days"),
        gettext_noop("Renew in the program now. If that is not possible, order a replacement."),
    ),
    DisplayStatus.OLD_IN_USE: (
        ngettext_noop(
            "{count} renewed certificate, but the old one is still in use",
            "{count} renewed certificates, but the old ones are still in use",
        ),
        gettext_noop("Start using the new certificate before the old one expires."),
    ),
    DisplayStatus.NEW_WAITS: (
        ngettext_noop(
            "{count} new certificate has not been retrieved", "{count} new certificates have not been retrieved"
        ),
        gettext_noop("Retrieve the new certificate before the old one expires."),
    ),
    DisplayStatus.NOT_FETCHED: (
        ngettext_noop("{count} certificate has not been retrieved", "{count} certificates have not been retrieved"),
        gettext_noop("Retrieve it in the program that requested it."),
    ),
    DisplayStatus.RENEWAL_OPEN: (
        ngettext_noop("{count} certificate can be renewed now", "{count} certificates can be renewed now"),
        gettext_noop("Most programs renew by themselves. Check that yours does."),
    ),
    DisplayStatus.IDS_OPENED: (
        ngettext_noop(
            "{count} order has transfer IDs that were opened but not used",
            "{count} orders have transfer IDs that were opened but not used",
        ),
        gettext_noop("Enter the transfer IDs in your program, or retrieve the certificate here."),
    ),
    DisplayStatus.IDS_SENT: (
        ngettext_noop(
            "{count} order has transfer IDs that have not been opened",
            "{count} orders have transfer IDs that have not been opened",
        ),
        gettext_noop("The contact person opens the link in the message. You can send a new link."),
    ),
    DisplayStatus.IDS_LAPSED: (
        ngettext_noop("{count} order has expired transfer IDs", "{count} orders have expired transfer IDs"),
        gettext_noop("Send new transfer IDs, or cancel the order."),
    ),
}
"""States in the order of urgency, with their text and what to do."""
_UNATTENDED = {DisplayStatus.EXPIRED: list_view.EXPIRED, DisplayStatus.REVOKED: list_view.REVOKED}
_REQUESTS = ngettext_noop(
    "Answer {count} request for an authorisation",
    "Answer {count} requests for an authorisation",
)
_APPLICATIONS = ngettext_noop("Decide {count} application", "Decide {count} applications")


@require_safe
def home_page(request: HttpRequest) -> HttpResponse:
    """Show a description of the service, or the user's tasks."""
    actor = current_actor(request)
    if actor is None:
        return render_page(request, Page(_(_TITLE), _welcome()))
    return _start(request, actor)


def _welcome() -> list[Component]:
    sign_in = Link(_("Sign in"), url_or_empty("account_login"), button=True)
    fetch = Link(_("Retrieve a certificate"), url_or_empty("fetch"), button=True)
    fetching: list[Component] = [Text([_(_FETCH)]), *([Links([fetch])] if fetch.address else [])]
    return [
        Text([_(text) for text in _WHAT]),
        Section(_("Your organisation's certificates"), [Text([_(text) for text in _SIGN_IN]), Links([sign_in])]),
        Section(_("Retrieval with transfer IDs"), fetching),
        Section(_("Message from us"), [Text([_(_MESSAGE)])]),
    ]


def _start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show tasks, totals and the ends of the next months; quick ways beside them."""
    who, ctx = represented_permissions(request), portal_context(request).ctx
    found, now = overview(actor, who, ctx), ctx.now()
    tasks = [*access_tasks(request, actor), *_tasks(found)]
    tasks.sort(key=lambda task: list(reversed(Severity)).index(task.tone))
    waiting = own_waiting(request)
    blocks = [*waiting, *_second_factor(request), *_only(found, now)]
    if tasks:
        blocks.append(Section(_("Your tasks"), [Tasks(tasks)]))
    else:
        blocks += _nothing_to_do(found, actor, waits=bool(who.waiting or waiting))
    if not found.organisations and not actor.staff and tasks:
        blocks.append(Text([_(text) for text in _NO_AUTHORISATION]))
    if found.organisations:
        blocks += [*_at_a_glance(found), *_chart(found, now)]
    return render_page(request, Page(_(_START), blocks, side=_ways(request, actor, found)))


def _chart(overview: Overview, now: datetime) -> list[Component]:
    if not any(overview.totals.ends):
        return []
    caption, months = _("Certificates that expire, by month"), coming_months(now)
    return [month_chart(caption, months, overview.totals.ends, url_or_empty("certificates"))]


def _second_factor(request: HttpRequest) -> list[Component]:
    if not current_permissions(request).waiting:
        return []
    factor = Link(_(SECURITY), url_or_empty("mfa_index"))
    return [Alert(_(_WAITING), Severity.WARNING, [factor] if factor.address else [])]


def _only(overview: Overview, now: datetime) -> list[Component]:
    """Return the state of the user's only certificate or order."""
    row = overview.only
    if row is None:
        return []
    order = isinstance(row.facts, OrderFacts)
    page, title = ("order", _("Your order")) if order else ("certificate", _("Your certificate"))
    items = [
        DescriptionItem(_("Description"), row.description or "–"),
        DescriptionItem(_("Organisation"), f"{row.organisation} ({row.customer_id})"),
    ]
    if not isinstance(row.facts, OrderFacts):
        items.append(DescriptionItem(_("Valid until"), format_datetime(row.facts.span.not_after)))
    state = Badge(labels.status_label(row, now), labels.severity(row, now))
    opened = Link(_("Open the order") if order else _("Open the certificate"), url_or_empty(page, row.key), button=True)
    return [Section(title, [state, DescriptionList(items), Links([opened])])]


def _nothing_to_do(overview: Overview, actor: Actor, *, waits: bool) -> list[Component]:
    """Say that there are no tasks, and what ended without a successor."""
    if overview.totals.ended:
        link = Link(_("Show all certificates"), f"{url_or_empty('certificates')}?state=all&sort=ends")
        return [Alert(ngettext(*_NOTHING_BUT_ENDED, overview.totals.ended), links=[link])]
    if overview.organisations or actor.staff:
        return [Alert(_(_NOTHING), Severity.GOOD)]
    return [] if waits else [Text([_(text) for text in _NO_AUTHORISATION])]


def _tasks(overview: Overview) -> Iterator[Task]:
    certificates = url_or_empty("certificates")
    if overview.applications:
        place = url_or_empty("staff_applications") or url_or_empty("staff")
        yield Task(ngettext(*_APPLICATIONS, overview.applications), place, Severity.WARNING)
    for state, (plural_texts, hint) in _STATES.items():
        if count := overview.totals.states.get(state, 0):
            tone = Severity(SEVERITIES[state])
            # The list of an ended state has those that were replaced, too.
            listed = _UNATTENDED.get(state, state.value)
            yield Task(ngettext(*plural_texts, count), f"{certificates}?state={listed}", tone, hint=_(hint))
    if overview.requests:
        yield Task(ngettext(*_REQUESTS, overview.requests), url_or_empty("authorisations"), Severity.WARNING)


def _at_a_glance(overview: Overview) -> list[Component]:
    """Return the totals, each with its list.

    The list of ended certificates has older and replaced ones, too.
    """
    certificates, totals = url_or_empty("certificates"), overview.totals
    of_state, action = f"{certificates}?state=", sum(totals.states.values())
    tiles = [
        Total(_("In force"), totals.in_force, f"{of_state}{list_view.IN_FORCE}&sort=ends", Severity.GOOD),
        Total(
            _("Need action"),
            action,
            f"{of_state}{list_view.ACTION}",
            next(
                (
                    Severity(SEVERITIES[display_status])
                    for display_status in _STATES
                    if totals.states.get(display_status)
                ),
                Severity.GOOD,
            ),
        ),
    ]
    if totals.replaced:
        way = f"{of_state}{list_view.UNDER_WAY}"
        tiles.append(Total(_("Renewed or left to expire"), totals.replaced, way))
    tiles.append(Total(_("Ended within a year"), totals.ended, f"{certificates}?state=all&sort=ends"))
    if overview.clients:
        tiles.append(Total(_("Clients"), overview.clients, url_or_empty("clients")))
    if totals.next_end is None:
        return [Section(_("At a glance"), [Totals(tiles)])]
    day = format_date(finnish_day(totals.next_end))
    next_end = DescriptionItem(_("Next expiry"), day, link=f"{certificates}?sort=ends")
    return [Section(_("At a glance"), [Totals(tiles), DescriptionList([next_end])])]


def _ways(request: HttpRequest, actor: Actor, overview: Overview) -> list[Component]:
    """Return links to the most common next pages that the user may open."""
    who, sees = current_permissions(request), bool(overview.organisations)
    desk = actor.staff and actor.second_factor
    places = [
        (desk, gettext_noop("Clerk's pages"), "staff"),
        (sees, gettext_noop("All certificates"), "certificates"),
        (bool(who.organisations(Permission.ORDER)), gettext_noop("Order a certificate"), "order_new"),
        (bool(overview.clients), gettext_noop("Clients"), "clients"),
        (not desk or sees, gettext_noop("Request an authorisation"), "ask"),
        (not desk, gettext_noop("Retrieve a certificate"), "fetch"),
    ]
    ways = [Link(_(name), url_or_empty(place), button=place == "staff") for shown, name, place in places if shown]
    return [Section(_("Quick links"), [Links([way for way in ways if way.address])])]
