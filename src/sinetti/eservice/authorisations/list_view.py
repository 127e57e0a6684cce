"""Who may act for an organisation: people, organisations, invitations that wait, and requests that wait."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import (
    address,
    capital,
    choose,
    chosen,
    day_of,
    name_of,
    paged,
    start_of,
    told_until,
)
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import (
    Button,
    Cell,
    Column,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
    Links,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import format_datetime, gettext_noop, translate
from sinetti.services.self_service.pending_invitations import PendingView, waiting
from sinetti.services.self_service.role_assignments import RoleAssignmentView, RoleRequestView, authorisations

TITLE = gettext_noop("Authorisations")
_TITLE_OF = gettext_noop("Authorisations – {organisation}")
_SHOWN_REQUESTS = 20
"""The others stand on the same page as soon as these are answered."""
NEAR = timedelta(days=60)
"""So long before its end it is said of an authorisation."""


@require_safe
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """Show everything about one organisation."""
    who, language = current_permissions(request), language_of(request)
    ids = who.organisations(Permission.GRANT)
    organisation_id = chosen(request, ids, Permission.GRANT)
    if organisation_id is None:
        return choose(request, translate(TITLE, language), ids, "authorisations")
    found = authorisations(organisation_id, who, portal_context(request).ctx, start_of(request))
    named = name_of(request, organisation_id)
    mandates, pager = paged(request, found.mandates)
    people = [one for one in mandates if one.agent is None]
    firms = [one for one in mandates if one.agent is not None]
    pending = waiting(organisation_id, who, portal_context(request).ctx)
    blocks: list[Component] = [
        *([_pending(pending, language)] if pending else ()),
        *([_waiting(found.requests, language)] if found.requests else ()),
        _give(organisation_id, language),
        _people(people, language),
        _firms(firms, request),
        *pager,
    ]
    return render_page(request, Page(translate(_TITLE_OF, language, organisation=named.name), blocks=blocks, wide=True))


def _give(organisation_id: str, language: Language) -> Links:
    pages = {
        "authorisation_person": gettext_noop("Give an authorisation to a person"),
        "authorisation_organisation": gettext_noop("Give an authorisation to another organisation"),
        "clients": gettext_noop("Clients that the organisation acts for"),
    }
    return Links(
        [
            Link(translate(told, language), address(name, organisation=organisation_id), button=True)
            for name, told in pages.items()
        ]
    )


def _pending(pending: tuple[PendingView, ...], language: Language) -> Section:
    explained = gettext_noop(
        "A clerk of this service asks for these invitations. Nothing is sent before one of you confirms."
    )
    columns = [
        Column(translate(one, language)) for one in (gettext_noop("Name"), gettext_noop("Has to be confirmed by"))
    ]
    rows = [
        [
            Cell(one.name or one.email, link=address("authorisation_pending", one.pending_id), note=one.email),
            Cell(format_datetime(one.expires, language)),
        ]
        for one in pending
    ]
    title = translate(gettext_noop("New representatives that wait for your confirmation"), language)
    return Section(title, [Text([translate(explained, language)]), Table(title, columns, rows)], "pending")


def _waiting(requests: tuple[RoleRequestView, ...], language: Language) -> Section:
    blocks: list[Component] = [
        Text(
            [translate(gettext_noop("We have not checked who is asking: approve only those whom you know."), language)]
        )
    ]
    for one in requests[:_SHOWN_REQUESTS]:
        blocks += [DescriptionList(request_values(one, language)), _answer(one, language), _more(one, language)]
    if len(requests) > _SHOWN_REQUESTS:
        more = gettext_noop("More requests are waiting. Answer these first.")
        blocks.append(Text([translate(more, language)]))
    return Section(translate(gettext_noop("Requests that wait"), language), blocks, "requests")


def request_values(one: RoleRequestView, language: Language) -> list[DescriptionItem]:
    """What somebody asks for."""
    who = f"{one.agent.name}, {one.agent.customer_id}" if one.agent else asker(one)
    for_whom = [DescriptionItem(translate(gettext_noop("Asked by"), language), asker(one))] if one.agent else []
    return [
        DescriptionItem(translate(gettext_noop("Who asks"), language), who),
        *for_whom,
        DescriptionItem(translate(gettext_noop("Authorisation"), language), translate(ROLES[one.role], language)),
        DescriptionItem(translate(gettext_noop("Until"), language), told_until(one.until, language)),
        DescriptionItem(translate(gettext_noop("Asked on"), language), format_datetime(one.created, language)),
    ]


def asker(one: RoleRequestView) -> str:
    """Who asks, by what their account says."""
    return f"{one.name}, {one.email}" if one.name else one.email


def _answer(one: RoleRequestView, language: Language) -> Form:
    """One press approves what was asked."""
    day = day_of(one.until)
    inputs = [Input("role", "", "hidden", one.role.value), Input("until", "", "hidden", day.isoformat() if day else "")]
    buttons = [
        Button(translate(gettext_noop("Approve"), language), "approve"),
        Button(translate(gettext_noop("Decline"), language), "decline", minor=True),
    ]
    return Form(inputs, buttons, address("authorisation_request", one.request_id))


def _more(one: RoleRequestView, language: Language) -> Links:
    who = one.agent.name if one.agent else asker(one)
    told = translate(gettext_noop("Approve less, or with another end"), language)
    return Links([Link(told, address("authorisation_request", one.request_id), note=who)])


def _columns(first: str, language: Language) -> list[Column]:
    names = (first, gettext_noop("Authorisation"), gettext_noop("Since"), gettext_noop("Until"), gettext_noop("State"))
    return [Column(translate(one, language)) for one in names]


def _people(found: list[RoleAssignmentView], language: Language) -> Section:
    rows = [
        [
            Cell(one.name or one.email, link=address("authorisation", one.mandate_id), note=one.email),
            Cell(capital(translate(ROLES[one.role], language))),
            Cell("" if one.waiting else format_datetime(one.since, language)),
            Cell(told_until(one.until, language)),
            Cell(state(one, language)),
        ]
        for one in found
    ]
    caption = translate(gettext_noop("People who may act for the organisation"), language)
    empty = translate(gettext_noop("Nobody has been given an authorisation here."), language)
    table = Table(caption, _columns(gettext_noop("Name"), language), rows, empty)
    return Section(translate(gettext_noop("People"), language), [table], "people")


def state(one: RoleAssignmentView, language: Language) -> str:
    """Whether somebody can act by a mandate, and if not why."""
    if one.agent is not None or one.account is not None:
        return translate(gettext_noop("in use"), language)
    if one.link_until is not None:
        return translate(
            gettext_noop("invited; the link works until {until}"),
            language,
            until=format_datetime(one.link_until, language),
        )
    if one.waiting:
        return translate(gettext_noop("the invitation has lapsed"), language)
    return translate(gettext_noop("gets messages; has not been invited to this service"), language)


def _firms(found: list[RoleAssignmentView], request: HttpRequest) -> Section:
    language, now = language_of(request), portal_context(request).ctx.now()
    ends_soon = translate(gettext_noop("ends soon"), language)
    rows = [
        [
            Cell(one.agent.name, link=address("authorisation", one.mandate_id), note=one.agent.customer_id),
            Cell(capital(translate(ROLES[one.role], language))),
            Cell(format_datetime(one.since, language)),
            Cell(told_until(one.until, language), note=ends_soon if one.until and one.until - now < NEAR else ""),
            Cell(state(one, language)),
        ]
        for one in found
        if one.agent is not None
    ]
    caption = translate(gettext_noop("Organisations that may act for the organisation"), language)
    empty = translate(gettext_noop("No other organisation has been given an authorisation."), language)
    table = Table(caption, _columns(gettext_noop("Organisation"), language), rows, empty)
    return Section(translate(gettext_noop("Organisations"), language), [table], "organisations")
