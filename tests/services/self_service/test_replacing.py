"""Replacement of many certificates: orders, exclusions and interruptions."""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.organisations import organisations
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE, ExclusionReason, Replaceable, left_out
from sinetti.domain.values import VALIDITY, Channel, Serial
from sinetti.services.self_service import renewal_opt_out
from sinetti.services.self_service.bulk_replace import preview_expiring, preview_selected, replace_many
from tests.support.acting import cast, lineage, orders, stands
from tests.support.killed import KilledError, killed_at
from tests.support.scene import DAY, REQUEST, enrolled, in_the_window, renewed

FORM = "a" * 32
FINE = Replaceable(open=True, approved=True, ordered=False, succeeded=False, let_end=False, contact=True)
CASES = {
    "nothing is in the way": (FINE, None),
    "closed comes first": (replace(FINE, open=False, approved=False), ExclusionReason.CLOSED),
    "not approved": (replace(FINE, approved=False, ordered=True), ExclusionReason.NOT_APPROVED),
    "ordered already": (replace(FINE, ordered=True, succeeded=True), ExclusionReason.ORDERED),
    "renewed or replaced": (replace(FINE, succeeded=True, let_end=True), ExclusionReason.SUCCEEDED),
    "to end": (replace(FINE, let_end=True, contact=False), ExclusionReason.LET_END),
    "nobody to write to": (replace(FINE, contact=False), ExclusionReason.NO_CONTACT),
}


@pytest.mark.parametrize(("one", "why"), CASES.values(), ids=CASES)
def test_what_is_left_out_and_why(one, why):
    assert left_out(one, by_name=False) is why


def test_whoever_chooses_it_by_name_wants_it_after_all():
    assert left_out(replace(FINE, let_end=True), by_name=True) is None


@pytest.fixture
def who(sqlite_scene):
    return cast(sqlite_scene)


def test_a_preview_of_those_that_end_soon(sqlite_scene, who):
    first, second, third = (enrolled(sqlite_scene) for _ in range(3))
    in_the_window(sqlite_scene, first)
    renewed(sqlite_scene, second)
    renewal_opt_out.opt_out_of_renewal(third.serial, sqlite_scene.ctx, who.manager, REQUEST)
    seen = preview_expiring(30, stands(sqlite_scene, who.manager), sqlite_scene.ctx)
    assert [one.serial for one in seen.ordered] == [first.serial]
    assert {one.serial: why for one, why in seen.left} == {
        second.serial: ExclusionReason.SUCCEEDED,
        third.serial: ExclusionReason.LET_END,
    }
    assert not preview_expiring(29, stands(sqlite_scene, who.manager), sqlite_scene.ctx).ordered
    assert not preview_expiring(30, stands(sqlite_scene, who.viewer), sqlite_scene.ctx).ordered


def test_chosen_ones_that_are_others_or_not_there_are_counted_alike(sqlite_scene, who):
    ours, theirs = enrolled(sqlite_scene), enrolled(sqlite_scene, customer_id="7654321-2")
    serials = [ours.serial, theirs.serial, Serial("00"), ours.serial]
    seen = preview_selected(serials, stands(sqlite_scene, who.signatory), sqlite_scene.ctx)
    assert ([one.serial for one in seen.ordered], seen.strange, seen.more) == ([ours.serial], 2, False)


def test_more_than_three_hundred_are_cut(sqlite_scene, who):
    many = [Serial(f"{number:04x}") for number in range(MOST_AT_ONCE + 1)]
    assert preview_selected(many, stands(sqlite_scene, who.signatory), sqlite_scene.ctx).more


def test_each_gets_type_description_and_contact_of_the_old_one(sqlite_scene, who):
    held = enrolled(sqlite_scene, Channel.SFTP)
    rows = models.Lineage.objects.using(sqlite_scene.db.alias)
    rows.update(serves=12)
    done = replace_many(FORM, [held.serial, held.serial], sqlite_scene.ctx, who.manager, REQUEST)
    assert (done.ordered, done.left) == (1, 0)
    (new,) = (one for one in orders(sqlite_scene) if one.replaces)
    assert (new.replaces.serial, new.description, new.contact.email) == (
        held.serial,
        "payroll",
        "nimi@sinisiipi.example",
    )
    assert rows.get().serves == 12


def test_pressed_again_after_a_kill_it_orders_the_rest_and_nothing_twice(sqlite_scene, who):
    serials = [enrolled(sqlite_scene).serial for _ in range(3)]
    killed = sqlite_scene.but(step=killed_at("replacement-ordered"))
    with pytest.raises(KilledError):
        replace_many(FORM, serials, killed.ctx, who.signatory, REQUEST)
    assert sum(one.replaces is not None for one in orders(sqlite_scene)) == 1
    for form in (FORM, "b" * 32):
        assert replace_many(form, serials, sqlite_scene.ctx, who.signatory, REQUEST).ordered == 3
        assert sorted(one.replaces.serial for one in orders(sqlite_scene) if one.replaces) == sorted(serials)


def test_what_has_changed_meanwhile_is_left_out(sqlite_scene, who):
    ours, nobodys, theirs = (
        enrolled(sqlite_scene),
        enrolled(sqlite_scene),
        enrolled(sqlite_scene, customer_id="7654321-2"),
    )
    models.Lineage.objects.using(sqlite_scene.db.alias).filter(pk=lineage(sqlite_scene, nobodys.serial).pk).update(
        contact=None
    )
    serials = [ours.serial, nobodys.serial, theirs.serial]
    done = replace_many(FORM, serials, sqlite_scene.ctx, who.signatory, REQUEST)
    assert (done.ordered, done.left) == (1, 2)
    organisations.withdraw_channel(sqlite_scene.db, who.organisation_id, Channel.WS, sqlite_scene.audit_entry())
    assert replace_many("c" * 32, serials[:1], sqlite_scene.ctx, who.signatory, REQUEST).left == 1


def test_an_ended_one_can_be_chosen_too(sqlite_scene, who):
    held = enrolled(sqlite_scene)
    sqlite_scene.clock.forward(VALIDITY + DAY)
    assert preview_selected([held.serial], stands(sqlite_scene, who.signatory), sqlite_scene.ctx).ordered


def test_without_text_messages_who_has_a_number_is_left_out(sqlite_scene, who):
    held = enrolled(sqlite_scene)
    seen = preview_selected([held.serial], stands(sqlite_scene, who.signatory), sqlite_scene.ctx)
    ((left, why),) = seen.without_messages.left
    assert (seen.without_messages.ordered, left, why) == ((), seen.ordered[0], ExclusionReason.NO_MESSAGES)
