"""Planning reminders: each step once, to those whom it concerns, until it is over."""

from datetime import UTC, datetime

from sinetti.notices.plan import next_instant, plan
from sinetti.registry import models
from tests.support.mailrooms import a_mailroom
from tests.support.office import CONTACT, DAY, enrolled


def owed(desk):
    found = models.OutboxRow.objects.using(desk.register.alias).filter(channel__isnull=False)
    return [
        (row.kind, row.step, row.recipient.email, row.due)
        for row in found.select_related("recipient").order_by("due", "step", "recipient__email")
    ]


def walk(room, desk, until):
    """Go from one instant at which something is due to the next, and plan at each."""
    plan(room, desk.clock.now)
    while (at := next_instant(room, desk.clock.now)) is not None and at <= until:
        desk.clock.now = at
        plan(room, at)


def test_a_certificate_that_nobody_renews(desk):
    """It ends on Wednesday 1 March 2028 at 14:00 Finnish time."""
    held = enrolled(desk)
    walk(a_mailroom(desk), desk, desk.certificate(held.serial).span.not_after + 10 * DAY)
    at = [
        ("60:email", datetime(2028, 1, 3, 6, tzinfo=UTC)),  # the day is 1 January, a Saturday
        ("30:email", datetime(2028, 1, 31, 12, tzinfo=UTC)),
        ("14:email", datetime(2028, 2, 16, 12, tzinfo=UTC)),
        ("7:email", datetime(2028, 2, 23, 12, tzinfo=UTC)),
        ("7:sms", datetime(2028, 2, 23, 12, tzinfo=UTC)),
        ("3:email", datetime(2028, 2, 25, 6, tzinfo=UTC)),  # the day is a Saturday
        ("3:sms", datetime(2028, 2, 25, 6, tzinfo=UTC)),
        ("1:email", datetime(2028, 2, 29, 12, tzinfo=UTC)),
        ("1:sms", datetime(2028, 2, 29, 12, tzinfo=UTC)),
        ("0:email", datetime(2028, 3, 1, 12, tzinfo=UTC)),
        ("0:sms", datetime(2028, 3, 1, 12, tzinfo=UTC)),
    ]
    assert owed(desk) == [("reminder", step, CONTACT.email, due) for step, due in at]
