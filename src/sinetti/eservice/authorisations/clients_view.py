"""Clients of a firm: search, states, certificates, and acts on ticked rows.

docs/e-service/authorisations.md, "Ends", describes the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.eservice.authorisations import clients_acts
from sinetti.eservice.authorisations.access_tasks import SHOW
from sinetti.eservice.authorisations.common import address, choose, chosen, every, name_of, paged, start_of
from sinetti.eservice.authorisations.resign import GIVE_UP_TEXT, NONE_CHOSEN, PICK
from sinetti.eservice.certificates.labels import STATES
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.acts import check_of
from sinetti.eservice.ui.components import (
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
    Row,
    Severity,
    Table,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, capital, finnish_day, format_date, gettext_noop, ngettext, ngettext_noop, number
from sinetti.services.self_service.access_ends import firms
from sinetti.services.self_service.clients import (
    Client,
    ClientList,
    ClientQuery,
    ClientSort,
    ClientState,
    clients,
)

TITLE = gettext_noop("Clients")
ASK = gettext_noop("Request authorisations")
REQUESTS = gettext_noop("Requests")
_LONGEST = 100
_SHOWN: Mapping[ClientState | None, str] = {
    None: gettext_noop("All ({count})"),
    ClientState.ON: gettext_noop("In force ({count})"),
    ClientState.ENDING: gettext_noop("End within 60 days ({count})"),
    ClientState.ENDED: gettext_noop("Ended ({count})"),
}
_ASK_ALL = ngettext_noop("Ask {count} client again", "Ask {count} clients again")
_SUMMARY = gettext_noop("Clients: {count}. Authorisations that end soon: {near}. Ended: {gone}.")
_COLUMNS: tuple[tuple[str, ClientSort | None], ...] = (
    (gettext_noop("Client"), ClientSort.NAME),
    (gettext_noop("Certificates"), None),
    (gettext_noop("Next expiry"), ClientSort.EXPIRY),
    (gettext_noop("Authorisation"), ClientSort.UNTIL),
)


@dataclass(frozen=True)
class _ClientPage:
    """The query of an address, and links with a part of it changed."""

    request: HttpRequest
    firm_id: str

    @property
    def wanted(self) -> ClientQuery:
        """The query; values that the page does not offer count as absent."""
        given = self.request.GET
        state, sort = given.get(SHOW, ""), given.get("sort", "").removeprefix("-")
        return ClientQuery(
            self.firm_id,
            given.get("q", "").strip()[:_LONGEST],
            ClientState(state) if state in set(ClientState) else None,
            ClientSort(sort) if sort in set(ClientSort) else ClientSort.NAME,
            given.get("sort", "").startswith("-"),
            start_of(self.request),
        )

    def link(self, **changed: str) -> str:
        """Return the address of the first page with these values."""
        client_query = self.wanted
        sort = f"-{client_query.sort}" if client_query.descending else client_query.sort.value
        known = {
            "organisation": self.firm_id,
            "q": client_query.text,
            SHOW: client_query.state or "",
            "sort": sort,
            **changed,
        }
        usual = {"q": "", SHOW: "", "sort": ClientSort.NAME.value}
        query = {name: value for name, value in known.items() if usual.get(name) != value}
        return f"{address('clients')}?{urlencode(query)}"


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("again", "give-up", "note"))
@login_required
def client_list(request: HttpRequest) -> HttpResponse:
    """Show a firm's clients; ask ticked ones again, give theirs up, or remove them."""
    who, ctx = current_permissions(request), portal_context(request).ctx
    ids = firms(who)
    firm_id = chosen(request, ids, Permission.ASK)
    if firm_id is None:
        return choose(request, _(TITLE), ids, "clients", **{SHOW: request.GET.get(SHOW, "")})
    if request.method == "POST" and (answer := clients_acts.act(request, firm_id)) is not None:
        return answer
    at = _ClientPage(request, firm_id)
    found = clients(at.wanted, who, ctx)
    named = name_of(request, firm_id)
    rows, pager = paged(request, found.rows)
    wrong = _(NONE_CHOSEN) if request.method == "POST" else ""
    blocks: list[Component] = [
        *([] if at.wanted.text else _again(found, firm_id)),
        _search(at, found.counts),
        _table(at, rows, found),
        *pager,
        Links(_links(firm_id)),
    ]
    status, lead = 422 if wrong else 200, _summary(found.counts)
    if len(ids) > 1:
        lead = f"{named.name}. {lead}"
    page = Page(_(TITLE), blocks=blocks, wide=True, error=wrong, status=status, lead=lead, back=every("clients", ids))
    return render_page(request, page)


def _summary(counts: Mapping[ClientState, int]) -> str:
    near, gone = counts.get(ClientState.ENDING, 0), counts.get(ClientState.ENDED, 0)
    return _(_SUMMARY, count=number(sum(counts.values())), near=number(near), gone=number(gone))


def _links(firm_id: str) -> list[Link]:
    return [
        Link(_(ASK), address("clients_ask", organisation=firm_id), button=True),
        Link(_(REQUESTS), address("clients_requests", organisation=firm_id)),
    ]


def _again(client_list: ClientList, firm_id: str) -> list[Component]:
    """Return the button to the check page of all clients that can be asked again."""
    count = client_list.counts.get(ClientState.ENDING, 0) + client_list.counts.get(ClientState.ENDED, 0)
    if not count:
        return []
    button = Button(ngettext(*_ASK_ALL, count), clients_acts.ALL)
    return [Form([], [button], address("clients", organisation=firm_id), name="all-again")]


def _search(at: _ClientPage, counts: Mapping[ClientState, int]) -> Filters:
    client_query, hidden = at.wanted, {"organisation": at.firm_id, "sort": at.request.GET.get("sort", "")}
    totals = {state: sum(counts.values()) if state is None else counts.get(state, 0) for state in _SHOWN}
    labels = {state: _(label, count=number(totals[state])) for state, label in _SHOWN.items()}
    options = [Option(state or "", label, state is client_query.state) for state, label in labels.items()]
    inputs = [
        Input("q", _("Name or Business ID"), value=client_query.text, longest=_LONGEST),
        Input(SHOW, _("Authorisation"), "select", options=options),
        *(Input(name, "", "hidden", value) for name, value in hidden.items() if value),
    ]
    chosen = [(f"“{client_query.text}”", {"q": ""})] if client_query.text else []
    if client_query.state is not None:
        chosen.append((labels[client_query.state], {SHOW: ""}))
    links = [Link(text, at.link(**without), note=_("Remove the filter")) for text, without in chosen]
    form = Form(inputs, [Button(_("Search"), minor=True)], address("clients"), search=True)
    return Filters(form, links, open=client_query.state is not None)


def _table(at: _ClientPage, rows: Sequence[Client], client_list: ClientList) -> Table:
    client_query, caption = at.wanted, _("The organisation's clients")
    empty = (
        _("No client matches.")
        if client_query.text or client_query.state is not None
        else _("There are no clients yet.")
    )
    actions = [Button(_("Ask again"), check_of(clients_acts.AGAIN))]
    if current_permissions(at.request).may(Permission.GRANT, at.firm_id):
        actions.append(Button(_(GIVE_UP_TEXT), check_of(clients_acts.GIVE_UP), minor=True))
    actions.append(Button(_("Remove ended ones from the list"), clients_acts.NOTE, minor=True))
    return Table(
        caption,
        [_column(at, name, sort) for name, sort in _COLUMNS],
        [_row(client, client_list) for client in rows],
        empty,
        pick=PICK,
        picks=[client.mandate_id for client in rows],
        actions=actions if rows else (),
        action=address("clients", organisation=at.firm_id),
        headed=True,
    )


def _column(at: _ClientPage, name: str, sort: ClientSort | None) -> Column:
    if sort is None:
        return Column(_(name))
    client_query = at.wanted
    now_sorted = ("descending" if client_query.descending else "ascending") if client_query.sort is sort else ""
    turned = f"-{sort}" if now_sorted == "ascending" else sort.value
    return Column(_(name), at.link(sort=turned), now_sorted)


def _row(client: Client, client_list: ClientList) -> Row:
    of = client.organisation
    place = url_or_empty("certificates")
    link = f"{place}?organisation={of.organisation_id}" if place and not client.is_ended else ""
    counts, ends = client_list.certificates.get(of.organisation_id, {}), client_list.next_ends.get(of.organisation_id)
    attention = [
        f"{_(STATES[state])}: {number(counts[state])}"
        for state in STATES
        if (
            bool(counts.get(state)) and state not in {DisplayStatus.VALID, DisplayStatus.RENEWED, DisplayStatus.LET_END}
        )
    ]
    return [
        Cell(of.name, link=link, note=of.customer_id),
        Cell("–" if client.is_ended else number(sum(counts.values())), note=", ".join(attention)),
        format_date(finnish_day(ends)) if ends and not client.is_ended else "–",
        _authorisation(client),
    ]


def _authorisation(client: Client) -> Cell:
    asked = [_("requested, no answer yet")] if client.is_asked else []
    note = ", ".join([capital(_(ROLES[client.role])), *asked])
    if client.until is None:
        return Cell(_("No end date"), note=note)
    day = format_date(finnish_day(client.until))
    if client.is_ended:
        return Cell(_("Ended {day}", day=day), tone=Severity.ERROR, note=note)
    tone = Severity.WARNING if client.state is ClientState.ENDING else None
    return Cell(_("Ends {day}", day=day), tone=tone, note=note)
