"""Counts of 24 hours in the database, on both kinds."""

import pytest
from django.apps import apps
from django.db import transaction

from sinetti.database.common import daily_counts
from sinetti.database.models import DailyCount
from sinetti.domain.daily_limits import WINDOW, DailyLimits, LimitKind, LimitReached
from sinetti.domain.operations.monitoring import Periods
from sinetti.services.monitoring.retention import apply_retention
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, SECOND, scene, sqlite_scene
from tests.support.users import account

__all__ = ["scene", "sqlite_scene"]
LIMITS = DailyLimits(letters=3, orders=2, firm_orders=3)
TO = "victim@foreign.example"


def limited(scene):
    return scene.but(daily_limits=LIMITS)


def letter(scene, to=TO, amount=1, actor="user:1"):
    with transaction.atomic(using=scene.db.alias):
        daily_counts.count_letters(scene.db, scene.ctx.audit_entry(actor, REQUEST), to, amount)


def test_so_many_letters_go_to_one_mailbox_whoever_sends_them(scene):
    scene = limited(scene)
    for number, to in enumerate((TO, TO.upper(), "victim+tag@foreign.example")):
        letter(scene, to, actor=f"user:{number}")
    with pytest.raises(LimitReached) as reached:
        letter(scene, actor="user:9")
    assert (reached.value.what, reached.value.limit) == (LimitKind.LETTERS, 3)
    assert reached.value.again_at == scene.machine.now.replace(microsecond=0) + WINDOW
    letter(scene, "another@foreign.example")
    # The scene's clock does not lift the limit; 24 hours on the machine's clock do.
    scene.clock.forward(3 * DAY)
    with pytest.raises(LimitReached):
        letter(scene)
    scene.machine.forward(WINDOW)
    letter(scene)


def test_two_at_once_are_not_both_the_last(scene):
    scene = limited(scene)
    letter(scene, amount=2)

    def tried(number):
        try:
            letter(scene, actor=f"user:{number}")
        except LimitReached:
            return False
        return True

    assert sorted(crowd(scene.db, 4, tried)) == [False, False, False, True]


def test_what_is_taken_back_counts_for_nothing(scene):
    scene = limited(scene)

    def failing():
        with transaction.atomic(using=scene.db.alias):
            daily_counts.count_letters(scene.db, scene.ctx.audit_entry("user:1", REQUEST), TO, 3)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        failing()
    letter(scene, amount=3)


def test_operators_and_benches_have_no_limit(sqlite_scene):
    for _ in range(60):
        letter(sqlite_scene, actor="operator")
    assert not DailyCount.objects.using(sqlite_scene.db.alias).exists()


def test_ones_own_confirmed_address_has_no_limit(sqlite_scene):
    scene = limited(sqlite_scene)
    user = account(scene, "signatory")
    addresses = apps.get_model("account", "EmailAddress").objects.using(scene.db.alias)
    addresses.create(user_id=user.pk, email=user.email, verified=False)
    letter(scene, user.email, 3, f"user:{user.pk}")
    with pytest.raises(LimitReached):
        letter(scene, user.email, 1, f"user:{user.pk}")
    addresses.update(verified=True)
    letter(scene, user.email, 9, f"user:{user.pk}")
    with pytest.raises(LimitReached):
        letter(scene, user.email, 1, "user:1")


def test_orders_of_an_account_and_of_a_firm(sqlite_scene):
    scene = limited(sqlite_scene)

    def ordered(actor):
        with transaction.atomic(using=scene.db.alias):
            daily_counts.count_order(scene.db, scene.ctx.audit_entry(actor, REQUEST), "firm")

    ordered("user:1")
    ordered("user:1")
    with pytest.raises(LimitReached) as reached:
        ordered("user:1")
    assert reached.value.what is LimitKind.ORDERS
    ordered("user:2")
    with pytest.raises(LimitReached) as reached:
        ordered("user:3")
    assert reached.value.what is LimitKind.FIRM_ORDERS


def test_retention_deletes_what_counts_no_more(sqlite_scene):
    scene = limited(sqlite_scene)
    letter(scene)
    apply_retention(Periods(), scene.ctx, REQUEST)
    assert DailyCount.objects.using(scene.db.alias).count() == 1
    scene.machine.forward(WINDOW + SECOND)
    apply_retention(Periods(), scene.ctx, REQUEST)
    assert not DailyCount.objects.using(scene.db.alias).exists()
