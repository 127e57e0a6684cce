"""Endpoints of `sinetti gateway serve`, and the callers that may use them."""

import base64
import json
from datetime import timedelta

import pytest

from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.web.endpoints import LARGEST_DOCUMENT, AuthService, IncomingRequest
from sinetti.gateway.web.guard import RequestGuard
from sinetti.gateway.web.trusted_proxies import TrustedProxies
from sinetti.pki.chain import load_bundle
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.authority import NOW
from tests.support.relying import CUSTOMER_ID, material

SECRET = b"0123456789abcdef" * 2
DOCUMENT = b"<report xmlns='urn:reports'><sum>12</sum></report>"


def service(proxies=None, now=NOW, missing=()):
    made = material(NOW)
    gateway = Gateway(load_bundle(made.anchors()), source=CrlSource([made.crl()]))
    guard = RequestGuard(gateway, proxies or TrustedProxies.on_unix_socket(), now=lambda: now)
    return AuthService(guard, lambda: list(missing))


def ask(path, kind=None, headers=(), *, method="GET", body=b"", on=None, peer=None):
    shown = [] if kind is None else [("client-cert", f":{material(NOW).rfc9440(kind)}:")]
    return (on or service()).answer(IncomingRequest(method, path, [*shown, *headers], peer, body))


def signed(kind="good"):
    made = material(NOW)
    return sign_document(DOCUMENT, signer_for_key(made.key, made.der(kind)), next(iter(SignatureProfile)))


def verified(document, kind=None, headers=(), **changes):
    return ask("/verify", kind, headers, method="POST", body=document, **changes)


def test_check():
    answer = ask("/check", "good")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Sinetti-Customer-Id"] == CUSTOMER_ID
    refused = ask("/check", "revoked", [("accept-language", "fi")])
    assert (refused.status, refused.headers["Sinetti-Reason"]) == (403, "revoked")
    assert ask("/check").status == 401


def test_refusal_says_the_same_and_is_never_a_success():
    for kind in ("expired", "revoked", "foreign", None):
        assert ask("/refusal", kind) == ask("/check", kind)
    answer = ask("/refusal", "good")
    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "send-again")
    assert answer.headers["Retry-After"] == "1"


def test_a_document_is_answered_with_its_verdict_and_what_was_signed():
    answer = verified(signed())
    value = json.loads(answer.body)
    assert (answer.status, value["verdict"], value["customer_id"]) == (200, "accepted", CUSTOMER_ID)
    octets = base64.b64decode(value["octets"])
    assert b"<sum>12</sum>" in octets
    assert b"Signature" not in octets
    bare = verified(signed(), headers=[("accept", "text/plain, application/octet-stream;q=0.9")])
    assert (bare.status, bare.body, bare.headers["Content-Type"]) == (200, octets, "application/octet-stream")
    assert bare.headers["Sinetti-Customer-Id"] == CUSTOMER_ID


NOT_ACCEPTED = {
    "unsigned": (lambda: DOCUMENT, None, "signature-missing"),
    "changed afterwards": (lambda: signed().replace(b"<sum>12", b"<sum>13"), None, "signature-invalid"),
    "signed by an expired certificate": (lambda: signed("expired"), None, "expired"),
    "signed by a revoked one": (lambda: signed("revoked"), None, "revoked"),
    "signed by a stranger": (lambda: signed("foreign"), None, "untrusted"),
    "sent by another than signed": (signed, "revoked", "signature-invalid"),
    "no XML": (lambda: b"<", None, "malformed"),
    "nothing": (lambda: b"", None, "malformed"),
}


@pytest.mark.parametrize(("document", "kind", "reason"), NOT_ACCEPTED.values(), ids=NOT_ACCEPTED)
def test_a_document_that_is_not_accepted(document, kind, reason):
    for headers in ((), [("accept", "application/octet-stream")]):
        answer = verified(document(), kind, headers)
        value = json.loads(answer.body)
        assert (answer.status, value["verdict"], value["reason"]) == (422, "refused", reason)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert value["status"] == 422
        assert "octets" not in value


def test_the_certificate_of_the_connection_may_come_along_and_has_to_be_the_same():
    assert verified(signed(), "good").status == 200


def test_a_document_has_an_end():
    assert verified(b"x" * (LARGEST_DOCUMENT + 1)).status == 413


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/check", "GET", 204), ("/refusal", "GET", 503), ("/verify", "POST", 422)]
)
def test_only_its_own_proxy_is_answered(path, method, status):
    listed = service(TrustedProxies.listed(["192.0.2.7"], SECRET))
    secret = [("sinetti-proxy-secret", SECRET.decode())]
    assert ask(path, "good", secret, method=method, on=listed, peer="192.0.2.7").status == status
    for headers, peer in (([], "192.0.2.7"), (secret, "192.0.2.8"), (secret, None)):
        answer = ask(path, "good", headers, method=method, on=listed, peer=peer)
        assert answer.status == 403
        assert b"proxy" in answer.body


def test_ready_and_alive_are_told_to_anybody():
    assert ask("/readyz").status == ask("/healthz", peer="198.51.100.1").status == 200
    answer = ask("/readyz", on=service(missing=["A: no list", "B: STALE, 2 h old"]))
    assert (answer.status, answer.body) == (503, b"A: no list\nB: STALE, 2 h old\n")


def test_what_there_is_not():
    assert ask("/").status == 404
    answer = ask("/check", "good", method="POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert ask("/verify", "good").headers["Allow"] == "POST"


def test_the_clock_is_the_guard_s():
    late = service(now=NOW + timedelta(days=101))
    assert ask("/check", "good", on=late).headers["Sinetti-Reason"] == "expired"
