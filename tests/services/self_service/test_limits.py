"""Limits of 24 hours on messages to typed addresses, and links in texts."""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.access.role_assignments import PersonGrant
from sinetti.domain.access.roles import Role
from sinetti.domain.daily_limits import NEVER, WINDOW, DailyLimits, LimitKind, LimitReached
from sinetti.domain.orders.ordering_rules import ExclusionReason
from sinetti.domain.validation import LinkError
from sinetti.domain.values import Channel
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.self_service.bulk_replace import BulkReplaceResult, preview_selected, replace_many, within_limits
from sinetti.services.self_service.contacts import change_contact
from sinetti.services.self_service.order import OrderAsk, OrdersLeft, count_orders_left, order
from sinetti.services.self_service.pending_invitations import confirm
from sinetti.services.self_service.role_assignments import grant
from sinetti.services.self_service.transfer_ids import get_for_confirmation, offer_anew
from sinetti.services.staff.invitations import invite_signatory
from tests.support.acting import NEW_CONTACT, WITHOUT_PHONE, cast, lineage, orders, stands
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.registers import crowd
from tests.support.scene import REQUEST, enrolled
from tests.support.users import hand_over

FEW = DailyLimits(letters=2, orders=3, firm_orders=4)
OTHER = replace(NEW_CONTACT, email="other@sinisiipi.example")
LINK = "Pay at https://evil.example/x"


@pytest.fixture
def limited(sqlite_scene):
    return sqlite_scene.but(daily_limits=FEW)


def ask(who, number, **changes):
    return replace(OrderAsk(f"{number:032x}", who.organisation_id, Channel.WS, "Payroll", NEW_CONTACT), **changes)


def place(scene, who, number, actor=None, **changes):
    return order(ask(who, number, **changes), scene.ctx, actor or who.signatory, REQUEST)


def test_many_orders_in_a_row_do_not_send_as_many_letters_to_one_address(limited):
    who = cast(limited)
    first = place(limited, who, 0)
    place(limited, who, 1)
    with pytest.raises(LimitReached) as reached:
        place(limited, who, 2, who.manager)
    assert reached.value.what is LimitKind.LETTERS
    assert len(orders(limited)) == 2, "neither an order nor a letter"
    assert place(limited, who, 0) == first, "the same form is answered as before"
    limited.machine.forward(WINDOW)
    place(limited, who, 2)


def test_two_orders_at_once_are_not_both_the_last(scene):
    scene = scene.but(daily_limits=replace(FEW, letters=1))
    who = cast(scene)

    def tried(number):
        try:
            return place(scene, who, number)
        except LimitReached:
            return None

    assert len([one for one in crowd(scene.db, 3, tried) if one]) == 1
    assert len(orders(scene)) == 1
    assert models.OutboxMessage.objects.using(scene.db.alias).filter(kind="transfer-ids").count() == 1


def test_orders_of_a_person_and_of_their_organisation(limited):
    who = cast(limited)
    for number in range(3):
        place(limited, who, number, contact=replace(NEW_CONTACT, email=f"{number}@b.example"))
    with pytest.raises(LimitReached) as reached:
        place(limited, who, 3, contact=OTHER)
    assert reached.value.what is LimitKind.ORDERS
    place(limited, who, 4, who.manager, contact=OTHER)
    with pytest.raises(LimitReached) as reached:
        place(limited, who, 5, who.manager, contact=WITHOUT_PHONE)
    assert reached.value.what is LimitKind.FIRM_ORDERS


def test_the_orders_left_are_those_of_the_nearest_limit(limited):
    who, ctx = cast(limited), limited.ctx

    def left(actor):
        return count_orders_left(who.organisation_id, stands(limited, actor), ctx, actor)

    assert left(who.signatory) == OrdersLeft(3, 3, None)
    placed_at = ctx.machine_now()
    for number in range(3):
        place(limited, who, number, contact=replace(NEW_CONTACT, email=f"{number}@b.example"))
    assert left(who.signatory) == OrdersLeft(0, 3, placed_at + WINDOW)
    assert left(who.manager) == OrdersLeft(1, 4, None), "the organisation's limit"
    free = limited.but(daily_limits=None).ctx
    assert count_orders_left(who.organisation_id, stands(limited, who.manager), free, who.manager) is None
    with pytest.raises(PermissionDenied):
        left(who.viewer)


def test_new_links_contacts_and_invitations_count_as_letters_too(limited):
    who, ctx = cast(limited), limited.ctx
    held = enrolled(limited)
    first = place(limited, who, 0)
    made = get_for_confirmation(first, stands(limited, who.signatory), ctx).order.link.secure_id
    assert offer_anew(first, made, ctx, who.signatory, REQUEST)
    to = PersonGrant(who.organisation_id, NEW_CONTACT, Role.VIEWER)
    newest = get_for_confirmation(first, stands(limited, who.signatory), ctx).order.link.secure_id
    waits = invite_signatory(CUSTOMER_ID, NEW_CONTACT, ctx, a_clerk(limited).actor, REQUEST).mandate_id
    for act in (
        lambda: offer_anew(first, newest, ctx, who.signatory, REQUEST),
        lambda: change_contact(held.serial, (NEW_CONTACT, False), ctx, who.signatory, REQUEST),
        lambda: change_contact(held.serial, (NEW_CONTACT, True), ctx, who.signatory, REQUEST),
        lambda: hand_over(lineage(limited, held.serial).contact.email, NEW_CONTACT, ctx, who.signatory, REQUEST),
        lambda: grant(to, ctx, who.signatory, REQUEST),
        lambda: confirm(waits, ctx, who.signatory, REQUEST),
    ):
        with pytest.raises(LimitReached) as reached:
            act()
        assert reached.value.what is LimitKind.LETTERS
    assert lineage(limited, held.serial).contact.email != NEW_CONTACT.email


def test_a_change_counts_the_links_that_follow_it(sqlite_scene):
    scene = sqlite_scene.but(daily_limits=replace(FEW, orders=9, firm_orders=9))
    who = cast(scene)
    place(scene, who, 0)
    place(scene, who, 1)
    with pytest.raises(LimitReached) as reached:
        hand_over(NEW_CONTACT.email, OTHER, scene.ctx, who.signatory, REQUEST)
    assert reached.value.again_at == NEVER
    more = scene.but(daily_limits=replace(FEW, letters=3))
    done = hand_over(NEW_CONTACT.email, OTHER, more.ctx, who.signatory, REQUEST)
    assert (done.count, done.offered) == (2, 2)
    with pytest.raises(LimitReached):
        place(more, who, 2, contact=OTHER)


def test_what_a_limit_stops_among_many_is_shown_before(limited):
    who, held = cast(limited), [enrolled(limited) for _ in range(3)]
    serials = [one.serial for one in held]
    seen = preview_selected(serials, stands(limited, who.manager), limited.ctx)
    found = within_limits(seen, stands(limited, who.manager), limited.ctx, who.manager)
    assert ([one.serial for one in found.ordered], [why for _, why in found.left]) == (
        serials[:2],
        [ExclusionReason.LIMIT],
    )
    assert replace_many("a" * 32, serials, limited.ctx, who.manager, REQUEST) == BulkReplaceResult(2, 0, 1)
    free = limited.but(daily_limits=None).ctx
    assert within_limits(seen, stands(limited, who.manager), free, who.manager) is seen


def test_older_words_with_a_link_are_left_out_among_many(sqlite_scene):
    who, held = cast(sqlite_scene), enrolled(sqlite_scene)
    models.Lineage.objects.using(sqlite_scene.db.alias).update(description=LINK)
    seen = preview_selected([held.serial], stands(sqlite_scene, who.manager), sqlite_scene.ctx)
    assert [why for _, why in seen.left] == [ExclusionReason.LINKED]
    done = replace_many("a" * 32, [held.serial], sqlite_scene.ctx, who.manager, REQUEST)
    assert (done.ordered, done.left) == (0, 1)


def test_no_door_takes_a_link(sqlite_scene):
    who, held, ctx = cast(sqlite_scene), enrolled(sqlite_scene), sqlite_scene.ctx
    named = replace(NEW_CONTACT, name="Win at evil.example")
    clerk = replace(who.stranger, staff=True)
    before = len(orders(sqlite_scene))
    for act in (
        lambda: place(sqlite_scene, who, 0, description=LINK),
        lambda: place(sqlite_scene, who, 0, contact=named),
        lambda: place(sqlite_scene, who, 0, deputy=named),
        lambda: change_contact(held.serial, (named, False), ctx, who.signatory, REQUEST),
        lambda: hand_over(lineage(sqlite_scene, held.serial).contact.email, named, ctx, who.signatory, REQUEST),
        lambda: grant(PersonGrant(who.organisation_id, named, Role.VIEWER), ctx, who.signatory, REQUEST),
        lambda: invite_signatory(CUSTOMER_ID, named, ctx, clerk, REQUEST),
    ):
        with pytest.raises(LinkError):
            act()
    assert len(orders(sqlite_scene)) == before
