"""`sinetti authority serve` as a process, with the real client and its operator."""

import json
import socket
from contextlib import contextmanager
from itertools import pairwise

import pytest
from cryptography import x509

from sinetti.infra.clock import utc_now
from tests.support import faulty_signing, golden
from tests.support.programs import (
    CUSTOMER,
    Holder,
    codes,
    exchange,
    fetched,
    new_key,
    ran,
)
from tests.support.serving import ANY, tls_pair
from tests.support.serving import serving as serving_folder

PATH = "/2017/10/CertificateServices"


@pytest.fixture(scope="session")
def server_pair(tmp_path_factory):
    """Return the folder of a TLS certificate for loopback.

    It contains the key, and the same certificate as its own anchor.
    """
    folder = tmp_path_factory.mktemp("tls")
    tls_pair(folder)
    return folder


@contextmanager
def serving(operator, *options):
    """Serve the authority of the operator, and yield the addresses of SOAP and status."""
    with serving_folder(operator.root, *options, **operator.database) as served:
        yield served.soap, served.status
        served.stop()
    for word in ("leniency", "guess", "explain"):
        assert word not in served.log, "that is for the bench's log"


def holder(operator, address):
    return Holder(address, operator.root / "trust" / "services.pem", now=utc_now())


def assert_explains_nothing(soap, status):
    """Check that a refused signature is not explained.

    An explanation would help forgers (docs/integrators/explain.md).
    """
    forged = faulty_signing.indented(faulty_signing.envelope(faulty_signing.signed(faulty_signing.request())))
    headers = {"content-type": "text/xml"}
    for address in (soap, status):
        for path in ("/explain", f"{PATH}/explain"):
            assert exchange(address, "POST", path, forged, headers)[0] in {404, 405}
    code, _, answer = exchange(soap, "POST", PATH, forged, headers)
    assert (code, b"PKI030" in answer) == (200, True)


def rows(operator):
    return json.loads(operator.does("status", "--customer-id", CUSTOMER["customer_id"], "--json"))


@pytest.mark.parametrize("tls", [False, True], ids=["http on loopback", "tls"])
def test_the_real_client_enrols_and_waits_for_its_renewal(operator, server_pair, tmp_path, tls):
    operator.found()
    operator.add()
    ids = operator.order()
    (tmp_path / "password").write_text(ids["transfer_password"])
    (tmp_path / "password").chmod(0o600)
    pair = ("--tls-certificate", server_pair / "server.pem", "--tls-key", server_pair / "key.pem") if tls else ()
    with serving(operator, *ANY, *pair) as (soap, status):
        assert soap.startswith("https://" if tls else "http://")
        assert soap.endswith(PATH)
        store = tmp_path / "store"
        trust = [
            word
            for role in ("services", "holders")
            for word in (f"--trust-{role}", operator.root / "trust" / f"{role}.pem")
        ]
        done = ran(
            "enrol", "payroll", "--store", store, "--service", soap, *trust, "--environment", "TEST",
            *(("--tls-ca", server_pair / "server.pem") if tls else ()), "--customer-id", CUSTOMER["customer_id"],
            "--transfer-id", ids["transfer_id"], "--transfer-password-file", tmp_path / "password", "--key", "ec-p256",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if not tls:
            assert_explains_nothing(soap, status)
        early = ran("renew", "payroll", "--store", store, "--force")
        assert (early.returncode, "PKI034" in early.stderr) == (3, True)
    (row,) = rows(operator)
    assert (row["state"], row["channel"]) == ("fetched", "WS")
    table = operator.does("status", "--customer-id", CUSTOMER["customer_id"])
    heads = ["serial", "customer_id", "channel", "state", "not_after", "renewed_by", "in", "use"]
    assert table.splitlines()[0].split() == heads
    assert table.splitlines()[1].split()[:4] == [row["serial"], "0123456-7", "WS", "fetched"]


def test_renewal_revocation_and_what_is_spared(operator, tmp_path):
    operator.found()
    operator.add()
    early = (
        "call-early",
        "--customer-id",
        CUSTOMER["customer_id"],
        "--over",
        "1m",
        "--reason",
        "test",
    )
    ids = operator.order()
    with serving(operator) as (soap, status):
        one = holder(operator, soap)
        keys = [new_key() for _ in range(4)]
        certificates = [one.enrolled(ids, keys[0])]
        for old, new in pairwise(keys):
            operator.does(*early)  # the newest can be renewed at once
            certificates.append(one.fetched(one.renew(old, certificates[-1], new)))
        serials = [row["serial"] for row in rows(operator)][::-1]
        assert [row["renewed_by"] for row in rows(operator)][::-1] == [*serials[1:], None]
        words = ("revoke", serials[1], "--reason", "keyCompromise", "--spare", serials[3].upper(), "--json")
        revoked = json.loads(operator.does(*words, "--invalid-since", "2026-01-01T00:00:00Z"))
        assert [row["serial"] for row in revoked] == serials[1:3]
        assert [row["state"] for row in rows(operator)] == ["fetched", "revoked", "revoked", "fetched"]
        assert codes(one.renew(keys[1], certificates[1], new_key())) == ["PKI033"]
        crl = x509.load_der_x509_crl(fetched(f"{status}/crl/DataProvidersTestIssuingCAv1-1.crl"))
        assert len(crl) == 2
        operator.refused(2, "revoke", serials[1], "--reason", "superseded")
        code, out, err = operator.run("revoke", serials[0], "--reason", "superseded")
        assert (code, out) == (0, f"revoked  {serials[0]}  superseded\n")
        assert "The revocation list is published now" in err
        assert f"--customer-id 0123456-7 --replaces {serials[0]}" in err
        certificate = x509.load_der_x509_certificate(fetched(f"{status}/ca/DataProvidersTestIssuingCAv1.cer"))
        assert certificate.subject == certificates[0].issuer
    golden.check("sentences/serve/renewal-revocation-and-what-is-spared", operator.said())


@pytest.mark.long
def test_new_transfer_ids_end_a_lock(operator):
    operator.found()
    operator.add()
    ids = operator.order()
    with serving(operator) as (soap, _):
        one, key = holder(operator, soap), new_key()
        wrong = {**ids, "transfer_password": "x" * 16}
        assert [codes(one.new(wrong, key)) for _ in range(11)] == [["PKI004"]] * 11
        assert codes(one.new(ids, key)) == ["PKI007"]
        new = json.loads(operator.does("transfer-ids", ids["order_id"], "--json"))
        assert codes(one.new(ids, key)) == ["PKI004"]
        one.enrolled(new, key)
    operator.refused(2, "transfer-ids", ids["order_id"])
    golden.check("sentences/serve/new-transfer-ids-end-a-lock", operator.said())


@pytest.mark.long
def test_a_closed_or_withdrawn_organisation(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    operator.add()
    ids, customer = operator.order(), ("--customer-id", CUSTOMER["customer_id"])
    with serving(operator) as (soap, _):
        one = holder(operator, soap)
        operator.does("organisation", "withdraw", *customer, "--channel", "WS")
        assert codes(one.new(ids, new_key())) == ["PKI036"]
        operator.does("organisation", "approve", *customer, "--channel", "WS")
        one.enrolled(ids, new_key())
        other = operator.order()
        operator.does("organisation", "close", *customer)
        assert codes(one.new(other, new_key())) == ["PKI036"]


@pytest.mark.long
def test_in_production_too(sqlite_operator):
    phrase, place = (sqlite_operator.root.with_name(name) for name in ("phrase", "vault"))
    apart = ("--passphrase-file", phrase, "--offline-dir", place, "--offline-passphrase-file", f"{place}-phrase")
    sqlite_operator.found(*apart, environment="PRODUCTION")
    with serving(sqlite_operator, *ANY, "--passphrase-file", phrase) as (soap, _):
        assert codes(holder(sqlite_operator, soap).get("x")) == ["PKI002"]


def test_a_port_that_is_taken(sqlite_operator):
    sqlite_operator.found()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("--bind", "--status-bind"):
            words = ("serve", "--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0", option, f"127.0.0.1:{port}")
            assert str(port) in sqlite_operator.refused(2, *words).splitlines()[-1]


@pytest.mark.long
def test_it_stops_cleanly_each_time(sqlite_operator):
    """The normal end of Python aborted one stop in five.

    Five stops in a row would have shown that two times in three.
    """
    sqlite_operator.found()
    for _ in range(5):
        with serving(sqlite_operator) as (soap, status):
            assert fetched(f"{soap}?wsdl")
            assert fetched(f"{status}/crl/DataProvidersTestIssuingCAv1-1.crl")


def test_keys_that_cannot_be_opened(sqlite_operator):
    sqlite_operator.found()
    (sqlite_operator.root / "secrets" / "passphrase").write_text("another")
    code, out, err = sqlite_operator.run("serve", *ANY)
    assert (code, out) == (5, "")
    assert err.splitlines()[-1].startswith("sinetti: ")
    assert "Traceback" not in err
    assert "another" not in err.splitlines()[-1]
