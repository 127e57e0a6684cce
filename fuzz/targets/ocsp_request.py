"""Parsing of an OCSP request: it is about one certificate, or refused."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from fuzz import der_changing, material
from fuzz.target import Target, must
from sinetti.ca.ocsp import OcspRequest, OcspRequestError, check_issuer, parse_request
from sinetti.domain.certificates.ocsp_status import CertIdHash

_HASHES = {CertIdHash.SHA1: hashes.SHA1(), CertIdHash.SHA256: hashes.SHA256()}  # noqa: S303 - what clients send


def check(octets: bytes) -> None:
    """Read a request, and write it again."""
    try:
        asked = parse_request(octets)
    except OcspRequestError:
        return
    must(der_changing.whole(octets), "there is nothing after its end")
    must(len(asked.serial) <= 40 and len(asked.serial) % 2 == 0, "a serial number has 20 octets at most")  # noqa: PLR2004
    must(asked.nonce is None or 1 <= len(asked.nonce) <= 32, "so has a nonce, of 32")  # noqa: PLR2004 - RFC 8954
    try:
        check_issuer(asked, material.certificate(material.CA))
    except OcspRequestError:
        return
    must(parse_request(_written(asked)) == asked, "what was read can be written and read")


def _written(asked: OcspRequest) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        asked.name_hash, asked.key_hash, int(asked.serial, 16), _HASHES[asked.hash]
    )
    if asked.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(asked.nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _seeds() -> dict[str, bytes]:
    made = {}
    for name, hashing in _HASHES.items():
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            material.certificate("p256"), material.certificate(material.CA), hashing
        )
        made[name.value] = builder.build().public_bytes(Encoding.DER)
        with_nonce = builder.add_extension(x509.OCSPNonce(b"n" * 32), critical=False)
        made[f"{name.value}-nonce"] = with_nonce.build().public_bytes(Encoding.DER)
    return made


TARGET = Target("ocsp-request", check, _seeds, der_changing.change, longest=2_048)
