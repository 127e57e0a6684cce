"""Issuance in two steps, with the signer between them.

The first step returns the octets to sign, the second one joins octets and signature. Requests consist of values that
are decided before any encoding.

A capture key has no private half: it records the octets that a builder wants to sign, so that the real key can be
elsewhere. The builders of cryptography accept any subclass of its key classes and call `sign`. The certificate that
they build with the placeholder signature is used for lint only. The signer gets the recorded octets.

A holder's certificate is made from a template, in less than half of the builder's time. The builder encodes one sample
for each CA and type of key. A certificate then differs in serial number, validity, subject, key and key identifier
alone (RFC 5280, 4.1). Lint reads the result as it reads the builder's.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.ca import profiles
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
from sinetti.ca.profiles import SEQUENCE, ca_key, der_integer, der_time, encode_signed, encode_tlv, holder_subject
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki import second_library
from sinetti.pki.encoding import PublicKey, algorithm_identifier, hash_for, inner_algorithm, load_certificate
from sinetti.pki.key_policy import is_rsa

_EXTENSIONS = 0xA3
_VERSION_3 = bytes.fromhex("a003020102")
_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
"""Extension subjectKeyIdentifier up to its 20 octets (RFC 5280, 4.2.1.2)."""

_SAMPLES: dict[bool, PublicKey] = {
    # Keys that anyone can compute; no certificate has them.
    True: rsa.RSAPublicNumbers(65_537, (1 << 2047) + 1).public_key(),
    False: ec.derive_private_key(1, ec.SECP256R1()).public_key(),
}
_SAMPLE_SERIAL, _SAMPLE_LINEAGE = Serial("40"), "0" * 32

Recorder = Callable[[LeafRequest, IssuingCa], bytes]
"""Function that returns the octets that the builder makes of a request."""


def holder_tbs(plan: LeafRequest, issuer: IssuingCa, by_builder: Recorder) -> bytes:
    """Return the octets that the CA is to sign for a holder, as `by_builder` does.

    Raises ValueError for a request that no certificate can represent.
    """
    before, behind = _constant_parts(issuer, is_rsa(plan.public_key), by_builder)
    identifier = x509.SubjectKeyIdentifier.from_public_key(plan.public_key).digest
    return encode_tlv(
        SEQUENCE,
        _VERSION_3,
        der_integer(int(plan.serial, 16)),
        before,
        encode_tlv(SEQUENCE, der_time(plan.span.not_before), der_time(plan.span.not_after)),
        x509.Name(holder_subject(plan)).public_bytes(),
        plan.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        encode_tlv(_EXTENSIONS, encode_tlv(SEQUENCE, _KEY_IDENTIFIER, identifier, behind)),
    )


@lru_cache(maxsize=256)
def _constant_parts(issuer: IssuingCa, for_rsa: bool, by_builder: Recorder) -> tuple[bytes, bytes]:  # noqa: FBT001 - a key
    """Return algorithm and issuer, and the extensions behind the key identifier."""
    begin = issuer.certificate.not_valid_before_utc
    key = _SAMPLES[for_rsa]
    sample = LeafRequest("-", "-", "FI", _SAMPLE_LINEAGE, key, _SAMPLE_SERIAL, ValidityPeriod(begin, begin))
    _, _, behind = by_builder(sample, issuer).partition(
        _KEY_IDENTIFIER + x509.SubjectKeyIdentifier.from_public_key(key).digest
    )
    return algorithm_identifier(ca_key(issuer.certificate)) + issuer.certificate.subject.public_bytes(), behind


__all__ = [
    "CaRequest",
    "ExceedsIssuerValidity",
    "IssuingCa",
    "LeafProfile",
    "LeafRequest",
    "LintError",
    "SignatureRejected",
]

_MARK = b"\0"


def _never(*_: object, **__: object) -> NoReturn:
    raise NotImplementedError("this object has no private key and only records what is to be signed")


class TbsCaptureKey(rsa.RSAPrivateKey):
    """Substitute for an RSA key; `octets` are the last octets to sign."""

    decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: rsa.RSAPublicKey) -> None:
        """Store the public half."""
        self._public_key = public_key
        self.octets = b""

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:  # noqa: ARG002
        """Record the octets and return a placeholder."""
        self.octets = bytes(data)
        return _MARK


class RecordingEcKey(ec.EllipticCurvePrivateKey):
    """Substitute for an EC key; `octets` are the last octets to sign."""

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: ec.EllipticCurvePublicKey) -> None:
        """Store the public half."""
        self._public_key = public_key
        self.octets = b""

    @property
    def curve(self) -> ec.EllipticCurve:
        """Curve of the key."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public_key

    def sign(self, data: bytes, signature_algorithm: object) -> bytes:  # type: ignore[override]  # noqa: ARG002
        """Record the octets and return a placeholder."""
        self.octets = bytes(data)
        return _MARK


def capture_key(public_key: PublicKey) -> TbsCaptureKey | RecordingEcKey:
    """Return the substitute for the private half of a CA's key."""
    return TbsCaptureKey(public_key) if isinstance(public_key, rsa.RSAPublicKey) else RecordingEcKey(public_key)


_PROFILES = {
    LeafProfile.SERVICES: profiles.services,
    LeafProfile.RESPONDER: profiles.responder,
}
_SERIAL_OCTETS = 19
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def new_serial(random: Callable[[int], bytes] = os.urandom) -> Serial:
    """Return a random serial number: positive, 19 octets, always 38 hex digits.

    It has 150 random bits. The first octet is between 0x40 and 0x7f, so that DER needs neither fewer nor more octets.
    At most 20 are allowed (RFC 5280, 4.1.2.2).
    """
    drawn = random(_SERIAL_OCTETS)
    return Serial((bytes([drawn[0] & 0x3F | 0x40]) + drawn[1:]).hex())


def last_issuance_time(ca_certificate: x509.Certificate, validity: timedelta) -> datetime:
    """Return the last second (UTC) at which this CA may begin such a certificate.

    `validity` is the validity of that certificate.
    """
    return ca_certificate.not_valid_after_utc - validity


def build_tbs(plan: LeafRequest, issuer: IssuingCa, kind: LeafProfile) -> bytes:
    """Return the octets that the CA is to sign for a leaf certificate.

    Raises ExceedsIssuerValidity if it would end after the CA, and LintError (which lists the findings) if it breaks a
    rule. Raises ValueError for a request that no certificate can represent.
    """
    _refuse_outliving(plan, issuer)
    if kind is LeafProfile.HOLDER:
        return _linted_holder(plan, issuer)
    return _recorded(_PROFILES[kind](plan, issuer), ca_key(issuer.certificate), issuer.certificate)


def prepare_authority(plan: CaRequest, issuer: IssuingCa | None) -> bytes:
    """Return the octets to sign for a CA certificate.

    Without an issuer it is a root, which its own key signs. Raises the exceptions of `build_tbs`.
    """
    if issuer is None:
        return _recorded(profiles.authority(plan, None), plan.public_key, None)
    _refuse_outliving(plan, issuer)
    return _recorded(profiles.authority(plan, issuer), ca_key(issuer.certificate), issuer.certificate)


def attach_signature(tbs: bytes, signature: bytes, issuer_certificate: x509.Certificate) -> bytes:
    """Return the certificate in DER, after verification with the CA's public key.

    Raises SignatureRejected if the signature, the issuer's name or the algorithm in the octets does not fit the CA.
    """
    return _checked(encode_signed(tbs, ca_key(issuer_certificate), signature), issuer_certificate)


def assemble_root(tbs: bytes, signature: bytes, public_key: PublicKey) -> bytes:
    """Return a root certificate in DER, verified with the key in its octets.

    Raises SignatureRejected if the signature does not fit.
    """
    return _checked(encode_signed(tbs, public_key, signature), None)


def _checked(der: bytes, issuer: x509.Certificate | None) -> bytes:
    try:
        certificate = load_certificate(der)
        above = certificate if issuer is None else issuer
        key, tbs = ca_key(above), certificate.tbs_certificate_bytes
        is_ours = certificate.issuer == above.subject and inner_algorithm(tbs) == algorithm_identifier(key)
        is_ours = is_ours and second_library.verify(key, tbs, certificate.signature)
    except (ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise SignatureRejected("the certificate's signature is not from this CA")
    return der


def _linted_holder(plan: LeafRequest, issuer: IssuingCa) -> bytes:
    """Return the octets to sign for a holder, from a template.

    Most certificates are holders'. Raises LintError if a rule is broken.
    """
    tbs = holder_tbs(plan, issuer, holder_by_builder)
    future = encode_signed(tbs, ca_key(issuer.certificate), _MARK)
    _refuse_findings(x509.load_der_x509_certificate(future), issuer.certificate)
    return tbs


def holder_by_builder(plan: LeafRequest, issuer: IssuingCa) -> bytes:
    """Return the octets of a holder's request by cryptography's builder, without lint."""
    signer_key = ca_key(issuer.certificate)
    key = capture_key(signer_key)
    profiles.holder(plan, issuer).sign(key, hash_for(signer_key))
    return key.octets


def _recorded(
    builder: x509.CertificateBuilder,
    signer_key: PublicKey,
    issuer: x509.Certificate | None,
) -> bytes:
    """Return the octets to sign, after lint of the future certificate.

    Raises LintError if it breaks a rule.
    """
    key = capture_key(signer_key)
    certificate = builder.sign(key, hash_for(signer_key))
    _refuse_findings(certificate, certificate if issuer is None else issuer)
    return key.octets


def _refuse_findings(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    findings = lint(certificate, issuer)
    if findings:
        raise LintError(findings)


def _refuse_outliving(plan: LeafRequest | CaRequest, issuer: IssuingCa) -> None:
    end = issuer.certificate.not_valid_after_utc
    if plan.span.not_after > end:
        why = f"it would end at {plan.span.not_after:{_TIME}}, after {issuer.name} itself at {end:{_TIME}}"
        raise ExceedsIssuerValidity((why,))
