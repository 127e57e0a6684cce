"""From a plan to a certificate in two steps with the signer between them: octets first, then octets and signature.

What is to be issued, and by whom: decided values, before any encoding.

Keys that sign nothing: they note which octets a builder wants signed, so that the real key can be elsewhere.

cryptography's builders take any subclass of its key classes and call `sign`. What they build around our mark is for
looking at (lint) and nothing else; the octets noted are what the signer gets.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

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

_MARK = b"\0"


def _never(*_: object, **__: object) -> NoReturn:
    why = "there is no private key here, only a note of what to sign"
    raise NotImplementedError(why)


class TbsCaptureKey(rsa.RSAPrivateKey):
    """Stands in for an RSA key; `octets` is what was last asked to be signed."""

    decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: rsa.RSAPublicKey) -> None:
        """Stand in for the private half of this key."""
        self._public_key = public_key
        self.octets = b""

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Give the public half."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:  # noqa: ARG002
        """Note the octets and give a mark back."""
        self.octets = bytes(data)
        return _MARK


class RecordingEcKey(ec.EllipticCurvePrivateKey):
    """Stands in for an EC key; `octets` is what was last asked to be signed."""

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: ec.EllipticCurvePublicKey) -> None:
        """Stand in for the private half of this key."""
        self._public_key = public_key
        self.octets = b""

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Give the public half."""
        return self._public_key

    def sign(self, data: bytes, signature_algorithm: object) -> bytes:  # type: ignore[override]  # noqa: ARG002
        """Note the octets and give a mark back."""
        self.octets = bytes(data)
        return _MARK


def capture_key(public_key: PublicKey) -> TbsCaptureKey | RecordingEcKey:
    """Give the stand-in for the private half of a CA's key."""
    return TbsCaptureKey(public_key) if isinstance(public_key, rsa.RSAPublicKey) else RecordingEcKey(public_key)


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
