"""The list of certificates: filter, table, pages, and how to renew (docs/certificates-page.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.display_status import OrderFacts, State, percent_left
from sinetti.domain.certificates.listing import Listed, Sort
from sinetti.domain.values import Channel, Language
from sinetti.eservice.certificates import filters, labels
from sinetti.eservice.certificates.filters import EVERYTHING, Filter
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import (
    Block,
    Button,
    Cell,
    Column,
    Command,
    Form,
    Input,
    Link,
    Links,
    Notice,
    Option,
    Pager,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text, when_short
from sinetti.services.access.permissions import Standing
from sinetti.services.self_service import certificates
from sinetti.services.self_service.certificates import ListPage

MOST_TO_CHOOSE = 50
"""With more organisations than these one searches, and does not choose from a list but the one that was chosen."""

TITLE = mark("Technical interface and certificates")
_CAPTION = mark("Certificates and orders. Times are Finnish time.")
_EMPTY, _EMPTY_FILTERED = (
    mark("There are no certificates and no orders here yet."),
    mark("Nothing was found. Search with fewer letters, or choose Everything as the state."),
)
_IGNORED = mark("Something in the address of this page is not known here, and was left out.")
_COUNT, _COUNT_ONE, _COUNT_MORE = (
    mark("Rows {first} to {last} of {count}"),
    mark("1 row"),
    mark("Rows {first} to {last} of more than {count}"),
)
_BEFORE, _AFTER = mark("Previous"), mark("Next")
_SEARCH, _SEARCH_HINT = (
    mark("Search"),
    mark(
        "The beginning of the description, the organisation's ID or name, the serial number, or the"
        " contact person's name or e-mail"
    ),
)
_STATE, _CHANNEL, _ORGANISATION, _CONTACT = (
    mark("State"),
    mark("Channel"),
    mark("Organisation"),
    mark("Contact person's name or e-mail begins with"),
)
_CURRENT, _EVERYTHING, _ALL = mark("Everything that has not ended"), mark("Everything"), mark("All")
_SHOW, _CLEAR, _CSV = mark("Show these"), mark("Clear the choices"), mark("Download as a table (CSV)")
_ORDER, _REPLACE, _CONTACTS = (
    mark("Order a certificate"),
    mark("Order replacements for many"),
    mark("Change a contact person"),
)
_COLUMNS: Sequence[tuple[str, Sort]] = (
    (mark("Description"), Sort.DESCRIPTION),
    (_ORGANISATION, Sort.ORGANISATION),
    (_CHANNEL, Sort.CHANNEL),
    (mark("Contact person"), Sort.CONTACT),
    (mark("Last day"), Sort.ENDS),
    (_STATE, Sort.STATE),
    (mark("In use"), Sort.USE),
    (mark("Who can act"), Sort.HAND),
)
_URGENT = mark("Most urgent first")
_NO_DESCRIPTION = mark("No description")
_NO_CONTACT = mark("No contact person")
_IDS_UNTIL = mark("Transfer IDs until {at}")
_OPENS = mark("Renewal opens {at}")
HOW = mark("How a certificate is renewed")
HOW_TEXT = (
    mark(
        "Your program renews the certificate over the technical interface, at the earliest when renewal opens. It "
        "cannot be renewed on these pages. Renewal makes a new key; the old certificate stays valid to its own end."
    ),
    mark(
        "Use the menu for renewal in your program, or the command below. If your program cannot "
        "renew, order a replacement."
    ),
)
COMMAND_NAME = mark("Renew with our client: NAME is what the certificate is called in the folder DIR")
COMMAND = "sinetti renew NAME --store DIR"


@dataclass(frozen=True, slots=True)
class _Around:
    """What every part of the page is written from."""

    asked: Filter
    standing: Standing
    now: datetime
    language: Language
    several: bool
    """Whether rows may be of more than one organisation."""


@require_safe
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Show a page of the list."""
    office, standing = surroundings(request).office, standing_of(request)
    several = len(standing.organisations(Right.SEE)) > 1
    around = _Around(filters.read(request.GET, standing), standing, office.now(), language_of(request), several)
    found = certificates.list_page(around.asked.wanted(standing, around.now), around.asked.page, standing, office)
    names = certificates.names(standing, office, MOST_TO_CHOOSE, around.asked.organisation) if around.several else ()
    language = around.language
    blocks: list[Block] = []
    if around.asked.ignored:
        blocks.append(Notice(text(_IGNORED, language)))
    blocks += [
        *_deeds(around),
        _filter(around, names),
        _table(around, found),
        *_pager(around, found),
        how(language),
    ]
    return show(request, Page(text(TITLE, language), blocks=blocks, wide=True))


def how(language: Language) -> Section:
    """Renewal stays with the interface: how it is done."""
    told = Text([text(one, language) for one in HOW_TEXT])
    return Section(text(HOW, language), [told, Command(text(COMMAND_NAME, language), COMMAND)], "renewal")


def _deeds(around: _Around) -> list[Block]:
    """What may be done about more than one."""
    language, standing = around.language, around.standing
    links = []
    orders = standing.organisations(Right.ORDER)
    if orders:
        chosen = around.asked.organisation if around.asked.organisation in orders else ""
        chosen = chosen or (next(iter(orders)) if len(orders) == 1 else "")
        query = f"?organisation={chosen}" if chosen else ""
        links = [
            Link(text(_ORDER, language), f"{link_to('order_new')}{query}", button=True),
            Link(text(_REPLACE, language), link_to("order_replace")),
        ]
    if standing.organisations(Right.CONTACT):
        links.append(Link(text(_CONTACTS, language), link_to("contacts")))
    there = [one for one in links if one.address.startswith("/")]
    return [Links(there)] if there else []


def _filter(around: _Around, names: Sequence[tuple[str, str, str]]) -> Form:
    language, asked = around.language, around.asked
    states = [("", _CURRENT), *((one.value, labels.STATES[one]) for one in State), (EVERYTHING, _EVERYTHING)]
    channels = [("", _ALL), *((one.value, labels.CHANNELS[one]) for one in Channel)]
    inputs = [
        Input("q", text(_SEARCH, language), "text", asked.text, text(_SEARCH_HINT, language), longest=filters.LONGEST),
        Input("state", text(_STATE, language), "select", options=_options(states, asked.state, language)),
        Input("channel", text(_CHANNEL, language), "select", options=_options(channels, asked.channel, language)),
    ]
    if names:
        offered = [Option("", text(_ALL, language), not asked.organisation)]
        offered += [Option(pk, f"{name} ({number})", pk == asked.organisation) for pk, number, name in names]
        inputs.append(Input("organisation", text(_ORGANISATION, language), "select", options=offered))
    inputs.append(Input("contact", text(_CONTACT, language), "text", asked.contact, longest=filters.LONGEST))
    if asked.sort is not Sort.URGENCY:
        inputs.append(Input("sort", "", "hidden", asked.sort.value))
    if asked.descending:
        inputs.append(Input("order", "", "hidden", "descending"))
    return Form(
        inputs, [Button(text(_SHOW, language))], reverse("certificates"), search=True, inline=True, name="filter"
    )


def _options(offered: Sequence[tuple[str, str]], chosen: str, language: Language) -> list[Option]:
    return [Option(value, text(told, language), value == chosen) for value, told in offered]


def _table(around: _Around, found: ListPage) -> Table:
    language, asked = around.language, around.asked
    shown = [(name, sort) for name, sort in _COLUMNS if around.several or sort is not Sort.ORGANISATION]
    columns = [
        Column(
            text(name, language),
            f"{reverse('certificates')}{asked.sorted_by(sort).query()}",
            ("descending" if asked.descending else "ascending") if asked.sort is sort else "",
        )
        for name, sort in shown
    ]
    return Table(
        text(_CAPTION, language),
        columns,
        [_row(around, one) for one in found.rows],
        text(_EMPTY_FILTERED if asked.narrows else _EMPTY, language),
    )


def _row(around: _Around, one: Listed) -> list[Cell]:
    language, now = around.language, around.now
    page = link_to("order", one.key) if isinstance(one.facts, OrderFacts) else reverse("certificate", args=[one.key])
    serves = labels.serves_words(one.serves, language)
    cells = [Cell(one.description or text(_NO_DESCRIPTION, language), page, note=serves)]
    if around.several:
        of_this = replace(around.asked, organisation=one.organisation_id).query()
        cells.append(Cell(one.organisation, f"{reverse('certificates')}{of_this}", note=one.customer_id))
    contact = one.contact or text(_NO_CONTACT, language)
    return [
        *cells,
        Cell(labels.channel_words(one.channel, language)),
        Cell(contact, note=one.email),
        _ends(around, one),
        Cell(labels.state_words(one, now, language), tone=labels.tone(one, now), note=_opens(around, one)),
        Cell(labels.use_words(labels.use_in(one, now), language)),
        Cell(labels.acts_words(one, around.standing, now, language)),
    ]


def _ends(around: _Around, one: Listed) -> Cell:
    language, now = around.language, around.now
    if isinstance(one.facts, OrderFacts):
        until = "" if one.facts.expires is None else when_short(one.facts.expires, language)
        return Cell(text(_IDS_UNTIL, language, at=until) if until else "–")
    span = one.facts.span
    if one.facts.revoked_at is not None:
        return Cell(when_short(span.not_after, language))  # nothing of it is left to use
    left = labels.left_words(span.not_after, now, language)
    return Cell(when_short(span.not_after, language), note=left, percent=percent_left(span, now))


def _opens(around: _Around, one: Listed) -> str:
    """From when on its program may renew it, where that is still to come."""
    if isinstance(one.facts, OrderFacts) or labels.state_in(one, around.now) is not State.VALID:
        return ""
    return text(_OPENS, around.language, at=when_short(one.facts.renewable_from, around.language))


def _pager(around: _Around, found: ListPage) -> list[Block]:
    language, asked, address = around.language, around.asked, reverse("certificates")
    if not found.rows:
        return [Links([Link(text(_CLEAR, language), address)])] if asked.narrows else []
    first = (found.page - 1) * certificates.PAGE + 1
    last = first + len(found.rows) - 1
    count = _COUNT_MORE if found.more else _COUNT_ONE if found.count == 1 else _COUNT
    before = Link(text(_BEFORE, language), f"{address}{asked.query(page=found.page - 1)}") if found.page > 1 else None
    after = None if found.last else Link(text(_AFTER, language), f"{address}{asked.query(page=found.page + 1)}")
    told = {
        name: labels.number(one, language) for name, one in (("first", first), ("last", last), ("count", found.count))
    }
    pager = Pager(text(count, language, **told), before, after)
    links = [Link(text(_CSV, language), f"{reverse('certificates_csv')}{asked.query()}", download=True)]
    if asked.sort is not Sort.URGENCY or asked.descending:
        urgent = replace(asked, sort=Sort.URGENCY, descending=False).query()
        links.append(Link(text(_URGENT, language), f"{address}{urgent}"))
    if asked.narrows:
        links.append(Link(text(_CLEAR, language), address))
    return [pager, Links(links)]
