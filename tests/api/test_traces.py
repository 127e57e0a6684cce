"""Traces of a holder's life: the steps of each request, and what no span may hold."""

import json
import re

import pytest

from sinetti.authority.log_format import ServerLogFormatter
from sinetti.infra.otlp_export import start_export
from sinetti.infra.traces import TraceSettings, install_tracer, stop_tracer
from sinetti.server.asgi import AsgiApp
from sinetti.server.rate_limits import Admission
from tests.api.counter import payload_of
from tests.api.drafts import NAME, WRONG_PASSWORD, get_draft, new_draft, renew_draft
from tests.api.edges import through
from tests.services.test_issuance_page import PAGE
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.collectors import attributes, collector

CALLER = "203.0.113.7"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FORWARDED = ((b"x-forwarded-for", CALLER.encode()),)
PARENT = (*FORWARDED, (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode()))

FIRST = ["1 receive", "1 wait for a thread", "2 verify the message"]
ISSUED = ["8 prepare", "9 reserve", "10 sign", "11 store", "11 journal", "12 answer"]
ENROLMENT = [*FIRST, "3 service", "4 read the caller", "5 check the key", "6-7 decide", *ISSUED]
RENEWAL = [*FIRST, "3 service", "5 check the key", "4 read the caller", "6-7 decide", *ISSUED]
RETRIEVAL = [*FIRST, "13 find", "14 mark as retrieved", "14 journal", "15 certificate", "12 answer"]


@pytest.fixture
def traced():
    """Run a collector, and trace all requests of this process to it."""
    with collector() as one:
        start_export(TraceSettings(f"{one.url}/v1/traces", 100), "sinetti-authority")
        try:
            yield one
        finally:
            stop_tracer()
            install_tracer(None)


def sent(draft, headers=PARENT, **admission):
    edge = AsgiApp(draft.counter.door, admission=Admission(**{"behind_proxy": True, **admission}))
    return through(edge, [draft.body()], headers=headers)


def played(counter):
    """Play a life through the server; return the octets that were exchanged, for the search of what is secret."""
    first, forged = new_draft(counter), new_draft(counter)
    forged.values["TransferPassword"] = WRONG_PASSWORD
    enrolment, refusal = sent(first), sent(forged)
    renewal = renew_draft(counter)  # two years later
    answers = [enrolment, refusal, sent(renewal)]
    retrieval = get_draft(counter)
    answers += [sent(retrieval), through(AsgiApp(counter.door), [b"<no soap"])]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 500]
    secrets = [CUSTOMER_ID, CUSTOMER_NAME, NAME, WRONG_PASSWORD, CALLER, renewal.held.serial]
    secrets += [str(int(renewal.held.serial, 16)), first.values["TransferId"], first.values["TransferPassword"]]
    secrets += re.findall(r"<(?:\w+:)?RetrievalId[^>]*>([^<]+)<", payload_of(answers[0].body).decode())
    secrets += [retrieval.values["RetrievalId"]]
    assert len(secrets) == 11
    return secrets


def test_a_life_has_a_span_for_each_step_and_no_secret(counter, traced):
    secrets = played(counter)
    stop_tracer()
    lives = [(root.name, attributes(root)["sinetti.outcome"], traced.steps(root)) for root in traced.roots()]
    assert lives == [
        ("new", "ok", ENROLMENT),
        ("new", "transfer-ids-wrong", [*FIRST, "3 service", "4 read the caller", "12 answer"]),
        ("renew", "ok", RENEWAL),
        ("get", "ok", RETRIEVAL),
        ("POST", "HTTP 500", FIRST),
    ]
    assert {root.trace_id.hex() for root in traced.roots()[:4]} == {TRACE}
    assert {root.parent_span_id.hex() for root in traced.roots()[:4]} == {SPAN}
    for secret in secrets:
        for octets in traced.octets:
            assert secret.encode() not in octets
            assert secret.lower().encode() not in octets.lower()


def test_the_page_has_the_names_of_all_steps():
    listed = re.findall(r"`(\d+(?:-\d+)? [a-z ]+)`", PAGE.partition("## Traces")[2])
    assert sorted(listed) == sorted({*ENROLMENT, *RENEWAL, *RETRIEVAL})
    numbers = {int(number) for name in listed for number in re.findall(r"\d+", name)}
    assert numbers == set(range(1, 16))


def test_a_parent_is_taken_from_a_proxy_alone(counter, traced):
    sent(renew_draft(counter), behind_proxy=False)
    stop_tracer()
    (root,) = traced.roots()
    assert (root.parent_span_id, root.trace_id.hex() == TRACE) == (b"", False)


def test_lines_of_the_log_have_the_trace(counter, traced, caplog):
    caplog.set_level("INFO", "sinetti")
    caplog.set_level("INFO", "sinetti.leniency")
    draft = new_draft(counter)
    formatter = ServerLogFormatter(as_json=True)
    lines = []
    caplog.handler.addFilter(lambda record: lines.append(json.loads(formatter.format(record))) or True)
    answer = sent(draft)
    alone = sent(renew_draft(counter), FORWARDED)
    first, second = (line for line in lines if "path" in line)
    assert (first["trace_id"], first["request_id"]) == (TRACE, answer.headers["x-request-id"])
    assert second["trace_id"] == second["request_id"] == alone.headers["x-request-id"]
    by_thread = [line for line in lines if line["event"].startswith("leniency")]
    assert {line["trace_id"] for line in by_thread if line.get("request_id") == first["request_id"]} == {TRACE}
