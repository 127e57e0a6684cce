"""EC curves: named and not described, in certificates as in requests."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyPolicy
from sinetti.pki.chain import load_bundle
from sinetti.pki.csr import RequestedKey, read_request
from sinetti.pki.encoding import DESCRIBED, checked, describes_curve, load_certificate
from tests.attacks import csrs
from tests.support import authority
from tests.support.described import described

KEY = authority.holder_key(1)
NAMED = authority.holder_certificate(KEY)
OPENSSL = (Path(__file__).parent / "described-p256.pem").read_bytes()
MADE = described(NAMED, KEY)


def version_1():
    """Remove version and extensions from a certificate (RFC 5280, 4.1.2.1)."""
    builder = x509.CertificateBuilder(
        NAMED.subject, NAMED.subject, KEY.public_key(), 1, NAMED.not_valid_before_utc, NAMED.not_valid_after_utc
    )
    whole = builder.sign(KEY, hashes.SHA256())
    inside = whole.tbs_certificate_bytes
    header = 2 if inside[1] < 0x80 else 2 + (inside[1] & 0x7F)
    tbs = csrs.tlv(csrs.SEQUENCE, inside[header:].removeprefix(bytes.fromhex("a003020102")))
    signature = KEY.sign(tbs, ec.ECDSA(hashes.SHA256()))
    ecdsa = bytes.fromhex("300a06082a8648ce3d040302")
    return x509.load_der_x509_certificate(csrs.tlv(csrs.SEQUENCE, tbs, ecdsa, csrs.tlv(csrs.BITS, b"\0", signature)))


CERTIFICATES = {
    "P-256 named": (NAMED, False),
    "RSA": (authority.authority().certificate("SinettiRootTestCAv1"), False),
    "P-256 described, by OpenSSL": (x509.load_pem_x509_certificate(OPENSSL), True),
    "P-256 described": (MADE, True),
    "version 1, named": (version_1(), False),
    "version 1, described": (described(version_1(), KEY), True),
}


@pytest.mark.parametrize(("certificate", "expected"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_curves_of_certificates(certificate, expected):
    assert describes_curve(certificate) is expected
    assert certificate.public_key() is not None, "the library takes it"


READERS = {
    "DER": lambda: load_certificate(MADE.public_bytes(Encoding.DER)),
    "PEM": lambda: load_certificate(OPENSSL),
    "a bundle with one": lambda: load_bundle(NAMED.public_bytes(Encoding.PEM) + OPENSSL),
    "a certificate that was read": lambda: checked(MADE),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_reads_certificates_refuses_it(read):
    with pytest.raises(ValueError, match="describes an elliptic curve") as caught:
        read()
    assert str(caught.value) == DESCRIBED


def test_one_that_names_its_curve_is_given_back():
    assert checked(NAMED) is NAMED


def test_a_name_elsewhere_in_a_request_names_no_curve():
    """The octets of the name of P-256 are in the subject, not in the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    naming = csrs.tlv(csrs.SEQUENCE, csrs.EC, csrs.P256)
    subject = csrs.name(csrs.tlv(0x04, naming))
    point = csrs.point_of(key)
    hidden, plain = (
        csrs.signed(csrs.info(csrs.ec_key(point, one), subject), key) for one in (csrs.explicit_p256(), csrs.P256)
    )
    assert read_request(hidden, KeyPolicy()) == Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    assert isinstance(read_request(plain, KeyPolicy()), RequestedKey)
