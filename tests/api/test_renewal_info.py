"""Endpoint for renewal hints: RFC 9773's format, and each case without a hint."""

import json
from datetime import datetime, timedelta

import pytest

from sinetti.api.renewal_info import PATH, RenewalInfoEndpoint
from sinetti.api.router import mount_api
from sinetti.database.authorities import trust_lists
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.connection import open_database
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Language
from sinetti.pki.ari_id import ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.server.http import Request, text_response
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.house.tree import DOCS, rows
from tests.support.authority import CUSTOMER_ID, holder_certificate, holder_key, response_signer
from tests.support.scene import DAY, REQUEST, enrolled

EXPLAINED = {Language.FI: "syy", Language.SV: "orsak", Language.EN: "why"}


def ask(scene, name, method="GET", **headers):
    request = Request(method, f"{PATH}/{name}", "", headers, REQUEST, b"")
    return RenewalInfoEndpoint(scene.ctx)(request)


def name_of(held):
    return ari_cert_id(load_certificate(held.der))


def shown(reply):
    assert (reply.status, reply.content_type) == (200, "application/json")
    return json.loads(reply.body)


def instants(value):
    return tuple(datetime.fromisoformat(value["suggestedWindow"][name]) for name in ("start", "end"))


def called(scene, held, stated):
    ask_ = EarlyReplacementRequest(
        CertificateSelection(serials=(held.serial,)), "a17", "incident", stated, timedelta(hours=1)
    )
    call_early(ask_, scene.ctx, REQUEST)


def test_as_a_rule(scene):
    held = enrolled(scene)
    reply = ask(scene, name_of(held))
    value = shown(reply)
    assert set(value) == {"suggestedWindow"}
    start, end = instants(value)
    ends = load_certificate(held.der).not_valid_after_utc
    assert ends - 60 * DAY <= start < end <= ends - 30 * DAY
    assert value["suggestedWindow"]["start"].endswith("Z")
    assert reply.headers == {"retry-after": "21600", "cache-control": "public, max-age=300"}
    assert ask(scene, name_of(held), "HEAD") == reply


def test_called_for(scene):
    held = enrolled(scene)
    called(scene, held, Explanation(EXPLAINED, "https://service.example/incident"))
    reply = ask(scene, name_of(held))
    value = shown(reply)
    assert list(value) == ["suggestedWindow", "explanationURL", "explanation"]
    assert value["explanationURL"] == "https://service.example/incident"
    assert value["explanation"] == {"fi": "syy", "sv": "orsak", "en": "why"}
    now = scene.clock.now
    assert now <= instants(value)[0] < instants(value)[1] <= now + timedelta(hours=1)
    assert reply.headers["retry-after"] == "600"


def test_called_for_without_a_word(sqlite_scene):
    held = enrolled(sqlite_scene)
    called(sqlite_scene, held, Explanation())
    assert list(shown(ask(sqlite_scene, name_of(held)))) == ["suggestedWindow"]


def test_revoked(sqlite_scene):
    held = enrolled(sqlite_scene)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    assert instants(shown(ask(sqlite_scene, name_of(held))))[1] < sqlite_scene.clock.now


def problem(reply):
    assert reply.content_type == "application/problem+json"
    value = json.loads(reply.body)
    assert set(value["text"]) == {"fi", "sv", "en"}
    assert value["status"] == reply.status
    assert reply.log_fields == {"reason": value["reason"]}
    return reply.status, value["reason"]


def test_the_page_has_each_answer_and_no_other():
    stated = {(status, reason.strip("`")) for status, reason, _ in rows(DOCS / "holders" / "renewal-info.md", "status")}
    refused = {("400", "malformed"), ("404", "unknown"), ("405", "method-not-allowed"), ("503", "unavailable")}
    assert stated == {("200", "–"), *refused}


FOREIGN = {
    "a serial of nobody": lambda: ari_cert_id(holder_certificate(holder_key())),
    "a certificate of the service's own": lambda: ari_cert_id(response_signer()[1]),
    "a CA of somebody else": lambda: "AAAA.AQ",
}


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN)
def test_there_is_none(sqlite_scene, name):
    assert problem(ask(sqlite_scene, name())) == (404, "unknown")


@pytest.mark.parametrize("name", ["", "x", "AAAA.AQ==", "AAAA.AQ/", "A/B", "AAAA.ä", "A" * 200])
def test_malformed(sqlite_scene, name):
    assert problem(ask(sqlite_scene, name)) == (400, "malformed")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_read(sqlite_scene, method):
    reply = ask(sqlite_scene, "AAAA.AQ", method)
    assert problem(reply) == (405, "method-not-allowed")
    assert reply.headers["allow"] == "GET, HEAD"


def test_in_the_language_that_is_asked_for(sqlite_scene):
    swedish = ask(sqlite_scene, "x", **{"accept-language": "sv, en;q=0.5"})
    value = json.loads(swedish.body)
    assert value["detail"] == value["text"]["sv"] != value["text"]["en"]
    assert swedish.headers["content-language"] == "sv"


def test_the_register_is_away(sqlite_scene):
    held = enrolled(sqlite_scene)
    away = sqlite_scene.but(db=open_database("sqlite:////nowhere/register.sqlite3", alias="away"))
    reply = ask(away, name_of(held))
    assert problem(reply) == (503, "unavailable")
    assert reply.headers["retry-after"] == "60"


def test_it_stands_beside_another_door(sqlite_scene):
    both = mount_api(lambda _request: text_response(200, "the other"), sqlite_scene.ctx)
    for path, body in ((PATH, b"the other\n"), (f"{PATH}x/AAAA.AQ", b"the other\n")):
        assert both(Request("GET", path, "", {}, REQUEST, b"")).body == body
    assert both(Request("GET", f"{PATH}/AAAA.AQ", "", {}, REQUEST, b"")).status == 404


def test_the_numbers_of_a_programs_trust_lists_are_recorded_when_they_change_once_a_minute_at_most(scene):
    held = enrolled(scene)

    def state(text, after=timedelta(minutes=1)):
        scene.clock.now += after
        ask(scene, name_of(held), **{"sinetti-trust-lists": text})
        (one,) = trust_lists.list_programs(scene.db, scene.clock())
        assert (one.name, one.customer_id) == (held.serial, CUSTOMER_ID)
        return one.numbers

    assert state("") is None
    assert state("anchors=3, distrust=0") == TrustListNumbers(3, 0)
    assert state("anchors=3, distrust=5") == TrustListNumbers(3, 5)
    assert state("anchors=4, distrust=5", timedelta(seconds=59)) == TrustListNumbers(3, 5), "a flood"
    assert state("anchors=99999999999999999999, distrust=5") == TrustListNumbers(3, 5), "no such number"
    assert state("distrust=6, anchors=3") == TrustListNumbers(3, 5), "another form"
    assert TrustListNumbers(3, 5).header == "anchors=3, distrust=5"
