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
from tests.support.service_context import DAY, SECOND, enrolled, renewed

HOUR = timedelta(hours=1)
LADDER = ReminderSchedule(context.LADDER, is_holiday)


def rows(desk, model):
    return model.objects.using(desk.db.alias)


def looked(desk, step):
    """Plan each step up to this one, and return the unreachable certificates.

    It searches for them one second after the last planning run.
    """
    for days, at in STEPS.items():
        if days >= step:
            desk.clock.now = at
            plan(a_mailroom(desk), at)
    desk.clock.forward(SECOND)
    return find_unreachable(desk.db, desk.clock.now, LADDER, 5)


def bounced(desk):
    rows(desk, models.Person).update(bounced_at=STEPS[60] + DAY, phone="")


def nobody(desk):
    rows(desk, models.Lineage).update(contact=None, deputy=None)


@pytest.mark.parametrize("silent", [bounced, nobody])
def test_nobody_can_be_told(desk, silent):
    held_one = enrolled(desk)
    assert looked(desk, 60).count == 0, "it is not near yet"
    rows(desk, models.OutboxMessage).filter(channel__isnull=False).update(sent=STEPS[60])
    silent(desk)
    found = looked(desk, 7)
    assert (found.count, found.first) == (1, (held_one.serial,))


def looked_after(desk):
    ours = rows(desk, models.Organisation).get()
    firm = {"normalised_id": "the-firm", "customer_id": "0000000-0", "kind": "artificial", "language": "fi"}
    agent = rows(desk, models.Organisation).create(name="A firm", created=desk.clock.now, **firm)
    rows(desk, models.RoleAssignment).create(
        organisation=ours, agent=agent, role=Role.MANAGER, valid_from=desk.clock.now - DAY
    )


def let_end(desk):
    rows(desk, models.Lineage).update(renewal_opt_out_at=desk.clock.now)


OTHERWISE = {
    "the contact is there": lambda _desk: None,
    "a firm looks after it": lambda desk: (nobody(desk), looked_after(desk)),
    "they let it end": lambda desk: (nobody(desk), let_end(desk)),
}


@pytest.mark.parametrize("otherwise", OTHERWISE.values(), ids=OTHERWISE)
def test_there_is_nothing_to_tell(desk, otherwise):
    enrolled(desk)
    looked(desk, 60)
    otherwise(desk)
    assert looked(desk, 7).count == 0


def test_of_a_week_nothing_is_late_before_its_first_step(sqlite_desk):
    desk = sqlite_desk
    enrolled(desk)
    begins = desk.clock.now + 2 * DAY  # a Wednesday: the step a day before the end is on a working day
    ends = begins + 7 * DAY
    rows(desk, models.Certificate).update(not_before=begins, not_after=ends, renewable_from=ends - 84 * HOUR)
    nobody(desk)
    plan(a_mailroom(desk), desk.clock.now)
    assert find_unreachable(desk.db, desk.clock.now, LADDER, 5).count == 0
    desk.clock.now = ends - HOUR
    plan(a_mailroom(desk), desk.clock.now)
    assert find_unreachable(desk.db, desk.clock.now, LADDER, 5).count == 1


def test_the_new_one_was_fetched(sqlite_desk):
    desk = sqlite_desk
    first = enrolled(desk)
    looked(desk, 60)
    nobody(desk)
    desk.clock.now = STEPS[30]
    renewed(desk, first)
    new = rows(desk, models.Certificate).filter(predecessor__isnull=False)
    assert new.update(first_fetched_at=None, state="issued") == 1
    assert looked(desk, 7).count == 1, "it was renewed, and nobody has the new one"
    assert new.update(first_fetched_at=desk.clock.now) == 1
    assert find_unreachable(desk.db, desk.clock.now, LADDER, 5).count == 0


@pytest.mark.parametrize(
    ("at", "late"),
    [(ENDS, True), (ENDS - 6 * HOUR - SECOND, False), (ENDS - 5.5 * HOUR, False), (ENDS + 12 * HOUR, False)],
    ids=["in the afternoon", "before eight", "at half past eight", "in the night"],
)
def test_what_waits_for_the_morning_is_not_late(at, late):
    assert deferred_kinds(at, HOUR) == (frozenset() if late else OFFICE_HOURS_ONLY)
