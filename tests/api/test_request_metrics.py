"""Door, operation and outcome of each answer in the metrics."""

import pytest

from sinetti.api import request_metrics
from sinetti.api.request_metrics import observe_page, observe_request
from sinetti.server.http import Response, text_response

SOAP = "/2017/10/CertificateServices"
RENEWED, TOO_EARLY = {"operation": "renew"}, {"operation": "renew", "reason": "too-early"}


@pytest.fixture
def counted(monkeypatch):
    """Return the counts so far: the names of the metrics without prefix, and the labels."""
    found = []
    monkeypatch.setattr(request_metrics.recorder, "count", lambda name, *labels: found.append((name[8:-6], *labels)))
    monkeypatch.setattr(request_metrics.recorder, "observe", lambda name, _seconds, *labels: None)
    return found


def reply(status, fields):
    return Response(status, "text/plain", b"", log_fields=fields)


CASES = {
    "a renewal": ("POST", SOAP, 200, RENEWED, ("soap", "renew", "ok")),
    "with a slash at the end": ("POST", f"{SOAP}/", 200, RENEWED, ("soap", "renew", "ok")),
    "a refused renewal has its code": ("POST", SOAP, 200, TOO_EARLY, ("soap", "renew", "PKI034")),
    "an unsigned answer": ("POST", SOAP, 500, RENEWED, ("soap", "renew", "5xx")),
    "no SOAP": ("POST", SOAP, 500, {}, ("soap", "other", "5xx")),
    "the page for browsers": ("GET", SOAP, 200, {}, ("soap", "page", "ok")),
    "a refused address": ("POST", SOAP, 503, {"reason": "too-many-at-once-from-address"}, ("soap", "other", "5xx")),
    "CA certificates": ("GET", "/api/v1/ca-certificates", 200, {}, ("rest", "ca-certificates", "ok")),
    "renewal information": ("GET", "/api/v1/renewal-info/x.y", 404, {}, ("rest", "renewal-info", "4xx")),
    "a revocation": ("POST", "/api/v1/revocations", 409, {"reason": "already"}, ("rest", "revocations", "4xx")),
    "a report": ("POST", "/api/v1/sightings", 202, {}, ("rest", "sightings", "ok")),
    "another path of the API": ("GET", "/api/v1/0123456-7", 404, {}, ("rest", "other", "4xx")),
    "OCSP by GET": ("GET", "/ocsp/CA/MEU", 200, None, ("ocsp", "get", "ok")),
    "OCSP by POST": ("POST", "/ocsp/CA", 200, None, ("ocsp", "post", "ok")),
    "OCSP by another method": ("PUT", "/ocsp/CA", 405, {}, ("ocsp", "other", "4xx")),
    "a bridge by POST": ("POST", "/status/bridge/CA", 200, None, ("bridge", "post", "ok")),
    "a trust list": ("GET", "/trust/anchors", 200, {}, ("trust", "list", "ok")),
    "a trust list for a holder": ("GET", "/api/v1/trust/anchors", 200, {}, ("rest", "trust-list", "ok")),
    "a list": ("GET", "/crl/CA-1.crl", 304, {}, ("crl", "file", "ok")),
    "no list": ("GET", "/crl/0123456-7", 404, {}, ("crl", "other", "4xx")),
    "a CA certificate": ("GET", "/ca/CA.cer", 200, {}, ("ca", "file", "ok")),
    "a tile": ("GET", "/log/tile/0/000", 200, {}, ("log", "tile", "ok")),
    "another part of the log": ("GET", "/log/0123456-7", 404, {}, ("log", "other", "4xx")),
    "readiness": ("GET", "/readyz", 503, {}, ("health", "readyz", "5xx")),
    "an unknown address": ("GET", "/0123456-7", 404, {}, ("other", "other", "4xx")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_machine_endpoints(counted, case):
    method, path, status, fields, expected = case
    observe_request(method, path, reply(status, fields), 0.1)
    assert counted[0] == ("requests", *expected)
    reason = (fields or {}).get("reason")
    assert counted[1:] == ([("refusals", expected[1], reason)] if reason else [])


PAGES = {
    "a page": (200, {"path": "/certificates"}, "/certificates", "ok"),
    "the first page": (200, {"path": "/"}, "/", "ok"),
    "an unknown page": (404, {"path": "/…"}, "other", "4xx"),
    "a refused address": (503, {"reason": "too-many-requests-from-address"}, "other", "5xx"),
}


@pytest.mark.parametrize(("status", "fields", "operation", "outcome"), PAGES.values(), ids=PAGES)
def test_pages(counted, status, fields, operation, outcome):
    observe_page("GET", "/certificates/0123", reply(status, fields), 0.1)
    assert counted[0] == ("requests", "pages", operation, outcome)
    assert counted[1:] == ([("refusals", "other", fields["reason"])] if "reason" in fields else [])


def test_a_response_without_fields_is_counted(counted):
    observe_page("GET", "/x", text_response(400, "The address of the page is not valid UTF-8."), 0.1)
    assert counted == [("requests", "pages", "other", "4xx")]
