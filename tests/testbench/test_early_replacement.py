"""An incident from end to end.

Certificates are called, hints say "now", and renewal is open. A holder revokes a certificate.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.infra.clock import utc_now
from sinetti.pki.ari_id import ari_cert_id
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import serial_hex
from sinetti.wire.http_signatures.certificate_keys import certificate_signer
from sinetti.wire.json_api.revocations import PATH, parse_revoked, sign_revocation
from tests.support.programs import codes, exchange, fetched, holder_of, new_key, running

MANY = 10
EXPLAINED = {"fi": "syy", "sv": "orsak", "en": "why"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def own_bench(tmp_path_factory):
    """Yield a bench of this module's own, whose clock it moves."""
    with running(tmp_path_factory.mktemp("incident") / "bench", "--http", "--now", "2027-01-11T08:00:00Z") as one:
        yield one


def origin(bench):
    parts = urlsplit(bench.ready["soap_url"])
    return f"{parts.scheme}://{parts.netloc}"


def hint(bench, certificate):
    status, headers, body = exchange(origin(bench), "GET", f"/api/v1/renewal-info/{ari_cert_id(certificate)}")
    assert status == 200, body
    value = json.loads(body)
    window = [datetime.fromisoformat(value["suggestedWindow"][name]) for name in ("start", "end")]
    return window, headers["retry-after"], value.get("explanation")


def enrolled(bench, count, customer_id):
    holder = holder_of(bench, customer_id)
    keys = [new_key() for _ in range(count)]
    return holder, [(key, holder.enrolled(bench.order(customer_id=customer_id), key)) for key in keys]


@pytest.mark.long
def test_an_incident(own_bench):
    bench, serial_of = own_bench, lambda one: serial_hex(one.serial_number)
    holder, held = enrolled(bench, MANY, "incident-1")
    now = bench.now()
    for key, certificate in held[:2]:
        (start, _), again, explained = hint(bench, certificate)
        assert start >= certificate.not_valid_after_utc - timedelta(days=60)
        assert (again, explained) == ("21600", None)
        assert codes(holder.renew(key, certificate, new_key())) == ["PKI034"]
    asked = {"customer_id": "incident-1", "over": "PT10M", "explanation": EXPLAINED, "reason": "incident 7"}
    status, done = bench.control("POST", "/early-replacements", asked)
    assert (status, done["result"], done["count"], done["passed_over"]) == (201, "done", MANY, 0)
    assert datetime.fromisoformat(done["ends"]) == now + timedelta(minutes=10)
    # Two of them asked for hints above, and each has a contact of its own.
    assert (done["reached"], done["unreached"]) == ({"program": 2, "email": MANY, "sms": 0}, 0)
    assert (done["messages"], done["people_unreached"]) == ({"email": MANY, "sms": 0}, 0)
    letters = bench.control("GET", "/messages?kind=early")[1]
    assert len({one["to"] for one in letters}) == len(letters) == MANY
    assert all("why" in one["text"] for one in letters)
    starts = set()
    for key, certificate in held:
        (start, end), again, explained = hint(bench, certificate)
        assert now <= start < end <= now + timedelta(minutes=10)
        assert (again, explained) == ("600", EXPLAINED)
        starts.add(start)
        bench.control("PUT", "/clock", {"now": max(start, bench.now()).isoformat()})
        renewed = holder.fetched(holder.renew(key, certificate, new_key()))
        assert hint(bench, renewed)[2] is None
    assert len(starts) > MANY // 2, "they are spread"
    rows = {row["serial"]: row for row in bench.rows("incident-1")}
    assert all(rows[serial_of(certificate)]["renewed_by"] for _, certificate in held)
    # Everything is renewed: the same call finds only the successors.
    status, again = bench.control("POST", "/early-replacements", {**asked, "serials": [serial_of(held[0][1])]})
    assert (status, again["result"], again["call"], again["passed_over"]) == (201, "nothing", None, 1)


def test_a_call_is_undone(own_bench):
    bench = own_bench
    holder, ((key, certificate),) = enrolled(bench, 1, "incident-2")
    usual = hint(bench, certificate)[0]
    _, done = bench.control("POST", "/early-replacements", {"serials": [serial_hex(certificate.serial_number)]})
    assert hint(bench, certificate)[0] != usual
    undone = bench.control("POST", "/early-replacements", {"undo": done["call"]})
    assert undone == (200, {"call": done["call"], "result": "undone"})
    assert hint(bench, certificate)[0] == usual
    assert codes(holder.renew(key, certificate, new_key())) == ["PKI034"]


def gateway(bench, certificate):
    """Return a relying party with the CRL that the certificate points to."""
    (point,) = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    (name,) = point.full_name
    anchors = load_bundle(Path(bench.ready["trust"]["holders"]).read_bytes())
    return Gateway(anchors, source=CrlSource([fetched(name.value)]))


def test_a_holder_revokes_and_the_gateway_refuses(own_bench):
    bench = own_bench
    holder, ((key, certificate), (other_key, other)) = enrolled(bench, 2, "incident-3")
    assert gateway(bench, certificate).identify(certificate, bench.now()).accepted
    # Real time, because only the bench uses the bench's clock.
    call = sign_revocation(certificate, RevocationReason.KEY_COMPROMISE, certificate_signer(key), utc_now())
    wrong = sign_revocation(certificate, RevocationReason.KEY_COMPROMISE, certificate_signer(other_key), utc_now())
    assert exchange(origin(bench), "POST", PATH, wrong.body, dict(wrong.headers))[0] == 401
    for _ in range(2):
        status, _, body = exchange(origin(bench), "POST", PATH, call.body, dict(call.headers))
        assert status == 200, body
    revoked = parse_revoked(body)
    assert (revoked.serial, revoked.reason) == (serial_hex(certificate.serial_number), "keyCompromise")
    verdict = gateway(bench, certificate).identify(certificate, bench.now())
    assert (verdict.accepted, verdict.reason) == (False, VerdictReason.REVOKED)
    assert gateway(bench, other).identify(other, bench.now()).accepted
    assert codes(holder.renew(key, certificate, new_key())) == ["PKI033"]
    assert hint(bench, certificate)[0][1] < bench.now()
    (told,) = bench.control("GET", "/messages?kind=revoked")[1]
    assert told["kind"] == "revoked"


BAD = {
    "everything": {},
    "an unknown serial": {"serials": ["41"]},
    "no list": {"serials": "41"},
    "an empty list": {"serials": []},
    "numbers": {"serials": [41]},
    "an unknown field": {"serial": "41"},
    "an unknown CA": {"authority": "x"},
    "an unknown organisation": {"customer_id": "nobody"},
    "a time that is none": {"authority": "x", "over": "2d"},
    "a time that is too long": {"authority": "x", "over": "P31D"},
    "one language": {"authority": "x", "explanation": {"fi": "syy"}},
    "another language": {"authority": "x", "explanation": {**EXPLAINED, "de": "warum"}},
    "an explanation that is a text": {"authority": "x", "explanation": "why"},
    "plain http": {"authority": "x", "explanation_url": "http://x"},
    "undo and more": {"undo": "x", "authority": "x"},
    "undo of nothing": {"undo": "x"},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_calls_that_are_refused(own_bench, value):
    status, problem = own_bench.control("POST", "/early-replacements", value)
    assert (status, problem["reason"]) == (422, "bad-field")
