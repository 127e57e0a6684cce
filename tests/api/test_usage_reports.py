"""Endpoint for gateways: reports proved by their signatures, and rejections."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.api.router import mount_api
from sinetti.api.usage_reports import UsageReportsEndpoint
from sinetti.database.connection import open_database
from sinetti.domain.usage import Observation
from sinetti.pki.encoding import sha256_hex
from sinetti.server.http import Request, text_response
from sinetti.services.status.usage_reports import add_gateway, withdraw_gateway
from sinetti.wire.http_signatures.profile import SignedComponents, sign
from sinetti.wire.json_api.usage_reports import PATH, render
from tests.support.authority import NOW
from tests.support.scene import REQUEST, enrolled

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def gateway(sqlite_scene):
    """Return a scene that knows one gateway."""
    add_gateway("edge-1", PEM, sqlite_scene.ctx, "operator", REQUEST)
    return sqlite_scene


def request(body, *, method="POST", key=KEY, created=NOW, **changed):
    headers = sign(SignedComponents("POST", PATH, "application/json", body), key, "edge-1", created)
    lowered = {name.lower(): value for name, value in headers.items()}
    given = {**lowered, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return Request(method, PATH, "", given, REQUEST, body)


def answered(scene, asked):
    reply = UsageReportsEndpoint(scene.ctx)(asked)
    return reply.status, json.loads(reply.body), reply


def test_a_report_is_taken_as_often_as_it_comes(gateway):
    held = enrolled(gateway)
    body = render([Observation(sha256_hex(held.der), NOW), Observation(sha256_hex(b"x"), NOW)])
    for _ in range(2):
        status, told, reply = answered(gateway, request(body))
        assert (status, told, reply.content_type) == (202, {"taken": 1, "unknown": 1}, "application/json")


EMPTY = render([])
REFUSED = {
    "GET": (request(EMPTY, method="GET"), 405, "method-not-allowed"),
    "no JSON by its name": (request(EMPTY, content_type="text/plain"), 415, "not-json"),
    "no signature": (request(EMPTY, signature=""), 401, "signature-missing"),
    "a key of somebody else": (
        request(EMPTY, key=ed25519.Ed25519PrivateKey.from_private_bytes(b"\x06" * 32)),
        401,
        "signature-invalid",
    ),
    "signed six minutes ago": (request(EMPTY, created=NOW - timedelta(minutes=6)), 401, "signature-invalid"),
    "a body that is none": (request(b"{}"), 422, "bad-field"),
}


@pytest.mark.parametrize(("asked", "status", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(gateway, asked, status, reason):
    found, told, reply = answered(gateway, asked)
    assert (found, told["status"], told["reason"], reply.content_type) == (
        status,
        status,
        reason,
        "application/problem+json",
    )
    assert ("www-authenticate" in reply.headers) is (status == 401)
    assert told["detail"].endswith(".")


def test_a_gateway_that_was_withdrawn(gateway):
    withdraw_gateway("edge-1", gateway.ctx, "operator", REQUEST)
    assert answered(gateway, request(EMPTY))[:1] == (401,)


def test_the_register_is_away(gateway):
    away = gateway.but(db=open_database("sqlite:////nowhere/register.sqlite3", alias="away"))
    status, told, reply = answered(away, request(EMPTY))
    assert (status, told["reason"], reply.headers["retry-after"]) == (503, "unavailable", "60")


def test_it_stands_beside_another_door(gateway):
    both = mount_api(lambda _request: text_response(200, "the other"), gateway.ctx)
    assert both(request(EMPTY)).status == 202
    assert both(Request("GET", "/", "", {}, REQUEST, b"")).body == b"the other\n"
