"""Endpoint for holders' revocations: calls signed by the own key, and rejections."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.api.revocations import RevocationsEndpoint
from sinetti.api.router import mount_api
from sinetti.api.usage_reports import UsageReportsEndpoint
from sinetti.database import models
from sinetti.database.connection import open_database
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import KeyType
from sinetti.pki.ari_id import ari_cert_id
from sinetti.pki.encoding import load_certificate, sha256_hex
from sinetti.server.http import Request, text_response
from sinetti.services.issuance.enrol import enrol
from sinetti.wire.http_signatures.certificate_keys import algorithms, certificate_signer, sign
from sinetti.wire.http_signatures.profile import SignedComponents
from sinetti.wire.json_api import usage_reports
from sinetti.wire.json_api.revocations import CONTENT_TYPE, PATH, RevocationBody, parse_revoked, render, sign_revocation
from tests.house.tree import DOCS, rows
from tests.support.authority import NOW
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    accepted,
    enrolled,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    renewed,
)

SUPERSEDED, LOST = RevocationReason.SUPERSEDED, RevocationReason.KEY_COMPROMISE


def enrolled_with(scene, kind):
    key = new_key(kind)
    return held_by(scene, key, accepted(enrol(new_ask(ordered(scene), key), scene.ctx, REQUEST)))


def request(held: Held, body=None, *, key=None, key_id=None, created=NOW, path=PATH, method="POST", **changed):
    """Return a call as a client signs it, with an attacker's changes.

    `body`, `key`, `key_id`, `created` and `path` change it before the signature. `method` and the headers in `changed`
    replace values after the signature.
    """
    key = key or held.key
    body = render(RevocationBody(held.serial, SUPERSEDED)) if body is None else body
    parts = SignedComponents("POST", path, CONTENT_TYPE, body)
    algorithm = algorithms(key.public_key())[0]
    headers = sign(parts, key_id or sha256_hex(held.der), created, algorithm, certificate_signer(key))
    lowered = {name.lower(): value for name, value in headers.items()}
    return Request(
        method,
        PATH,
        "",
        {**lowered, **{name.replace("_", "-"): value for name, value in changed.items()}},
        REQUEST,
        body,
    )


def answered(scene, asked, **rest):
    reply = RevocationsEndpoint(scene.ctx, **rest)(asked)
    return reply.status, json.loads(reply.body), reply


def reason_of(scene, asked, **rest):
    """Return status and reason of a rejected call.

    The reason is given in three languages. A rejected call revokes nothing.
    """
    status, value, reply = answered(scene, asked, **rest)
    assert reply.content_type == "application/problem+json"
    assert (value["status"], reply.log_fields) == (status, {"reason": value["reason"]})
    assert set(value["text"]) == {"fi", "sv", "en"}
    assert value["detail"] in value["text"].values()
    return status, value["reason"]


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.RSA_3072, KeyType.EC_P256, KeyType.EC_P384])
def test_revoked_by_its_own_key(sqlite_scene, kind):
    held = enrolled_with(sqlite_scene, kind)
    call = sign_revocation(load_certificate(held.der), SUPERSEDED, certificate_signer(held.key), NOW)
    asked = Request("POST", PATH, "", {name.lower(): value for name, value in call.headers.items()}, REQUEST, call.body)
    status, value, reply = answered(sqlite_scene, asked)
    assert (status, reply.content_type) == (200, "application/json")
    assert value == {"serial": held.serial, "revoked_at": "2026-03-02T12:00:00Z", "reason": "superseded"}
    assert parse_revoked(reply.body).revoked_at == NOW
    assert sqlite_scene.certificate(held.serial).revoked


def test_the_address_of_the_caller_is_kept_for_what_was_done(scene):
    """An act and its address have the id of the request; an unproven call leaves no address."""
    held = enrolled(scene)
    kept = models.CallerAddress.objects.using(scene.db.alias)
    answered(scene, replace(request(held, key=new_key()), caller="192.0.2.7"))
    assert not kept.exists()
    answered(scene, replace(request(held), caller="2001:db8::7"))
    (row,) = kept.all()
    acts = models.AuditEvent.objects.using(scene.db.alias).filter(request_id=row.request_id)
    assert "certificate-revoked" in set(acts.values_list("action", flat=True))
    assert (row.address, row.at) == ("2001:db8::7", NOW)


def test_by_the_id_of_its_renewal_hint(scene):
    held = enrolled(scene)
    assert answered(scene, request(held, key_id=ari_cert_id(load_certificate(held.der))))[0] == 200
    assert scene.certificate(held.serial).revoked


def test_sent_again(scene):
    held = enrolled(scene)
    first = answered(scene, request(held))
    scene.clock.forward(DAY)
    assert answered(scene, request(held))[:2] == first[:2]
    again = request(held, created=NOW + timedelta(minutes=1))
    assert answered(scene, again)[:2] == first[:2]
    lost = request(held, render(RevocationBody(held.serial, LOST)))
    assert reason_of(scene, lost) == (409, "already")
    assert scene.certificate(held.serial).revocation_reason is SUPERSEDED


NAMED = {
    "no signature": ({"signature": ""}, 401, "signature-missing"),
    "no digest": ({"content_digest": ""}, 401, "signature-missing"),
    "no input": ({"signature_input": ""}, 401, "signature-missing"),
    "a signature of another label": ({"signature": "sinetti2=:AAAA:"}, 401, "signature-invalid"),
    "a digest of another body": ({"content_digest": "sha-256=:AAAA:"}, 401, "signature-invalid"),
    "signed six minutes ago": ({"created": NOW - timedelta(minutes=6)}, 401, "signature-invalid"),
    "signed six minutes ahead": ({"created": NOW + timedelta(minutes=6)}, 401, "signature-invalid"),
    "for another address": ({"path": "/api/v1/sightings"}, 401, "signature-invalid"),
    "a key id of nobody": ({"key_id": "0" * 64}, 401, "signature-invalid"),
    "a key id that is none": ({"key_id": "edge-1"}, 401, "signature-invalid"),
    "an id of another CA": ({"key_id": "AAAA.AQ"}, 401, "signature-invalid"),
    "no JSON by its name": ({"content_type": "text/plain"}, 415, "not-json"),
    "its content type twice": ({"content_type": "application/json, application/json"}, 415, "not-json"),
    "GET": ({"method": "GET"}, 405, "method-not-allowed"),
    "a body that is none": ({"body": b"{}"}, 422, "bad-field"),
    "a reason that there is not": ({"body": b'{"serial":"41","reason":"lost"}'}, 422, "bad-field"),
    "the certificate of somebody else": ({"body": b'{"serial":"41","reason":"superseded"}'}, 403, "other-certificate"),
}

ELSEWHERE = {(409, "already"), (409, "expired"), (422, "reason"), (429, "too-many-requests"), (503, "unavailable")}
"""Rejections that have tests of their own."""


def test_the_page_has_each_refusal_and_no_other():
    documented = {
        (int(status), reason.strip("`")) for status, reason, _ in rows(DOCS / "holders" / "revocation.md", "status")
    }
    assert documented == {(status, reason) for _, status, reason in NAMED.values()} | ELSEWHERE


@pytest.mark.parametrize(("changed", "status", "reason"), NAMED.values(), ids=NAMED)
def test_refused(sqlite_scene, changed, status, reason):
    held = enrolled(sqlite_scene)
    asked = request(held, **changed)
    assert reason_of(sqlite_scene, asked) == (status, reason)
    assert ("www-authenticate" in answered(sqlite_scene, asked)[2].headers) is (status == 401)
    assert not sqlite_scene.certificate(held.serial).revoked


def test_the_log_says_what_is_wrong_with_a_signature(sqlite_scene, caplog):
    caplog.set_level(logging.INFO, logger="sinetti")
    answered(sqlite_scene, request(enrolled(sqlite_scene), content_digest="sha-256=:AAAA:"))
    assert f"request {REQUEST}: signature refused: the signature does not match" in caplog.text


def test_headers_twice_as_the_edge_joins_them(sqlite_scene):
    held = enrolled(sqlite_scene)
    asked = request(held)
    for name in ("signature", "signature-input", "content-digest"):
        twice = replace(asked, headers={**asked.headers, name: f"{asked.headers[name]}, {asked.headers[name]}"})
        assert reason_of(sqlite_scene, twice) == (401, "signature-invalid")
    assert not sqlite_scene.certificate(held.serial).revoked


def test_by_the_key_of_a_sibling(scene):
    held, sibling = enrolled(scene), enrolled(scene)
    foreign = request(held, key=sibling.key)
    assert reason_of(scene, foreign) == (401, "signature-invalid"), "a sibling's key behind the certificate's name"
    named = request(sibling, render(RevocationBody(held.serial, LOST)))
    assert reason_of(scene, named) == (403, "other-certificate"), "a sibling in its own name"
    assert not scene.certificate(held.serial).revoked
    assert not scene.certificate(sibling.serial).revoked


def test_a_changed_body_under_a_genuine_signature(sqlite_scene):
    held = enrolled(sqlite_scene)
    asked = request(held)
    for other in (render(RevocationBody(held.serial, LOST)), asked.body + b"\n", b""):
        assert reason_of(sqlite_scene, replace(asked, body=other)) == (401, "signature-invalid")


def test_a_renewal_and_what_it_came_from(sqlite_scene):
    held = enrolled(sqlite_scene)
    now = in_the_window(sqlite_scene, held)
    sqlite_scene.machine.now = now
    new = renewed(sqlite_scene, held)
    asked = request(new, render(RevocationBody(held.serial, LOST)), created=now)
    assert reason_of(sqlite_scene, asked) == (403, "other-certificate")
    assert answered(sqlite_scene, request(new, created=now))[0] == 200
    assert not sqlite_scene.certificate(held.serial).revoked


def test_ended_and_reasons_of_others(sqlite_scene):
    held = enrolled(sqlite_scene)
    service = request(held, render(RevocationBody(held.serial, RevocationReason.PRIVILEGE_WITHDRAWN)))
    assert reason_of(sqlite_scene, service) == (422, "reason")
    in_the_window(sqlite_scene, held, -SECOND)
    assert reason_of(sqlite_scene, request(held)) == (409, "expired")


def test_a_signer_who_has_no_room_for_one_more_call(sqlite_scene):
    held, asked_of = enrolled(sqlite_scene), []

    def admits(der):
        asked_of.append(der)
        return False

    assert reason_of(sqlite_scene, request(held), admits=admits) == (429, "too-many-requests")
    assert reason_of(sqlite_scene, request(held, key=new_key()), admits=admits) == (401, "signature-invalid")
    assert asked_of == [held.der], "nobody uses up another's room without its key"
    assert not sqlite_scene.certificate(held.serial).revoked


def test_in_the_contact_s_language_once_it_is_proven_whose_it_is(sqlite_scene):
    held = enrolled(sqlite_scene)
    _, value, reply = answered(sqlite_scene, request(held, b"{}"))
    assert (value["detail"], reply.headers["content-language"]) == (value["text"]["sv"], "sv")
    _, value, _ = answered(sqlite_scene, request(held, b"{}", accept_language="fi"))
    assert value["detail"] == value["text"]["fi"]
    _, value, _ = answered(sqlite_scene, request(held, signature=""))
    assert value["detail"] == value["text"]["en"]


def test_the_register_is_away(sqlite_scene):
    held = enrolled(sqlite_scene)
    away = sqlite_scene.but(db=open_database("sqlite:////nowhere/register.sqlite3", alias="away"))
    assert reason_of(away, request(held)) == (503, "unavailable")
    assert answered(away, request(held))[2].headers["retry-after"] == "60"


def test_a_certificate_reports_no_sightings(sqlite_scene):
    """A signature by a holder's key for another endpoint does not count there."""
    held = enrolled(sqlite_scene)
    parts = SignedComponents("POST", usage_reports.PATH, usage_reports.CONTENT_TYPE, usage_reports.render([]))
    headers = sign(parts, sha256_hex(held.der), NOW, algorithms(held.key.public_key())[0], certificate_signer(held.key))
    lowered = {name.lower(): value for name, value in headers.items()}
    reply = UsageReportsEndpoint(sqlite_scene.ctx)(
        Request("POST", usage_reports.PATH, "", lowered, REQUEST, parts.body)
    )
    assert reply.status == 401


def test_it_stands_beside_another_door(sqlite_scene):
    held = enrolled(sqlite_scene)
    both = mount_api(lambda _request: text_response(200, "the other"), sqlite_scene.ctx, lambda _signer: False)
    assert both(request(held)).status == 429
    assert both(replace(request(held), path=f"{PATH}/x")).body == b"the other\n"
