"""Rollovers of CAs on a running bench: issuing CA, services CA and intermediate."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.ca.successors import common_name
from sinetti.pki.chain import load_bundle
from sinetti.pki.trust_lists.lists import parse_signed
from tests.support.programs import fetched, holder_of, new_key, ran, running

V1, V2 = (f"Data Providers Test Issuing CA v{number}" for number in (1, 2))
FILE = V2.replace(" ", "")
SFTP = "Data Providers SFTP Test Issuing CA v1"
"""Tests with the other channel may run before or after those with V1."""


def issuer(certificate):
    (name,) = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return name.value


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with running(tmp_path_factory.mktemp("rolled") / "bench", "--http", "--now", "2027-01-11T08:00:00Z") as one:
        yield one


def accepted(bench, certificate, tmp_path):
    """Return whether the gateway accepts a certificate with the bench's bundle at its time."""
    path = tmp_path / "certificate.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    anchors, at = bench.ready["trust"]["holders"], bench.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    done = ran("gateway", "check", "--anchors", anchors, "--channel", "WS", "--at", at, "--json", path)
    return json.loads(done.stdout)["verdict"] == "accepted"


def test_certificates_of_v1_are_renewed_by_v2(bench, tmp_path):
    key, holder = new_key(), holder_of(bench)
    first = holder.enrolled(bench.order(), key)
    assert issuer(first) == V1
    assert bench.control("POST", "/cas/rollover", {"channel": "WS"}) == (200, {"name": V2})
    bench.control("PUT", "/clock", {"advance": "P671D"})
    holder, new = holder_of(bench), new_key()
    second = holder.fetched(holder.renew(key, first, new))
    third = holder.enrolled(bench.order(customer_id="0123456-7"), new_key())
    assert issuer(second) == issuer(third) == V2
    assert [accepted(bench, one, tmp_path) for one in (first, second, third)] == [True] * 3
    assert {row["state"] for row in bench.rows()} == {"fetched"}
    for path in (f"ca/{FILE}.cer", f"crl/{FILE}.crl", f"crl/{FILE}-1.crl"):
        assert fetched(f"{bench.ready['status_url']}/{path}")
    assert bench.control("POST", "/cas/rollover", {"name": "ServicesTestIssuingCAv1"})[0] == 200
    holder = holder_of(bench)
    assert holder.enrolled(bench.order(), new_key())
    names = {common_name(one) for one in load_bundle(Path(bench.ready["trust"]["services"]).read_bytes())}
    assert "Services Test Issuing CA v2" in names


REFUSED = {
    "neither": ({}, 422, "bad-field"),
    "both": ({"channel": "WS", "name": V1}, 422, "bad-field"),
    "no such channel": ({"channel": "X"}, 422, "bad-field"),
    "no such CA": ({"name": "Other CA"}, 404, "unknown"),
}


def test_rollovers_that_are_refused(bench):
    for value, status, reason in REFUSED.values():
        code, problem = bench.control("POST", "/cas/rollover", value)
        assert (code, problem["reason"]) == (status, reason), problem
    for name in (SFTP, SFTP.replace(" ", "")):
        assert bench.control("POST", "/cas/rollover", {"name": name}) == (200, {"name": SFTP.replace("v1", "v2")})


REVOKED = {
    "no reason": ({"name": V1}, 422, "bad-field"),
    "another field": ({"name": V1, "reason": "superseded", "since": "2027-01-11T08:00:00Z"}, 422, "bad-field"),
    "no such CA": ({"name": "Other CA", "reason": "superseded"}, 404, "unknown"),
    "the root": ({"name": "Sinetti Root Test CA v1", "reason": "cACompromise"}, 409, "already"),
}


def test_a_ca_is_revoked_by_either_name_and_a_root_is_followed(bench):
    for value, status, reason in REVOKED.values():
        code, problem = bench.control("POST", "/cas/revocations", value)
        assert (code, problem["reason"]) == (status, reason), problem
    root = "Sinetti Root Test CA v1"
    assert bench.control("POST", "/cas/rollover", {"name": root}) == (200, {"name": root.replace("v1", "v2")})
    for name in (SFTP, SFTP.replace(" ", "")):
        code, done = bench.control("POST", "/cas/revocations", {"name": name, "reason": "cACompromise"})
        assert (code, done["name"], done["state"], done["reason"]) == (200, SFTP, "revoked", "cACompromise")
    for kind in ("anchors", "distrust"):
        assert parse_signed(fetched(f"{bench.ready['status_url']}/trust/{kind}")).payload


def test_a_revoked_successor_does_not_issue_from_now_on(tmp_path):
    with running(tmp_path / "bench", "--http", "--now", "2027-01-11T08:00:00Z") as bench:
        successor = SFTP.replace("v1", "v2")
        assert bench.control("POST", "/cas/rollover", {"name": SFTP}) == (200, {"name": successor})
        assert bench.control("POST", "/cas/revocations", {"name": successor, "reason": "superseded"})[0] == 200
        code, problem = bench.control("POST", "/cas/rollover", {"name": SFTP})
        assert (code, problem["reason"]) == (409, "already"), problem
        assert "DataProvidersSFTPTestIssuingCAv2, which is revoked: name that" in problem["detail"]
        code, problem = bench.control("POST", "/cas/rollover", {"channel": "SFTP"})
        assert code == 409, problem
        assert "name the CA that gets a successor" in problem["detail"]
        assert "--" not in problem["detail"]
        assert bench.control("POST", "/cas/rollover", {"name": successor})[0] == 200
        code, problem = bench.control("POST", "/cas/rollover", {"name": SFTP})
        assert code == 409
        assert "v3 issues: name that one" in problem["detail"]
