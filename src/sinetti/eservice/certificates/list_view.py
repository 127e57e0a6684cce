"""List of certificates: filters, table with acts on its ticked rows, pages.

See docs/e-service/certificates.md.

The query of an address is checked when read and written again into links and forms.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.display_status import OF_ORDERS, SEEN_TO, DisplayStatus, OrderFacts, percent_elapsed
from sinetti.domain.certificates.listing import CertificateListItem, CertificateQuery, Sort
from sinetti.domain.certificates.overview import ENDED
from sinetti.domain.values import Channel
from sinetti.eservice.certificates import labels
from sinetti.eservice.certificates.renewal_guide import how
from sinetti.eservice.core.authentication import login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.core.representation import represented_permissions
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    Component,
    Filters,
    Form,
    Input,
    Link,
    Links,
    Option,
    Pager,
    Row,
    Table,
    Text,
)
from sinetti.eservice.ui.draft_store import DRAFT, LANGUAGE
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, finnish_day, format_date, format_month, format_time, gettext_noop, number
from sinetti.services.access.permissions import Permissions
from sinetti.services.self_service import certificates
from sinetti.services.self_service.certificates import ListPage

EVERYTHING = "all"
"""State filter that includes certificates that are over."""
ACTION, IN_FORCE, UNDER_WAY, EXPIRED, REVOKED = (
    "action",
    "in-force",
    "under-way",
    "expired-unreplaced",
    "revoked-unreplaced",
)
"""State filters of several states, or of a part of one (start page)."""
_IN_FORCE = frozenset(DisplayStatus) - ENDED - frozenset(OF_ORDERS)
_GROUPS: Mapping[str, tuple[str, Collection[DisplayStatus]]] = {
    ACTION: (gettext_noop("Need action"), frozenset(DisplayStatus) - SEEN_TO - {DisplayStatus.VALID}),
    IN_FORCE: (gettext_noop("In force"), _IN_FORCE),
    UNDER_WAY: (gettext_noop("Renewed or left to expire"), SEEN_TO),
    EXPIRED: (gettext_noop("Expired without a replacement"), {DisplayStatus.EXPIRED}),
    REVOKED: (gettext_noop("Revoked without a replacement"), {DisplayStatus.REVOKED}),
}
_OPEN = frozenset({ACTION, EXPIRED, REVOKED})
"""Groups that leave out what needs no action any more."""
LONGEST = 100
"""Maximum length of a search text, in characters."""
MOST_PAGES = 2000
MONTHS = 24
"""Months of ends that the filter offers."""
_KNOWN = frozenset(
    {"organisation", "state", "channel", "contact", "q", "ends", "sort", "order", "page", DRAFT, LANGUAGE}
)
_ID = re.compile("[0-9a-f]{32}")
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Filter:
    """Filter of the list, as the address contains it.

    `organisation` is an id, or a part of a name or of an identifier. `ends` is the month of the end, as 2027-06.
    `ignored`: the address contains a value that is not offered.
    """

    organisation: str = ""
    state: str = ""
    channel: str = ""
    contact: str = ""
    text: str = ""
    ends: str = ""
    sort: Sort = Sort.URGENCY
    descending: bool = False
    page: int = 1
    ignored: bool = False

    @property
    def organisation_id(self) -> str:
        """The id of the chosen organisation, or the empty text."""
        return self.organisation if _ID.fullmatch(self.organisation) else ""

    def wanted(self, permissions: Permissions, now: datetime) -> CertificateQuery:
        """Return the database query, limited to what the reader may see."""
        texts, text = permissions.organisations(Permission.SEE), self.organisation_id
        return CertificateQuery(
            organisations=texts & {text} if text else texts,
            now=now,
            states=_states_of(self.state),
            over=self.state == EVERYTHING,
            open=self.state in _OPEN,
            channel=Channel(self.channel) if self.channel else None,
            contact=self.contact,
            organisation="" if text else self.organisation,
            text=self.text,
            ends=_month(self.ends) if self.ends else None,
            sort=self.sort,
            descending=self.descending,
        )

    @property
    def narrows(self) -> bool:
        """True if the filter excludes rows that the default list shows."""
        return any((self.organisation, self.state, self.channel, self.contact, self.text, self.ends))

    def query(self, *, page: int = 1) -> str:
        """Return the query string with its question mark, or the empty text."""
        parameters = {
            "organisation": self.organisation,
            "state": self.state,
            "channel": self.channel,
            "contact": self.contact,
            "q": self.text,
            "ends": self.ends,
            "sort": "" if self.sort is Sort.URGENCY else self.sort.value,
            "order": "descending" if self.descending else "",
            "page": str(page) if page > 1 else "",
        }
        there = {name: value for name, value in parameters.items() if value}
        return f"?{urlencode(there)}" if there else ""

    def sorted_by(self, sort: Sort) -> "Filter":
        """Return the filter sorted by a column; the current column reverses its order."""
        return replace(self, sort=sort, descending=sort is self.sort and not self.descending)


def _states_of(name: str) -> Collection[DisplayStatus]:
    if name in _GROUPS:
        return _GROUPS[name][1]
    return (DisplayStatus(name),) if name not in {"", EVERYTHING} else ()


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

    typed, ends = _typed(query.get("organisation", "")), query.get("ends", "")
    if _ID.fullmatch(typed):
        typed = choice("organisation", permissions.organisations(Permission.SEE))
    if ends and not _MONTH.fullmatch(ends):
        ignored.append("ends")
        ends = ""
    return Filter(
        organisation=typed,
        state=choice("state", frozenset({*DisplayStatus, *_GROUPS, EVERYTHING})),
        channel=choice("channel", frozenset(Channel)),
        contact=_typed(query.get("contact", "")),
        text=_typed(query.get("q", "")),
        ends=ends,
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


def _month(text: str) -> tuple[datetime, datetime]:
    """Return the first instant of a month in Finland, and the one after it."""
    year, month = (int(one) for one in text.split("-"))
    first = datetime(year, month, 1, tzinfo=FINNISH_TIME)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=FINNISH_TIME)
    return first.astimezone(UTC), after.astimezone(UTC)


TITLE = gettext_noop("Technical interface and certificates")
_CAPTION = gettext_noop("Certificates and orders")
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
_ZONE = gettext_noop("All times are Finnish time.")
_BEFORE, _AFTER = gettext_noop("Previous"), gettext_noop("Next")
_SEARCH, _SEARCH_BY = (
    gettext_noop("Search"),
    gettext_noop("Name, ID or serial number"),
)
_STATE, _CHANNEL, _ORGANISATION, _CONTACT, _ENDS = (
    gettext_noop("State"),
    gettext_noop("Channel"),
    gettext_noop("Organisation"),
    gettext_noop("Contact person"),
    gettext_noop("Month of expiry"),
)
_PART_OF_NAME, _PART_OF_PERSON = (
    gettext_noop("Part of the name or the ID"),
    gettext_noop("Part of the name or the e-mail"),
)
_WITHOUT = gettext_noop("Remove this filter")
_CURRENT, _EVERYTHING, _ALL = (
    gettext_noop("All except ended"),
    gettext_noop("All, including ended"),
    gettext_noop("All"),
)
_STATE_NAMES: Mapping[str, str] = {
    **{name: text for name, (text, _states) in _GROUPS.items()},
    **{DisplayStatu.value: labels.STATES[DisplayStatu] for DisplayStatu in DisplayStatus},
    EVERYTHING: _EVERYTHING,
}
"""State filters in the order of the choice."""
_CSV_NOTE = gettext_noop(
    "The CSV file opens in spreadsheet programs. Texts that they would take for a formula, a number or a date have an "
    "apostrophe in front."
)
_SHOW, _CLEAR, _CSV = (
    gettext_noop("Search"),
    gettext_noop("Clear the filters"),
    gettext_noop("Download as CSV"),
)
_ORDER, _REPLACE, _CONTACTS = (
    gettext_noop("Order a certificate"),
    gettext_noop("Order several replacements"),
    gettext_noop("Hand over to a new contact person"),
)
_BULK = (
    ("replace", gettext_noop("Order replacements"), Permission.ORDER),
    ("contacts", gettext_noop("Change the contact person"), Permission.CONTACT),
    ("let-end", gettext_noop("Let the certificates expire"), Permission.CONTACT),
)
"""Acts on the ticked rows: value and text of the button, and its permission."""
_COLUMNS: Sequence[tuple[str, Sort]] = (
    (gettext_noop("Description"), Sort.DESCRIPTION),
    (_ORGANISATION, Sort.ORGANISATION),
    (gettext_noop("Valid until"), Sort.ENDS),
    (_STATE, Sort.STATE),
    (gettext_noop("Responsible"), Sort.HAND),
    (_CONTACT, Sort.CONTACT),
    (_CHANNEL, Sort.CHANNEL),
    (gettext_noop("In use"), Sort.USE),
)
_MINOR = frozenset({Sort.CONTACT, Sort.CHANNEL, Sort.USE})
"""Columns that a narrow screen leaves out.

With several organisations it leaves out the responsible side, too.
"""
_URGENT = gettext_noop("Most urgent first")
_NO_DESCRIPTION = gettext_noop("No description")
_NO_CONTACT = gettext_noop("No contact person")
_IDS_VALID = gettext_noop("Transfer IDs")
_OPENS, _OPEN_SINCE = gettext_noop("Renewal opens {at}"), gettext_noop("since {at}")


@dataclass(frozen=True)
class _ListState:
    """Data shared by all parts of the page."""

    asked: Filter
    permissions: Permissions
    now: datetime
    several: bool
    """True if rows may be of more than one organisation."""


@keeps_typed(recalls=False)
@require_safe
@login_required
def certificate_list(request: HttpRequest) -> HttpResponse:
    """Show a page of the list."""
    ctx, permissions = portal_context(request).ctx, represented_permissions(request)
    several = len(permissions.organisations(Permission.SEE)) > 1
    around = _ListState(read(request.GET, permissions), permissions, ctx.now(), several)
    asked = around.asked
    page = certificates.list_page(asked.wanted(permissions, around.now), asked.page, permissions, ctx)
    chosen = permissions.names[asked.organisation_id].name if asked.organisation_id and several else ""
    blocks: list[Component] = [Alert(_(_IGNORED))] if asked.ignored else []
    blocks += [*_order(around), _filters(around, chosen), _table(around, page), *_pager(around, page), how()]
    return render_page(request, Page(_(TITLE), blocks=blocks, wide=True))


def _order(around: _ListState) -> list[Component]:
    """Return the button that orders a certificate, if the reader may."""
    orders = around.permissions.organisations(Permission.ORDER)
    chosen = around.asked.organisation_id if around.asked.organisation_id in orders else ""
    chosen = chosen or (next(iter(orders)) if len(orders) == 1 else "")
    address = url_or_empty("order_new") if orders else ""
    query = f"?organisation={chosen}" if chosen else ""
    return [Links([Link(_(_ORDER), f"{address}{query}", button=True, icon="add")])] if address else []


def _filters(around: _ListState, organisation: str) -> Filters:
    asked = around.asked
    states = [("", _CURRENT), *_STATE_NAMES.items()]
    channels = [("", _ALL), *((channel.value, labels.CHANNELS[channel]) for channel in Channel)]
    months = [Option("", _(_ALL), not asked.ends), *_months(asked.ends, finnish_day(around.now))]
    inputs = [
        Input("q", _(_SEARCH_BY), "text", asked.text, longest=LONGEST),
        Input("state", _(_STATE), "select", options=_options(states, asked.state)),
        Input("ends", _(_ENDS), "select", options=months),
        Input("channel", _(_CHANNEL), "select", options=_options(channels, asked.channel)),
        Input("contact", _(_CONTACT), "text", asked.contact, _(_PART_OF_PERSON), longest=LONGEST),
    ]
    if around.several:
        typed = organisation or asked.organisation
        inputs.insert(1, Input("organisation", _(_ORGANISATION), "text", typed, _(_PART_OF_NAME), longest=LONGEST))
    if asked.sort is not Sort.URGENCY:
        inputs.append(Input("sort", "", "hidden", asked.sort.value))
    if asked.descending:
        inputs.append(Input("order", "", "hidden", "descending"))
    form = Form(inputs, [Button(_(_SHOW))], reverse("certificates"), search=True, name="filter")
    return Filters(form, list(_chosen(asked, organisation)))


def _chosen(asked: Filter, organisation: str) -> Iterator[Link]:
    """Yield a link for each filter that is set, to the list without it."""
    month = format_month(date.fromisoformat(f"{asked.ends}-01")) if asked.ends else ""
    channel = labels.channel_words(Channel(asked.channel)) if asked.channel else ""
    values = (
        (replace(asked, text=""), _SEARCH, asked.text),
        (replace(asked, organisation=""), _ORGANISATION, organisation or asked.organisation),
        (replace(asked, state=""), _STATE, _(_STATE_NAMES[asked.state]) if asked.state else ""),
        (replace(asked, ends=""), _ENDS, month),
        (replace(asked, channel=""), _CHANNEL, channel),
        (replace(asked, contact=""), _CONTACT, asked.contact),
    )
    for rest, name, value in values:
        if value:
            yield Link(f"{_(name)}: {value}", f"{reverse('certificates')}{rest.query()}", note=_(_WITHOUT))


def _months(chosen: str, today: date) -> Iterator[Option]:
    """Yield the months from this one on, and the chosen one if it is another."""
    first = today.year * 12 + today.month - 1
    months = [f"{number // 12}-{number % 12 + 1:02}" for number in range(first, first + MONTHS)]
    for month in sorted({*months, chosen} - {""}):
        yield Option(month, format_month(date.fromisoformat(f"{month}-01")), month == chosen)


def _options(offered: Sequence[tuple[str, str]], chosen: str) -> list[Option]:
    return [Option(value, _(label), value == chosen) for value, label in offered]


def _table(around: _ListState, list_page: ListPage) -> Table:
    asked, address = around.asked, url_or_empty("certificates_bulk")
    held = {right: around.permissions.organisations(right) for _name, _text, right in _BULK}
    acts = [Button(_(text), name, minor=True) for name, text, right in _BULK if held[right] and address]
    acting = frozenset().union(*held.values()) if acts else frozenset()
    return Table(
        _(_CAPTION),
        [
            Column(
                _(name),
                f"{reverse('certificates')}{asked.sorted_by(sort).query()}",
                ("descending" if asked.descending else "ascending") if asked.sort is sort else "",
                minor=sort in _MINOR or (around.several and sort is Sort.HAND),
            )
            for name, sort in _COLUMNS
            if around.several or sort is not Sort.ORGANISATION
        ],
        [_row(around, row) for row in list_page.rows],
        _(_EMPTY_FILTERED if asked.narrows else _EMPTY),
        headed=bool(list_page.rows),
        pick="pick" if acts else "",
        picks=[_pick(row, acting) for row in list_page.rows] if acts else (),
        actions=acts,
        action=address,
    )


def _pick(certificate: CertificateListItem, organisations: frozenset[str]) -> str:
    """Return the value of a row's checkbox; it is empty where no act is possible."""
    return (
        certificate.key
        if certificate.organisation_id in organisations and not isinstance(certificate.facts, OrderFacts)
        else ""
    )


def _row(around: _ListState, certificate: CertificateListItem) -> Row:
    now = around.now
    page = (
        url_or_empty("order", certificate.key)
        if isinstance(certificate.facts, OrderFacts)
        else reverse("certificate", args=[certificate.key])
    )
    cells = [Cell(certificate.description or _(_NO_DESCRIPTION), page)]
    if around.several:
        of_this = replace(around.asked, organisation=certificate.organisation_id).query()
        cells.append(
            Cell(certificate.organisation, f"{reverse('certificates')}{of_this}", note=certificate.customer_id)
        )
    return [
        *cells,
        _ends(around, certificate),
        Cell(
            labels.short_label(certificate, now),
            tone=labels.severity(certificate, now),
            note=_since(around, certificate),
        ),
        labels.next_actor_label(certificate, around.permissions, now),
        certificate.contact or _(_NO_CONTACT),
        Cell(labels.channel_words(certificate.channel), note=labels.serves_words(certificate.serves)),
        labels.use_words(labels.use_in(certificate, now)),
    ]


def _ends(around: _ListState, certificate: CertificateListItem) -> Cell:
    now = around.now
    if isinstance(certificate.facts, OrderFacts):
        return Cell("–" if certificate.facts.expires is None else _day(certificate.facts.expires), note=_(_IDS_VALID))
    span = certificate.facts.span
    if certificate.facts.revoked_at is not None:
        return Cell(_day(span.not_after))  # nothing of it is left to use
    return Cell(_day(span.not_after), note=labels.left_words(span.not_after, now), percent=percent_elapsed(span, now))


def _day(at: datetime) -> str:
    return format_date(finnish_day(at))


def _since(around: _ListState, certificate: CertificateListItem) -> str:
    """Return the instant of a revocation or the start of renewal, if it matters."""
    if isinstance(certificate.facts, OrderFacts):
        return ""
    match labels.state_in(certificate, around.now):
        case DisplayStatus.REVOKED:
            return format_time(certificate.facts.revoked_at or around.now)
        case DisplayStatus.RENEWAL_OPEN:
            return _(_OPEN_SINCE, at=format_time(certificate.facts.renewable_from))
        case DisplayStatus.VALID:
            return _(_OPENS, at=format_time(certificate.facts.renewable_from))
        case _:
            return ""


def _pager(around: _ListState, list_page: ListPage) -> list[Component]:
    asked, address = around.asked, reverse("certificates")
    if not list_page.rows:
        return [Links([Link(_(_CLEAR), address)])] if asked.narrows else []
    first = (list_page.page - 1) * certificates.PAGE + 1
    last = first + len(list_page.rows) - 1
    count = _COUNT_MORE if list_page.more else _COUNT_ONE if list_page.count == 1 else _COUNT
    before = Link(_(_BEFORE), f"{address}{asked.query(page=list_page.page - 1)}") if list_page.page > 1 else None
    after = None if list_page.last else Link(_(_AFTER), f"{address}{asked.query(page=list_page.page + 1)}")
    numbers = {name: number(one) for name, one in (("first", first), ("last", last), ("count", list_page.count))}
    pager = Pager(f"{_(count, **numbers)}. {_(_ZONE)}", before, after)
    links = [Link(_(_CSV), f"{reverse('certificates_csv')}{asked.query()}", download=True)]
    if asked.sort is not Sort.URGENCY or asked.descending:
        urgent = replace(asked, sort=Sort.URGENCY, descending=False).query()
        links.append(Link(_(_URGENT), f"{address}{urgent}"))
    if asked.narrows:
        links.append(Link(_(_CLEAR), address))
    if around.permissions.organisations(Permission.ORDER):
        links.append(Link(_(_REPLACE), url_or_empty("order_replace")))
    if around.permissions.organisations(Permission.CONTACT):
        links.append(Link(_(_CONTACTS), url_or_empty("contacts")))
    return [pager, Links([link for link in links if link.address]), Text([_(_CSV_NOTE)])]
