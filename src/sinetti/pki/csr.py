"""PKCS#10 requests (RFC 2986).

Only the key is extracted; no other field of a request is trusted.

Users paste or upload a certificate signing request as PEM, bare base64 or DER. The module also detects other content.
The input is not stored, shown again or logged, since it may contain a private key.
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyId, KeyPolicy, KeyType
from sinetti.pki.encoding import PrivateKey, PublicKey, hash_for, organisation_name, request_describes_curve
from sinetti.pki.key_policy import check_key_policy, key_type

LARGEST_REQUEST = 10_240
"""Limit of a request in octets of DER (facts sheet, 2)."""

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True)
class RequestedKey:
    """Key with proof of possession of its private half, with its id and type."""

    public_key: PublicKey
    key_id: KeyId
    key_type: KeyType


def read_request(der: bytes, policy: KeyPolicy) -> RequestedKey | Rejection:
    """Extract the key of a DER PKCS#10 request.

    Any octets give a result, never an exception. The rejection CSR_UNREADABLE means: no DER PKCS#10, trailing octets,
    over 10,240 octets, or a signature that fails or uses a broken hash. The other one is KEY_NOT_ACCEPTED. Subject and
    extensions may be empty or invalid.
    """
    # 1 Shape. The length comes first: nothing large is parsed.
    if not 0 < len(der) <= LARGEST_REQUEST:
        return Rejection(RejectionReason.CSR_UNREADABLE)
    try:
        request = x509.load_der_x509_csr(der)
    except (ValueError, x509.InvalidVersion):
        return Rejection(RejectionReason.CSR_UNREADABLE)
    # 2 Bounds of the key, before any verification with it: a huge exponent costs milliseconds (facts sheet, 4).
    found = _key_of(request)
    if found is None:
        return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    public_key, kind = found
    checked = check_key_policy(public_key, policy)
    if isinstance(checked, Rejection):
        return checked
    # 3 Proof of possession (RFC 2986, 4.2).
    if not _signature_holds(request):
        return Rejection(RejectionReason.CSR_UNREADABLE)
    return RequestedKey(public_key, checked, kind)


def request_name(der: bytes) -> str:
    """Return the CN of a request that `read_request` accepted; empty without one."""
    names = x509.load_der_x509_csr(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def build_request(private_key: PrivateKey, customer_id: str, customer_name: str | None) -> bytes:
    """Build a request in DER as holders send it.

    The subject has CN = customer id, O = customer name (cut to 64 characters) and C = FI.
    """
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, customer_id)]
    organisation = organisation_name(customer_name or "")
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    attributes.append(x509.NameAttribute(NameOID.COUNTRY_NAME, "FI"))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    return builder.sign(private_key, hash_for(private_key.public_key())).public_bytes(Encoding.DER)


def _key_of(request: x509.CertificateSigningRequest) -> tuple[PublicKey, KeyType] | None:
    try:
        public_key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    kind = key_type(public_key)
    if kind is None or not isinstance(public_key, PublicKey):
        return None
    # A curve is named, never described (RFC 5480, 2.1.1), even if the description is that of an accepted curve.
    return None if request_describes_curve(request) else (public_key, kind)


def _signature_holds(request: x509.CertificateSigningRequest) -> bool:
    try:
        return isinstance(request.signature_hash_algorithm, _HASHES) and request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


LARGEST_PASTED = 16 * 1024
"""Limit of the input in octets.

A request of 10,240 octets in PEM fits, with text around it.
"""

_KEY = re.compile(rb"-----\s*BEGIN [A-Z0-9 ]*PRIVATE KEY|PRIVATE KEY-----|PuTTY-User-Key-File", re.IGNORECASE)
_CERTIFICATE = re.compile(rb"-----\s*BEGIN (X509 |TRUSTED )?CERTIFICATE-----")
_REQUEST = re.compile(
    rb"-----\s*BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.*?)-----\s*END (?:NEW )?CERTIFICATE REQUEST-----", re.DOTALL
)
_HEADER = re.compile(rb"^[A-Za-z0-9-]+:.*$", re.MULTILINE)
_SEQUENCE = 0x30
_SMALL_INTEGER, _OID, _OCTET_STRING = b"\x02\x01", b"\x06", b"\x04"
_SHORTEST = 2


class CsrUploadError(StrEnum):
    """Reason why the input is no request."""

    EMPTY = "empty"
    LARGE = "large"
    PRIVATE_KEY = "private-key"
    CERTIFICATE = "certificate"
    SEVERAL = "several"
    UNREADABLE = "unreadable"


def parse_csr_upload(octets: bytes) -> bytes | CsrUploadError:
    """Return the DER of the one request in the input, unparsed, or the error.

    White space and line breaks are ignored, and so is text before and after a PEM block. A private key anywhere in the
    input takes precedence over other errors.
    """
    text = octets.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return CsrUploadError.EMPTY
    if len(octets) > LARGEST_PASTED:
        return CsrUploadError.LARGE
    if _KEY.search(text) or _is_key(octets):
        return CsrUploadError.PRIVATE_KEY
    if octets[0] == _SEQUENCE and not text.isascii():
        return _judged(octets)
    blocks = _REQUEST.findall(text)
    if len(blocks) > 1:
        return CsrUploadError.SEVERAL
    if not blocks and _CERTIFICATE.search(text):
        return CsrUploadError.CERTIFICATE
    der = _decoded(blocks[0] if blocks else text)
    return CsrUploadError.UNREADABLE if der is None else _judged(der)


def _judged(der: bytes) -> bytes | CsrUploadError:
    if _is_key(der):
        return CsrUploadError.PRIVATE_KEY
    return CsrUploadError.CERTIFICATE if _is_certificate(der) else der


def _decoded(text: bytes) -> bytes | None:
    """Decode base64 without the header lines that some programs add.

    The result is None if the text is no base64, or no DER.
    """
    letters = b"".join(_HEADER.sub(b"", text).split())
    try:
        der = b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return der if der[:1] == bytes([_SEQUENCE]) else None


def _is_key(der: bytes) -> bool:
    """Return True if octets look like a private key, by their first fields alone.

    The key may be encrypted or not, bare or in PKCS#12. Nothing is decrypted, since the sender controls sizes and
    iteration counts, and with them the cost.
    """
    whole = _inside(der)
    if whole is None:
        return False
    if whole[:2] == _SMALL_INTEGER:
        # PKCS#1 and PKCS#8 begin with the version 0 or 1, SEC 1 with 1, PKCS#12 with 3. A public key has none.
        # A request without its signature also begins with 0, but has a name there, not an algorithm (RFC 2986, 4.1).
        following = _inside(whole[3:])
        return whole[2:3] in {b"\x00", b"\x01", b"\x03"} and (following is None or following[:1] == _OID)
    # EncryptedPrivateKeyInfo: an algorithm, and an OCTET STRING where a public key has a BIT STRING (RFC 5958, 3).
    algorithm = _inside(whole)
    if algorithm is None or algorithm[:1] != _OID:
        return False
    return _after(whole)[:1] == _OCTET_STRING


def _inside(der: bytes) -> bytes | None:
    """Return the content of the SEQUENCE at the start, and all octets after it.

    The result is None if there is no SEQUENCE.
    """
    if len(der) < _SHORTEST or der[0] != _SEQUENCE:
        return None
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


def _after(der: bytes) -> bytes:
    """Return the octets after the first element.

    The result is empty if the length of that element exceeds the input.
    """
    size = der[1]
    start = 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2:start])
    return der[start + size :]


def _is_certificate(der: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return False
    return True
