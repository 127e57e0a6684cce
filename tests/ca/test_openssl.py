"""Chains and CRLs, judged by the openssl command."""

import shutil
import subprocess
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.pki.encoding import serial_hex, sign
from tests.support.authority import NOW, authority, holder_certificate, holder_key, issuer, response_signer
from tests.support.officers import ARC

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

LATER = NOW + timedelta(days=1)


@pytest.fixture
def files(tmp_path):
    """Write root, chain, leaf, signer and the issuing CA's list.

    The list has no revoked certificate.
    """
    built = authority()
    certificates = {
        "root": [built.certificate("SinettiRootTestCAv1")],
        "chain": built.chain_above(holder_certificate(holder_key())),
        "services": built.chain_above(response_signer()[1]),
        "leaf": [holder_certificate(holder_key())],
        "signer": [response_signer()[1]],
    }
    for name, chosen in certificates.items():
        (tmp_path / f"{name}.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chosen))
    return tmp_path


def openssl(folder, *arguments):
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def verified(folder, chain, certificate, *options):
    trust = ("-CAfile", "root.pem", "-untrusted", f"{chain}.pem", "-attime", str(int(LATER.timestamp())))
    return openssl(folder, "verify", "-x509_strict", *trust, *options, f"{certificate}.pem")


def write_list(folder, *entries):
    by = issuer()
    tbs = prepare_crl(by, entries, 1, NOW, NOW + timedelta(days=7))
    (folder / "list.der").write_bytes(
        attach_crl_signature(tbs, sign(authority().key(by.key_name), tbs), by.certificate)
    )
    made = openssl(folder, "crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem")
    assert made.returncode == 0, made.stderr


def test_a_holder_is_a_client_in_a_good_chain(files):
    answer = verified(files, "chain", "leaf", "-purpose", "sslclient")
    assert answer.stdout == "leaf.pem: OK\n", answer.stderr


def test_a_holder_is_no_server(files):
    assert verified(files, "chain", "leaf", "-purpose", "sslserver").returncode != 0


def test_a_signer_is_in_a_good_chain(files):
    answer = verified(files, "services", "signer")
    assert answer.stdout == "signer.pem: OK\n", answer.stderr


def test_the_policies_are_valid_on_the_way_down(files):
    """Without a policy of its own the leaf ends the tree.

    The test therefore checks the issuing CA.
    """
    for arc, policy in ((None, "2.25.156868473485101095000396921412762461610.1.1.2"), (ARC, f"{ARC}.7734212.1.2")):
        built = authority(arc)
        for name in ("root", "intermediate"):
            ca = built.certificate(f"Sinetti{name.title()}TestCAv1")
            (files / f"{name}.pem").write_bytes(ca.public_bytes(Encoding.PEM))
        (files / "issuing.pem").write_bytes(issuer(built=built).certificate.public_bytes(Encoding.PEM))
        answer = verified(files, "intermediate", "issuing", "-policy", policy, "-explicit_policy")
        assert answer.stdout == "issuing.pem: OK\n", answer.stderr


def test_a_list_without_the_leaf_lets_it_pass(files):
    write_list(files)
    answer = verified(files, "chain", "leaf", "-crl_check", "-CRLfile", "list.pem")
    assert answer.stdout == "leaf.pem: OK\n", answer.stderr


def test_a_list_with_the_leaf_stops_it(files):
    serial = serial_hex(holder_serial(files))
    write_list(files, RevokedEntry(serial, NOW, "keyCompromise"))
    answer = verified(files, "chain", "leaf", "-crl_check", "-CRLfile", "list.pem")
    assert "certificate revoked" in answer.stderr


def holder_serial(folder):
    """Read the serial number with openssl too."""
    shown = openssl(folder, "x509", "-in", "leaf.pem", "-noout", "-serial").stdout
    return int(shown.removeprefix("serial="), 16)
