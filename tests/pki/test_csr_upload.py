"""Pasted certificate signing requests, in every form that programs write.

Private keys are rejected.
"""

from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from sinetti.domain.values import Channel, KeyType
from sinetti.pki.csr import LARGEST_PASTED, CsrUploadError, build_request, parse_csr_upload
from sinetti.pki.encoding import certificate_der, certificate_pem, generate_key
from tests.support.authority import issuer

KEY = generate_key(KeyType.EC_P256)
RSA = generate_key(KeyType.RSA_2048)
DER = build_request(KEY, "1234567-1", "Malli Oy")
PEM = x509.load_der_x509_csr(DER).public_bytes(Encoding.PEM)
INFO = x509.load_der_x509_csr(DER).tbs_certrequest_bytes
NAMELESS = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(KEY, SHA256()).tbs_certrequest_bytes
CA = issuer(Channel.WS).certificate
CERTIFICATE = certificate_der(CA)
LOCK = BestAvailableEncryption(b"pass")


def key(form=PrivateFormat.PKCS8, encoding=Encoding.PEM, lock=None, of=KEY):
    return of.private_bytes(encoding, form, lock or NoEncryption())


def public(form):
    return RSA.public_key().public_bytes(Encoding.DER, form)


TAKEN = {
    "PEM": PEM,
    "PEM with Windows' line ends": PEM.replace(b"\n", b"\r\n"),
    "PEM with a byte order mark and blanks": b"\xef\xbb\xbf\n  " + PEM + b"\n\n",
    "PEM on one line": b" ".join(PEM.split(b"\n")),
    "PEM as older programs write it": PEM.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"),
    "text before it, as openssl -text writes": b"Certificate Request:\n    Data:\n" + PEM,
    "base64": b64encode(DER),
    "base64 in lines": b"\n".join(PEM.splitlines()[1:-1]),
    "base64 without its end": b64encode(DER).rstrip(b"="),
    "DER": DER,
}
NOT_TAKEN = {
    "nothing": (b"", CsrUploadError.EMPTY),
    "blanks": (b" \n\t", CsrUploadError.EMPTY),
    "too much": (PEM + b"\n" * LARGEST_PASTED, CsrUploadError.LARGE),
    "a private key": (key(), CsrUploadError.PRIVATE_KEY),
    "an older form of one": (key(PrivateFormat.TraditionalOpenSSL), CsrUploadError.PRIVATE_KEY),
    "an encrypted one": (key(lock=LOCK), CsrUploadError.PRIVATE_KEY),
    "one of SSH": (key(PrivateFormat.OpenSSH), CsrUploadError.PRIVATE_KEY),
    "one of RSA in DER": (key(PrivateFormat.TraditionalOpenSSL, Encoding.DER, of=RSA), CsrUploadError.PRIVATE_KEY),
    "one in DER": (key(encoding=Encoding.DER), CsrUploadError.PRIVATE_KEY),
    "an encrypted one in DER": (key(encoding=Encoding.DER, lock=LOCK), CsrUploadError.PRIVATE_KEY),
    "one as bare base64": (b64encode(key(encoding=Encoding.DER)), CsrUploadError.PRIVATE_KEY),
    "one of PKCS#12": (
        pkcs12.serialize_key_and_certificates(b"x", KEY, None, None, NoEncryption()),
        CsrUploadError.PRIVATE_KEY,
    ),
    "one of PKCS#12 under a password": (
        pkcs12.serialize_key_and_certificates(b"x", KEY, None, None, LOCK),
        CsrUploadError.PRIVATE_KEY,
    ),
    "a request and a private key beside it": (PEM + key(), CsrUploadError.PRIVATE_KEY),
    "the last line of a private key": (key().splitlines()[-1], CsrUploadError.PRIVATE_KEY),
    "the first octets of a key": (key(encoding=Encoding.DER)[:9], CsrUploadError.PRIVATE_KEY),
    "an encrypted one with a long length": (bytes.fromhex("300a30810506012a05000400"), CsrUploadError.PRIVATE_KEY),
    "one of PuTTY": (b"PuTTY-User-Key-File-3: ssh-rsa", CsrUploadError.PRIVATE_KEY),
    "a certificate": (certificate_pem(CERTIFICATE), CsrUploadError.CERTIFICATE),
    "a certificate in DER": (CERTIFICATE, CsrUploadError.CERTIFICATE),
    "a certificate as base64": (b64encode(CERTIFICATE), CsrUploadError.CERTIFICATE),
    "two requests": (PEM + PEM, CsrUploadError.SEVERAL),
    "a public key is none of these": (
        public(PublicFormat.SubjectPublicKeyInfo),
        public(PublicFormat.SubjectPublicKeyInfo),
    ),
    "nor is one of PKCS#1": (public(PublicFormat.PKCS1), public(PublicFormat.PKCS1)),
    "nor is a request without its signature": (INFO, INFO),
    "nor is one without a name": (NAMELESS, NAMELESS),
    "one octet": (b64encode(b"\x30"), b"\x30"),
    "prose": ("Hyvää päivää".encode(), CsrUploadError.UNREADABLE),
    "base64 of something else": (b64encode(b"something else"), CsrUploadError.UNREADABLE),
    "a cut block": (PEM[: len(PEM) // 2], CsrUploadError.UNREADABLE),
}


@pytest.mark.parametrize("octets", TAKEN.values(), ids=TAKEN)
def test_a_request_is_taken_in_every_form(octets):
    assert parse_csr_upload(octets) == DER


@pytest.mark.parametrize(("octets", "why"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_what_is_no_request_is_told_apart(octets, why):
    assert parse_csr_upload(octets) == why
