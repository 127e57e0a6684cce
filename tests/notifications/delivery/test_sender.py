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
from tests.support.authority import NOW
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.service_context import SECOND, KilledError, enrolled, killed_at

MINUTE = timedelta(minutes=1)
EMAIL, SMS = MessageChannel.EMAIL, MessageChannel.SMS


def a_message(number=0, *, address=None, due=NOW):
    """Return a message to an operator, which needs no other person's data."""
    facts = {"finding": f"finding-{number}", "text": "Something is to be done – ä ö å €."}
    address = address or f"operator-{number}@pki.example"
    return NewMessage(MessageKind.OPERATOR, EMAIL, f"finding-{number}", "once", due=due, address=address, facts=facts)


def owe(desk, *messages, count=0):
    """Queue these messages, or `count` messages; return their ids in order."""
    owed = messages or [a_message(number) for number in range(count)]
    outbox.enqueue(desk.db, owed, desk.clock.now)
    return [one.message_id for one in owed]


def row(desk, message_id):
    return models.OutboxMessage.objects.using(desk.db.alias).get(pk=message_id)


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


def room(desk, post, **more):
    return a_mailroom(desk, {EMAIL: post}, **more)


def smtp(desk, server):
    sender = Sender("notices@pki.example", "Sinetti")
    return Smtp(SmtpServer("127.0.0.1", server.port, SmtpSecurity.NONE), sender, fixed_keys(b"k" * 32), desk.machine)


def later(desk, by):
    desk.clock.forward(by)
    desk.machine.forward(by)


def test_what_is_due_leaves_and_stays_sent(desk, server):
    ids = owe(desk, count=3)
    (waits,) = owe(desk, a_message(9, due=desk.clock.now + SECOND))
    here = room(desk, smtp(desk, server))
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=3)
    assert sorted(one.message_id for one in server.taken) == sorted(ids)
    assert server.handler.connections == 1
    assert {(row(desk, one).sent, row(desk, one).attempts, row(desk, one).claimed_by) for one in ids} == {
        (desk.clock.now, 1, None)
    }
    assert send_due(here, "one", desk.clock.now) == SendReport()
    later(desk, SECOND)
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=1)
    assert server.taken[-1].message_id == waits


def test_the_oldest_leaves_first(desk):
    now, post = desk.clock.now, Post()
    ids = owe(desk, *(a_message(number, due=now - MINUTE * number) for number in range(3)))
    send_due(room(desk, post), "one", now)
    assert post.ids == ids[::-1]


def test_more_than_one_batch(sqlite_desk):
    ids, post = owe(sqlite_desk, count=BATCH + 1), Post()
    assert send_due(room(sqlite_desk, post), "one", sqlite_desk.clock.now).sent == BATCH + 1
    assert sorted(post.ids) == sorted(ids)
    assert post.closed == 2


def test_workers_share_the_work_and_never_send_the_same(desk):
    ids, posts = owe(desk, count=60), [Post() for _ in range(3)]

    def work(number):
        return send_due(room(desk, posts[number]), f"worker-{number}", desk.clock.now).sent

    assert sum(crowd(desk.db, 3, work)) == 60
    assert sorted(one for post in posts for one in post.ids) == sorted(ids)


TROUBLE = {
    "an address that is refused for good": (PermanentFailure("550 5.1.1"), SendReport(sent=2, dead=1)),
    "an address that is refused for now": (TemporaryFailure("450 4.2.1"), SendReport(sent=2, again=1)),
    "a server that goes silent at one address": (ConnectionLost("silent"), SendReport(sent=2, again=1)),
    "a fault of ours": (RuntimeError("with a name in it"), SendReport(sent=2, again=1)),
}


@pytest.mark.parametrize(("trouble", "came"), TROUBLE.values(), ids=TROUBLE)
def test_one_bad_address_stops_nobody(sqlite_desk, caplog, trouble, came):
    desk, address = sqlite_desk, "bad@customer.example"
    (bad,) = owe(desk, a_message(0, address=address, due=desk.clock.now - MINUTE))
    good = owe(desk, a_message(1), a_message(2))
    post = Post(**{address: trouble})
    assert send_due(room(desk, post), "one", desk.clock.now) == came
    assert sorted(post.ids) == sorted(good)
    assert "name in it" not in f"{row(desk, bad).problem}{caplog.text}"
    assert address not in caplog.text


def test_pauses_grow_and_the_fifth_try_is_the_last(desk):
    post = Post(**{"*": TemporaryFailure("the mail server answered 451 4.7.1 to the recipient")})
    (message,), tried = owe(desk, count=1), []
    here = room(desk, post)
    for pause in (*delivery.PAUSES, timedelta(days=1)):
        came = send_due(here, "one", desk.clock.now)
        tried.append((came.again, came.dead))
        later(desk, pause - SECOND)
        assert send_due(here, "one", desk.clock.now) == SendReport(), "not before its time"
        later(desk, SECOND)
    assert tried == [(1, 0)] * 4 + [(0, 1)]
    assert delivery.PAUSES == (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE)
    (dead,) = outbox_queries.dead_letters(desk.db)
    assert (dead.id, dead.tries, dead.problem) == (
        message,
        5,
        "the mail server answered 451 4.7.1 to the recipient",
    )


def test_what_was_given_up_is_sent_again_from_the_beginning(desk):
    post = Post(**{"operator-0@pki.example": PermanentFailure("550")})
    ids = owe(desk, count=2)
    here = room(desk, post)
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=1, dead=1)
    assert outbox_queries.send_again(desk.db, ids) == 1, "what was sent is not sent again"
    post.trouble.clear()
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=1)
    assert (row(desk, ids[0]).attempts, row(desk, ids[0]).failed_at, row(desk, ids[0]).problem) == (1, None, None)


def test_what_is_forgotten_is_neither_listed_nor_sent(sqlite_desk):
    desk, post = sqlite_desk, Post(**{"*": PermanentFailure("550")})
    ids = owe(desk, count=1)
    send_due(room(desk, post), "one", desk.clock.now)
    assert outbox_queries.forget(desk.db, ids, desk.clock.now) == 1
    assert outbox_queries.dead_letters(desk.db) == ()
    assert send_due(room(desk, Post()), "one", desk.clock.now) == SendReport()


def test_a_server_that_is_away_is_noticed_once_and_costs_no_try(desk, caplog):
    ids = owe(desk, count=4)
    post = Post(**{"*": TransportUnavailable("the mail server cannot be reached (Connection refused)")})
    here = room(desk, post)
    for _ in range(8):
        assert send_due(here, "one", desk.clock.now) == SendReport(away=frozenset({EMAIL}))
        later(desk, MINUTE)
    assert len(caplog.records) == 8, "one line each time"
    assert {(row(desk, one).attempts, row(desk, one).claimed_by, row(desk, one).failed_at) for one in ids} == {
        (0, None, None)
    }
    post.trouble.clear()
    assert send_due(here, "two", desk.clock.now) == SendReport(sent=4)


def test_a_server_that_goes_silent_in_every_letter_is_away(sqlite_desk):
    desk = sqlite_desk
    ids = owe(desk, *(a_message(number, address=f"operator@{number}.example") for number in range(5)))
    came = send_due(room(desk, Post(**{"*": ConnectionLost("silent")})), "one", desk.clock.now)
    assert came == SendReport(again=2, away=frozenset({EMAIL}))
    assert sorted(row(desk, one).attempts for one in ids) == [0, 0, 0, 1, 1]


def test_letters_to_a_domain_that_made_us_wait_let_others_go_first(sqlite_desk):
    desk, slow = sqlite_desk, ConnectionLost("silent")
    bad = owe(desk, *(a_message(n, address=f"{n}@slow.example", due=desk.clock.now - MINUTE) for n in range(20)))
    owe(desk, *(a_message(n) for n in range(50, 60)))
    post = Post(**{"slow.example": slow})
    here = room(desk, post)
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=10, again=1)
    assert sorted(row(desk, one).attempts for one in bad) == [0] * 19 + [1]
    post.trouble.clear()
    later(desk, MINUTE)
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=20)


def test_without_anybody_to_deliver_everything_waits(sqlite_desk):
    (message,) = owe(sqlite_desk, count=1)
    assert send_due(a_mailroom(sqlite_desk), "one", sqlite_desk.clock.now) == SendReport()
    assert row(sqlite_desk, message).attempts == 0


def test_text_messages_end_where_mail_leaves_but_no_provider_is_set(sqlite_desk):
    desk = sqlite_desk
    (message,) = owe(desk, replace(a_message(), channel=SMS))
    assert send_due(room(desk, Post()), "one", desk.clock.now) == SendReport(dropped=1)
    assert row(desk, message).problem == "no SMS provider is configured ([sms] in notices.toml)"


def test_what_is_not_owed_any_more_is_dropped(desk):
    reminder = NewMessage(MessageKind.REMINDER, EMAIL, "0a", "60", recipient=None, certificate=None, due=desk.clock.now)
    (message,) = owe(desk, reminder)
    assert send_due(room(desk, Post()), "one", desk.clock.now) == SendReport(dropped=1)
    assert row(desk, message).cancelled_at == desk.clock.now
    assert row(desk, message).problem == "there is no recipient"


def test_reminders_wait_for_office_hours_and_others_do_not(desk):
    desk.clock.now = desk.clock.now.replace(day=7)  # a Saturday
    reminder = NewMessage(MessageKind.REMINDER, EMAIL, "0a", "60", due=desk.clock.now)
    owe(desk, reminder, a_message())
    here = room(desk, Post())
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=1)
    later(desk, timedelta(days=2))
    assert send_due(here, "one", desk.clock.now) == SendReport(dropped=1), "it has no recipient"


def test_a_run_that_began_in_office_hours_goes_on_for_an_hour(sqlite_desk):
    """The messages that must leave by 16:00 are all due in that minute.

    They are more than the worker sends in it.
    """
    desk = sqlite_desk
    desk.clock.now = NOW.replace(hour=14, second=59)  # 16:00:59 Finnish time
    owe(desk, *(NewMessage(MessageKind.REMINDER, EMAIL, f"{number}", "7", due=NOW) for number in range(3 * BATCH)))
    here = room(desk, Post(), step=lambda name: name == "taken" and desk.clock.forward(31 * MINUTE))
    run = sum(iter_batches(here, "one", lambda: desk.clock.now), SendReport())
    assert run == SendReport(dropped=2 * BATCH), "they have no recipient; the third batch would be begun at 17:02"
    desk.clock.now = NOW.replace(hour=14, minute=1)
    assert send_due(here, "two", desk.clock.now) == SendReport(), "a run of its own after 16:00"


def test_one_message_at_once(desk):
    first, second = owe(desk, count=2)
    post = Post()
    here = room(desk, post)
    assert send_message(here, second, desk.clock.now)
    assert post.ids == [second]
    assert not send_message(here, second, desk.clock.now)
    assert not send_message(here, "0" * 32, desk.clock.now)
    post.trouble["*"] = TemporaryFailure("busy")
    assert not send_message(here, first, desk.clock.now)
    post.trouble.clear()
    later(desk, MINUTE)
    assert send_due(here, "one", desk.clock.now) == SendReport(sent=1)


KILLS = {"taken": 0, "tried": 0, "written": 0, "delivered": 1, "sent": 1}
"""Steps of docs/operators/notifications.md, and the copies that the mail server has at each.

The process ends at that step.
"""


@pytest.mark.parametrize(("name", "had"), KILLS.items(), ids=KILLS)
def test_the_process_ends_between_two_steps(desk, server, name, had):
    (message,) = owe(desk, count=1)
    post = smtp(desk, server)
    with pytest.raises(KilledError):
        send_due(room(desk, post, step=killed_at(name)), "killed", desk.clock.now)
    assert len(server.taken) == had
    here = room(desk, post)
    assert send_due(here, "two", desk.clock.now) == SendReport(), "nobody takes it while the lease lasts"
    later(desk, delivery.LEASE if name == "taken" else delivery.AFTER_A_KILL)
    assert send_due(here, "two", desk.clock.now) == SendReport(sent=0 if name == "sent" else 1)
    assert {one.message_id for one in server.taken} == {message}
    assert len({one.read["Message-ID"] for one in server.taken}) == 1
    assert len(server.taken) == (2 if name == "delivered" else 1)
    assert row(desk, message).sent is not None


def test_a_message_that_ends_the_process_each_time_keeps_nobody_waiting(desk):
    (killer,) = owe(desk, a_message(0, due=desk.clock.now - MINUTE))
    (other,) = owe(desk, a_message(1))
    post = Post(**{"operator-0@pki.example": KilledError("killer")})
    with pytest.raises(KilledError):
        send_due(room(desk, post), "first", desk.clock.now)
    later(desk, delivery.LEASE)
    assert send_due(room(desk, post), "second", desk.clock.now) == SendReport(sent=1)
    assert post.ids == [other]
    for number in range(2, delivery.TRIES + 1):
        later(desk, delivery.AFTER_A_KILL)
        with pytest.raises(KilledError):
            send_due(room(desk, post), f"worker-{number}", desk.clock.now)
    later(desk, delivery.AFTER_A_KILL)
    assert send_due(room(desk, post), "last", desk.clock.now) == SendReport(dead=1)
    (dead,) = outbox_queries.dead_letters(desk.db)
    assert dead.id == killer
    assert "may have been delivered" in dead.problem


def test_whoever_was_too_slow_changes_nothing(desk):
    """The lease ended while a worker was sending a message.

    Another worker has sent it by the time that the first one comes back.
    """
    first, second = owe(desk, count=2)
    fast = Post()

    def step(name):
        if name == "delivered" and not fast.letters:
            later(desk, delivery.AFTER_A_KILL)
            send_due(room(desk, fast), "fast", desk.clock.now)

    slow = Post()
    assert send_due(room(desk, slow, step=step), "slow", desk.clock.now).sent == 1
    assert sorted(fast.ids) == sorted([first, second])
    assert len(slow.ids) == 1, "of what was another's by then nothing was begun"
    assert {row(desk, one).attempts for one in (first, second)} == {1, 2}


def test_what_later_code_owes_waits_for_it(desk):
    """Nodes are replaced one after the other.

    An older one leaves what it cannot read, and goes on with the rest.
    """
    later_kind, known = owe(desk, count=2)
    rows = models.OutboxMessage.objects.using(desk.db.alias)
    rows.filter(pk=later_kind).update(kind="of-later-code", due=NOW - MINUTE)
    outbox.record_event(desk.db, outbox.DomainEvent("of-later-code", "once"), NOW)
    post = Post()
    assert expand_events(room(desk, post), NOW) == 0
    assert send_due(room(desk, post), "one", NOW) == SendReport(sent=1)
    assert post.ids == [known]
    assert [one.message_id for one in outbox_queries.waiting(desk.db)] == []
    assert (
        rows.filter(kind="of-later-code", sent=None, failed_at=None, cancelled_at=None, expanded_at=None).count() == 2
    )


def test_a_clock_that_was_ahead_keeps_nothing_waiting_until_then(desk):
    """A machine began with a wrong clock, tried a message, took another and ended.

    Then its clock was set right.
    """
    tried, taken = owe(desk, count=2)
    rows = models.OutboxMessage.objects.using(desk.db.alias)
    ahead = desk.machine.now + timedelta(days=365)
    rows.filter(pk=tried).update(next_attempt_at=ahead + delivery.PAUSES[-1], attempts=1)
    rows.filter(pk=taken).update(claimed_by="gone", lease_until=ahead + delivery.LEASE)
    assert send_due(room(desk, Post()), "one", NOW) == SendReport(sent=2)


def test_clocks_that_differ_by_minutes_share_the_work(desk):
    (taken,) = owe(desk, count=1)
    rows = models.OutboxMessage.objects.using(desk.db.alias)
    rows.filter(pk=taken).update(claimed_by="other", lease_until=desk.machine.now + delivery.LEASE + 10 * MINUTE)
    assert send_due(room(desk, Post()), "one", NOW) == SendReport()


def test_nothing_is_begun_when_the_lease_nears_its_end(sqlite_desk):
    desk = sqlite_desk
    ids = owe(desk, count=3)

    def step(name):
        if name == "sent":
            later(desk, timedelta(minutes=3))

    post = Post()
    here = room(desk, post, step=step)
    came = send_due(here, "one", desk.clock.now)
    assert came == SendReport(sent=3), "the rest is taken anew"
    assert post.closed == 3
    assert {row(desk, one).attempts for one in ids} == {1}


def test_how_the_outbox_stands(desk):
    ids = owe(desk, count=3)
    post = Post(
        **{"operator-0@pki.example": PermanentFailure("550"), "operator-1@pki.example": TemporaryFailure("450")}
    )
    send_due(room(desk, post), "one", desk.clock.now)
    found = outbox_queries.outbox_summary(desk.db, desk.clock.now)
    assert (found.waiting, found.late, found.dead, found.oldest) == (1, 0, 1, None)
    due = desk.clock.now
    later(desk, outbox_queries.LATE + SECOND)
    found = outbox_queries.outbox_summary(desk.db, desk.clock.now)
    assert (found.waiting, found.late, found.dead, found.oldest) == (1, 1, 1, due)
    assert [one.message_id for one in outbox_queries.due(desk.db, desk.clock.now)] == [ids[1]]
    assert outbox_queries.find(desk.db, ids[2]).message_id == ids[2]
    assert outbox_queries.find(desk.db, "0" * 32) is None


def test_a_rehearsal_leaves_nothing(desk):
    with outbox_queries.rolled_back(desk.db):
        owe(desk, count=1)
        assert len(outbox_queries.waiting(desk.db)) == 1
    assert outbox_queries.waiting(desk.db) == ()


@pytest.mark.parametrize("fails", [True, False])
def test_an_address_that_is_refused_because_nobody_is_there_is_marked_in_the_same_commit(desk, fails):
    refused = PermanentFailure("550 5.1.1" if fails else "554 5.7.1", address_fails=fails)
    held = enrolled(desk)
    certificate = models.Certificate.objects.using(desk.db.alias).get(serial=held.serial)
    person = certificate.lineage.contact_id
    event = NewMessage(
        MessageKind.FETCHED, EMAIL, held.serial, "once", NOW, recipient=person, certificate=certificate.pk
    )
    outbox.enqueue(desk.db, [replace(event, lineage=certificate.lineage_id)], NOW)
    assert send_due(room(desk, Post(**{"*": refused})), "w", desk.clock.now).dead == 1
    marked = models.Person.objects.using(desk.db.alias).get(pk=person).bounced_at
    assert (marked is not None) is fails
    told = models.OutboxMessage.objects.using(desk.db.alias).filter(kind="bounced", channel=None)
    assert told.count() == (1 if fails else 0)
