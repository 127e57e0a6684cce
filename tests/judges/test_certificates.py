"""openssl judges our chains, dates, purposes and CRLs."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.domain.values import VALIDITY, Channel, KeyType
from sinetti.pki.encoding import serial_hex, sign
from tests.support.authority import NOW, authority, holder_certificate, holder_key, issuer
from tests.support.postgres import skip_or_fail

CLIENT = ("-purpose", "sslclient")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

INSTANTS = {
    "the first second": (NOW, True),
    "one second before": (NOW - SECOND, False),
    "one second before the last": (NOW + VALIDITY - SECOND, True),
    # RFC 5280, 4.1.2.5 includes the last second, and so does the service. OpenSSL's comparison does not.
    "the last second, which OpenSSL does not count": (NOW + VALIDITY, False),
    "one second after the end": (NOW + VALIDITY + SECOND, False),
}


@pytest.fixture(scope="session")
def ways(tmp_path_factory) -> list[str]:
    """Return openssl's options for the trusted root and the intermediate CAs."""
    folder = tmp_path_factory.mktemp("chain")
    roots, others = folder / "roots.pem", folder / "others.pem"
    for _, certificate in authority().entries.values():
        place = roots if certificate.subject == certificate.issuer else others
        with place.open("ab") as file:
            file.write(certificate.public_bytes(Encoding.PEM))
    return ["-CAfile", str(roots), "-untrusted", str(others)]


def openssl_takes(certificate, ways: list[str], folder: Path, *options: str, at=NOW) -> bool:
    """Return True if `openssl verify` accepts a certificate at an instant.

    The check is strict by RFC 5280, for a TLS client.
    """
    program = shutil.which("openssl")
    if program is None:
        skip_or_fail("openssl is not installed (scripts/packages judges says how)")
    place = folder / "leaf.pem"
    place.write_bytes(certificate.public_bytes(Encoding.PEM))
    command = [program, "verify", "-x509_strict", "-no-CApath", "-no-CAstore", *ways, *(options or CLIENT)]
    command += ["-attime", str(int(at.timestamp())), str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
@pytest.mark.parametrize("channel", Channel)
def test_openssl_takes_a_holders_certificate(channel, kind, ways, tmp_path):
    assert openssl_takes(holder_certificate(holder_key(kind=kind), channel=channel), ways, tmp_path)


@pytest.mark.parametrize(("at", "taken"), INSTANTS.values(), ids=INSTANTS)
def test_openssl_reads_the_dates_as_we_do(at, taken, ways, tmp_path):
    assert openssl_takes(holder_certificate(holder_key()), ways, tmp_path, at=at) is taken


def test_a_holders_certificate_serves_no_tls_server(ways, tmp_path):
    assert not openssl_takes(holder_certificate(holder_key()), ways, tmp_path, "-purpose", "sslserver")


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "another one revoked"])
def test_openssl_reads_our_revocation_list(revoked, ways, tmp_path):
    certificate = holder_certificate(holder_key())
    other = holder_certificate(holder_key(2))
    by = issuer()
    serial = serial_hex((certificate if revoked else other).serial_number)
    tbs = prepare_crl(by, [RevokedEntry(serial, NOW, "keyCompromise")], 1, NOW, NOW + 7 * DAY)
    crl = x509.load_der_x509_crl(attach_crl_signature(tbs, sign(authority().key(by.key_name), tbs), by.certificate))
    place = tmp_path / "list.pem"
    place.write_bytes(crl.public_bytes(Encoding.PEM))
    assert openssl_takes(certificate, ways, tmp_path, "-crl_check", "-CRLfile", str(place)) is not revoked
