"""Orders by a signatory or manager, also of replacements.

See docs/e-service/ordering.md.
"""

from dataclasses import dataclass
from datetime import datetime

from sinetti.database.certificates import lineage_view, replacement
from sinetti.database.certificates.lineage_view import LineageView
from sinetti.database.common import daily_counts
from sinetti.database.common.daily_counts import Charge
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, DuplicateOrder, NewOrder, OrganisationInfo
from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitKind, again_at
from sinetti.domain.orders.ordering_rules import OrderErrorReason, order_id_for
from sinetti.domain.values import Channel, Serial
from sinetti.services.access.act_transaction import guarded
from sinetti.services.access.permissions import Actor, Permissions, check_can_modify, check_can_view
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import secure_message
from sinetti.services.issuance.order import OrderError, check_words

__all__ = ["ContactDetails", "LineageView", "OrganisationInfo"]


@dataclass(frozen=True)
class OrderAsk:
    """An order of the form with this id; `serves` as in NewOrder."""

    form: str
    organisation_id: str
    channel: Channel
    description: str
    contact: ContactDetails
    deputy: ContactDetails | None = None
    serves: int | None = None
    replaces: Serial | None = None


def orderable(permissions: Permissions, ctx: ServiceContext, wanted: str = "") -> tuple[OrganisationInfo, ...]:
    """Return the open organisations for which the user may order, by name.

    With the channels approved for each; only the `wanted` one if there is one.
    """
    allowed = permissions.organisations(Permission.ORDER)
    return replacement.organisations(
        ctx.db, allowed if not wanted else [organisation_id for organisation_id in allowed if organisation_id == wanted]
    )


@dataclass(frozen=True)
class OrdersLeft:
    """Orders that are possible now, of the limit of 24 hours.

    If none is, the next is possible after `again_at`, on the machine's clock.
    """

    count: int
    limit: int
    again_at: datetime | None


def count_orders_left(
    organisation_id: str, permissions: Permissions, ctx: ServiceContext, actor: Actor
) -> OrdersLeft | None:
    """Return the orders left by the nearest limit; None without limits.

    One limit is that of the account, one that of its firm.
    """
    limits, now = ctx.daily_limits, ctx.machine_now()
    if limits is None:
        return None
    firm = permissions.require(Permission.ORDER, organisation_id).via or organisation_id
    charges = (Charge(LimitKind.ORDERS, actor.name), Charge(LimitKind.FIRM_ORDERS, firm))
    used = daily_counts.times(ctx.db, charges, now)
    orders_lefts = [
        OrdersLeft(max(0, limit - len(used[charge])), limit, again_at(used[charge], limit, 1))
        for charge in charges
        for limit in (limits.of(charge.what),)
    ]
    return min(orders_lefts, key=lambda orders_left: orders_left.count)


def replaced(serial: Serial, permissions: Permissions, ctx: ServiceContext) -> LineageView:
    """Return the certificate that is to be replaced.

    Raises PermissionDenied, for a missing certificate as for another organisation's.
    """
    lineage = lineage_view.find(ctx.db, serial)
    check_can_view(Permission.ORDER, None if lineage is None else lineage.organisation_id, permissions)
    assert lineage is not None  # noqa: S101 - without one the right is lacking
    return lineage


def order(ask: OrderAsk, ctx: ServiceContext, actor: Actor, request_id: str) -> str:
    """Place an order, queue a link to the contact, and return the order's id.

    The link leads to the transfer ids. A repeated form places no second order and returns the same result. Raises
    PermissionDenied, OrderError, LinkError and LimitReached.
    """
    held = check_can_modify(Permission.ORDER, ask.organisation_id, actor, ctx)
    for_it = guarded(Permission.ORDER, ask.organisation_id, ctx, actor, request_id)
    check_words(ask.description, (ask.contact, ask.deputy))
    order_id = order_id_for(actor.user_id, ask.form, ask.replaces or "")
    if organisations.order_exists(ctx.db, order_id):
        # A repeated form gets the same answer, even if the state has changed since.
        return order_id
    (organisation,) = replacement.organisations(ctx.db, [ask.organisation_id]) or (None,)
    if organisation is None:
        raise OrderError(OrderErrorReason.CLOSED, "the organisation has ended")
    new = NewOrder(
        organisation.customer_id,
        ask.channel,
        ask.description,
        ask.contact,
        ask.deputy,
        ask.replaces,
        ask.serves,
        order_id,
        held.via or ask.organisation_id,
    )
    try:
        return secure_message.order_and_offer(new, for_it, actor.name, request_id).order_id
    except DuplicateOrder as there:
        return there.order_id
