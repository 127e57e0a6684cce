"""Rate limits per caller.

The tests check the bucket alone, a wave of all holders, tables that processes share, and the identity of a caller.
"""

import os
import random
from dataclasses import replace

import pytest

from sinetti.authority.processes import AT_ONCE_PER_ADDRESS, RATE_PER_ADDRESS
from sinetti.domain.refusals import ERROR_CODES, RejectionReason
from sinetti.infra.clock import monotonic_seconds
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Response
from sinetti.server.rate_limits import (
    AT_ONCE,
    RATE,
    SIGNER_RATE,
    Admission,
    ConcurrencyLimiter,
    ProxyWatch,
    Rate,
    RateLimiter,
    client_key,
    consume,
)
from tests.api.drafts import get_draft, renew_draft
from tests.api.edges import through

NOW = 1000.0
ONE_A_SECOND = Rate(1.0, 3)
HOLDERS, CALLS = 300_000, 3
"""Number of holders, and number of calls that each makes for a new certificate.

The calls are to renew, to retrieve, and to retrieve once more while it is not ready.
"""


def asked(times, rate):
    """Ask at these instants; return the waiting time for each."""
    empty_at, waits = 0.0, []
    for now in times:
        empty_at, wait = consume(empty_at, now, rate)
        waits.append(wait)
    return waits


CASES = {
    "as many at once as the burst": ([NOW] * 3, [0, 0, 0]),
    "one more": ([NOW] * 4, [0, 0, 0, 1]),
    "who is refused loses nothing by asking": ([NOW] * 6, [0, 0, 0, 1, 1, 1]),
    "a second later there is room for one": ([NOW] * 3 + [NOW + 1] * 2, [0, 0, 0, 0, 1]),
    "half a second too early": ([NOW] * 3 + [NOW + 0.5], [0, 0, 0, 0.5]),
    "after long, the burst and no more": ([NOW] * 3 + [NOW + 9999] * 4, [0] * 6 + [1]),
    "steadily, for ever": ([NOW + second for second in range(1000)], [0] * 1000),
}


@pytest.mark.parametrize(("times", "waits"), CASES.values(), ids=CASES)
def test_spend(times, waits):
    assert asked(times, ONE_A_SECOND) == pytest.approx(waits)


def test_a_signer_has_room_for_a_hundred_calls_a_minute():
    """However they fall: all at once, or evenly."""
    assert not any(asked([NOW] * 100, SIGNER_RATE))
    assert not any(asked([NOW + number * 0.6 for number in range(1000)], SIGNER_RATE))
    assert asked([NOW] * 101, SIGNER_RATE)[-1] == pytest.approx(0.6)


@pytest.mark.parametrize("share", [1 / 3, 1 / 10])
def test_a_wave_of_all_holders_within_an_hour_passes(share):
    """A third of all holders call from one address, at instants of their own.

    They make 83 calls a second, with random clusters.
    """
    chance = random.Random(1)  # noqa: S311 - the same chance every time
    times = sorted(chance.uniform(0, 3600) for _ in range(int(HOLDERS * CALLS * share)))
    assert not any(asked(times, Rate(RATE_PER_ADDRESS, 2 * RATE_PER_ADDRESS)))


NETWORKS = {
    "an address is itself": ("192.0.2.1", "192.0.2.1", True),
    "another is another": ("192.0.2.1", "192.0.2.2", False),
    "one /64 is one": ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
    "the next /64 is another": ("2001:db8::1", "2001:db8:0:1::1", False),
    "an IPv4 address in IPv6's clothes": ("::ffff:192.0.2.1", "192.0.2.1", True),
    "a zone makes no other": ("fe80::1%eth0", "fe80::1", True),
}


@pytest.mark.parametrize(("one", "other", "same"), NETWORKS.values(), ids=NETWORKS)
def test_who_is_counted_as_whom(one, other, same):
    assert (client_key(one) == client_key(other)) is same


@pytest.mark.parametrize("text", ["", "unknown", "192.0.2.1:80", "[::1]", "localhost"])
def test_what_is_no_address(text):
    assert client_key(text) is None


def in_a_child(act):
    """Run in a process of its own, as a worker is; return its exit code."""
    pid = os.fork()
    if pid == 0:
        os._exit(act())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_share_what_is_counted():
    meter = RateLimiter(Rate(0.001, 8))
    let_in = [in_a_child(lambda: sum(meter.wait(b"one", NOW) == 0 for _ in range(3))) for _ in range(4)]
    assert let_in == [3, 3, 2, 0]
    assert meter.wait(b"another", NOW) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_who_is_inside_is_counted_over_workers_and_forgotten_with_them():
    crowd = ConcurrencyLimiter(3, 2)

    def other():
        crowd.take_row(1)
        return sum(crowd.enter(b"one") for _ in range(5))  # and dies with them inside

    assert crowd.enter(b"one")
    assert in_a_child(other) == 2
    assert not crowd.enter(b"one")
    assert crowd.enter(b"another")
    assert in_a_child(lambda: crowd.take_row(1) or 0) == 0
    assert [crowd.enter(b"one") for _ in range(3)] == [True, True, False]
    for _ in range(5):
        crowd.leave(b"one")
    assert [crowd.enter(b"one") for _ in range(4)] == [True, True, True, False]


def let_in(admission, peer, *forwarded):
    """Return whether one more request of this peer is admitted; it leaves again."""
    headers = [(b"X-Forwarded-For", value.encode()) for value in forwarded]
    with admission.admit((peer, 1), headers) as away:
        return away is None


@pytest.mark.parametrize("counts", [False, True], ids=["loopback is free", "loopback counts"])
def test_loopback(counts):
    admission = Admission(RateLimiter(Rate(0.001, 2)), counts_loopback=counts)
    for peer in ("127.0.0.1", "::1"):
        assert [let_in(admission, peer) for _ in range(3)] == [True, True, not counts]
    assert [let_in(admission, "192.0.2.1") for _ in range(3)] == [True, True, False]


def test_behind_a_proxy_the_last_hop_counts_and_nothing_that_a_caller_writes():
    admission = Admission(RateLimiter(Rate(0.001, 1)), behind_proxy=True)
    assert let_in(admission, "127.0.0.1", "198.51.100.7, 192.0.2.1")
    assert not let_in(admission, "127.0.0.1", "198.51.100.8, 192.0.2.1")
    assert not let_in(admission, "127.0.0.1", "203.0.113.5", "198.51.100.9, 192.0.2.1"), "the last header"
    assert let_in(admission, "127.0.0.1", "192.0.2.1, 198.51.100.7")


def test_without_a_proxy_the_header_counts_for_nothing():
    admission = Admission(RateLimiter(Rate(0.001, 1)))
    assert [let_in(admission, "192.0.2.1", f"198.51.100.{number}") for number in (1, 2)] == [True, False]


@pytest.mark.parametrize("forwarded", [(), ("",), ("unknown",)])
def test_a_proxy_that_names_nobody_is_told_in_the_log(forwarded, caplog):
    admission = Admission(RateLimiter(Rate(0.001, 1)), behind_proxy=True)
    assert [let_in(admission, "127.0.0.1", *forwarded) for _ in range(3)] == [True] * 3
    assert caplog.text.count("does not send X-Forwarded-For") == 1


def test_of_one_address_so_many_at_once():
    admission = Admission(None, ConcurrencyLimiter(1, 1))
    with admission.admit(("192.0.2.1", 1), []) as first, admission.admit(("192.0.2.1", 2), []) as second:
        assert first is None
        assert second is not None
        assert second.why == AT_ONCE
    assert let_in(admission, "192.0.2.1"), "who was turned away takes no place along"


def test_who_asks_too_often_takes_no_place(caplog):
    admission = Admission(RateLimiter(Rate(0.001, 1)), ConcurrencyLimiter(1, 1))
    assert [let_in(admission, "192.0.2.1") for _ in range(4)] == [True, False, False, False]
    assert admission.crowd is not None
    assert admission.crowd.enter(client_key("192.0.2.1"))
    (line,) = [record for record in caplog.records if "192.0.2.1" in record.getMessage()]
    assert line.facts == {"reason": RATE, "address": "192.0.2.1"}


class Turning(Admission):
    """Limits of an edge whose callers have no address in the tests.

    All callers count as one address.
    """

    def admit(self, _peer, headers):
        return super().admit(("192.0.2.1", 1), headers)


def test_the_edge_turns_away_before_anything_is_read_into_a_request():
    seen = []

    def door(request):
        seen.append(request)
        return Response(200, "text/plain", b"done")

    edge = AsgiApp(door, admission=Turning(RateLimiter(Rate(1.0, 1))))
    assert through(edge, [b"body"]).status == 200
    pieces = [b"a" * 1000, b"b"]
    sent = through(edge, pieces)
    assert (sent.status, sent.headers["retry-after"], sent.headers["connection"]) == (503, "1", "close")
    assert (len(seen), pieces) == (1, []), "read, so that the answer is read too, and handed to nobody"


def test_the_defaults_leave_room_for_a_crowd():
    assert (RATE_PER_ADDRESS, AT_ONCE_PER_ADDRESS) == (100, 64)


def test_a_signer_that_calls_too_often_is_refused_and_the_answer_signed(counter):
    """The limit is per certificate, and counts only proven signatures.

    Unsigned requests are not counted there.
    """
    meter = RateLimiter(Rate(0.001, 1))
    counter.door = replace(counter.door, admits=lambda signer: not meter.wait(signer, monotonic_seconds()))
    draft = renew_draft(counter)
    assert draft.ask().code is None
    answer = draft.ask()
    assert (answer.status, answer.code) == ("FAIL", ERROR_CODES[RejectionReason.TOO_MANY_REQUESTS])
    assert renew_draft(counter).ask().code is None, "another signer's calls are another's"
    fetching = get_draft(counter)
    assert [fetching.ask().code for _ in range(3)] == [None] * 3


def test_requests_without_the_proxys_header_are_remembered_for_a_while():
    watch = ProxyWatch()
    admission = Admission(behind_proxy=True, watch=watch)
    assert admission.caller(None, [(b"x-forwarded-for", b"192.0.2.1")]) == "192.0.2.1"
    now = monotonic_seconds()
    assert not watch.seen_within(60, now)
    assert admission.caller(None, [(b"x-forwarded-for", b"unknown")]) == ""
    assert watch.seen_within(60, now)
    assert not watch.seen_within(60, now + 3600)
