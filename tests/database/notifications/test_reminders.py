"""Search for certificates close to their end.

A locked row delays only the callers that have to wait for it.
"""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connections

from sinetti.database import models
from sinetti.database.notifications import reminders
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.reminders import BatchResult, ReminderWindow
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support.scene import DAY, REQUEST, SECOND, enrolled, in_the_window, renewed


def reach(scene):
    now = scene.clock.now
    return ReminderWindow(now, now - DAY, now + 60 * DAY)


def noting(found):
    return BatchResult({one.certificate: one.course.span.not_after for one in found})


def meanwhile(scene, do):
    """Start a function in another thread; return the thread and a completion event."""
    done = Event()

    def run():
        try:
            do()
            done.set()
        finally:
            scene.db.close()

    thread = Thread(target=run)
    thread.start()
    return thread, done


def process_batch(db, window, decide) -> bool:
    """Decide on one batch; return False if no certificate is due."""
    with reminders.claim_batch(db, window) as found:
        if found:
            reminders.store_batch(db, decide(found), window.now)
    return bool(found)


@pytest.fixture
def shared(scene):
    """Return a scene whose rows are locked one by one."""
    if connections[scene.db.alias].vendor == "sqlite":
        pytest.skip("SQLite locks the whole file")
    return scene


def test_a_renewal_does_not_wait(shared):
    held = enrolled(shared)
    in_the_window(shared, held)

    def decide(found):
        thread, done = meanwhile(shared, lambda: renewed(shared, held))
        assert done.wait(60)
        thread.join()
        return noting(found)

    assert process_batch(shared.db, reach(shared), decide)


def test_another_node_passes_over_what_is_locked(shared):
    held = enrolled(shared)
    in_the_window(shared, held)

    def decide(found):
        looks = []
        thread, done = meanwhile(shared, lambda: looks.append(process_batch(shared.db, reach(shared), noting)))
        assert done.wait(60)
        thread.join()
        assert looks == [False]
        return noting(found)

    assert process_batch(shared.db, reach(shared), decide)


def test_a_revocation_waits_and_is_not_waited_for(shared):
    """The revocation has locked the lineage by then.

    The message to be written points to that lineage.
    """
    held = enrolled(shared)
    in_the_window(shared, held)
    threads = []

    def decide(found):
        ask = RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE)
        thread, done = meanwhile(shared, lambda: revoke(ask, shared.ctx, "operator", REQUEST))
        threads.append((thread, done))
        _wait_until_somebody_waits(shared)
        one, now = found[0], shared.clock.now
        recipient = models.Lineage.objects.using(shared.db.alias).get().contact_id
        message = NewMessage(
            MessageKind.REMINDER, MessageChannel.EMAIL, one.serial, "30", now, recipient,
            lineage=one.lineage_id, certificate=one.certificate,
        )  # fmt: skip
        return BatchResult(noting(found).again, [message])

    assert process_batch(shared.db, reach(shared), decide)
    ((thread, done),) = threads
    assert done.wait(60)
    thread.join()
    assert shared.certificate(held.serial).revoked
    assert models.OutboxMessage.objects.using(shared.db.alias).filter(channel__isnull=False).count() == 1


def _wait_until_somebody_waits(scene):
    for _ in range(6000):
        with connections[scene.db.alias].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        Event().wait(0.01)
    pytest.fail("nobody waits")


def test_how_many_end_on_a_day(scene):
    held = enrolled(scene)
    ends = scene.certificate(held.serial).span.not_after
    assert reminders.count_ending(scene.db, ends, ends + SECOND) == 1
    assert reminders.count_ending(scene.db, ends - DAY, ends) == 0
    assert reminders.count_ending(scene.db, ends + SECOND, ends + DAY) == 0


def test_one_that_is_not_there(scene):
    assert reminders.find(scene.db, 1) is None


def test_a_void_one_is_not_looked_at_again(scene):
    held = enrolled(scene)
    in_the_window(scene, held)
    process_batch(scene.db, reach(scene), noting)
    rows = models.Certificate.objects.using(scene.db.alias)
    assert rows.get().next_reminder_at == scene.clock.now + timedelta(days=30)
    lineage = rows.get().lineage_id
    rows.update(state="void")
    reminders.reschedule(scene.db, lineage)
    assert rows.get().next_reminder_at is not None
    rows.update(state="fetched")
    reminders.reschedule(scene.db, lineage)
    assert rows.get().next_reminder_at is None
