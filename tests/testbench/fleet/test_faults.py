"""Faults of answers: their rates, their repeatability by seed, and their names."""

from collections import Counter

import pytest

from sinetti.testbench.fleet.fault_proxy import (
    LOST,
    NONE,
    ROUGH,
    WRONG,
    FaultRates,
    InjectedFault,
    RelayedResponse,
    choose_fault,
    on_the_wire,
)

BODY = b"<a><ds:SignatureValue>Abcd</ds:SignatureValue></a>"
REPLY = RelayedResponse(200, "text/xml", BODY)
EARLIER = RelayedResponse(200, "text/xml", b"<earlier/>")
CALLS = 20_000


def test_one_in_ten_is_lost_and_one_in_twenty_wrong():
    met = Counter(choose_fault(7, number, ROUGH) for number in range(CALLS))
    assert 0.09 < sum(met[one] for one in LOST) / CALLS < 0.11
    assert 0.045 < sum(met[one] for one in WRONG) / CALLS < 0.055
    assert set(met) == {None, *InjectedFault}


def test_the_same_seed_draws_the_same():
    first, again, other = ([choose_fault(seed, number, ROUGH) for number in range(500)] for seed in (1, 1, 2))
    assert first == again != other


def test_without_rates_nothing_happens():
    assert {choose_fault(1, number, NONE) for number in range(500)} == {None}


def test_all_of_them_if_that_is_asked_for():
    assert {choose_fault(1, number, FaultRates(0, 1)) for number in range(500)} == set(WRONG)


def head_and_body(octets):
    head, _, body = octets.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


def told_length(head):
    return next(int(line.partition(": ")[2]) for line in head if line.startswith("Content-Length"))


WHOLE = {
    "untouched": (None, EARLIER, BODY),
    "truncated": (InjectedFault.TRUNCATED, EARLIER, BODY[: len(BODY) * 2 // 3]),
    "seal broken": (InjectedFault.SEAL_BROKEN, EARLIER, BODY.replace(b"Abcd", b"Bbcd")),
    "replayed": (InjectedFault.REPLAYED, EARLIER, b"<earlier/>"),
    "nothing to replay yet": (InjectedFault.REPLAYED, None, BODY.replace(b"Abcd", b"Bbcd")),
}


@pytest.mark.parametrize(("fault", "earlier", "body"), WHOLE.values(), ids=WHOLE)
def test_answers_that_HTTP_calls_whole(fault, earlier, body):  # noqa: N802 - a name
    head, found = head_and_body(on_the_wire(fault, REPLY, earlier))
    assert head[0].startswith("HTTP/1.1 200 ")
    assert (found, told_length(head)) == (body, len(body))


def test_what_has_no_seal_is_changed_all_the_same():
    hint = RelayedResponse(200, "application/json", b'{"suggestedWindow": {}}')
    assert head_and_body(on_the_wire(InjectedFault.SEAL_BROKEN, hint, None))[1] != hint.body


def test_a_lost_one_is_silence_and_a_cut_one_ends_too_early():
    assert on_the_wire(InjectedFault.LOST, REPLY, None) == b""
    head, found = head_and_body(on_the_wire(InjectedFault.CUT, REPLY, None))
    assert BODY.startswith(found)
    assert 0 < len(found) < told_length(head)


@pytest.mark.parametrize(
    ("fault", "status", "kind"), [(InjectedFault.SERVER_ERROR, 500, "plain"), (InjectedFault.HTML_PAGE, 200, "html")]
)
def test_answers_of_something_else(fault, status, kind):
    head, found = head_and_body(on_the_wire(fault, REPLY, None))
    assert head[0].split()[1] == str(status)
    assert f"text/{kind}" in head[1]
    assert told_length(head) == len(found)
