"""List of certificates: filter, table, pages, renewal.

See docs/e-service/certificates.md.

The query of an address is checked when read and written again into links and forms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus, OrderFacts, percent_left
from sinetti.domain.certificates.listing import CertificateListItem, CertificateQuery, Sort
from sinetti.domain.values import Channel
from sinetti.eservice.certificates import labels
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    CommandBlock,
    Component,
    Form,
    Input,
    Link,
    Links,
    Option,
    Pager,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_time, gettext_noop, number
from sinetti.services.access.permissions import Permissions
from sinetti.services.self_service import certificates
from sinetti.services.self_service.certificates import ListPage

EVERYTHING = "all"
"""State filter that includes certificates that are over."""
LONGEST = 100
"""Maximum length of a search text, in characters."""
MOST_PAGES = 2000
_KNOWN = frozenset({"organisation", "state", "channel", "contact", "q", "sort", "order", "page", "lang"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of the list, as the address contains it.

    `ignored`: the address contains a value that is not offered.
    """

    organisation: str = ""
    state: str = ""
    channel: str = ""
    contact: str = ""
    text: str = ""
    sort: Sort = Sort.URGENCY
    descending: bool = False
    page: int = 1
    ignored: bool = False

    def wanted(self, permissions: Permissions, now: datetime) -> CertificateQuery:
        """Return the database query, limited to what the reader may see."""
        seen = permissions.organisations(Permission.SEE)
        return CertificateQuery(
            organisations=seen & {self.organisation} if self.organisation else seen,
            now=now,
            states=(DisplayStatus(self.state),) if self.state not in {"", EVERYTHING} else (),
            over=self.state == EVERYTHING,
            channel=Channel(self.channel) if self.channel else None,
            contact=self.contact,
            text=self.text,
            sort=self.sort,
            descending=self.descending,
        )

    @property
    def narrows(self) -> bool:
        """True if the filter excludes rows that the default list shows."""
        return any((self.organisation, self.state, self.channel, self.contact, self.text))

    def query(self, *, page: int = 1) -> str:
        """Return the query string with its question mark, or the empty text."""
        parameters = {
            "organisation": self.organisation,
            "state": self.state,
            "channel": self.channel,
            "contact": self.contact,
            "q": self.text,
            "sort": "" if self.sort is Sort.URGENCY else self.sort.value,
            "order": "descending" if self.descending else "",
            "page": str(page) if page > 1 else "",
        }
        there = {name: value for name, value in parameters.items() if value}
        return f"?{urlencode(there)}" if there else ""

    def sorted_by(self, sort: Sort) -> "Filter":
        """Return the filter sorted by a column; the current column reverses its order."""
        return replace(self, sort=sort, descending=sort is self.sort and not self.descending)


def read(query: QueryDict, permissions: Permissions) -> Filter:
    """Parse the query of an address.

    Values that are not offered, or belong to others, are ignored. Both cases read alike.
    """
    ignored = [name for name in query if name not in _KNOWN]

    def choice(name: str, offered: frozenset[str]) -> str:
        value = query.get(name, "")
        if value and value not in offered:
            ignored.append(name)
            return ""
        return value

    return Filter(
        organisation=choice("organisation", permissions.organisations(Permission.SEE)),
        state=choice("state", frozenset({*DisplayStatus, EVERYTHING})),
        channel=choice("channel", frozenset(Channel)),
        contact=_typed(query.get("contact", "")),
        text=_typed(query.get("q", "")),
        sort=Sort(choice("sort", frozenset(Sort)) or Sort.URGENCY),
        descending=choice("order", frozenset({"ascending", "descending"})) == "descending",
        page=_page(query.get("page", "")),
        ignored=bool(ignored),
    )


def _typed(text: str) -> str:
    """Return typed text without unprintable characters, which a database may reject."""
    return "".join(one for one in text if one.isprintable()).strip()[:LONGEST]


def _page(text: str) -> int:
    return min(int(text), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < LONGEST else 1


MOST_TO_CHOOSE = 50
"""Maximum number of organisations in the select list.

With more organisations the reader searches, and the list has only the selected one.
"""

TITLE = gettext_noop("Technical interface and certificates")
_CAPTION = gettext_noop("Certificates and orders. All times are Finnish time.")
_EMPTY, _EMPTY_FILTERED = (
    gettext_noop("No certificates or orders yet."),
    gettext_noop("No matches. Use a shorter search term, or choose “All, including ended” as the state."),
)
_IGNORED = gettext_noop("Part of this page's address was not recognised and has been ignored.")
_COUNT, _COUNT_ONE, _COUNT_MORE = (
    gettext_noop("Rows {first} to {last} of {count}"),
    gettext_noop("1 row"),
    gettext_noop("Rows {first} to {last} of more than {count}"),
)
_BEFORE, _AFTER = gettext_noop("Previous"), gettext_noop("Next")
_SEARCH, _SEARCH_HINT = (
    gettext_noop("Search"),
    gettext_noop(
        "Start of the description, the organisation's ID or name, the serial number, or the contact "
        "person's name or e-mail"
    ),
)
_STATE, _CHANNEL, _ORGANISATION, _CONTACT = (
    gettext_noop("State"),
    gettext_noop("Channel"),
    gettext_noop("Organisation"),
    gettext_noop("Contact person (start of name or e-mail)"),
)
_CURRENT, _EVERYTHING, _ALL = (
    gettext_noop("All except ended"),
    gettext_noop("All, including ended"),
    gettext_noop("All"),
)
_SHOW, _CLEAR, _CSV = (
    gettext_noop("Show results"),
    gettext_noop("Clear the filters"),
    gettext_noop("Download as CSV"),
)
_ORDER, _REPLACE, _CONTACTS = (
    gettext_noop("Order a certificate"),
    gettext_noop("Order several replacements"),
    gettext_noop("Hand over to a new contact person"),
)
_COLUMNS: Sequence[tuple[str, Sort]] = (
    (gettext_noop("Description"), Sort.DESCRIPTION),
    (_ORGANISATION, Sort.ORGANISATION),
    (_CHANNEL, Sort.CHANNEL),
    (gettext_noop("Contact person"), Sort.CONTACT),
    (gettext_noop("Valid until"), Sort.ENDS),
    (_STATE, Sort.STATE),
    (gettext_noop("In use"), Sort.USE),
    (gettext_noop("Responsible"), Sort.HAND),
)
_URGENT = gettext_noop("Most urgent first")
_NO_DESCRIPTION = gettext_noop("No description")
_NO_CONTACT = gettext_noop("No contact person")
_IDS_UNTIL = gettext_noop("Transfer IDs valid until {at}")
_OPENS = gettext_noop("Renewal opens {at}")
HOW = gettext_noop("Renewing a certificate")
HOW_TEXT = (
    gettext_noop(
        "Your program renews the certificate over the technical interface once renewal has opened. You "
        "cannot renew it on these pages. Renewal uses a new key. The old certificate stays valid until it "
        "expires."
    ),
    gettext_noop(
        "Use your program's renewal function or the command below. If your program cannot renew "
        "certificates, order a replacement."
    ),
)
COMMAND_NAME = gettext_noop("Renew with the Sinetti client (NAME is the certificate's name in the store DIR)")
COMMAND = "sinetti renew NAME --store DIR"


@dataclass(frozen=True, slots=True)
class _ListState:
    """Data shared by all parts of the page."""

    asked: Filter
    permissions: Permissions
    now: datetime
    several: bool
    """True if rows may be of more than one organisation."""


@require_safe
@login_required
def certificate_list(request: HttpRequest) -> HttpResponse:
    """Show a page of the list."""
    ctx, permissions = portal_context(request).ctx, current_permissions(request)
    several = len(permissions.organisations(Permission.SEE)) > 1
    around = _ListState(read(request.GET, permissions), permissions, ctx.now(), several)
    found = certificates.list_page(around.asked.wanted(permissions, around.now), around.asked.page, permissions, ctx)
    names = certificates.names(permissions, ctx, MOST_TO_CHOOSE, around.asked.organisation) if around.several else ()
    blocks: list[Component] = []
    if around.asked.ignored:
        blocks.append(Alert(_(_IGNORED)))
    blocks += [*_deeds(around), _filter(around, names), _table(around, found), *_pager(around, found), how()]
    return render_page(request, Page(_(TITLE), blocks=blocks, wide=True))


def how() -> Section:
    """Return the instructions for renewal, which happens over the interface."""
    instructions = Text([_(one) for one in HOW_TEXT])
    return Section(_(HOW), [instructions, CommandBlock(_(COMMAND_NAME), COMMAND)], "renewal")


def _deeds(around: _ListState) -> list[Component]:
    """Return the actions for several certificates."""
    permissions = around.permissions
    links = []
    orders = permissions.organisations(Permission.ORDER)
    if orders:
        chosen = around.asked.organisation if around.asked.organisation in orders else ""
        chosen = chosen or (next(iter(orders)) if len(orders) == 1 else "")
        query = f"?organisation={chosen}" if chosen else ""
        links = [
            Link(_(_ORDER), f"{url_or_empty('order_new')}{query}", button=True),
            Link(_(_REPLACE), url_or_empty("order_replace")),
        ]
    if permissions.organisations(Permission.CONTACT):
        links.append(Link(_(_CONTACTS), url_or_empty("contacts")))
    there = [one for one in links if one.address.startswith("/")]
    return [Links(there)] if there else []


def _filter(around: _ListState, names: Sequence[tuple[str, str, str]]) -> Form:
    asked = around.asked
    states = [("", _CURRENT), *((one.value, labels.STATES[one]) for one in DisplayStatus), (EVERYTHING, _EVERYTHING)]
    channels = [("", _ALL), *((one.value, labels.CHANNELS[one]) for one in Channel)]
    inputs = [
        Input("q", _(_SEARCH), "text", asked.text, _(_SEARCH_HINT), longest=LONGEST),
        Input("state", _(_STATE), "select", options=_options(states, asked.state)),
        Input("channel", _(_CHANNEL), "select", options=_options(channels, asked.channel)),
    ]
    if names:
        offered = [Option("", _(_ALL), not asked.organisation)]
        offered += [Option(pk, f"{name} ({number})", pk == asked.organisation) for pk, number, name in names]
        inputs.append(Input("organisation", _(_ORGANISATION), "select", options=offered))
    inputs.append(Input("contact", _(_CONTACT), "text", asked.contact, longest=LONGEST))
    if asked.sort is not Sort.URGENCY:
        inputs.append(Input("sort", "", "hidden", asked.sort.value))
    if asked.descending:
        inputs.append(Input("order", "", "hidden", "descending"))
    return Form(inputs, [Button(_(_SHOW))], reverse("certificates"), search=True, inline=True, name="filter")


def _options(offered: Sequence[tuple[str, str]], chosen: str) -> list[Option]:
    return [Option(value, _(label), value == chosen) for value, label in offered]


def _table(around: _ListState, found: ListPage) -> Table:
    asked = around.asked
    visible_columns = [(name, sort) for name, sort in _COLUMNS if around.several or sort is not Sort.ORGANISATION]
    columns = [
        Column(
            _(name),
            f"{reverse('certificates')}{asked.sorted_by(sort).query()}",
            ("descending" if asked.descending else "ascending") if asked.sort is sort else "",
        )
        for name, sort in visible_columns
    ]
    return Table(
        _(_CAPTION), columns, [_row(around, one) for one in found.rows], _(_EMPTY_FILTERED if asked.narrows else _EMPTY)
    )


def _row(around: _ListState, one: CertificateListItem) -> list[Cell]:
    now = around.now
    page = (
        url_or_empty("order", one.key) if isinstance(one.facts, OrderFacts) else reverse("certificate", args=[one.key])
    )
    serves = labels.serves_words(one.serves)
    cells = [Cell(one.description or _(_NO_DESCRIPTION), page, note=serves)]
    if around.several:
        of_this = replace(around.asked, organisation=one.organisation_id).query()
        cells.append(Cell(one.organisation, f"{reverse('certificates')}{of_this}", note=one.customer_id))
    contact = one.contact or _(_NO_CONTACT)
    return [
        *cells,
        Cell(labels.channel_words(one.channel)),
        Cell(contact, note=one.email),
        _ends(around, one),
        Cell(labels.status_label(one, now), tone=labels.severity(one, now), note=_opens(around, one)),
        Cell(labels.use_words(labels.use_in(one, now))),
        Cell(labels.next_actor_label(one, around.permissions, now)),
    ]


def _ends(around: _ListState, one: CertificateListItem) -> Cell:
    now = around.now
    if isinstance(one.facts, OrderFacts):
        until = "" if one.facts.expires is None else format_time(one.facts.expires)
        return Cell(_(_IDS_UNTIL, at=until) if until else "–")
    span = one.facts.span
    if one.facts.revoked_at is not None:
        return Cell(format_time(span.not_after))  # nothing of it is left to use
    left = labels.left_words(span.not_after, now)
    return Cell(format_time(span.not_after), note=left, percent=percent_left(span, now))


def _opens(around: _ListState, one: CertificateListItem) -> str:
    """Return the start of renewal if it is in the future, else the empty text."""
    if isinstance(one.facts, OrderFacts) or labels.state_in(one, around.now) is not DisplayStatus.VALID:
        return ""
    return _(_OPENS, at=format_time(one.facts.renewable_from))


def _pager(around: _ListState, found: ListPage) -> list[Component]:
    asked, address = around.asked, reverse("certificates")
    if not found.rows:
        return [Links([Link(_(_CLEAR), address)])] if asked.narrows else []
    first = (found.page - 1) * certificates.PAGE + 1
    last = first + len(found.rows) - 1
    count = _COUNT_MORE if found.more else _COUNT_ONE if found.count == 1 else _COUNT
    before = Link(_(_BEFORE), f"{address}{asked.query(page=found.page - 1)}") if found.page > 1 else None
    after = None if found.last else Link(_(_AFTER), f"{address}{asked.query(page=found.page + 1)}")
    numbers = {name: number(one) for name, one in (("first", first), ("last", last), ("count", found.count))}
    pager = Pager(_(count, **numbers), before, after)
    links = [Link(_(_CSV), f"{reverse('certificates_csv')}{asked.query()}", download=True)]
    if asked.sort is not Sort.URGENCY or asked.descending:
        urgent = replace(asked, sort=Sort.URGENCY, descending=False).query()
        links.append(Link(_(_URGENT), f"{address}{urgent}"))
    if asked.narrows:
        links.append(Link(_(_CLEAR), address))
    return [pager, Links(links)]
