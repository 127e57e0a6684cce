"""Tests of health: checks, their intervals, reports, and slow checks."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from sinetti.api import health
from sinetti.api.health import BackgroundCheck, HealthEndpoint
from sinetti.server.http import Request
from tests.support.scene import REQUEST

SOON = 60.0


def asked(door, path="/readyz", method="GET"):
    reply = door(Request(method, path, "", {}, REQUEST, b""))
    return reply.status, json.loads(reply.body) if reply.content_type == "application/json" else reply.body


def broken():
    secret = "a secret"
    raise RuntimeError(secret)


CASES = {
    "all is well": ({"register": lambda: None}, {}, True),
    "one thing is wrong": ({"register": lambda: None, "journal": lambda: "It is full."}, {}, False),
    "a warning makes nothing unready": ({"register": lambda: None}, {"succession": lambda: "It ends."}, True),
    "a check that breaks": ({"register": broken}, {}, False),
}


@pytest.mark.parametrize(("checks", "warnings", "ready"), CASES.values(), ids=CASES)
def test_ready(checks, warnings, ready):
    status, answer = asked(HealthEndpoint(checks, warnings))
    assert (status, answer["ready"]) == (200 if ready else 503, ready)
    assert (set(answer["checks"]), set(answer["warnings"])) == (set(checks), set(warnings))
    assert [sentence for sentence in answer["checks"].values() if sentence] == [] if ready else True
    assert "a secret" not in str(answer)


def test_a_warning_that_takes_long_keeps_nobody_from_being_told_the_rest(monkeypatch):
    """A slow watchdog does not make a node unready.

    The watchdog compares lists entry by entry, which takes seconds.
    """
    monkeypatch.setattr(health, "LOOKS_WITHIN", 1.0)
    monkeypatch.setattr(health, "KEPT_FOR", 0.0)
    free, looks, ended = Event(), [], Event()

    def slow():
        looks.append(1)
        return "It lacks one." if free.wait(SOON) else None

    door = HealthEndpoint({"register": lambda: None}, {"status": BackgroundCheck("status", slow, done=ended.set)})
    for _ in range(3):
        status, answer = asked(door)
        assert (status, answer["warnings"]) == (200, {"status": None})
    assert looks == [1], "one look at a time"
    free.set()
    assert ended.wait(SOON), "the look's own connection is closed"
    status, answer = asked(door)
    assert (status, answer["warnings"]) == (200, {"status": "It lacks one."})


def test_a_warning_that_breaks_aside_is_told(caplog):
    status, answer = asked(HealthEndpoint({"register": lambda: None}, {"status": BackgroundCheck("status", broken)}))
    assert (status, answer["warnings"]) == (200, {"status": "the check failed with an internal error: see the log"})
    assert "a secret" in caplog.text


def test_it_lives_whatever_is_wrong():
    door = HealthEndpoint({"register": broken})
    assert asked(door, "/healthz")[0] == 200
    assert asked(door, method="POST")[0] == 405


def test_one_look_serves_all_who_ask_within_a_second(monkeypatch):
    now, looks, done = [0.0], [], []
    monkeypatch.setattr(health, "monotonic_seconds", lambda: now[0])
    door = HealthEndpoint({"register": lambda: looks.append(now[0])}, done=lambda: done.append(now[0]))
    for now[0] in (0.0, 0.5, 0.99, 1.0, 1.5, 2.0):
        assert asked(door)[0] == 200
    assert looks == done == [0.0, 1.0, 2.0]


def test_while_a_look_takes_long_nobody_else_is_held_up(monkeypatch):
    now, looking, over, wanted = [0.0], Event(), Event(), [False]
    monkeypatch.setattr(health, "monotonic_seconds", lambda: now[0])

    def check():
        if wanted[0]:
            looking.set()
            assert over.wait(SOON)

    door = HealthEndpoint({"register": check})
    assert asked(door)[0] == 200
    now[0], wanted[0] = 10.0, True
    hanging = Thread(target=asked, args=(door,))
    hanging.start()
    assert looking.wait(SOON)
    now[0] = 14.9
    assert asked(door)[0] == 200, "what was seen before"
    now[0] = 15.0
    status, answer = asked(door)
    assert (status, answer["ready"]) == (503, False)
    assert "do not finish" in answer["checks"]["checks"]
    over.set()
    hanging.join(SOON)


@contextmanager
def a_first_look():
    """Return an endpoint whose first check has begun, and the means to end the check."""
    looking, over = Event(), Event()

    def check():
        looking.set()
        assert over.wait(SOON)

    door = HealthEndpoint({"register": check})
    first = Thread(target=asked, args=(door,))
    first.start()
    try:
        assert looking.wait(SOON)
        yield door, over
    finally:
        over.set()
        first.join(SOON)


def test_the_first_look_that_takes_long_tells_others_that_nothing_is_ready(monkeypatch):
    monkeypatch.setattr(health, "LOOKS_WITHIN", 0.05)
    with a_first_look() as (door, over):
        for _ in range(2):
            assert asked(door)[0] == 503
        over.set()
    assert asked(door)[0] == 200


def test_all_who_come_during_the_first_look_are_told_what_it_finds():
    with a_first_look() as (door, over), ThreadPoolExecutor(12) as crowd:
        answers = [crowd.submit(asked, door) for _ in range(12)]
        assert not wait(answers, 0.2).done, "no caller has an answer before the first check ends"
        over.set()
        assert {one.result(SOON)[0] for one in answers} == {200}


def test_two_who_come_together_long_after_the_last_look(monkeypatch):
    """One caller starts a check, and the other gets the result of the one before.

    This holds from the first instant of the new check.
    """
    now, others = [0.0], []
    monkeypatch.setattr(health, "monotonic_seconds", lambda: now[0])
    door = HealthEndpoint({"register": lambda: others.append(asked(door)[0]) if now[0] else None})
    assert asked(door)[0] == 200
    now[0] = 60.0
    assert asked(door)[0] == 200
    assert others == [200]


def test_a_look_that_is_interrupted_leaves_the_next_one_free():
    stops = iter([KeyboardInterrupt])

    def check():
        for stop in stops:
            raise stop

    door = HealthEndpoint({"register": check})
    with pytest.raises(KeyboardInterrupt):
        asked(door)
    assert asked(door)[0] == 200


def test_only_what_is_wrong_leaves_a_line_in_the_log():
    def noted(checks, path="/readyz"):
        return HealthEndpoint(checks)(Request("GET", path, "", {}, REQUEST, b"")).log_fields

    assert noted({}, "/healthz") is noted({"register": lambda: None}) is None
    assert noted({"register": lambda: "Away."}) == {}
