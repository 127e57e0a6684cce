"""Lines of `testbench serve --log-requests`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sinetti.server.http import Request, json_reply, problem_response, text_response
from sinetti.testbench.endpoints.request_log import RequestLog, format_request

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
SOAP = b'<x:Body xmlns:x="y"><x:CustomerId>0123456-7</x:CustomerId><x:TransferPassword>secret</x:TransferPassword>'
TOO_EARLY = {"operation": "renew", "reason": "too-early"}
LINES = {
    "accepted": (SOAP, text_response(200, ""), {"operation": "new"}, "enrol 0123456-7 accepted"),
    "retrieved": (SOAP, text_response(200, ""), {"operation": "get"}, "retrieve 0123456-7 accepted"),
    "refused": (SOAP, text_response(200, ""), TOO_EARLY, "renew 0123456-7 refused PKI034 too-early"),
    "a guess": (
        SOAP,
        text_response(200, ""),
        {
            "operation": "renew",
            "reason": "signature-invalid",
            "guess": "indented-after-signing,certificate-not-ours",
            "guess_text": "The message was reformatted. Sign last.",
        },
        "renew 0123456-7 refused PKI030 signature-invalid [indented-after-signing] The message was reformatted.",
    ),
    "a fault": (b"<nothing", text_response(500, ""), {}, "POST /2017/x - error HTTP 500 fault"),
    "a problem": (b"{}", problem_response(409, "clock-back", "No."), {}, "POST /2017/x - refused HTTP 409 clock-back"),
    "an order": (b"{}", json_reply(201, {}), {}, "POST /2017/x - accepted"),
    "a customer that would steer a terminal": (
        b"<CustomerId>\x1b[31m</CustomerId>",
        text_response(200, ""),
        {"operation": "new"},
        "enrol - accepted",
    ),
}


def request(body, path="/2017/x"):
    return Request(method="POST", path=path, query="", headers={}, body=body, request_id="r")


@pytest.mark.parametrize(("body", "reply", "fields", "line"), LINES.values(), ids=LINES)
def test_lines(body, reply, fields, line):
    said = []
    answer = replace(reply, log_fields=fields)
    assert RequestLog(lambda _request: answer, lambda: NOW, said.append)(request(body)) is answer
    assert said == [f"2027-01-01 12:00:00 {line}"]
    assert "secret" not in said[0]


def test_a_path_is_shortened_and_steers_no_terminal():
    line = format_request(request(b"", "/\x1b" + "x" * 900), text_response(200, ""), NOW)
    assert line.startswith("2027-01-01 12:00:00 POST /?xxx")
    assert len(line) < 140
