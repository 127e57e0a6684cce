"""From a plan to a certificate in two steps with the signer between them: octets first, then octets and signature."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sinetti.ca import profiles
from sinetti.ca.der import ca_key, encode_signed
from sinetti.ca.issuance_request import (
    CaRequest,
    ExceedsIssuerValidity,
    IssuingCa,
    LeafProfile,
    LeafRequest,
    LintError,
    SignatureRejected,
)
from sinetti.ca.lint import lint
from sinetti.ca.tbs_capture import capture_key
from sinetti.domain.values import Serial
from sinetti.pki.encoding import PublicKey, load_certificate
from sinetti.pki.signatures import hash_for

__all__ = [
    "CaRequest",
    "ExceedsIssuerValidity",
    "IssuingCa",
    "LeafProfile",
    "LeafRequest",
    "LintError",
    "SignatureRejected",
    "assemble_root",
    "attach_signature",
    "build_tbs",
    "last_issuance_time",
    "new_serial",
    "prepare_authority",
]

_PROFILES = {
    LeafProfile.HOLDER: profiles.holder,
    LeafProfile.SERVICES: profiles.services,
    LeafProfile.RESPONDER: profiles.responder,
}
_SERIAL_OCTETS = 19
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def new_serial(random: Callable[[int], bytes] = os.urandom) -> Serial:
    """Draw a serial number: 19 octets, 150 bits of them random, positive and always 38 hex digits.

    The first octet is between 0x40 and 0x7f, so that DER needs neither fewer nor more octets. At most 20 are allowed
    (RFC 5280, 4.1.2.2).
    """
    drawn = random(_SERIAL_OCTETS)
    return Serial((bytes([drawn[0] & 0x3F | 0x40]) + drawn[1:]).hex())


def last_issuance_time(ca_certificate: x509.Certificate, validity: timedelta) -> datetime:
    """Give the last second (UTC) at which this CA may begin a certificate of this validity."""
    return ca_certificate.not_valid_after_utc - validity


def build_tbs(plan: LeafRequest, issuer: IssuingCa, kind: LeafProfile) -> bytes:
    """Give the exact octets that the CA is to sign for a certificate that is no CA's.

    Raises ExceedsIssuerValidity or LintError (which lists the findings), and ValueError for a plan that no certificate
    can carry.
    """
    profile = _PROFILES[kind]
    _refuse_outliving(plan, issuer)
    return _recorded(profile(plan, issuer), ca_key(issuer.certificate), issuer.certificate)


def prepare_authority(plan: CaRequest, issuer: IssuingCa | None) -> bytes:
    """Give the exact octets to sign for a CA certificate; without an issuer it is a root, to be signed by its own key.

    Raises as `prepare` does.
    """
    if issuer is None:
        return _recorded(profiles.authority(plan, None), plan.public_key, None)
    _refuse_outliving(plan, issuer)
    return _recorded(profiles.authority(plan, issuer), ca_key(issuer.certificate), issuer.certificate)


def attach_signature(tbs: bytes, signature: bytes, issuer_certificate: x509.Certificate) -> bytes:
    """Give the certificate in DER, after its signature was checked with the CA's public key.

    Raises SignatureRejected if the signature, the issuer's name or the algorithm in the octets does not fit the CA.
    """
    return _checked(encode_signed(tbs, ca_key(issuer_certificate), signature), issuer_certificate)


def assemble_root(tbs: bytes, signature: bytes, public_key: PublicKey) -> bytes:
    """Do the same for a root: the key that signs is the one in the octets."""
    return _checked(encode_signed(tbs, public_key, signature), None)


def _checked(der: bytes, issuer: x509.Certificate | None) -> bytes:
    try:
        certificate = load_certificate(der)
        certificate.verify_directly_issued_by(certificate if issuer is None else issuer)
    except (ValueError, TypeError, InvalidSignature):
        why = "the signature over the certificate is not this CA's"
        raise SignatureRejected(why) from None
    return der


def _recorded(
    builder: x509.CertificateBuilder,
    signer_key: PublicKey,
    issuer: x509.Certificate | None,
) -> bytes:
    """Note what is to be signed, and look at the certificate as it will be before anything is."""
    key = capture_key(signer_key)
    seen = builder.sign(key, hash_for(signer_key))
    findings = lint(seen, seen if issuer is None else issuer)
    if findings:
        raise LintError(findings)
    return key.octets


def _refuse_outliving(plan: LeafRequest | CaRequest, issuer: IssuingCa) -> None:
    end = issuer.certificate.not_valid_after_utc
    if plan.span.not_after > end:
        why = f"it would end at {plan.span.not_after:{_TIME}}, after {issuer.name} itself at {end:{_TIME}}"
        raise ExceedsIssuerValidity((why,))
