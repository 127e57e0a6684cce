"""Renewal hints: the request, and the handling of every answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.model import RenewalInfoState
from sinetti.client.requests import renewal_info
from sinetti.client.requests.renewal_info import NoRenewalInfo, RenewalInfoResult
from sinetti.client.requests.transport import ServiceResponse, retry_after
from sinetti.client.service_address import origin
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Language
from sinetti.pki.ari_id import ari_cert_id
from tests.support import authority

START, END = datetime(2027, 5, 2, 11, 3, tzinfo=UTC), datetime(2027, 5, 3, tzinfo=UTC)
WINDOW = {"start": "2027-05-02T11:03:00Z", "end": "2027-05-03T02:00:00+02:00"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
URL = "https://certificates.example/incident"


def body(window=WINDOW, **more):
    return json.dumps({"suggestedWindow": window, **more}).encode()


def answer(octets=body(), status=200, kind="application/json", rest=None):  # noqa: B008 - octets never change
    return ServiceResponse(status, kind, octets, rest)


NOTHING = RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, DAY)
NO_DOOR = RenewalInfoResult(NoRenewalInfo.NO_DOOR, DAY)
CASES = {
    "a window": (answer(), RenewalInfoResult(RenewalInfoState(START, END), timedelta(hours=6))),
    "when to ask again": (answer(rest=HOUR), RenewalInfoResult(RenewalInfoState(START, END), HOUR)),
    "at once": (answer(rest=timedelta()), RenewalInfoResult(RenewalInfoState(START, END), timedelta(hours=6))),
    "every second": (
        answer(rest=timedelta(seconds=1)), RenewalInfoResult(RenewalInfoState(START, END), timedelta(minutes=1)),
    ),
    "never": (answer(rest=365 * DAY), RenewalInfoResult(RenewalInfoState(START, END), DAY)),
    "why, at an address": (
        answer(body(explanationURL=URL)), RenewalInfoResult(RenewalInfoState(START, END, URL), timedelta(hours=6)),
    ),
    "why, in our words": (
        answer(body(explanationURL=URL, explanation={"sv": "En CA byts ut."})),
        RenewalInfoResult(RenewalInfoState(START, END, "En CA byts ut."), timedelta(hours=6)),
    ),
    "why, in none of our languages": (
        answer(body(explanationURL=URL, explanation={"et": "…"})),
        RenewalInfoResult(RenewalInfoState(START, END, URL), timedelta(hours=6)),
    ),
    "why, but no text": (
        answer(body(explanationURL=["?"])), RenewalInfoResult(RenewalInfoState(START, END), timedelta(hours=6)),
    ),
    "an end before the start": (answer(body({"start": WINDOW["end"], "end": WINDOW["start"]})), NOTHING),
    "an end that is the start": (answer(body({"start": WINDOW["start"], "end": WINDOW["start"]})), NOTHING),
    "no zone": (answer(body({**WINDOW, "end": "2027-05-03T00:00:00"})), NOTHING),
    "no instants": (answer(body({"start": 1, "end": 2})), NOTHING),
    "no window": (answer(b"{}"), NOTHING),
    "no object": (answer(b"[1]"), NOTHING),
    "no JSON": (answer(b"\xff{"), NOTHING),
    "too deep": (answer(b"[" * 200_000), NOTHING),
    "too long": (
        answer(body() + b" " * 2_000_000), RenewalInfoResult(RenewalInfoState(START, END), timedelta(hours=6)),
    ),
    "none for this one": (answer(b"{}", 404, "application/problem+json"), NOTHING),
    "none just now": (
        answer(b"{}", 429, "application/problem+json", HOUR), RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, HOUR)
    ),
    "a service that knows no hints": (answer(b"Not Found", 404, "text/html"), NO_DOOR),
    "a proxy that fails for a moment": (
        answer(b"", 500, "text/html"), RenewalInfoResult(NoRenewalInfo.NOT_REACHED, HOUR),
    ),
    "one that says for how long": (
        answer(b"", 520, "text/html", 2 * HOUR), RenewalInfoResult(NoRenewalInfo.NOT_REACHED, 2 * HOUR),
    ),
    "a method that nobody has made": (answer(b"", 501, "text/html"), NO_DOOR),
    "one that lets nobody in": (answer(b"", 403, "text/plain"), NO_DOOR),
    "one that shows the same page for everything": (answer(b"<html>", 200, "text/html"), NO_DOOR),
}  # fmt: skip


@pytest.mark.parametrize(("given_answer", "told"), CASES.values(), ids=CASES)
def test_read(given_answer, told):
    assert renewal_info.read(given_answer, Language.SV) == told


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text() | some.sampled_from(list(WINDOW.values())),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(["suggestedWindow", "start", "end", "explanation", "explanationURL"]), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.long
@given(some.binary() | json_values.map(lambda value: json.dumps(value).encode()), some.integers(100, 599))
def test_whatever_is_answered_gives_a_hint_that_can_be_or_none(octets, status):
    told = renewal_info.read(answer(octets, status), Language.FI)
    assert renewal_info.SHORTEST <= told.rest <= renewal_info.LONGEST
    assert isinstance(told.said, NoRenewalInfo) or told.said.start < told.said.end


@pytest.mark.parametrize(
    ("service", "shared"),
    [
        ("https://certificates.example/2017/10/CertificateServices", "https://certificates.example"),
        ("http://127.0.0.1:8080/2017/10/CertificateServices?x=1", "http://127.0.0.1:8080"),
        ("https://certificates.example", "https://certificates.example"),
    ],
)
def test_hints_are_asked_of_where_the_service_is(service, shared):
    assert origin(service) == shared


def test_the_certificate_is_named_as_the_standard_has_it(holder):
    holder.enrol()
    held = authority.holder_certificate(authority.holder_key(1))
    renewal_info.fetch(holder.settings, held, Language.EN)
    assert holder.double.hints_asked == [f"/api/v1/renewal-info/{ari_cert_id(held)}"]
    assert holder.double.seen[-1].path != holder.double.hints_asked[0], "nothing is posted there"


def test_the_numbers_of_the_stores_trust_lists_come_along(holder):
    sent = []

    def answer(handler, _path):
        sent.append(handler.headers.get("Sinetti-Trust-Lists"))
        handler.send(404, b"")

    holder.double.hint = answer
    held = authority.holder_certificate(authority.holder_key(1))
    for numbers in (None, TrustListNumbers(3, 7)):
        renewal_info.fetch(holder.settings, held, Language.EN, numbers)
    assert sent == [None, "anchors=3, distrust=7"]


def test_a_redirect_is_followed_by_nobody(holder):
    holder.double.hint = lambda handler, _path: handler.send(307, b"", Location="http://127.0.0.1:9/")
    assert (
        renewal_info.fetch(holder.settings, authority.holder_certificate(authority.holder_key(1)), Language.EN)
        == NO_DOOR
    )


def test_nobody_answers(holder):
    away = replace(holder.settings, service="http://127.0.0.1:9/")
    told = renewal_info.fetch(away, authority.holder_certificate(authority.holder_key(1)), Language.EN)
    assert told == RenewalInfoResult(NoRenewalInfo.NOT_REACHED, HOUR)


def test_out_of_order_for_a_moment(holder):
    holder.double.hint = lambda handler, _path: handler.send(503, b"", **{"Retry-After": "600"})
    told = renewal_info.fetch(holder.settings, authority.holder_certificate(authority.holder_key(1)), Language.EN)
    assert told == RenewalInfoResult(NoRenewalInfo.NOT_REACHED, timedelta(minutes=10))


DATE = "Sun, 02 May 2027 11:03:00 GMT"
RETRIES = {
    "seconds": ("120", None, timedelta(minutes=2)),
    "none": (None, DATE, None),
    "an instant": ("Sun, 02 May 2027 12:03:00 GMT", DATE, HOUR),
    "an instant that has passed": ("Sun, 02 May 2027 10:03:00 GMT", DATE, timedelta()),
    "an instant, and no clock beside it": ("Sun, 02 May 2027 12:03:00 GMT", None, None),
    "one without a zone": ("Sun, 02 May 2027 12:03:00 -0000", DATE, None),
    "words": ("soon", DATE, None),
    "a zone beyond any": ("Sun, 02 May 2027 12:03:00 +99999999999999999999", DATE, None),
    "a year beyond any": ("Sun, 02 May 99999999999999999999 12:03:00 GMT", DATE, None),
    "less than none": ("-5", DATE, None),
    "other digits": ("١٢", DATE, None),
    "more than anybody means": ("9" * 5000, DATE, 366 * DAY),
}


@pytest.mark.parametrize(("text", "date", "rest"), RETRIES.values(), ids=RETRIES)
def test_retry_after(text, date, rest):
    assert retry_after(text, date) == rest
