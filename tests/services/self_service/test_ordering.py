"""Orders on behalf of an organisation.

Each form orders once, for users with the right to order. A refusal states its reason.
"""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.organisations import organisations
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.link_tokens import delivery_code
from sinetti.domain.orders.ordering_rules import OrderErrorReason
from sinetti.domain.values import TRANSFER_IDS_LIVE, Channel, Serial
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.issuance.order import OrderError
from sinetti.services.issuance.secure_message import order_and_offer
from sinetti.services.self_service.order import OrderAsk, order, orderable, replaced
from sinetti.services.self_service.transfer_ids import OrderSearch, get_for_confirmation, offer_anew, open_orders
from tests.support.acting import NEW_CONTACT, WITHOUT_PHONE, cast, orders, stands
from tests.support.registers import crowd
from tests.support.scene import REQUEST, SECOND, TRANSFER_KEY, an_order, enrolled

FORM, OTHER_FORM = "a" * 32, "b" * 32


@pytest.fixture
def who(sqlite_scene):
    return cast(sqlite_scene)


def an_ask(who, **changes):
    return replace(OrderAsk(FORM, who.organisation_id, Channel.WS, "Payroll", NEW_CONTACT, serves=300), **changes)


def place(scene, ask, actor):
    return order(ask, scene.ctx, actor, REQUEST)


@pytest.mark.parametrize("role", ["signatory", "manager"])
def test_who_may_orders_and_the_contact_is_owed_a_link(sqlite_scene, who, role):
    order_id = place(sqlite_scene, an_ask(who), getattr(who, role))
    looked = get_for_confirmation(order_id, stands(sqlite_scene, who.viewer), sqlite_scene.ctx)
    assert (looked.order.serves, looked.order.contact.email, looked.lapsed) == (300, NEW_CONTACT.email, False)
    assert (looked.may_order, looked.code, looked.order.link.sent) == (False, None, None)


def test_the_same_form_orders_once_and_another_person_with_it_anew(sqlite_scene, who):
    first = place(sqlite_scene, an_ask(who), who.signatory)
    organisations.withdraw_channel(sqlite_scene.db, who.organisation_id, Channel.WS, sqlite_scene.audit_entry())
    assert place(sqlite_scene, an_ask(who, description="Changed"), who.signatory) == first, "whatever has changed since"
    organisations.approve_channels(sqlite_scene.db, who.organisation_id, frozenset(Channel), sqlite_scene.audit_entry())
    others = place(sqlite_scene, an_ask(who), who.manager)
    assert {one.pk for one in orders(sqlite_scene)} == {first, others}


def test_sent_twice_at_once_it_is_ordered_once(scene, monkeypatch):
    who = cast(scene)
    first = place(scene, an_ask(who), who.signatory)
    # Both calls read the state before either stored anything.
    monkeypatch.setattr(organisations, "_expect_new", lambda *_: None)
    new = replace(an_order(), order_id=first)
    with pytest.raises(organisations.DuplicateOrder) as there:
        order_and_offer(new, scene.ctx, who.signatory.name, REQUEST)
    assert there.value.order_id == first
    assert len(orders(scene)) == 1


def test_a_replacement_is_ordered_once_while_one_is_open(sqlite_scene, who):
    held = enrolled(sqlite_scene)
    assert replaced(held.serial, stands(sqlite_scene, who.manager), sqlite_scene.ctx).contact.name == "Nimi Nimetty"
    ask = an_ask(who, replaces=held.serial, serves=None)
    first = place(sqlite_scene, ask, who.signatory)
    assert place(sqlite_scene, replace(ask, form=OTHER_FORM), who.manager) == first
    assert [one.replaces.serial for one in orders(sqlite_scene) if one.replaces] == [held.serial]


@pytest.mark.parametrize("role", ["viewer", "stranger"])
def test_who_may_not_is_refused_and_told_no_more_than_they_may_see(sqlite_scene, who, role):
    with pytest.raises(PermissionDenied) as lacking:
        place(sqlite_scene, an_ask(who), getattr(who, role))
    assert lacking.value.organisation_id == (who.organisation_id if role == "viewer" else None)
    assert not orders(sqlite_scene)


def test_without_the_second_factor_a_signatory_is_told_so(sqlite_scene, who):
    with pytest.raises(PermissionDenied) as lacking:
        place(sqlite_scene, an_ask(who), replace(who.signatory, second_factor=False))
    assert lacking.value.second_factor


def test_what_is_in_the_way_has_its_reason(sqlite_scene, who):
    foreign, sftp = enrolled(sqlite_scene, customer_id="7654321-2"), enrolled(sqlite_scene, Channel.SFTP)
    audit, db = sqlite_scene.audit_entry(), sqlite_scene.db
    cases = [
        (foreign.serial, OrderErrorReason.NOT_OURS),
        (Serial("00"), OrderErrorReason.NOT_OURS),
        (sftp.serial, OrderErrorReason.OTHER_CHANNEL),
    ]
    for serial, why in cases:
        with pytest.raises(OrderError) as refused:
            place(sqlite_scene, an_ask(who, replaces=serial), who.signatory)
        assert refused.value.why is why
    organisations.withdraw_channel(db, who.organisation_id, Channel.WS, audit)
    with pytest.raises(OrderError) as refused:
        place(sqlite_scene, an_ask(who), who.signatory)
    assert refused.value.why is OrderErrorReason.NOT_APPROVED


def test_an_organisation_that_closes_meanwhile_is_ordered_nothing_for(sqlite_scene, who, monkeypatch):
    def close(*_):
        organisations.close_organisation(sqlite_scene.db, who.organisation_id, sqlite_scene.audit_entry())
        return sqlite_scene.ctx

    monkeypatch.setattr("sinetti.services.self_service.order.guarded", close)
    with pytest.raises(OrderError) as refused:
        place(sqlite_scene, an_ask(who), who.signatory)
    assert refused.value.why is OrderErrorReason.CLOSED


def test_organisations_to_order_for_are_those_that_one_may(sqlite_scene, who):
    found = orderable(stands(sqlite_scene, who.signatory), sqlite_scene.ctx)
    assert [(one.organisation_id, one.channels) for one in found] == [(who.organisation_id, frozenset(Channel))]
    assert not orderable(stands(sqlite_scene, who.viewer), sqlite_scene.ctx)


def test_what_is_not_there_and_what_is_others_are_alike(sqlite_scene, who):
    foreign = enrolled(sqlite_scene, customer_id="7654321-2")
    ctx, standing = sqlite_scene.ctx, stands(sqlite_scene, who.signatory)
    their_order = orders(sqlite_scene)[0].pk
    lacking = []
    for act in (
        lambda: replaced(foreign.serial, standing, ctx),
        lambda: replaced(Serial("00"), standing, ctx),
        lambda: get_for_confirmation(their_order, standing, ctx),
        lambda: get_for_confirmation("0" * 32, standing, ctx),
        lambda: offer_anew(their_order, "", ctx, who.signatory, REQUEST),
        lambda: offer_anew("0" * 32, "", ctx, who.signatory, REQUEST),
    ):
        with pytest.raises(PermissionDenied) as refused:
            act()
        lacking.append((refused.value.organisation_id, refused.value.second_factor))
    assert set(lacking) == {(None, False)}


def test_a_new_link_is_made_for_the_one_that_was_seen(sqlite_scene, who):
    ctx, order_id = sqlite_scene.ctx, place(sqlite_scene, an_ask(who, contact=WITHOUT_PHONE), who.signatory)
    seen = get_for_confirmation(order_id, stands(sqlite_scene, who.manager), ctx)
    assert seen.code == delivery_code(TRANSFER_KEY, seen.order.link.secure_id)
    sqlite_scene.clock.forward(TRANSFER_IDS_LIVE)
    assert not get_for_confirmation(order_id, stands(sqlite_scene, who.manager), ctx).lapsed
    sqlite_scene.clock.forward(SECOND)
    lapsed = get_for_confirmation(order_id, stands(sqlite_scene, who.manager), ctx)
    assert (lapsed.lapsed, lapsed.code) == (True, None)
    made = seen.order.link.secure_id
    assert offer_anew(order_id, made, ctx, who.manager, REQUEST)
    assert not offer_anew(order_id, made, ctx, who.manager, REQUEST), "pressed twice"
    anew = get_for_confirmation(order_id, stands(sqlite_scene, who.manager), ctx)
    assert anew.order.link.secure_id != made
    assert not anew.lapsed


def test_a_new_link_that_is_asked_for_twice_at_once_is_made_once(scene):
    who = cast(scene)
    order_id = place(scene, an_ask(who), who.signatory)
    made = get_for_confirmation(order_id, stands(scene, who.manager), scene.ctx).order.link.secure_id
    pressed = crowd(scene.db, 4, lambda _: offer_anew(order_id, made, scene.ctx, who.manager, REQUEST))
    assert sorted(pressed) == [False, False, False, True]


def test_of_a_spent_order_the_certificate_is_told_and_no_link_is_made(sqlite_scene, who):
    held, ctx = enrolled(sqlite_scene), sqlite_scene.ctx
    (spent,) = orders(sqlite_scene)
    seen = get_for_confirmation(spent.pk, stands(sqlite_scene, who.signatory), ctx)
    assert (seen.order.state, seen.order.certificate, seen.order.link) == (OrderState.FULFILLED, held.serial, None)
    with pytest.raises(OrderError) as refused:
        offer_anew(spent.pk, "", ctx, who.signatory, REQUEST)
    assert refused.value.why is OrderErrorReason.SPENT


def test_open_orders_are_those_of_ones_organisations_newest_first(sqlite_scene, who):
    first = place(sqlite_scene, an_ask(who), who.signatory)
    sqlite_scene.clock.forward(SECOND)
    second = place(sqlite_scene, an_ask(who, form=OTHER_FORM), who.signatory)
    rows, total = open_orders(stands(sqlite_scene, who.viewer), sqlite_scene.ctx, OrderSearch(0, 1))
    assert ([one.order_id for one in rows], total) == ([second], 2)
    rows, _ = open_orders(stands(sqlite_scene, who.viewer), sqlite_scene.ctx, OrderSearch(1, 5))
    assert [one.order_id for one in rows] == [first]
    assert open_orders(stands(sqlite_scene, who.stranger), sqlite_scene.ctx, OrderSearch(0, 5)) == ((), 0)


def test_mail_that_cannot_be_delivered_is_told(sqlite_scene, who):
    order_id = place(sqlite_scene, an_ask(who), who.signatory)
    rows = models.OutboxMessage.objects.using(sqlite_scene.db.alias).filter(order=order_id)
    rows.update(failed_at=sqlite_scene.ctx.now())
    assert get_for_confirmation(order_id, stands(sqlite_scene, who.viewer), sqlite_scene.ctx).order.link.given_up
