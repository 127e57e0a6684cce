"""`security.txt` and reports of browsers, before an application that answers everything else."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.api.web_security import DIRECTIVES, LONGEST_REPORT, PolicyReportsDoor, SecurityTxtDoor, ViolationLog
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import POLICY_VIOLATIONS, MetricSource
from sinetti.infra.security_txt import PATH, SecurityTxt
from sinetti.server.http import Request, text_response
from sinetti.server.rate_limits import Rate, RateLimiter

NOW = datetime(2027, 1, 1, tzinfo=UTC)
CONTENT = SecurityTxt(("mailto:security@authority.example",), NOW + timedelta(days=1), ())
SECRET = "https://people.example/m/0123456789abcdef"


def behind(_request):
    return text_response(404, "behind")


def asked(door, path, method="GET", body=b"", kind="application/csp-report"):
    return door(Request(method, path, "", {"content-type": kind}, "0" * 32, body))


SERVED = {
    "asked for": (CONTENT, NOW, "GET", PATH, 200),
    "its head": (CONTENT, NOW, "HEAD", PATH, 200),
    "sent": (CONTENT, NOW, "POST", PATH, 405),
    "another path": (CONTENT, NOW, "GET", "/security.txt", 404),
    "past its end": (CONTENT, NOW + timedelta(days=1), "GET", PATH, 404),
    "not set": (None, NOW, "GET", PATH, 404),
}


@pytest.mark.parametrize(("content", "now", "method", "path", "status"), SERVED.values(), ids=SERVED)
def test_security_txt(content, now, method, path, status):
    reply = asked(SecurityTxtDoor(behind, content, lambda: now), path, method)
    assert reply.status == status
    if status == 200:
        assert (reply.content_type, reply.body) == ("text/plain; charset=utf-8", CONTENT.render(NOW))


def old(directive, name="effective-directive"):
    return json.dumps({"csp-report": {"document-uri": SECRET, "blocked-uri": SECRET, name: directive}}).encode()


def new(*directives):
    bodies = [{"documentURL": SECRET, "effectiveDirective": one} for one in directives]
    reports = [{"type": "csp-violation", "age": 1, "url": SECRET, "body": body} for body in bodies]
    return json.dumps([*reports, {"type": "deprecation", "body": {}}]).encode()


REPORTS = "application/reports+json"
COUNTED = {
    "one of the old form": (old("script-src-elem"), "application/csp-report", {"script-src-elem": 1}),
    "one of an old browser": (
        old("img-src 'self' https://x", "violated-directive"),
        "application/csp-report; charset=utf-8",
        {"img-src": 1},
    ),
    "two of the new form": (new("img-src", "base-uri"), REPORTS, {"img-src": 1, "base-uri": 1}),
    "a directive that a sender made up": (old(SECRET), "application/csp-report", {"other": 1}),
    "no directive": (old(None), "application/csp-report", {"other": 1}),
    "a number": (new(5), REPORTS, {"other": 1}),
    "more than are counted": (new(*["img-src"] * 40), REPORTS, {"img-src": 20}),
}


@pytest.mark.parametrize(("body", "kind", "counted"), COUNTED.values(), ids=COUNTED)
@pytest.mark.parametrize("path", ["/csp-reports", "/pages/csp-reports"])
def test_reports_are_counted_by_directive_alone(body, kind, counted, path, caplog):
    log = ViolationLog()
    door = PolicyReportsDoor(behind, "/pages", log.count)
    reply = asked(door, path, "POST", body, kind)
    assert (reply.status, reply.body, reply.log_fields) == (204, b"", None)
    assert (log.counts, len(caplog.records)) == (Counter(counted), len(counted))
    assert {record.facts["directive"] for record in caplog.records} == set(counted) <= {*DIRECTIVES, "other"}
    assert SECRET not in caplog.text


def test_reports_are_a_metric():
    registry = recorder.start(MetricSource.NODE).registry
    try:
        door = PolicyReportsDoor(behind, "", ViolationLog().count)
        for _ in range(2):
            asked(door, "/csp-reports", "POST", old("img-src"))
    finally:
        recorder.stop()
    assert registry.get_sample_value(POLICY_VIOLATIONS, {"directive": "img-src"}) == 2


REFUSED = {
    "a page": ("GET", "/csp-reports", b"", "text/html", 405),
    "another kind": ("POST", "/csp-reports", old("img-src"), "application/json", 415),
    "too large": ("POST", "/csp-reports", b" " * LONGEST_REPORT + b"1", "application/csp-report", 413),
    "no JSON": ("POST", "/csp-reports", b"{", "application/csp-report", 400),
    "no text": ("POST", "/csp-reports", b"\xff", "application/csp-report", 400),
    "very deep": ("POST", "/csp-reports", b"[" * LONGEST_REPORT, "application/csp-report", 400),
    "no report": ("POST", "/csp-reports", b'{"csp-report": 5}', "application/csp-report", 400),
    "a number": ("POST", "/csp-reports", b"5", "application/csp-report", 400),
    "reports of another type": ("POST", "/csp-reports", b'[{"type": "x", "body": {}}, 5]', REPORTS, 400),
    "a report without a body": ("POST", "/csp-reports", b'[{"type": "csp-violation"}]', REPORTS, 400),
    "another path": ("POST", "/csp-reports/x", old("img-src"), "application/csp-report", 404),
}


@pytest.mark.parametrize(("method", "path", "body", "kind", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_report_is_refused_and_not_counted(method, path, body, kind, status):
    log = ViolationLog()
    assert asked(PolicyReportsDoor(behind, "", log.count), path, method, body, kind).status == status
    assert not log.counts


def test_a_flood_is_refused_before_it_is_read():
    log = ViolationLog()
    door = PolicyReportsDoor(behind, "", log.count, RateLimiter(Rate(0.001, 3)))
    replies = [asked(door, "/csp-reports", "POST", old("img-src")) for _ in range(9)]
    assert [reply.status for reply in replies] == [204] * 3 + [429] * 6
    assert int(replies[-1].headers["retry-after"]) > 0
    assert log.counts == {"img-src": 3}
