"""Ends of open orders: cancellation by a user, and lapse after their last link."""

import pytest

from sinetti.database import models
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.orders.ordering_rules import ORDER_LAPSES_AFTER
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import TRANSFER_IDS_LIVE, Channel
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import OrderError
from sinetti.services.issuance.secure_message import lapse_orders
from sinetti.services.self_service.order import OrderAsk, order
from sinetti.services.self_service.transfer_ids import cancel_order, get_for_confirmation, offer_anew
from tests.support.acting import NEW_CONTACT, audited, cast, stands
from tests.support.scene import REQUEST, SECOND, an_order, new_ask, new_key, ordered

FORM = "a" * 32
ENDS = TRANSFER_IDS_LIVE + ORDER_LAPSES_AFTER


@pytest.fixture
def who(sqlite_scene):
    return cast(sqlite_scene)


def placed(scene, who):
    return order(
        OrderAsk(FORM, who.organisation_id, Channel.WS, "Payroll", NEW_CONTACT), scene.ctx, who.manager, REQUEST
    )


def state(scene, order_id):
    return models.Order.objects.using(scene.db.alias).get(pk=order_id).state


def letters(scene):
    waiting = models.OutboxMessage.objects.using(scene.db.alias).filter(
        kind=MessageKind.TRANSFER_IDS, cancelled_at__isnull=True
    )
    return [one.step for one in waiting.order_by("created", "pk")]


def test_a_cancelled_order_ends_with_its_link_and_informs_its_contact(sqlite_scene, who):
    order_id = placed(sqlite_scene, who)
    assert cancel_order(order_id, sqlite_scene.ctx, who.signatory, REQUEST)
    assert (state(sqlite_scene, order_id), letters(sqlite_scene)) == (OrderState.CANCELLED, ["cancelled:email"])
    assert not models.SecureMessage.objects.using(sqlite_scene.db.alias).filter(ended_at__isnull=True).exists()
    assert audited(sqlite_scene, "order-cancelled") == [who.signatory.name]
    assert not cancel_order(order_id, sqlite_scene.ctx, who.manager, REQUEST), "once"
    with pytest.raises(OrderError):
        offer_anew(order_id, "", sqlite_scene.ctx, who.manager, REQUEST)


def test_without_a_working_link_a_cancellation_sends_nothing(sqlite_scene, who):
    order_id = placed(sqlite_scene, who)
    sqlite_scene.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    assert cancel_order(order_id, sqlite_scene.ctx, who.manager, REQUEST)
    assert letters(sqlite_scene) == []


def test_transfer_ids_of_a_cancelled_order_are_unknown(sqlite_scene, who):
    ids = ordered(sqlite_scene, an_order())
    order_id = models.TransferIds.objects.using(sqlite_scene.db.alias).get(transfer_id=ids.transfer_id).order_id
    assert cancel_order(order_id, sqlite_scene.ctx, who.manager, REQUEST)
    refused = enrol(new_ask(ids, new_key()), sqlite_scene.ctx, REQUEST)
    assert isinstance(refused, Rejection)
    assert refused.reason is RejectionReason.TRANSFER_IDS_WRONG


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_users_who_may_not_order_may_not_cancel(sqlite_scene, who, role):
    order_id = placed(sqlite_scene, who)
    with pytest.raises(PermissionDenied):
        cancel_order(order_id, sqlite_scene.ctx, getattr(who, role), REQUEST)
    assert state(sqlite_scene, order_id) == OrderState.OPEN


LAPSES = {
    "the last second": (ENDS, OrderState.OPEN),
    "after it": (ENDS + SECOND, OrderState.CANCELLED),
}


@pytest.mark.parametrize(("after", "becomes"), LAPSES.values(), ids=LAPSES)
def test_an_order_lapses_by_itself(sqlite_scene, who, after, becomes):
    order_id = placed(sqlite_scene, who)
    at = get_for_confirmation(order_id, stands(sqlite_scene, who.viewer), sqlite_scene.ctx).lapses_at
    sqlite_scene.clock.forward(after)
    assert (sqlite_scene.ctx.now() > at) is (becomes is OrderState.CANCELLED), "the page says the same"
    assert lapse_orders(sqlite_scene.ctx, REQUEST) == (becomes is OrderState.CANCELLED)
    assert state(sqlite_scene, order_id) == becomes
    assert audited(sqlite_scene, "order-lapsed") == ["service"] * (becomes is OrderState.CANCELLED)


def test_a_new_link_moves_the_day_and_one_node_looks_once_an_hour(scene):
    who = cast(scene)
    order_id = placed(scene, who)
    assert lapse_orders(scene.ctx, REQUEST) == 0
    scene.clock.forward(ORDER_LAPSES_AFTER)
    link = get_for_confirmation(order_id, stands(scene, who.manager), scene.ctx).order.link
    assert offer_anew(order_id, link.secure_id, scene.ctx, who.manager, REQUEST)
    scene.clock.forward(ENDS)
    assert lapse_orders(scene.ctx, REQUEST) == 0
    scene.clock.forward(2 * SECOND)
    assert lapse_orders(scene.ctx, REQUEST) == 0, "within the hour"
    scene.clock.forward(3600 * SECOND)
    assert lapse_orders(scene.ctx, REQUEST) == 1
