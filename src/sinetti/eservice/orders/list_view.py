"""Open orders: search, sorting, pages."""

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.orders.ordering_rules import is_link_expired
from sinetti.domain.validation import LONGEST_ORGANISATION
from sinetti.eservice.core.authentication import login_required, missing_permission
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.core.representation import represented_permissions
from sinetti.eservice.orders.common import back_to_list
from sinetti.eservice.ui.components import (
    Button,
    Cell,
    Column,
    Component,
    Filters,
    Link,
    Links,
    Pager,
    Row,
    Severity,
    Table,
)
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.self_service.transfer_ids import OrderRow, OrderSearch, OrderSort, open_orders

ON_A_PAGE = 50
_LONGEST = 6
_COLUMNS: tuple[tuple[str, OrderSort | None], ...] = (
    (gettext_noop("Certificate"), OrderSort.DESCRIPTION),
    (gettext_noop("Organisation"), OrderSort.ORGANISATION),
    (gettext_noop("Technical contact person"), None),
    (gettext_noop("Ordered"), OrderSort.NEWEST),
    (gettext_noop("Transfer IDs"), OrderSort.EXPIRES),
)


class OrderSearchForm(PortalForm):
    """Search form for open orders."""

    q = forms.CharField(
        label=gettext_noop("Organisation, description or contact person"),
        required=False,
        max_length=LONGEST_ORGANISATION,
    )


@require_safe
@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    """Show one page of the list."""
    permissions, ctx = represented_permissions(request), portal_context(request).ctx
    if not permissions.organisations(Permission.SEE):
        raise missing_permission(Permission.SEE, permissions)
    form = OrderSearchForm(request.GET if "q" in request.GET else None)
    text = form.cleaned_data["q"].strip() if form.is_bound and form.is_valid() else ""
    asked, by = request.GET.get("from", ""), request.GET.get("sort", "")
    start = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST else 0
    sort = OrderSort(by) if by in set(OrderSort) else OrderSort.NEWEST
    rows, total = open_orders(permissions, ctx, OrderSearch(start, ON_A_PAGE, text, sort))
    table = Table(
        _("Orders with a certificate that has not been retrieved: {count}", count=total),
        [_column(name, key, text, sort) for name, key in _COLUMNS],
        [_row(request, row) for row in rows],
        _("No open orders match.") if text else _("No open orders."),
    )
    search = Filters(form.as_component(Button(_("Search")), search=True))
    blocks: list[Component] = [search, table] if text or total > 1 else [table]
    if total > ON_A_PAGE:
        blocks.append(_pager(start, len(rows), total, {"q": text, "sort": sort.value}))
    if permissions.organisations(Permission.ORDER):
        blocks.insert(0, Links([Link(_("Order a certificate"), url_or_empty("order_new"), button=True)]))
    return render_page(request, Page(_("Open orders"), blocks=blocks, wide=True, back=back_to_list()))


def _column(name: str, key: OrderSort | None, text: str, sort: OrderSort) -> Column:
    if key is None:
        return Column(_(name))
    direction = "descending" if key is OrderSort.NEWEST else "ascending"
    return Column(_(name), _address({"q": text, "sort": key.value}), direction if key is sort else "")


def _row(request: HttpRequest, order: OrderRow) -> Row:
    ids, tone = _("No link sent"), Severity.WARNING
    if order.expires is not None and is_link_expired(order.expires, portal_context(request).ctx.now()):
        ids, tone = _("Link expired on {ended}", ended=format_datetime(order.expires)), Severity.PLAIN
    elif order.expires is not None:
        until = format_datetime(order.expires)
        ids = _("Shown, link valid until {until}" if order.shown_at else "Link valid until {until}", until=until)
        tone = Severity.GOOD
    return [
        Cell(order.description or order.channel.value, url_or_empty("order", order.order_id)),
        Cell(order.organisation, note=order.customer_id),
        order.contact or _("Not named"),
        format_datetime(order.created),
        Cell(ids, tone=tone),
    ]


def _address(asked: dict[str, str]) -> str:
    return f"{url_or_empty('orders')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _pager(start: int, row_count: int, total: int, asked: dict[str, str]) -> Pager:
    def link(words: str, first: int) -> Link:
        return Link(words, _address({**asked, "from": str(first)}))

    before = link(_("Previous page"), max(0, start - ON_A_PAGE)) if start else None
    after = link(_("Next page"), start + ON_A_PAGE) if start + row_count < total else None
    return Pager(_("{first}–{last} of {total}", first=start + 1, last=start + row_count, total=total), before, after)
