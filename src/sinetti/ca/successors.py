"""Successors of CAs: names, lifetimes, and the check of their certificates.

See docs/operators/succession.md.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sinetti.ca.hierarchy_builder import BACKDATED, CaSubject, certificate_plan, policy_for, validity_from
from sinetti.ca.hierarchy_config import check_distinct_names, check_name
from sinetti.ca.hierarchy_model import CaRole, CaSpec, HierarchyError
from sinetti.ca.issuance import assemble_root, attach_signature, prepare_authority
from sinetti.ca.issuance_request import IssuingCa, SignatureRejected
from sinetti.ca.lint import lint
from sinetti.ca.profiles import ca_key
from sinetti.domain.authorities.lifecycle import successor_name
from sinetti.domain.values import Channel, Environment, KeyType, ValidityPeriod
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import PublicKey, load_certificate, serial_hex
from sinetti.pki.key_policy import key_type

_DAY = timedelta(days=1)
_TIME = "%Y-%m-%d %H:%M UTC"
_NOT_SIGNED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)


class CertificateRefused(ValueError):
    """Certificate of a successor that is not taken in; the sentence has the reason."""


@dataclass(frozen=True)
class SuccessorOptions:
    """Options of a successor; None: as the CA before it.

    `lifetime` of a CA whose issuer ends sooner is shortened only if it is None.
    """

    name: str | None = None
    key_type: KeyType | None = None
    lifetime: timedelta | None = None


def later_spec(certificate: x509.Certificate, role: CaRole, parent: str | None, channel: Channel | None) -> CaSpec:
    """Return the specification of a CA that exists; `parent` is the CN above it."""
    kind = key_type(certificate.public_key())
    assert kind is not None  # noqa: S101 - certificates of CAs were checked
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc - BACKDATED
    whole = timedelta(days=max(1, (lifetime + _DAY / 2) // _DAY))
    return CaSpec(common_name(certificate), role, parent, kind, whole, channel)


def common_name(certificate: x509.Certificate) -> str:
    """Return the CN of a certificate's subject; empty without one."""
    attributes = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attributes[0].value) if attributes else ""


def plan_successor(
    before: CaSpec, above: x509.Certificate | None, wanted: SuccessorOptions, least: timedelta, now: datetime
) -> CaSpec:
    """Return the specification of a CA's successor.

    `above` is the certificate of the CA that is to sign it, None for a root. `least` is the life of what the successor
    issues. Raises HierarchyError if the CA above ends too soon.
    """
    lifetime = before.lifetime if wanted.lifetime is None else wanted.lifetime
    if above is not None:
        left = (above.not_valid_after_utc - now) // _DAY * _DAY
        if lifetime > left and (wanted.lifetime is not None or left <= least):
            raise HierarchyError(
                f"{common_name(above)} ends at {above.not_valid_after_utc:{_TIME}}, in {left.days} days: begin its "
                "successor first, or give fewer --days"
            )
        lifetime = min(lifetime, left)
    if lifetime <= least:
        raise HierarchyError(
            f"--days: a CA of {lifetime.days} days could issue nothing; give more than {least / _DAY:g}"
        )
    return replace(
        before,
        name=wanted.name or successor_name(before.name),
        parent=None if above is None else common_name(above),
        key_type=wanted.key_type or before.key_type,
        lifetime=lifetime,
        token="",
        is_standby=False,
    )


def check_new_name(name: str, environment: Environment, taken: Iterable[str], signer: str) -> None:
    """Check the CN of a new CA against the CNs of all other CAs, also former ones.

    `signer` is the CN of the response signers. Raises HierarchyError.
    """
    check_name(name, environment)
    check_distinct_names([*taken, name], signer)


def span_below(above: x509.Certificate | None, lifetime: timedelta, now: datetime) -> ValidityPeriod:
    """Return the validity of a CA that is certified now; it ends with the CA above it."""
    span = validity_from(now, lifetime)
    return span if above is None else replace(span, not_after=min(span.not_after, above.not_valid_after_utc))


def read_ca_certificate(octets: bytes) -> x509.Certificate:
    """Read a certificate in DER or PEM. Raises CertificateRefused."""
    try:
        if octets.lstrip().startswith(b"-----BEGIN"):
            return load_certificate(x509.load_pem_x509_certificate(octets).public_bytes(Encoding.DER))
        return load_certificate(octets)
    except ValueError:
        raise CertificateRefused("the file is not a certificate: give the CA's certificate, in DER or PEM") from None


def check_ca_certificate(
    certificate: x509.Certificate, subject: CaSubject, spec: CaSpec, issuer: IssuingCa | None, now: datetime
) -> None:
    """Check that a certificate is the one of this CA, octet for octet.

    Serial, key, dates and signature are its own. The caller compares the key. Raises CertificateRefused.
    """
    if common_name(certificate) != spec.name:
        _refuse(f"it is for {common_name(certificate) or 'no name'!r}, and the CA is {spec.name!r}")
    _check_signer(certificate, spec, issuer)
    _check_dates(certificate, spec, issuer, now)
    policy = policy_for(spec, subject)
    policies = extension_value(certificate, x509.CertificatePolicies)
    if [policy.policy_identifier for policy in policies or ()] != ([] if policy is None else [policy]):
        _refuse(f"its policy is not that of the channel and environment of {spec.name}")
    key = certificate.public_key()
    if key_type(key) is not spec.key_type:
        _refuse(f"its key is {key_type(key) or 'of an unknown type'}, and {spec.key_type} was requested")
    span = ValidityPeriod(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    serial = serial_hex(certificate.serial_number)
    plan = certificate_plan(subject, spec, cast("PublicKey", key), serial, span)
    try:
        tbs = prepare_authority(plan, issuer)
    except ValueError as bad:
        _refuse(f"it breaks the rules of a CA certificate ({bad})")
    if certificate.public_bytes(Encoding.DER) != _signed(tbs, certificate, issuer):
        _refuse(f"it differs from the profile of a CA of the role {spec.role}")


def _signed(tbs: bytes, certificate: x509.Certificate, issuer: IssuingCa | None) -> bytes:
    """Return octets with a certificate's signature; empty if it is of others."""
    try:
        if issuer is None:
            return assemble_root(tbs, certificate.signature, ca_key(certificate))
        return attach_signature(tbs, certificate.signature, issuer.certificate)
    except SignatureRejected:
        return b""


def check_key(certificate: x509.Certificate, request: bytes, name: str) -> None:
    """Check that a certificate has a request's key. Raises CertificateRefused."""
    if certificate.public_key() != x509.load_der_x509_csr(request).public_key():
        _refuse(f"it has another key than the request of {name}")


def check_chain(
    chain: Iterable[x509.Certificate], pinned: Collection[x509.Certificate], now: datetime
) -> x509.Certificate | None:
    """Return the pinned CA that certifies a chain, or None for an empty one.

    `chain` begins with the CA nearest to the leaf and ends below a pinned one. Each certificate keeps the rules, is in
    force, and the next one signed it. Raises CertificateRefused.
    """
    links = list(chain)
    certificate = None
    for one, above in zip(links, [*links[1:], None], strict=False):
        signers = list(pinned) if above is None else [above]
        certificate = next((ca for ca in signers if _has_signed(ca, one)), None)
        if certificate is None or not one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            _refuse(f"no pinned CA certifies {common_name(one)}, or it is not in force")
    return certificate


def _has_signed(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except _NOT_SIGNED:
        return False
    return not lint(certificate, ca)


def _check_signer(certificate: x509.Certificate, spec: CaSpec, issuer: IssuingCa | None) -> None:
    try:
        certificate.verify_directly_issued_by(certificate if issuer is None else issuer.certificate)
    except _NOT_SIGNED:
        signer = "its own key" if issuer is None else f"{issuer.name}, the CA above {spec.name}"
        _refuse(f"it is not signed by {signer}")


def _check_dates(certificate: x509.Certificate, spec: CaSpec, issuer: IssuingCa | None, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now <= end:
        _refuse(f"it is valid from {begin:{_TIME}} to {end:{_TIME}}, and it is {now:{_TIME}}")
    if issuer is not None and end > issuer.certificate.not_valid_after_utc:
        _refuse(f"it ends after {issuer.name}, which ends at {issuer.certificate.not_valid_after_utc:{_TIME}}")
    if end - begin > spec.lifetime + BACKDATED:
        _refuse(f"it is valid for more than the {spec.lifetime.days} days that were requested")


def _refuse(why: str) -> NoReturn:
    raise CertificateRefused(f"the certificate is refused: {why}") from None
