"""Dispatch of messages as the bench's clock moves.

The clock stops at each instant, so that each message has an instant of its own. The tests run without a server.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.notifications.context import TemporaryFailure
from sinetti.server.http import Request
from sinetti.testbench.core.clock import BenchClock, ClockGoesBack
from sinetti.testbench.endpoints.control import ControlEndpoint
from sinetti.testbench.mail.dispatcher import MOVING, OPERATOR, ClockUnfinished, MessageDispatcher, context
from sinetti.testbench.mail.mailbox import MessageStore
from tests.support.authority import NOW
from tests.support.killed import KilledError
from tests.support.scene import DAY, REQUEST, an_order, enrolled, ordered, renewed

END = datetime(2028, 3, 1, 12, tzinfo=UTC)
"""Last second of a certificate that was issued at NOW, 2 March 2026.

It is a Wednesday, 14:00 Finnish time.
"""
PEOPLE = "http://127.0.0.1:20004"


class Bench:
    """Bench without its endpoints.

    It has a scene on the bench's clock, a dispatcher and messages.
    """

    def __init__(self, scene, folder, *, runs=False):
        self.clock = BenchClock(folder / "clock")
        if not runs:
            self.clock.begin(NOW)
        self.scene = scene.but(now=self.clock.now)
        self.letters, self.upkeeps = MessageStore(folder / "messages.jsonl"), []
        self.room = partial(context, self.scene.ctx, self.letters, PEOPLE)
        self.findings = {}
        self.postman = self.started()

    def started(self):
        """Return a dispatcher as after a start."""
        return MessageDispatcher(
            lambda now=None: self.room(now), self.clock, lambda: self.upkeeps.append(self.clock.now()),
            lambda: self.findings,
        )  # fmt: skip

    def shown(self, kind):
        """Return `sent` of the messages of a kind, oldest first."""
        return [one.sent for one in self.letters.all() if one.kind == kind]


@pytest.fixture
def bench(sqlite_scene, tmp_path):
    return Bench(sqlite_scene, tmp_path)


STEPS = [
    "2028-01-03T06:00:00Z",  # 60 days: 1 January is a Saturday, so on Monday at 8
    "2028-01-31T12:00:00Z",
    "2028-02-16T12:00:00Z",
    "2028-02-23T12:00:00Z",
    "2028-02-25T06:00:00Z",  # 3 days: 27 February is a Sunday, so on Friday at 8
    "2028-02-29T12:00:00Z",
    "2028-03-01T12:00:00Z",
]


def test_each_reminder_is_of_its_own_instant(bench):
    enrolled(bench.scene)
    assert bench.postman.move(END + 30 * DAY) == bench.clock.now() == END + 30 * DAY
    mails = [one for one in bench.letters.all() if (one.kind, one.channel) == ("reminder", "email")]
    assert [one.sent for one in mails] == STEPS
    assert [one.created for one in mails] == STEPS
    assert bench.upkeeps == [END + 30 * DAY], "once, at the new instant"


@pytest.mark.long
def test_small_steps_show_what_one_jump_shows(sqlite_scene, tmp_path):
    bench = Bench(sqlite_scene, tmp_path)
    enrolled(bench.scene)
    bench.postman.move(END - 62 * DAY)
    for _ in range(13):
        bench.postman.move(5 * DAY)
    assert [one.sent for one in bench.letters.all() if (one.kind, one.channel) == ("reminder", "email")] == STEPS


def test_a_renewal_in_time_ends_them(bench):
    held = enrolled(bench.scene)
    bench.postman.move(END - 57 * DAY)
    renewed(bench.scene, held)
    bench.postman.move(END)
    assert bench.shown("reminder") == STEPS[:1]
    assert bench.shown("renewed") == ["2028-01-04T12:00:00Z"]


def test_what_was_owed_before_a_jump_is_of_before(bench):
    enrolled(bench.scene)
    bench.postman.move(400 * DAY)
    assert bench.shown("fetched") == ["2026-03-02T12:00:00Z"]


def test_whoever_looks_sees_what_is_owed_by_now(bench):
    enrolled(bench.scene)
    bench.postman.dispatch_due()
    bench.postman.dispatch_due()
    assert bench.shown("fetched") == ["2026-03-02T12:00:00Z"]
    assert bench.upkeeps == []


def test_killed_on_the_way_it_goes_on_from_there(bench):
    enrolled(bench.scene)
    kept, killed = bench.room, []

    def dying(now=None):
        if now is not None and now() >= END - 14 * DAY and not killed:
            killed.append(now())
            raise KilledError
        return kept(now)

    bench.room = dying
    with pytest.raises(KilledError):
        bench.postman.move(END + DAY)
    assert bench.clock.now() == END - 14 * DAY == killed[0]
    bench.postman = bench.started()
    bench.postman.move(END + DAY)
    assert [one.sent for one in bench.letters.all() if (one.kind, one.channel) == ("reminder", "email")] == STEPS


def test_a_move_that_takes_too_long_ends_before_its_answer_leaves(bench):
    enrolled(bench.scene)
    seconds = iter((0.0, MOVING, MOVING + 0.1))
    bench.postman.seconds = lambda: next(seconds)
    with pytest.raises(ClockUnfinished):
        bench.postman.move(END + DAY)
    assert bench.clock.now().isoformat() == "2028-01-03T06:00:00+00:00", "the first instant was reached in time"
    assert bench.upkeeps == []
    bench.postman = bench.started()
    assert bench.postman.move(END + DAY) == bench.clock.now() == END + DAY
    assert bench.shown("reminder").count(STEPS[0]) == 1


def test_the_503_names_the_instant_that_was_reached(bench):
    enrolled(bench.scene)
    seconds = iter((0.0, MOVING, MOVING + 0.1))
    bench.postman.seconds = lambda: next(seconds)
    control = ControlEndpoint(SimpleNamespace(ctx=bench.scene.ctx), bench.clock, bench.postman, bench.letters)
    headers = {"host": "127.0.0.1", "content-type": "application/json"}
    reply = control(Request("PUT", "/clock", "", headers, REQUEST, b'{"advance": "P800D"}'))
    assert reply.status == 503
    assert "The clock has reached 2028-01-03T06:00:00Z. Continue from there" in json.loads(reply.body)["detail"]


def test_a_caller_that_waited_too_long_for_another_one_does_not_move_the_clock(bench):
    seconds = iter((0.0, MOVING + 0.1))
    bench.postman.seconds = lambda: next(seconds)
    with pytest.raises(ClockUnfinished):
        bench.postman.move(DAY)
    assert bench.clock.now() == NOW


def test_two_at_once_are_done_one_after_the_other(bench):
    with ThreadPoolExecutor(4) as pool:
        reached = list(pool.map(lambda _: moved(bench), range(8)))
    assert sorted(reached) == [NOW + DAY * count for count in range(1, 9)]
    assert sorted(bench.upkeeps) == sorted(reached)


def moved(bench):
    try:
        return bench.postman.move(DAY)
    finally:
        bench.scene.db.close()


def test_what_is_refused_does_nothing(bench):
    enrolled(bench.scene)
    with pytest.raises(ClockGoesBack):
        bench.postman.move(-DAY)
    assert (bench.clock.now(), bench.letters.all(), bench.upkeeps) == (NOW, (), [])


def test_a_little_back_is_allowed(bench):
    assert bench.postman.move(timedelta(seconds=-30)) == NOW - timedelta(seconds=30)


class Away:
    def deliver(self, _letter):
        why = "nobody is there"
        raise TemporaryFailure(why)

    def close(self):
        pass


def test_mail_that_cannot_be_delivered_keeps_no_clock_from_moving(bench):
    enrolled(bench.scene)
    kept = bench.room
    bench.room = lambda now=None: replace(kept(now), deliverers=dict.fromkeys(MessageChannel, Away()))
    assert bench.postman.move(END) == END
    assert bench.letters.all() == ()


def test_a_fault_of_ours_is_logged_and_the_clock_moves_on(bench, caplog):
    enrolled(bench.scene)
    kept = bench.room
    bench.room = lambda now=None: replace(kept(now), terms=None)
    assert bench.postman.move(END) == END
    assert "could not be sent" in caplog.text
    assert bench.upkeeps == [END]


def test_a_register_that_is_away_is_told_and_the_next_call_goes_on(bench):
    enrolled(bench.scene)
    kept = bench.room

    def away(_now=None):
        raise DATABASE_UNAVAILABLE[0]

    bench.room = away
    with pytest.raises(DATABASE_UNAVAILABLE):
        bench.postman.move(END)
    assert bench.clock.now() == NOW
    bench.room = kept
    assert bench.postman.move(END) == END


def test_operators_are_told_of_findings_at_the_new_instant(bench):
    bench.findings = {"succession": "DataProvidersTestIssuingCAv1 ends on 2034-01-01"}
    bench.postman.move(DAY)
    (letter,) = bench.letters.all()
    assert (letter.kind, letter.to, letter.sent) == ("operator", OPERATOR, "2026-03-03T12:00:00Z")


def test_while_the_clock_runs_messages_are_of_their_instants_too(sqlite_scene, tmp_path, monkeypatch):
    bench = Bench(sqlite_scene, tmp_path, runs=True)
    running = [NOW]
    monkeypatch.setattr("sinetti.testbench.core.clock.utc_now", lambda: running[0])
    enrolled(bench.scene)
    bench.postman.dispatch_due()
    running[0] = END + DAY
    bench.postman.dispatch_due()
    assert [one.sent for one in bench.letters.all() if (one.kind, one.channel) == ("reminder", "email")] == STEPS
    assert not bench.clock.is_stopped()


def test_an_order_that_nobody_uses_is_followed_by_nothing(bench):
    ordered(bench.scene, an_order())
    bench.postman.move(60 * DAY)
    assert bench.letters.all() == ()
