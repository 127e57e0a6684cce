"""Lint of a certificate before its signature: one function per rule.

Every rule names its source. It gets the certificate and its issuer's certificate (for a root: itself), and returns a
sentence or None. Signatures are not checked, since there is none yet.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sinetti.ca.profiles import key_usage
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import ORGANISATION_LIMIT
from sinetti.pki.key_policy import is_rsa, key_type
from sinetti.pki.policy_oids import channel_from_policy, is_ocsp_responder, signs_responses

Rule = Callable[[x509.Certificate, x509.Certificate], str | None]

_SERIAL_BITS = (64, 159)
_LINEAGE = re.compile(r"[0-9A-F]{32}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOLDER_SUBJECT = (
    NameOID.COMMON_NAME,
    NameOID.SERIAL_NUMBER,
    NameOID.ORGANIZATION_NAME,
    NameOID.COUNTRY_NAME,
)
_SUBJECT = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.COUNTRY_NAME)
_KNOWN_EXTENSIONS = frozenset(
    kind.oid
    for kind in (
        x509.AuthorityInformationAccess,
        x509.AuthorityKeyIdentifier,
        x509.BasicConstraints,
        x509.CertificatePolicies,
        x509.CRLDistributionPoints,
        x509.ExtendedKeyUsage,
        x509.KeyUsage,
        x509.OCSPNoCheck,
        x509.SubjectKeyIdentifier,
    )
)

RESPONDERS_LIVE = timedelta(days=90)
"""Longest validity of an OCSP responder's certificate, which cannot be revoked."""


def lint(certificate: x509.Certificate, issuer: x509.Certificate) -> tuple[str, ...]:
    """Return a sentence for every rule that the certificate breaks.

    The result is empty for a good one. `issuer` of a root is itself.
    """
    try:
        found = [rule(certificate, issuer) for rule in RULES]
    except ValueError as bad:
        return (f"a part of the certificate cannot be read: {bad}",)
    return tuple(finding for finding in found if finding is not None)


def version(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for version 3, which extensions require (RFC 5280, 4.1.2.1)."""
    return None if certificate.version is x509.Version.v3 else "the version is not 3"


def serial_number(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for a positive serial of at most 20 octets, with space for 64 random bits.

    The source is RFC 5280, 4.1.2.2.
    """
    least, most = _SERIAL_BITS
    fits = certificate.serial_number > 0 and least <= certificate.serial_number.bit_length() <= most
    return None if fits else "the serial number is not a positive number of 64 to 159 bits"


def issuer_name(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check that the issuer's subject is named, octet for octet (RFC 5280, 4.1.2.4)."""
    same = certificate.issuer.public_bytes() == issuer.subject.public_bytes()
    return None if same else "the issuer is not the subject of the CA that signs"


def issuer_may_sign(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check that the signer is a CA with keyCertSign and a path length for this one.

    The source is RFC 5280, 4.2.1.3 and 4.2.1.9.
    """
    basic = extension_value(issuer, x509.BasicConstraints)
    usage = extension_value(issuer, x509.KeyUsage)
    if basic is None or not basic.ca or usage is None or not usage.key_cert_sign:
        return "the signer is not a CA that may sign certificates"
    if basic.path_length is None or not _is_ca(certificate):
        return None
    own = extension_value(certificate, x509.BasicConstraints)
    below = None if own is None else own.path_length
    fits = below is not None and below < basic.path_length
    return None if fits else "the path length does not match the CA that signs"


def validity(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check that it begins before it ends, and is within the validity of its issuer.

    The source is RFC 5280, 4.1.2.5.
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begin >= end:
        return "it ends before it begins"
    within = issuer.not_valid_before_utc <= begin and end <= issuer.not_valid_after_utc
    return None if within else "its validity is not within the validity of the CA that signs"


def public_key(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for RSA 2048, 3072, 4096 or EC P-256, P-384 (facts sheet, 4)."""
    return None if key_type(certificate.public_key()) else "the key's type or size is not allowed"


def subject_attributes(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for CN, serialNumber, O, C for holders, and CN, O, C for others, in order.

    The sources are facts sheet, 4, and RFC 5280, 4.1.2.6.
    """
    wanted = _HOLDER_SUBJECT if _is_holder(certificate, issuer) else _SUBJECT
    found = tuple(attribute.oid for attribute in certificate.subject)
    return None if found == wanted else "the subject does not have exactly the attributes of its profile, in order"


def subject_strings(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for UTF8String, and PrintableString in serialNumber and C.

    The source is RFC 5280, 4.1.2.4 and appendix A.1.
    """
    plain = x509.Name([x509.NameAttribute(one.oid, one.value) for one in certificate.subject])
    same = plain.public_bytes() == certificate.subject.public_bytes()
    return None if same else "the subject has a string of the wrong type"


def subject_values(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for empty, overlong or unprintable values in the subject.

    The source is RFC 5280, appendix A.1: ub-common-name, ub-organization-name.
    """
    for attribute in certificate.subject:
        text = str(attribute.value)
        if not 0 < len(text) <= ORGANISATION_LIMIT or text != text.strip() or _UNSEEN.search(text):
            return "the subject has a value that is empty, over 64 characters, padded or unprintable"
    return None


def lineage_id(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for the lineage id as serialNumber: 32 upper-case hex digits.

    The source is the facts sheet, 4.
    """
    if not _is_holder(certificate, issuer):
        return None
    values = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    fits = all(_LINEAGE.fullmatch(str(one.value)) for one in values)
    return None if fits else "the subject's serialNumber is not 32 upper-case hex digits"


def basic_constraints(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for critical basicConstraints, which fit the CA that signs.

    Leaves have CA:FALSE (facts sheet, 4), CAs have CA:TRUE (RFC 5280, 4.2.1.9).
    """
    if not _is_critical(certificate, x509.BasicConstraints):
        return "basicConstraints is missing or not critical"
    return (
        None
        if _is_ca(certificate) is not _issues_leaves(issuer)
        else "basicConstraints does not match the CA that signs"
    )


def usage_bits(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for critical keyUsage with exactly the bits of its profile.

    Only holders' RSA keys have keyEncipherment (RFC 5280, 4.2.1.3).
    """
    if _is_ca(certificate):
        wanted = key_usage(key_cert_sign=True, crl_sign=True)
    else:
        encipher = _is_holder(certificate, issuer) and is_rsa(certificate.public_key())
        wanted = key_usage(digital_signature=True, key_encipherment=encipher)
    fits = _is_critical(certificate, x509.KeyUsage) and extension_value(certificate, x509.KeyUsage) == wanted
    return None if fits else "keyUsage is not critical or does not have exactly the bits of its profile"


def extended_usage(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for clientAuth alone for holders, OCSPSigning alone for responders.

    Other certificates have no extendedKeyUsage (facts sheet, 4; RFC 5280, 4.2.1.12).
    """
    found = extension_value(certificate, x509.ExtendedKeyUsage)
    if is_ocsp_responder(certificate):
        only_answers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        return None if found == only_answers else "extendedKeyUsage is not exactly OCSPSigning"
    if _is_holder(certificate, issuer):
        only_clients = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return None if found == only_clients else "extendedKeyUsage is not exactly clientAuth"
    return None if found is None else "extendedKeyUsage is present, but its profile has none"


def responder(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check that a responder is a leaf with id-pkix-ocsp-nocheck, for 90 days at most.

    The sources are RFC 5280, 4.2.1.12, and RFC 6960, 4.2.2.2.1.
    """
    unchecked = extension_value(certificate, x509.OCSPNoCheck) is not None
    if not is_ocsp_responder(certificate):
        return "id-pkix-ocsp-nocheck is present, but its profile has none" if unchecked else None
    if not unchecked or _is_ca(certificate) or not _issues_leaves(issuer):
        return "an OCSP responder's certificate is not an end-entity certificate with id-pkix-ocsp-nocheck"
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return None if life < RESPONDERS_LIVE else "an OCSP responder's certificate is valid for more than 90 days"


def subject_key_identifier(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check that the identifier is SHA-1 over the key's bits.

    The source is RFC 5280, 4.2.1.2, method 1. It is an identifier, no protection.
    """
    wanted = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    same = extension_value(certificate, x509.SubjectKeyIdentifier) == wanted
    return None if same else "subjectKeyIdentifier is missing or does not match the key"


def authority_key_identifier(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """Check for the issuer's subjectKeyIdentifier; only a root may leave it out.

    The source is RFC 5280, 4.2.1.1.
    """
    found = extension_value(certificate, x509.AuthorityKeyIdentifier)
    if found is None:
        return None if _is_root(certificate) else "authorityKeyIdentifier is missing"
    own = extension_value(issuer, x509.SubjectKeyIdentifier)
    same = own is not None and found.key_identifier == own.digest
    return None if same else "authorityKeyIdentifier does not match the issuer's identifier"


def authority_access(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for the http address of the issuer's certificate, and of OCSP in leaves.

    Roots and responders have none (RFC 5280, 4.2.2.1).
    """
    found = extension_value(certificate, x509.AuthorityInformationAccess)
    wanted = {AuthorityInformationAccessOID.CA_ISSUERS}
    if not _is_ca(certificate):
        wanted.add(AuthorityInformationAccessOID.OCSP)
    if _points_nowhere(certificate):
        wanted = set()
    methods = {one.access_method for one in found or ()}
    plain = _are_http([one.access_location for one in found or ()])
    return (
        None if methods == wanted and plain else "authorityInfoAccess does not have the http addresses of its profile"
    )


def distribution_points(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check for one point with one http address, without cRLIssuer and reasons.

    Roots and responders have none (RFC 5280, 4.2.1.13).
    """
    found = extension_value(certificate, x509.CRLDistributionPoints)
    if _points_nowhere(certificate):
        return None if found is None else "a root or OCSP responder has a CRL address"
    if found is None or len(list(found)) != 1:
        return "cRLDistributionPoints does not have exactly one point"
    point = next(iter(found))
    fits = point.crl_issuer is None and point.reasons is None and len(point.full_name or ()) == 1
    return None if fits and _are_http(point.full_name or ()) else "the CRL's address is not one plain http address"


def no_alternative_names(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check that there is no SAN, since the subject is complete.

    The sources are facts sheet, 4, and RFC 5280, 4.2.1.6.
    """
    found = extension_value(certificate, x509.SubjectAlternativeName)
    return None if found is None else "a subjectAltName is present"


def known_extensions(certificate: x509.Certificate, _: x509.Certificate) -> str | None:
    """Check that a profile names every extension, and which of them are critical.

    The source is RFC 5280, 4.2.
    """
    for one in certificate.extensions:
        if one.oid not in _KNOWN_EXTENSIONS:
            return f"the extension {one.oid.dotted_string} is not in the profile"
        if one.critical and one.oid not in {x509.BasicConstraints.oid, x509.KeyUsage.oid}:
            return f"the extension {one.oid.dotted_string} is critical"
    return None


RULES: tuple[Rule, ...] = (
    version,
    serial_number,
    issuer_name,
    issuer_may_sign,
    validity,
    public_key,
    subject_attributes,
    subject_strings,
    subject_values,
    lineage_id,
    basic_constraints,
    usage_bits,
    extended_usage,
    responder,
    subject_key_identifier,
    authority_key_identifier,
    authority_access,
    distribution_points,
    no_alternative_names,
    known_extensions,
)
"""All rules, in the order of their findings."""


def _is_ca(certificate: x509.Certificate) -> bool:
    basic = extension_value(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject.public_bytes() == certificate.issuer.public_bytes() and _is_ca(certificate)


def _points_nowhere(certificate: x509.Certificate) -> bool:
    return _is_root(certificate) or is_ocsp_responder(certificate)


def _issues_leaves(issuer: x509.Certificate) -> bool:
    return channel_from_policy(issuer) is not None or signs_responses(issuer)


def _is_holder(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return True for a leaf of an issuing CA of holders, except its OCSP responder.

    The policy of the issuing CA decides.
    """
    return channel_from_policy(issuer) is not None and not _is_ca(certificate) and not is_ocsp_responder(certificate)


def _is_critical(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    return any(one.critical for one in certificate.extensions if one.oid == kind.oid)


def _are_http(names: Sequence[x509.GeneralName]) -> bool:
    return all(isinstance(one, x509.UniformResourceIdentifier) and one.value.startswith("http://") for one in names)
