"""Round of the scheduler: a failure of one part does not stop the others."""

import pytest

from sinetti.database import models
from sinetti.database.notifications.outbox import DomainEvent, record_event
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.notifications.delivery.scheduler import run_once
from tests.support.mailrooms import a_mailroom
from tests.support.scene import DAY, enrolled, in_the_window


class Post:
    """Mail transport that takes messages."""

    def __init__(self):
        self.kinds = []

    def deliver(self, letter):
        self.kinds.append(letter.kind)

    def close(self):
        pass


def test_an_event_that_cannot_be_read_keeps_no_reminder(sqlite_scene, caplog):
    scene, post = sqlite_scene, Post()
    now = in_the_window(scene, enrolled(scene), 14 * DAY)
    record_event(scene.db, DomainEvent(MessageKind.BOUNCED, "a day", facts=["a name of somebody's"]), now)
    with pytest.raises(AttributeError):
        run_once(a_mailroom(scene, {MessageChannel.EMAIL: post}), now, {"stuck": "Messages are stuck."})
    assert sorted(post.kinds) == [MessageKind.OPERATOR, MessageKind.REMINDER]
    assert "AttributeError" in caplog.text
    assert "a name of somebody's" not in caplog.text
    assert models.OutboxMessage.objects.using(scene.db.alias).filter(kind="bounced", expanded_at=None).exists()
