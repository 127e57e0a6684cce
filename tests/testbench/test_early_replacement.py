"""An incident from end to end.

Certificates are called, hints say "now", and renewal is open. A holder revokes a certificate.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.x509 import NameOID

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.infra.clock import instant_or_none, utc_now
from sinetti.pki.ari_id import ari_cert_id
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import serial_hex
from sinetti.wire.http_signatures.certificate_keys import certificate_signer
from sinetti.wire.json_api.revocations import PATH, parse_revoked, sign_revocation
from tests.support.authority import issuer
from tests.support.programs import codes, exchange, fetched, holder_of, new_key, running

MANY = 10
NONE = {"program": 0, "email": 0, "sms": 0}
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


def about(bench, serials):
    """Return the messages that list one of these certificates, without the calls of other tests."""
    letters = bench.control("GET", "/messages?kind=early")[1]
    return [one for one in letters if any(serial in one["text"] for serial in serials)]


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
    asked = {"serials": [serial_of(certificate) for _, certificate in held]}
    asked["until"] = instant_or_none(now + timedelta(minutes=10))
    # Two of them asked for hints above, and each has a contact of its own.
    reach = {"reached": {"program": 2, "email": MANY, "sms": 0}, "unreached": 0}
    assert bench.control("POST", "/early", asked) == (200, reach)
    letters = about(bench, asked["serials"])
    assert len({one["to"] for one in letters}) == len(letters) == MANY
    starts = set()
    for key, certificate in held:
        (start, end), again, explained = hint(bench, certificate)
        assert now <= start < end <= now + timedelta(minutes=10)
        assert (again, explained) == ("600", None)
        starts.add(start)
        bench.control("PUT", "/clock", {"now": max(start, bench.now()).isoformat()})
        renewed = holder.fetched(holder.renew(key, certificate, new_key()))
        assert hint(bench, renewed)[2] is None
    assert len(starts) > MANY // 2, "they are spread"
    rows = {row["serial"]: row for row in bench.rows("incident-1")}
    assert all(rows[serial_of(certificate)]["renewed_by"] for _, certificate in held)
    # Everything is renewed: the same call reaches no certificate.
    asked["until"] = instant_or_none(bench.now() + timedelta(minutes=10))
    assert bench.control("POST", "/early", asked) == (200, {"reached": NONE, "unreached": 0})
    bench.control("PUT", "/clock", {"advance": "P2D"})
    assert len(about(bench, asked["serials"])) == MANY, "nothing is left to repeat"


@pytest.mark.long
@pytest.mark.parametrize("named", ["common name", "file name", "all"])
def test_certificates_of_a_ca_are_called_daily_until_they_are_replaced(own_bench, named):
    bench = own_bench
    _, ((_, certificate),) = enrolled(bench, 1, f"incident-{named.replace(' ', '-')}")
    (common_name,) = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    row = next(row for row in bench.rows() if row["serial"] == serial_hex(certificate.serial_number))
    names = {"common name": common_name.value, "file name": issuer().file_name}
    asked = {"all": True} if named == "all" else {"ca": names[named]}
    usual, before = hint(bench, certificate)[0], len(bench.control("GET", "/messages?kind=early")[1])
    status, reach = bench.control(
        "POST", "/early", {**asked, "until": instant_or_none(bench.now() + timedelta(hours=8))}
    )
    assert (status, reach["reached"]["email"] >= 1, row["channel"]) == (200, True, "WS")
    assert hint(bench, certificate)[0] != usual
    first = len(bench.control("GET", "/messages?kind=early")[1])
    assert first > before
    bench.control("PUT", "/clock", {"advance": "P2D"})
    later = bench.control("GET", "/messages?kind=early")[1][first:]
    assert {one["sent"][11:] for one in later} == {"06:00:00Z"}, "8:00 in Finland, at the exact instant"
    assert any(one["channel"] == "sms" for one in later), "the time of the call has passed"


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


UNTIL = "2027-03-01T00:00:00Z"
BAD = {
    "nothing": {},
    "no selection": {"until": UNTIL},
    "no end": {"all": True},
    "two selections": {"all": True, "ca": "x", "until": UNTIL},
    "not all": {"all": False, "until": UNTIL},
    "an unknown serial": {"serials": ["41"], "until": UNTIL},
    "no list": {"serials": "41", "until": UNTIL},
    "an empty list": {"serials": [], "until": UNTIL},
    "numbers": {"serials": [41], "until": UNTIL},
    "an unknown field": {"serial": "41", "until": UNTIL},
    "an unknown CA": {"ca": "x", "until": UNTIL},
    "a duration": {"all": True, "until": "P2D"},
    "a time that has passed": {"all": True, "until": "2027-01-01T00:00:00Z"},
    "a time that is too long": {"all": True, "until": "2028-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_calls_that_are_refused(own_bench, value):
    status, problem = own_bench.control("POST", "/early", value)
    assert (status, problem["reason"]) == (422, "bad-field")
