"""Sending of due messages, once each.

The tests cover several workers, faults of recipients and of all deliveries, and ends of the process.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.notifications import delivery, outbox, outbox_queries
from sinetti.database.notifications.outbox import NewMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import fixed_keys
from sinetti.notifications.context import ConnectionLost, PermanentFailure, TemporaryFailure, TransportUnavailable
from sinetti.notifications.delivery.sender import BATCH, SendReport, iter_batches, send_due, send_message
from sinetti.notifications.delivery.smtp import Sender, Smtp, SmtpSecurity, SmtpServer
from sinetti.notifications.planning.events import expand_events
from tests.support import golden
from tests.support.authority import NOW
from tests.support.killed import KilledError, killed_at
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.scene import SECOND, enrolled

MINUTE = timedelta(minutes=1)
EMAIL, SMS = MessageChannel.EMAIL, MessageChannel.SMS


def a_message(number=0, *, address=None, due=NOW):
    """Return a message to an operator, which needs no other person's data."""
    facts = {"finding": f"finding-{number}", "text": "Something is to be done – ä ö å €."}
    address = address or f"operator-{number}@pki.example"
    return NewMessage(MessageKind.OPERATOR, EMAIL, f"finding-{number}", "once", due=due, address=address, facts=facts)


def owe(scene, *messages, count=0):
    """Queue these messages, or `count` messages; return their ids in order."""
    owed = messages or [a_message(number) for number in range(count)]
    outbox.enqueue(scene.db, owed, scene.clock.now)
    return [one.message_id for one in owed]


def row(scene, message_id):
    return models.OutboxMessage.objects.using(scene.db.alias).get(pk=message_id)


class Post:
    """Mail transport that takes messages or raises configured errors.

    An error is configured for an address, for a domain or for every address ("*").
    """

    def __init__(self, **trouble):
        self.trouble, self.letters, self.closed = dict(trouble), [], 0

    def deliver(self, letter):
        domain = letter.to.rpartition("@")[2]
        trouble = self.trouble.get(letter.to) or self.trouble.get(domain) or self.trouble.get("*")
        if trouble is not None:
            raise trouble
        self.letters.append(letter)

    def close(self):
        self.closed += 1

    @property
    def ids(self):
        return [one.message_id for one in self.letters]


def ctx(scene, post, **more):
    return a_mailroom(scene, {EMAIL: post}, **more)


def smtp(scene, server):
    sender = Sender("notices@pki.example", "Sinetti")
    return Smtp(SmtpServer("127.0.0.1", server.port, SmtpSecurity.NONE), sender, fixed_keys(b"k" * 32), scene.machine)


def later(scene, by):
    scene.clock.forward(by)
    scene.machine.forward(by)


def test_what_is_due_leaves_and_stays_sent(scene, server):
    ids = owe(scene, count=3)
    (waits,) = owe(scene, a_message(9, due=scene.clock.now + SECOND))
    here = ctx(scene, smtp(scene, server))
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=3)
    assert sorted(one.message_id for one in server.taken) == sorted(ids)
    assert server.handler.connections == 1
    assert {(row(scene, one).sent, row(scene, one).attempts, row(scene, one).claimed_by) for one in ids} == {
        (scene.clock.now, 1, None)
    }
    assert send_due(here, "one", scene.clock.now) == SendReport()
    later(scene, SECOND)
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=1)
    assert server.taken[-1].message_id == waits


def test_the_oldest_leaves_first(scene):
    now, post = scene.clock.now, Post()
    ids = owe(scene, *(a_message(number, due=now - MINUTE * number) for number in range(3)))
    send_due(ctx(scene, post), "one", now)
    assert post.ids == ids[::-1]


def test_more_than_one_batch(sqlite_scene):
    ids, post = owe(sqlite_scene, count=BATCH + 1), Post()
    assert send_due(ctx(sqlite_scene, post), "one", sqlite_scene.clock.now).sent == BATCH + 1
    assert sorted(post.ids) == sorted(ids)
    assert post.closed == 2


def test_workers_share_the_work_and_never_send_the_same(scene):
    ids, posts = owe(scene, count=60), [Post() for _ in range(3)]

    def work(number):
        return send_due(ctx(scene, posts[number]), f"worker-{number}", scene.clock.now).sent

    assert sum(crowd(scene.db, 3, work)) == 60
    assert sorted(one for post in posts for one in post.ids) == sorted(ids)


TROUBLE = {
    "an address that is refused for good": (PermanentFailure("550 5.1.1"), SendReport(sent=2, dead=1)),
    "an address that is refused for now": (TemporaryFailure("450 4.2.1"), SendReport(sent=2, again=1)),
    "a server that goes silent at one address": (ConnectionLost("silent"), SendReport(sent=2, again=1)),
    "a fault of ours": (RuntimeError("with a name in it"), SendReport(sent=2, again=1)),
}


@pytest.mark.parametrize(("trouble", "came"), TROUBLE.values(), ids=TROUBLE)
def test_one_bad_address_stops_nobody(sqlite_scene, caplog, trouble, came):
    scene, address = sqlite_scene, "bad@customer.example"
    (bad,) = owe(scene, a_message(0, address=address, due=scene.clock.now - MINUTE))
    good = owe(scene, a_message(1), a_message(2))
    post = Post(**{address: trouble})
    assert send_due(ctx(scene, post), "one", scene.clock.now) == came
    assert sorted(post.ids) == sorted(good)
    assert "name in it" not in f"{row(scene, bad).problem}{caplog.text}"
    assert address not in caplog.text


def test_pauses_grow_and_the_fifth_try_is_the_last(scene):
    problem = "the mail server answered 451 4.7.1 to the recipient"
    post = Post(**{"*": TemporaryFailure(problem)})
    (message,), tried = owe(scene, count=1), []
    here = ctx(scene, post)
    for pause in (*delivery.PAUSES, timedelta(days=1)):
        came = send_due(here, "one", scene.clock.now)
        tried.append((came.again, came.dead))
        later(scene, pause - SECOND)
        assert send_due(here, "one", scene.clock.now) == SendReport(), "not before its time"
        later(scene, SECOND)
    assert tried == [(1, 0)] * 4 + [(0, 1)]
    assert delivery.PAUSES == (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE)
    (dead,) = outbox_queries.dead_letters(scene.db)
    assert (dead.id, dead.tries, dead.problem) == (message, 5, problem)


def test_what_was_given_up_is_sent_again_from_the_beginning(scene):
    post = Post(**{"operator-0@pki.example": PermanentFailure("550")})
    ids = owe(scene, count=2)
    here = ctx(scene, post)
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=1, dead=1)
    assert outbox_queries.send_again(scene.db, ids) == 1, "what was sent is not sent again"
    post.trouble.clear()
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=1)
    assert (row(scene, ids[0]).attempts, row(scene, ids[0]).failed_at, row(scene, ids[0]).problem) == (1, None, None)


def test_what_is_forgotten_is_neither_listed_nor_sent(sqlite_scene):
    scene, post = sqlite_scene, Post(**{"*": PermanentFailure("550")})
    ids = owe(scene, count=1)
    send_due(ctx(scene, post), "one", scene.clock.now)
    assert outbox_queries.forget(scene.db, ids, scene.clock.now) == 1
    assert outbox_queries.dead_letters(scene.db) == ()
    assert send_due(ctx(scene, Post()), "one", scene.clock.now) == SendReport()


def test_a_server_that_is_away_is_noticed_once_and_costs_no_try(scene, caplog):
    ids = owe(scene, count=4)
    post = Post(**{"*": TransportUnavailable("the mail server cannot be reached (Connection refused)")})
    here = ctx(scene, post)
    for _ in range(8):
        assert send_due(here, "one", scene.clock.now) == SendReport(away=frozenset({EMAIL}))
        later(scene, MINUTE)
    assert len(caplog.records) == 8, "one line each time"
    assert {(row(scene, one).attempts, row(scene, one).claimed_by, row(scene, one).failed_at) for one in ids} == {
        (0, None, None)
    }
    post.trouble.clear()
    assert send_due(here, "two", scene.clock.now) == SendReport(sent=4)


def test_a_server_that_goes_silent_in_every_letter_is_away(sqlite_scene):
    scene = sqlite_scene
    ids = owe(scene, *(a_message(number, address=f"operator@{number}.example") for number in range(5)))
    came = send_due(ctx(scene, Post(**{"*": ConnectionLost("silent")})), "one", scene.clock.now)
    assert came == SendReport(again=2, away=frozenset({EMAIL}))
    assert sorted(row(scene, one).attempts for one in ids) == [0, 0, 0, 1, 1]


def test_letters_to_a_domain_that_made_us_wait_let_others_go_first(sqlite_scene):
    scene, slow = sqlite_scene, ConnectionLost("silent")
    bad = owe(scene, *(a_message(n, address=f"{n}@slow.example", due=scene.clock.now - MINUTE) for n in range(20)))
    owe(scene, *(a_message(n) for n in range(50, 60)))
    post = Post(**{"slow.example": slow})
    here = ctx(scene, post)
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=10, again=1)
    assert sorted(row(scene, one).attempts for one in bad) == [0] * 19 + [1]
    post.trouble.clear()
    later(scene, MINUTE)
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=20)


def test_without_anybody_to_deliver_everything_waits(sqlite_scene):
    (message,) = owe(sqlite_scene, count=1)
    assert send_due(a_mailroom(sqlite_scene), "one", sqlite_scene.clock.now) == SendReport()
    assert row(sqlite_scene, message).attempts == 0


def test_text_messages_end_where_mail_leaves_but_no_provider_is_set(sqlite_scene):
    scene = sqlite_scene
    (message,) = owe(scene, replace(a_message(), channel=SMS))
    assert send_due(ctx(scene, Post()), "one", scene.clock.now) == SendReport(dropped=1)
    golden.check("sentences/outbox/no-provider", {"en.txt": f"{row(scene, message).problem}\n"})


def test_what_is_not_owed_any_more_is_dropped(scene):
    reminder = NewMessage(
        MessageKind.REMINDER, EMAIL, "0a", "60", recipient=None, certificate=None, due=scene.clock.now
    )
    (message,) = owe(scene, reminder)
    assert send_due(ctx(scene, Post()), "one", scene.clock.now) == SendReport(dropped=1)
    assert row(scene, message).cancelled_at == scene.clock.now
    assert row(scene, message).problem.endswith("no recipient")


def test_reminders_wait_for_office_hours_and_others_do_not(scene):
    scene.clock.now = scene.clock.now.replace(day=7)  # a Saturday
    reminder = NewMessage(MessageKind.REMINDER, EMAIL, "0a", "60", due=scene.clock.now)
    owe(scene, reminder, a_message())
    here = ctx(scene, Post())
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=1)
    later(scene, timedelta(days=2))
    assert send_due(here, "one", scene.clock.now) == SendReport(dropped=1), "it has no recipient"


def test_a_run_that_began_in_office_hours_goes_on_for_an_hour(sqlite_scene):
    """The messages that must leave by 16:00 are all due in that minute.

    They are more than the worker sends in it.
    """
    scene = sqlite_scene
    scene.clock.now = NOW.replace(hour=14, second=59)  # 16:00:59 Finnish time
    owe(scene, *(NewMessage(MessageKind.REMINDER, EMAIL, f"{number}", "7", due=NOW) for number in range(3 * BATCH)))
    here = ctx(scene, Post(), step=lambda name: name == "taken" and scene.clock.forward(31 * MINUTE))
    run = sum(iter_batches(here, "one", lambda: scene.clock.now), SendReport())
    assert run == SendReport(dropped=2 * BATCH), "they have no recipient; the third batch would be begun at 17:02"
    scene.clock.now = NOW.replace(hour=14, minute=1)
    assert send_due(here, "two", scene.clock.now) == SendReport(), "a run of its own after 16:00"


def test_one_message_at_once(scene):
    first, second = owe(scene, count=2)
    post = Post()
    here = ctx(scene, post)
    assert send_message(here, second, scene.clock.now)
    assert post.ids == [second]
    assert not send_message(here, second, scene.clock.now)
    assert not send_message(here, "0" * 32, scene.clock.now)
    post.trouble["*"] = TemporaryFailure("busy")
    assert not send_message(here, first, scene.clock.now)
    post.trouble.clear()
    later(scene, MINUTE)
    assert send_due(here, "one", scene.clock.now) == SendReport(sent=1)


KILLS = {"taken": 0, "tried": 0, "written": 0, "delivered": 1, "sent": 1}
"""Steps of docs/operators/notifications.md, and the copies that the mail server has at each.

The process ends at that step.
"""


@pytest.mark.parametrize(("name", "had"), KILLS.items(), ids=KILLS)
def test_the_process_ends_between_two_steps(scene, server, name, had):
    (message,) = owe(scene, count=1)
    post = smtp(scene, server)
    with pytest.raises(KilledError):
        send_due(ctx(scene, post, step=killed_at(name)), "killed", scene.clock.now)
    assert len(server.taken) == had
    here = ctx(scene, post)
    assert send_due(here, "two", scene.clock.now) == SendReport(), "nobody takes it while the lease lasts"
    later(scene, delivery.LEASE if name == "taken" else delivery.AFTER_A_KILL)
    assert send_due(here, "two", scene.clock.now) == SendReport(sent=0 if name == "sent" else 1)
    assert {one.message_id for one in server.taken} == {message}
    assert len({one.read["Message-ID"] for one in server.taken}) == 1
    assert len(server.taken) == (2 if name == "delivered" else 1)
    assert row(scene, message).sent is not None


def test_a_message_that_ends_the_process_each_time_keeps_nobody_waiting(scene):
    (killer,) = owe(scene, a_message(0, due=scene.clock.now - MINUTE))
    (other,) = owe(scene, a_message(1))
    post = Post(**{"operator-0@pki.example": KilledError("killer")})
    with pytest.raises(KilledError):
        send_due(ctx(scene, post), "first", scene.clock.now)
    later(scene, delivery.LEASE)
    assert send_due(ctx(scene, post), "second", scene.clock.now) == SendReport(sent=1)
    assert post.ids == [other]
    for number in range(2, delivery.TRIES + 1):
        later(scene, delivery.AFTER_A_KILL)
        with pytest.raises(KilledError):
            send_due(ctx(scene, post), f"worker-{number}", scene.clock.now)
    later(scene, delivery.AFTER_A_KILL)
    assert send_due(ctx(scene, post), "last", scene.clock.now) == SendReport(dead=1)
    (dead,) = outbox_queries.dead_letters(scene.db)
    assert dead.id == killer
    golden.check("sentences/outbox/interrupted", {"en.txt": f"{golden.stable_text(dead.problem)}\n"})


def test_whoever_was_too_slow_changes_nothing(scene):
    """The lease ended while a worker was sending a message.

    Another worker has sent it by the time that the first one comes back.
    """
    first, second = owe(scene, count=2)
    fast = Post()

    def step(name):
        if name == "delivered" and not fast.letters:
            later(scene, delivery.AFTER_A_KILL)
            send_due(ctx(scene, fast), "fast", scene.clock.now)

    slow = Post()
    assert send_due(ctx(scene, slow, step=step), "slow", scene.clock.now).sent == 1
    assert sorted(fast.ids) == sorted([first, second])
    assert len(slow.ids) == 1, "of what was another's by then nothing was begun"
    assert {row(scene, one).attempts for one in (first, second)} == {1, 2}


def test_what_later_code_owes_waits_for_it(scene):
    """Nodes are replaced one after the other.

    An older one leaves what it cannot read, and goes on with the rest.
    """
    later_kind, known = owe(scene, count=2)
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    rows.filter(pk=later_kind).update(kind="of-later-code", due=NOW - MINUTE)
    outbox.record_event(scene.db, outbox.DomainEvent("of-later-code", "once"), NOW)
    post = Post()
    assert expand_events(ctx(scene, post), NOW) == 0
    assert send_due(ctx(scene, post), "one", NOW) == SendReport(sent=1)
    assert post.ids == [known]
    assert [one.message_id for one in outbox_queries.waiting(scene.db)] == []
    assert (
        rows.filter(kind="of-later-code", sent=None, failed_at=None, cancelled_at=None, expanded_at=None).count() == 2
    )


def test_a_clock_that_was_ahead_keeps_nothing_waiting_until_then(scene):
    """A machine began with a wrong clock, tried a message, took another and ended.

    Then its clock was set right.
    """
    tried, taken = owe(scene, count=2)
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    ahead = scene.machine.now + timedelta(days=365)
    rows.filter(pk=tried).update(next_attempt_at=ahead + delivery.PAUSES[-1], attempts=1)
    rows.filter(pk=taken).update(claimed_by="gone", lease_until=ahead + delivery.LEASE)
    assert send_due(ctx(scene, Post()), "one", NOW) == SendReport(sent=2)


def test_clocks_that_differ_by_minutes_share_the_work(scene):
    (taken,) = owe(scene, count=1)
    rows = models.OutboxMessage.objects.using(scene.db.alias)
    rows.filter(pk=taken).update(claimed_by="other", lease_until=scene.machine.now + delivery.LEASE + 10 * MINUTE)
    assert send_due(ctx(scene, Post()), "one", NOW) == SendReport()


def test_nothing_is_begun_when_the_lease_nears_its_end(sqlite_scene):
    scene = sqlite_scene
    ids = owe(scene, count=3)

    def step(name):
        if name == "sent":
            later(scene, timedelta(minutes=3))

    post = Post()
    here = ctx(scene, post, step=step)
    came = send_due(here, "one", scene.clock.now)
    assert came == SendReport(sent=3), "the rest is taken anew"
    assert post.closed == 3
    assert {row(scene, one).attempts for one in ids} == {1}


def test_how_the_outbox_stands(scene):
    ids = owe(scene, count=3)
    post = Post(
        **{"operator-0@pki.example": PermanentFailure("550"), "operator-1@pki.example": TemporaryFailure("450")}
    )
    send_due(ctx(scene, post), "one", scene.clock.now)
    found = outbox_queries.outbox_summary(scene.db, scene.clock.now)
    assert (found.waiting, found.late, found.dead, found.oldest) == (1, 0, 1, None)
    due = scene.clock.now
    later(scene, outbox_queries.LATE + SECOND)
    found = outbox_queries.outbox_summary(scene.db, scene.clock.now)
    assert (found.waiting, found.late, found.dead, found.oldest) == (1, 1, 1, due)
    assert [one.message_id for one in outbox_queries.due(scene.db, scene.clock.now)] == [ids[1]]
    assert outbox_queries.find(scene.db, ids[2]).message_id == ids[2]
    assert outbox_queries.find(scene.db, "0" * 32) is None


def test_a_rehearsal_leaves_nothing(scene):
    with outbox_queries.rolled_back(scene.db):
        owe(scene, count=1)
        assert len(outbox_queries.waiting(scene.db)) == 1
    assert outbox_queries.waiting(scene.db) == ()


@pytest.mark.parametrize("fails", [True, False])
def test_an_address_that_is_refused_because_nobody_is_there_is_marked_in_the_same_commit(scene, fails):
    refused = PermanentFailure("550 5.1.1" if fails else "554 5.7.1", address_fails=fails)
    held = enrolled(scene)
    certificate = models.Certificate.objects.using(scene.db.alias).get(serial=held.serial)
    person = certificate.lineage.contact_id
    event = NewMessage(
        MessageKind.FETCHED, EMAIL, held.serial, "once", NOW, recipient=person, certificate=certificate.pk
    )
    outbox.enqueue(scene.db, [replace(event, lineage=certificate.lineage_id)], NOW)
    assert send_due(ctx(scene, Post(**{"*": refused})), "w", scene.clock.now).dead == 1
    marked = models.Person.objects.using(scene.db.alias).get(pk=person).bounced_at
    assert (marked is not None) is fails
    told = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="bounced", channel=None)
    assert told.count() == (1 if fails else 0)
