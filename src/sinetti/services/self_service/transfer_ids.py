"""State of an order, and new transfer ids for an open one.

See docs/e-service/ordering.md.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.organisations import orders, secure_messages
from sinetti.database.organisations.orders import LinkInfo, OrderDetails, OrderRow, OrderSearch, OrderSort
from sinetti.database.organisations.secure_messages import NewerLinkExists
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.link_tokens import delivery_code
from sinetti.domain.orders.ordering_rules import is_link_expired, lapses_at
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.services.access.act_transaction import act_on, guarded
from sinetti.services.access.permissions import Actor, Permissions, check_can_view
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import secure_message

__all__ = ["LinkInfo", "OrderDetails", "OrderRow", "OrderSearch", "OrderSort"]


@dataclass(frozen=True)
class OrderView:
    """An order as the user may see it.

    `lapsed` says that its link has ended. `lapses_at` is when an open order lapses by itself. `code` is the code for a
    contact without a phone; only a user who may order sees it.
    """

    order: OrderDetails
    may_order: bool
    lapsed: bool
    lapses_at: datetime | None
    code: str | None = field(repr=False)


def get_for_confirmation(order_id: str, permissions: Permissions, ctx: ServiceContext) -> OrderView:
    """Return an order.

    Raises PermissionDenied, for a missing order as for another organisation's.
    """
    order = orders.find_order(ctx.db, order_id)
    check_can_view(Permission.SEE, None if order is None else order.organisation_id, permissions)
    assert order is not None  # noqa: S101 - without one the right is lacking
    may_order = permissions.may(Permission.ORDER, order.organisation_id)
    link, waits = order.link, order.state is OrderState.OPEN and order.organisation_open
    lapsed = link is None or link.ended or is_link_expired(link.expires, ctx.now())
    code = None
    if (
        may_order
        and waits
        and link is not None
        and not lapsed
        and (order.contact is not None and not order.contact.phone)
    ):
        code = delivery_code(ctx.keyring.of_row(SecretPurpose.LINKS, link.secure_id), link.secure_id)
    ends = lapses_at(order.usable_until) if order.state is OrderState.OPEN else None
    return OrderView(order, may_order, lapsed, ends, code)


def open_orders(permissions: Permissions, ctx: ServiceContext, search: OrderSearch) -> tuple[tuple[OrderRow, ...], int]:
    """Return open orders that the user may see, and the number of all that match."""
    return orders.open_orders(ctx.db, permissions.organisations(Permission.SEE), search, ctx.now())


def offer_anew(order_id: str, made: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Queue a new link to the order's current contact.

    The former link and its transfer ids end. `made` is the id of the link that the user saw, empty for none. Returns
    False if there is a newer link already, so that a form submitted twice sends one link. Raises PermissionDenied and
    OrderError.
    """
    order = orders.find_order(ctx.db, order_id)
    organisation_id = None if order is None else order.organisation_id
    for_it = guarded(Permission.ORDER, organisation_id, ctx, actor, request_id)
    try:
        secure_message.send_link(order_id, for_it, actor.name, request_id, made)
    except NewerLinkExists:
        return False
    return True


def cancel_order(order_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Cancel an open order; return False if it is not open any more.

    Its transfer IDs and link end. A contact whose link still worked gets a message. Raises PermissionDenied.
    """
    order = orders.find_order(ctx.db, order_id)
    with act_on(Permission.ORDER, None if order is None else order.organisation_id, ctx, actor, request_id) as act:
        return secure_messages.cancel(ctx.db, order_id, act.audit)
