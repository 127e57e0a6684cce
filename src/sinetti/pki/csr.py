"""PKCS#10 requests (RFC 2986). The key is taken out and nothing else: no other field of a request is ever trusted."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyId, KeyPolicy, KeyType
from sinetti.pki.encoding import PrivateKey, PublicKey, organisation_name
from sinetti.pki.key_policy import check_key_policy, key_type
from sinetti.pki.signatures import hash_for
from sinetti.pki.spki import request_describes_curve

LARGEST_REQUEST = 10_240
"""Octets of DER (facts sheet, 2)."""

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class RequestedKey:
    """A key whose holder has shown to have the private half, with its id and type."""

    public_key: PublicKey
    key_id: KeyId
    key_type: KeyType


def read_request(der: bytes, policy: KeyPolicy) -> RequestedKey | Rejection:
    """Take the key out of a DER PKCS#10 request.

    Any octets give an answer, never an error: CSR_UNREADABLE (no DER PKCS#10, trailing octets, over 10,240 octets, its
    own signature fails or uses a broken hash) or KEY_NOT_ACCEPTED. Subject and extensions may be empty or nonsense.
    """
    # 1 Shape. The length comes first: nothing large is parsed.
    if not 0 < len(der) <= LARGEST_REQUEST:
        return Rejection(RejectionReason.CSR_UNREADABLE)
    try:
        request = x509.load_der_x509_csr(der)
    except (ValueError, x509.InvalidVersion):
        return Rejection(RejectionReason.CSR_UNREADABLE)
    # 2 The key's bounds, before anything is verified with it: a huge exponent costs milliseconds (facts sheet, 4).
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


def build_request(private_key: PrivateKey, customer_id: str, customer_name: str | None) -> bytes:
    """Make a request in DER as holders send it: CN = customer id, O = customer name (cut to 64 characters), C = FI."""
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
    # A curve is named, never described (RFC 5480, 2.1.1), though the description may be that of one we take.
    return None if request_describes_curve(request) else (public_key, kind)


def _signature_holds(request: x509.CertificateSigningRequest) -> bool:
    try:
        return isinstance(request.signature_hash_algorithm, _HASHES) and request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
