"""Alerts about certificates close to their end without a reachable recipient.

Operators receive them.
"""

from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.notifications.reminders import find_unreachable
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY
from sinetti.domain.notifications.reminders import ReminderSchedule
from sinetti.notifications import context
from sinetti.notifications.context import deferred_kinds, is_holiday
from sinetti.notifications.planning.reminders import plan
from tests.notifications.planning.test_reminders import ENDS, STEPS
from tests.support.mailrooms import a_mailroom
from tests.support.scene import DAY, SECOND, enrolled, renewed

HOUR = timedelta(hours=1)
LADDER = ReminderSchedule(context.LADDER, is_holiday)


def rows(scene, model):
    return model.objects.using(scene.db.alias)


def looked(scene, step):
    """Plan each step up to this one, and return the unreachable certificates.

    It searches for them one second after the last planning run.
    """
    for days, at in STEPS.items():
        if days >= step:
            scene.clock.now = at
            plan(a_mailroom(scene), at)
    scene.clock.forward(SECOND)
    return find_unreachable(scene.db, scene.clock.now, LADDER, 5)


def bounced(scene):
    rows(scene, models.Person).update(bounced_at=STEPS[60] + DAY, phone="")


def nobody(scene):
    rows(scene, models.Lineage).update(contact=None, deputy=None)


@pytest.mark.parametrize("silent", [bounced, nobody])
def test_nobody_can_be_told(scene, silent):
    held_one = enrolled(scene)
    assert looked(scene, 60).count == 0, "it is not near yet"
    rows(scene, models.OutboxMessage).filter(channel__isnull=False).update(sent=STEPS[60])
    silent(scene)
    found = looked(scene, 7)
    assert (found.count, found.first) == (1, (held_one.serial,))


def looked_after(scene):
    ours = rows(scene, models.Organisation).get()
    firm = {"normalised_id": "the-firm", "customer_id": "0000000-0", "kind": "artificial", "language": "fi"}
    agent = rows(scene, models.Organisation).create(name="A firm", created=scene.clock.now, **firm)
    rows(scene, models.RoleAssignment).create(
        organisation=ours, agent=agent, role=Role.MANAGER, valid_from=scene.clock.now - DAY
    )


def let_end(scene):
    rows(scene, models.Lineage).update(renewal_opt_out_at=scene.clock.now)


OTHERWISE = {
    "the contact is there": lambda _desk: None,
    "a firm looks after it": lambda scene: (nobody(scene), looked_after(scene)),
    "they let it end": lambda scene: (nobody(scene), let_end(scene)),
}


@pytest.mark.parametrize("otherwise", OTHERWISE.values(), ids=OTHERWISE)
def test_there_is_nothing_to_tell(scene, otherwise):
    enrolled(scene)
    looked(scene, 60)
    otherwise(scene)
    assert looked(scene, 7).count == 0


def test_of_a_week_nothing_is_late_before_its_first_step(sqlite_scene):
    scene = sqlite_scene
    enrolled(scene)
    begins = scene.clock.now + 2 * DAY  # a Wednesday: the step a day before the end is on a working day
    ends = begins + 7 * DAY
    rows(scene, models.Certificate).update(not_before=begins, not_after=ends, renewable_from=ends - 84 * HOUR)
    nobody(scene)
    plan(a_mailroom(scene), scene.clock.now)
    assert find_unreachable(scene.db, scene.clock.now, LADDER, 5).count == 0
    scene.clock.now = ends - HOUR
    plan(a_mailroom(scene), scene.clock.now)
    assert find_unreachable(scene.db, scene.clock.now, LADDER, 5).count == 1


def test_the_new_one_was_fetched(sqlite_scene):
    scene = sqlite_scene
    first = enrolled(scene)
    looked(scene, 60)
    nobody(scene)
    scene.clock.now = STEPS[30]
    renewed(scene, first)
    new = rows(scene, models.Certificate).filter(predecessor__isnull=False)
    assert new.update(first_fetched_at=None, state="issued") == 1
    assert looked(scene, 7).count == 1, "it was renewed, and nobody has the new one"
    assert new.update(first_fetched_at=scene.clock.now) == 1
    assert find_unreachable(scene.db, scene.clock.now, LADDER, 5).count == 0


@pytest.mark.parametrize(
    ("at", "late"),
    [(ENDS, True), (ENDS - 6 * HOUR - SECOND, False), (ENDS - 5.5 * HOUR, False), (ENDS + 12 * HOUR, False)],
    ids=["in the afternoon", "before eight", "at half past eight", "in the night"],
)
def test_what_waits_for_the_morning_is_not_late(at, late):
    assert deferred_kinds(at, HOUR) == (frozenset() if late else OFFICE_HOURS_ONLY)
