"""Notification of the people of a lineage about repeated refusals.

Three refusals for the same reason queue a message, once in seven days.
"""

from threading import Barrier, Thread

import pytest

from sinetti.database import models
from sinetti.database.issuance import rejections
from sinetti.domain.notifications import messages
from sinetti.domain.refusals import RejectionReason
from sinetti.services.issuance.renew import renew
from tests.support.scene import DAY, REQUEST, SECOND, enrolled, in_the_window, renew_ask
from tests.support.scene import refused as refused_for


def events(scene):
    return models.OutboxMessage.objects.using(scene.db.alias).filter(kind="refused").order_by("created")


def asked_with_the_old_key(scene, held):
    assert refused_for(renew(renew_ask(held, held.key), scene.ctx, REQUEST)) is RejectionReason.KEY_REUSED


def test_the_third_time(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    for _ in range(2):
        asked_with_the_old_key(scene, held)
        assert not events(scene).exists()
    asked_with_the_old_key(scene, held)
    row = events(scene).get()
    assert row.facts == {"reason": "PKI012", "reason_name": "key-reused", "operation": "renew"}
    assert (row.channel, row.lineage_id) == (None, scene.certificate(held.serial).lineage.lineage_id)


def test_a_program_that_asks_every_minute(sqlite_scene):
    """One event in seven days, for any count of requests; after that another one."""
    held = enrolled(sqlite_scene)
    first = in_the_window(sqlite_scene, held)
    for _ in range(20):
        asked_with_the_old_key(sqlite_scene, held)
        sqlite_scene.clock.forward(60 * SECOND)
    sqlite_scene.clock.now = first + messages.WITHIN - SECOND
    asked_with_the_old_key(sqlite_scene, held)
    assert [row.created for row in events(sqlite_scene)] == [first + 120 * SECOND]
    sqlite_scene.clock.now = first + 120 * SECOND + messages.WITHIN
    asked_with_the_old_key(sqlite_scene, held)
    assert events(sqlite_scene).count() == 2


SPREAD_OUT = {
    "three within seven days": ([0, 3, 7], 0),
    "three in just less": ([0, 3, 6], 1),
    "two, and a third a week after the second": ([0, 1, 8], 0),
}


@pytest.mark.parametrize(("days", "told"), SPREAD_OUT.values(), ids=SPREAD_OUT)
def test_refusals_count_together_for_seven_days(sqlite_scene, days, told):
    held = enrolled(sqlite_scene)
    start = in_the_window(sqlite_scene, held)
    for day in days:
        sqlite_scene.clock.now = start + day * DAY
        asked_with_the_old_key(sqlite_scene, held)
    assert events(sqlite_scene).count() == told


def test_every_reason_is_told_of_or_left_out_on_purpose(sqlite_scene):
    lineage = sqlite_scene.certificate(enrolled(sqlite_scene).serial).lineage.lineage_id
    for reason in RejectionReason:
        for _ in range(3):
            rejections.record_rejection(sqlite_scene.db, lineage, reason, "renew", sqlite_scene.audit_entry())
    told = {row.facts["reason_name"] for row in events(sqlite_scene)}
    assert set(RejectionReason) - told == {
        RejectionReason.TOO_EARLY,
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }


def test_other_reasons_and_other_lineages_count_for_themselves(sqlite_scene):
    one, other = (sqlite_scene.certificate(enrolled(sqlite_scene).serial).lineage.lineage_id for _ in range(2))
    for lineage, reason in (
        (one, RejectionReason.KEY_REUSED), (one, RejectionReason.KEY_REUSED), (one,
        RejectionReason.CSR_UNREADABLE), (other, RejectionReason.KEY_REUSED),
    ):  # fmt: skip
        rejections.record_rejection(sqlite_scene.db, lineage, reason, "renew", sqlite_scene.audit_entry())
    assert not events(sqlite_scene).exists()


def test_many_at_once(scene):
    """The people are notified once, for any caller that comes third."""
    lineage = scene.certificate(enrolled(scene).serial).lineage.lineage_id
    for _ in range(2):
        rejections.record_rejection(scene.db, lineage, RejectionReason.KEY_REUSED, "renew", scene.audit_entry())
    together = Barrier(4)

    def refuse():
        together.wait(60)
        rejections.record_rejection(scene.db, lineage, RejectionReason.KEY_REUSED, "renew", scene.audit_entry())
        scene.db.close()

    threads = [Thread(target=refuse) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert models.RejectedRequest.objects.using(scene.db.alias).count() == 6
    assert events(scene).count() == 1
