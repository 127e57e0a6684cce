"""Who may act for an organisation: people, organisations, invitations that wait, and requests that wait."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Right
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
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import (
    Block,
    Button,
    Cell,
    Column,
    Form,
    Input,
    Link,
    Links,
    Section,
    Table,
    Text,
    Value,
    Values,
)
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import mark, text, when
from sinetti.services.self_service.pending_invitations import PendingView, waiting
from sinetti.services.self_service.role_assignments import MandateFound, RequestFound, authorisations

TITLE = mark("Authorisations")
_TITLE_OF = mark("Authorisations – {organisation}")
_SHOWN_REQUESTS = 20
"""The others stand on the same page as soon as these are answered."""
NEAR = timedelta(days=60)
"""So long before its end it is said of an authorisation."""


@require_safe
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Show everything about one organisation."""
    who, language = standing_of(request), language_of(request)
    ids = who.organisations(Right.GRANT)
    organisation_id = chosen(request, ids, Right.GRANT)
    if organisation_id is None:
        return choose(request, text(TITLE, language), ids, "authorisations")
    found = authorisations(organisation_id, who, surroundings(request).office, start_of(request))
    named = name_of(request, organisation_id)
    mandates, pager = paged(request, found.mandates)
    people = [one for one in mandates if one.agent is None]
    firms = [one for one in mandates if one.agent is not None]
    pending = waiting(organisation_id, who, surroundings(request).office)
    blocks: list[Block] = [
        *([_pending(pending, language)] if pending else ()),
        *([_waiting(found.requests, language)] if found.requests else ()),
        _give(organisation_id, language),
        _people(people, language),
        _firms(firms, request),
        *pager,
    ]
    return show(request, Page(text(_TITLE_OF, language, organisation=named.name), blocks=blocks, wide=True))


def _give(organisation_id: str, language: Language) -> Links:
    pages = {
        "authorisation_person": mark("Give an authorisation to a person"),
        "authorisation_organisation": mark("Give an authorisation to another organisation"),
        "clients": mark("Clients that the organisation acts for"),
    }
    return Links(
        [
            Link(text(told, language), address(name, organisation=organisation_id), button=True)
            for name, told in pages.items()
        ]
    )


def _pending(pending: tuple[PendingView, ...], language: Language) -> Section:
    explained = mark("A clerk of this service asks for these invitations. Nothing is sent before one of you confirms.")
    columns = [Column(text(one, language)) for one in (mark("Name"), mark("Has to be confirmed by"))]
    rows = [
        [
            Cell(one.name or one.email, link=address("authorisation_pending", one.pending_id), note=one.email),
            Cell(when(one.expires, language)),
        ]
        for one in pending
    ]
    title = text(mark("New representatives that wait for your confirmation"), language)
    return Section(title, [Text([text(explained, language)]), Table(title, columns, rows)], "pending")


def _waiting(requests: tuple[RequestFound, ...], language: Language) -> Section:
    blocks: list[Block] = [
        Text([text(mark("We have not checked who is asking: approve only those whom you know."), language)])
    ]
    for one in requests[:_SHOWN_REQUESTS]:
        blocks += [Values(request_values(one, language)), _answer(one, language), _more(one, language)]
    if len(requests) > _SHOWN_REQUESTS:
        more = mark("More requests are waiting. Answer these first.")
        blocks.append(Text([text(more, language)]))
    return Section(text(mark("Requests that wait"), language), blocks, "requests")


def request_values(one: RequestFound, language: Language) -> list[Value]:
    """What somebody asks for."""
    who = f"{one.agent.name}, {one.agent.customer_id}" if one.agent else asker(one)
    for_whom = [Value(text(mark("Asked by"), language), asker(one))] if one.agent else []
    return [
        Value(text(mark("Who asks"), language), who),
        *for_whom,
        Value(text(mark("Authorisation"), language), text(ROLES[one.role], language)),
        Value(text(mark("Until"), language), told_until(one.until, language)),
        Value(text(mark("Asked on"), language), when(one.created, language)),
    ]


def asker(one: RequestFound) -> str:
    """Who asks, by what their account says."""
    return f"{one.name}, {one.email}" if one.name else one.email


def _answer(one: RequestFound, language: Language) -> Form:
    """One press approves what was asked."""
    day = day_of(one.until)
    inputs = [Input("role", "", "hidden", one.role.value), Input("until", "", "hidden", day.isoformat() if day else "")]
    buttons = [
        Button(text(mark("Approve"), language), "approve"),
        Button(text(mark("Decline"), language), "decline", minor=True),
    ]
    return Form(inputs, buttons, address("authorisation_request", one.request_id))


def _more(one: RequestFound, language: Language) -> Links:
    who = one.agent.name if one.agent else asker(one)
    told = text(mark("Approve less, or with another end"), language)
    return Links([Link(told, address("authorisation_request", one.request_id), note=who)])


def _columns(first: str, language: Language) -> list[Column]:
    names = (first, mark("Authorisation"), mark("Since"), mark("Until"), mark("State"))
    return [Column(text(one, language)) for one in names]


def _people(found: list[MandateFound], language: Language) -> Section:
    rows = [
        [
            Cell(one.name or one.email, link=address("authorisation", one.mandate_id), note=one.email),
            Cell(capital(text(ROLES[one.role], language))),
            Cell("" if one.waiting else when(one.since, language)),
            Cell(told_until(one.until, language)),
            Cell(state(one, language)),
        ]
        for one in found
    ]
    caption = text(mark("People who may act for the organisation"), language)
    empty = text(mark("Nobody has been given an authorisation here."), language)
    table = Table(caption, _columns(mark("Name"), language), rows, empty)
    return Section(text(mark("People"), language), [table], "people")


def state(one: MandateFound, language: Language) -> str:
    """Whether somebody can act by a mandate, and if not why."""
    if one.agent is not None or one.account is not None:
        return text(mark("in use"), language)
    if one.link_until is not None:
        return text(mark("invited; the link works until {until}"), language, until=when(one.link_until, language))
    if one.waiting:
        return text(mark("the invitation has lapsed"), language)
    return text(mark("gets messages; has not been invited to this service"), language)


def _firms(found: list[MandateFound], request: HttpRequest) -> Section:
    language, now = language_of(request), surroundings(request).office.now()
    ends_soon = text(mark("ends soon"), language)
    rows = [
        [
            Cell(one.agent.name, link=address("authorisation", one.mandate_id), note=one.agent.customer_id),
            Cell(capital(text(ROLES[one.role], language))),
            Cell(when(one.since, language)),
            Cell(told_until(one.until, language), note=ends_soon if one.until and one.until - now < NEAR else ""),
            Cell(state(one, language)),
        ]
        for one in found
        if one.agent is not None
    ]
    caption = text(mark("Organisations that may act for the organisation"), language)
    empty = text(mark("No other organisation has been given an authorisation."), language)
    table = Table(caption, _columns(mark("Organisation"), language), rows, empty)
    return Section(text(mark("Organisations"), language), [table], "organisations")
