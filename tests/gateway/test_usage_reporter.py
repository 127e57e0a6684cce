"""Usage reports: their content, sending without delay for callers, and failures."""

import json
import threading
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sinetti.domain.usage import TrustListNumbers
from sinetti.gateway import usage_reporter
from sinetti.gateway.usage_reporter import BATCH, ReportTarget, UsageReporter
from sinetti.infra.clock import monotonic_seconds
from sinetti.wire.http_signatures.profile import SignedComponents, verify
from sinetti.wire.json_api.usage_reports import parse
from tests.support.authority import NOW
from tests.support.small_server import small_server

KEY = ec.generate_private_key(ec.SECP256R1())
PATH = "/api/v1/sightings"


def reporter(url, within=5.0):
    return ReportTarget(f"{url}{PATH}", "gateway-one", KEY, within)


def telling(url, every=0.01, within=5.0):
    return UsageReporter(reporter(url, within), every=every, now=lambda: NOW)


def until(holds):
    deadline = monotonic_seconds() + 60
    while not holds():
        assert monotonic_seconds() < deadline
        threading.Event().wait(0.005)


def rows(asked):
    return {row["sha256"]: row["seen"] for one in asked for row in json.loads(one.body)["sightings"]}


def test_what_is_told_is_signed_and_says_when_each_was_last_seen():
    with small_server(lambda _: (202, {}, b"whatever")) as server:
        one = telling(server.url)
        one.seen(b"a", NOW)
        one.seen(b"b", NOW)
        one.seen(b"a", NOW + timedelta(seconds=5))
        one.start()
        until(lambda: server.asked)
        one.stop()
    (asked,) = server.asked
    assert rows([asked]) == {
        sha256(b"b").hexdigest(): "2026-03-02T12:00:00Z",
        sha256(b"a").hexdigest(): "2026-03-02T12:00:05Z",
    }
    assert len(parse(asked.body).sightings) == 2
    parts = SignedComponents(asked.method, asked.path, asked.headers["content-type"], asked.body)
    assert verify(parts, asked.headers, lambda name: KEY.public_key(), NOW) == "gateway-one"


def test_a_full_batch_does_not_wait():
    with small_server(lambda _: (202, {}, b"")) as server:
        one = telling(server.url, every=600)
        one.start()
        for number in range(BATCH + 1):
            one.seen(b"%d" % number, NOW)
        until(lambda: len(rows(server.asked)) >= BATCH)
        assert max(len(json.loads(asked.body)["sightings"]) for asked in server.asked) <= BATCH
        one.stop()
        assert len(rows(server.asked)) == BATCH + 1, "the rest is told at the end"


@pytest.mark.parametrize("status", [408, 429, 500, 503, 401, 403, 404, 302])
def test_what_is_not_taken_is_told_again(status):
    answers = [(status, {"location": "/x"}, b""), (202, {}, b"")]
    with small_server(lambda _: answers.pop(0)) as server:
        one = telling(server.url)
        one.seen(b"a", NOW)
        one.start()
        until(lambda: not answers)
        one.stop()
        assert len(server.asked) == 2
        assert one.waiting == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_good_is_dropped(status):
    with small_server(lambda _: (status, {}, b"")) as server:
        one = telling(server.url)
        one.seen(b"a", NOW)
        one.start()
        until(lambda: server.asked)
        one.stop()
        assert (len(server.asked), one.waiting) == (1, 0)


def test_pauses_grow():
    one = telling("http://127.0.0.1:1", every=60)
    pauses = []

    class Clock:
        def wait(self, pause):
            pauses.append(pause)

        def is_set(self):
            return len(pauses) == 9

        def clear(self):
            pass

    one._wake = one._stopped = Clock()
    one.seen(b"a", NOW)
    one._run()
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert one.waiting == 1


def test_nobody_waits_while_the_authority_does_not_answer():
    let_go, answered = threading.Event(), []

    def hangs(_question):
        let_go.wait(60)
        answered.append(True)
        return 202, {}, b""

    with small_server(hangs) as server:
        one = telling(server.url)
        one.seen(b"a", NOW)
        one.start()
        until(lambda: server.asked)
        for number in range(1000):
            one.seen(b"%d" % number, NOW)
        one.stop(0.05)
        assert not answered
        let_go.set()


def test_of_too_many_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(usage_reporter, "KEPT_AT_MOST", 3)
    one = telling("http://127.0.0.1:1")
    for name in (b"a", b"b", b"c", b"a", b"d"):
        one.seen(name, NOW)
    batch = one._take()
    assert list(batch) == [sha256(name).digest() for name in (b"c", b"a", b"d")]
    later = NOW + timedelta(seconds=9)
    one.seen(b"a", later)
    one._put_back(batch)
    assert one._take() == {sha256(b"c").digest(): NOW, sha256(b"d").digest(): NOW, sha256(b"a").digest(): later}


def test_what_was_put_back_is_the_older_part(monkeypatch):
    monkeypatch.setattr(usage_reporter, "KEPT_AT_MOST", 2)
    one = telling("http://127.0.0.1:1")
    one.seen(b"a", NOW)
    batch = one._take()
    one.seen(b"b", NOW)
    one.seen(b"c", NOW)
    one._put_back(batch)
    assert list(one._take()) == [sha256(name).digest() for name in (b"b", b"c")]


def test_a_fault_of_ours_ends_no_telling():
    with small_server(lambda _: (202, {}, b"")) as server:
        one = UsageReporter(reporter(server.url), every=0.01, now=iter([None, NOW, NOW, NOW, NOW]).__next__)
        one.seen(b"a", NOW)
        one.start()
        until(lambda: server.asked)
        one.stop()


def test_other_numbers_of_trust_lists_are_sent_without_a_certificate_and_once():
    answers = [(503, {}, b""), *[(202, {}, b"")] * 9]
    with small_server(lambda _: answers.pop(0)) as server:
        one = telling(server.url)
        one.numbers = lambda: TrustListNumbers(1, 2)
        assert [one._tell(), one._tell(), one._tell()] == [False, True, True], "again after a failure"
        one.numbers = lambda: TrustListNumbers(1, 3)
        assert one._tell()
    sent = [parse(asked.body) for asked in server.asked]
    assert [found.trust_lists.distrust for found in sent] == [2, 2, 3]
    assert {found.sightings for found in sent} == {()}


def test_numbers_that_the_authority_does_not_accept_are_not_sent_again():
    with small_server(lambda _: (422, {}, b"")) as server:
        one = telling(server.url)
        one.numbers = lambda: TrustListNumbers(1, 2)
        assert [one._tell(), one._tell()] == [True, True]
    assert len(server.asked) == 1
