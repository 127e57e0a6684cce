"""Open orders, newest first."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.orders.common import back_to_list
from sinetti.eservice.ui.components import Cell, Column, Component, Link, Links, Pager, Table
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime
from sinetti.services.self_service.transfer_ids import OrderRow, open_orders

ON_A_PAGE = 50
_LONGEST = 6


@require_safe
@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    """Show one page of the list."""
    permissions, ctx = current_permissions(request), portal_context(request).ctx
    if not permissions.organisations(Permission.SEE):
        raise missing_permission(Permission.SEE, permissions)
    asked = request.GET.get("from", "")
    start = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST else 0
    rows, total = open_orders(permissions, ctx, start, ON_A_PAGE)
    names = (_("Certificate"), _("Organisation"), _("Technical contact person"), _("Ordered"), _("Transfer IDs"))
    table = Table(
        _("Orders with a certificate that has not been retrieved"),
        [Column(name) for name in names],
        [_row(one) for one in rows],
        _("No open orders."),
    )
    blocks: list[Component] = [table]
    if total > ON_A_PAGE:
        blocks.append(_pager(start, len(rows), total))
    if permissions.organisations(Permission.ORDER):
        blocks.append(Links([Link(_("Order a certificate"), url_or_empty("order_new"), button=True)]))
    return render_page(request, Page(_("Open orders"), blocks=blocks, wide=True, back=back_to_list()))


def _row(one: OrderRow) -> list[Cell]:
    ids = _("No link sent")
    if one.expires is not None:
        until = format_datetime(one.expires)
        ids = _("Shown, link valid until {until}" if one.shown_at else "Link valid until {until}", until=until)
    return [
        Cell(one.description or one.channel.value, url_or_empty("order", one.order_id)),
        Cell(f"{one.organisation}, {one.customer_id}"),
        Cell(one.contact or _("Not named")),
        Cell(format_datetime(one.created)),
        Cell(ids),
    ]


def _pager(start: int, row_count: int, total: int) -> Pager:
    here = url_or_empty("orders")
    before = Link(_("Newer"), f"{here}?from={max(0, start - ON_A_PAGE)}") if start else None
    after = Link(_("Older"), f"{here}?from={start + ON_A_PAGE}") if start + row_count < total else None
    return Pager(_("{first}–{last} of {total}", first=start + 1, last=start + row_count, total=total), before, after)
