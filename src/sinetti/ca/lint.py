"""Lint of a certificate before its signature: one function per rule.

Every rule names its source. It gets the parts of the certificate and of its issuer's certificate (for a root: itself),
and returns a sentence or None. Each part is read once. Signatures are not checked, since there is none yet.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sinetti.ca.profiles import key_usage
from sinetti.pki.chain import ExtensionValue, extension_value
from sinetti.pki.encoding import ORGANISATION_LIMIT
from sinetti.pki.key_policy import is_rsa, key_type
from sinetti.pki.policy_oids import channel_from_policy, is_ocsp_responder, signs_responses

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


class IssuerParts:
    """Parts of an issuer's certificate that rules compare.

    Raises ValueError if they cannot be read.
    """

    def __init__(self, certificate: x509.Certificate) -> None:
        self.subject = certificate.subject.public_bytes()
        self.not_before, self.not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self.basic = extension_value(certificate, x509.BasicConstraints)
        self.usage = extension_value(certificate, x509.KeyUsage)
        self.identifier = extension_value(certificate, x509.SubjectKeyIdentifier)
        self.issues_holders = channel_from_policy(certificate) is not None
        self.issues_leaves = self.issues_holders or signs_responses(certificate)


class Parts:
    """Parts of a certificate and of its issuer's that rules read.

    Raises ValueError if they cannot be read.
    """

    def __init__(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        self.certificate, self.issuer = certificate, _issuer_parts(issuer)
        self.basic = extension_value(certificate, x509.BasicConstraints)
        self.extensions = {extension.oid: extension for extension in certificate.extensions}
        self.public_key = certificate.public_key()
        self.subject, self.issuer_name = certificate.subject, certificate.issuer.public_bytes()
        self.subject_octets = self.subject.public_bytes()
        self.not_before, self.not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self.is_ca = self.basic is not None and self.basic.ca
        self.is_responder = is_ocsp_responder(certificate)
        # The policy of the issuing CA decides.
        self.is_holder = self.issuer.issues_holders and not self.is_ca and not self.is_responder
        self.is_root = self.is_ca and self.subject_octets == self.issuer_name
        self.points_nowhere = self.is_root or self.is_responder

    def value(self, kind: type[ExtensionValue]) -> ExtensionValue | None:
        """Return the value of one extension, or None if it is absent."""
        found = self.extensions.get(kind.oid)
        return found.value if found is not None and isinstance(found.value, kind) else None

    def is_critical(self, kind: type[x509.ExtensionType]) -> bool:
        """Return True if an extension is present and critical."""
        found = self.extensions.get(kind.oid)
        return found is not None and found.critical


Rule = Callable[[Parts], str | None]

_issuer_parts = lru_cache(maxsize=64)(IssuerParts)


def lint(certificate: x509.Certificate, issuer: x509.Certificate) -> tuple[str, ...]:
    """Return a sentence for every rule that the certificate breaks.

    The result is empty for a good one. `issuer` of a root is itself.
    """
    try:
        parts = Parts(certificate, issuer)
        found = [rule(parts) for rule in RULES]
    except ValueError as bad:
        return (f"a part of the certificate cannot be read: {bad}",)
    return tuple(finding for finding in found if finding is not None)


def version(parts: Parts) -> str | None:
    """Check for version 3, which extensions require (RFC 5280, 4.1.2.1)."""
    return None if parts.certificate.version is x509.Version.v3 else "the version is not 3"


def serial_number(parts: Parts) -> str | None:
    """Check for a positive serial of at most 20 octets, with space for 64 random bits.

    The source is RFC 5280, 4.1.2.2.
    """
    least, most = _SERIAL_BITS
    serial = parts.certificate.serial_number
    fits = serial > 0 and least <= serial.bit_length() <= most
    return None if fits else "the serial number is not a positive number of 64 to 159 bits"


def issuer_name(parts: Parts) -> str | None:
    """Check that the issuer's subject is named, octet for octet (RFC 5280, 4.1.2.4)."""
    return None if parts.issuer_name == parts.issuer.subject else "the issuer is not the subject of the CA that signs"


def issuer_may_sign(parts: Parts) -> str | None:
    """Check that the signer is a CA with keyCertSign and a path length for this one.

    The source is RFC 5280, 4.2.1.3 and 4.2.1.9.
    """
    basic, usage = parts.issuer.basic, parts.issuer.usage
    if basic is None or not basic.ca or usage is None or not usage.key_cert_sign:
        return "the signer is not a CA that may sign certificates"
    if basic.path_length is None or not parts.is_ca or parts.basic is None:
        return None
    below = parts.basic.path_length
    fits = below is not None and below < basic.path_length
    return None if fits else "the path length does not match the CA that signs"


def validity(parts: Parts) -> str | None:
    """Check that it begins before it ends, and is within the validity of its issuer.

    The source is RFC 5280, 4.1.2.5.
    """
    if parts.not_before >= parts.not_after:
        return "it ends before it begins"
    within = parts.issuer.not_before <= parts.not_before and parts.not_after <= parts.issuer.not_after
    return None if within else "its validity is not within the validity of the CA that signs"


def public_key(parts: Parts) -> str | None:
    """Check for RSA 2048, 3072, 4096 or EC P-256, P-384 (facts sheet, 4)."""
    return None if key_type(parts.public_key) else "the key's type or size is not allowed"


def subject_attributes(parts: Parts) -> str | None:
    """Check for CN, serialNumber, O, C for holders, and CN, O, C for others, in order.

    The sources are facts sheet, 4, and RFC 5280, 4.1.2.6.
    """
    wanted = _HOLDER_SUBJECT if parts.is_holder else _SUBJECT
    oids = tuple(attribute.oid for attribute in parts.subject)
    return None if oids == wanted else "the subject does not have exactly the attributes of its profile, in order"


def subject_strings(parts: Parts) -> str | None:
    """Check for UTF8String, and PrintableString in serialNumber and C.

    The source is RFC 5280, 4.1.2.4 and appendix A.1.
    """
    plain = x509.Name([x509.NameAttribute(attribute.oid, attribute.value) for attribute in parts.subject])
    same = plain.public_bytes() == parts.subject_octets
    return None if same else "the subject has a string of the wrong type"


def subject_values(parts: Parts) -> str | None:
    """Check for empty, overlong or unprintable values in the subject.

    The source is RFC 5280, appendix A.1: ub-common-name, ub-organization-name.
    """
    for attribute in parts.subject:
        text = str(attribute.value)
        if not 0 < len(text) <= ORGANISATION_LIMIT or text != text.strip() or _UNSEEN.search(text):
            return "the subject has a value that is empty, over 64 characters, padded or unprintable"
    return None


def lineage_id(parts: Parts) -> str | None:
    """Check for the lineage id as serialNumber: 32 upper-case hex digits.

    The source is the facts sheet, 4.
    """
    if not parts.is_holder:
        return None
    values = parts.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    fits = all(_LINEAGE.fullmatch(str(attribute.value)) for attribute in values)
    return None if fits else "the subject's serialNumber is not 32 upper-case hex digits"


def basic_constraints(parts: Parts) -> str | None:
    """Check for critical basicConstraints, which fit the CA that signs.

    Leaves have CA:FALSE (facts sheet, 4), CAs have CA:TRUE (RFC 5280, 4.2.1.9).
    """
    if not parts.is_critical(x509.BasicConstraints):
        return "basicConstraints is missing or not critical"
    return (
        None if parts.is_ca is not parts.issuer.issues_leaves else "basicConstraints does not match the CA that signs"
    )


def usage_bits(parts: Parts) -> str | None:
    """Check for critical keyUsage with exactly the bits of its profile.

    Only holders' RSA keys have keyEncipherment (RFC 5280, 4.2.1.3).
    """
    if parts.is_ca:
        wanted = key_usage(key_cert_sign=True, crl_sign=True)
    else:
        encipher = parts.is_holder and is_rsa(parts.public_key)
        wanted = key_usage(digital_signature=True, key_encipherment=encipher)
    fits = parts.is_critical(x509.KeyUsage) and parts.value(x509.KeyUsage) == wanted
    return None if fits else "keyUsage is not critical or does not have exactly the bits of its profile"


def extended_usage(parts: Parts) -> str | None:
    """Check for clientAuth alone for holders, OCSPSigning alone for responders.

    Other certificates have no extendedKeyUsage (facts sheet, 4; RFC 5280, 4.2.1.12).
    """
    usage = parts.value(x509.ExtendedKeyUsage)
    if parts.is_responder:
        only_answers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        return None if usage == only_answers else "extendedKeyUsage is not exactly OCSPSigning"
    if parts.is_holder:
        only_clients = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return None if usage == only_clients else "extendedKeyUsage is not exactly clientAuth"
    return None if usage is None else "extendedKeyUsage is present, but its profile has none"


def responder(parts: Parts) -> str | None:
    """Check that a responder is a leaf with id-pkix-ocsp-nocheck, for 90 days at most.

    The sources are RFC 5280, 4.2.1.12, and RFC 6960, 4.2.2.2.1.
    """
    unchecked = parts.value(x509.OCSPNoCheck) is not None
    if not parts.is_responder:
        return "id-pkix-ocsp-nocheck is present, but its profile has none" if unchecked else None
    if not unchecked or parts.is_ca or not parts.issuer.issues_leaves:
        return "an OCSP responder's certificate is not an end-entity certificate with id-pkix-ocsp-nocheck"
    life = parts.not_after - parts.not_before
    return None if life < RESPONDERS_LIVE else "an OCSP responder's certificate is valid for more than 90 days"


def subject_key_identifier(parts: Parts) -> str | None:
    """Check that the identifier is SHA-1 over the key's bits.

    The source is RFC 5280, 4.2.1.2, method 1. It is an identifier, no protection.
    """
    wanted = x509.SubjectKeyIdentifier.from_public_key(parts.public_key)
    same = parts.value(x509.SubjectKeyIdentifier) == wanted
    return None if same else "subjectKeyIdentifier is missing or does not match the key"


def authority_key_identifier(parts: Parts) -> str | None:
    """Check for the issuer's subjectKeyIdentifier; only a root may leave it out.

    The source is RFC 5280, 4.2.1.1.
    """
    identifier = parts.value(x509.AuthorityKeyIdentifier)
    if identifier is None:
        return None if parts.is_root else "authorityKeyIdentifier is missing"
    own = parts.issuer.identifier
    same = own is not None and identifier.key_identifier == own.digest
    return None if same else "authorityKeyIdentifier does not match the issuer's identifier"


def authority_access(parts: Parts) -> str | None:
    """Check for the http address of the issuer's certificate, and of OCSP in leaves.

    Roots and responders have none (RFC 5280, 4.2.2.1).
    """
    found = parts.value(x509.AuthorityInformationAccess)
    wanted = {AuthorityInformationAccessOID.CA_ISSUERS}
    if not parts.is_ca:
        wanted.add(AuthorityInformationAccessOID.OCSP)
    if parts.points_nowhere:
        wanted = set()
    methods = {one.access_method for one in found or ()}
    plain = _are_http([one.access_location for one in found or ()])
    return (
        None if methods == wanted and plain else "authorityInfoAccess does not have the http addresses of its profile"
    )


def distribution_points(parts: Parts) -> str | None:
    """Check for one point with one http address, without cRLIssuer and reasons.

    Roots and responders have none (RFC 5280, 4.2.1.13).
    """
    points = parts.value(x509.CRLDistributionPoints)
    if parts.points_nowhere:
        return None if points is None else "a root or OCSP responder has a CRL address"
    if points is None or len(list(points)) != 1:
        return "cRLDistributionPoints does not have exactly one point"
    point = next(iter(points))
    fits = point.crl_issuer is None and point.reasons is None and len(point.full_name or ()) == 1
    return None if fits and _are_http(point.full_name or ()) else "the CRL's address is not one plain http address"


def no_alternative_names(parts: Parts) -> str | None:
    """Check that there is no SAN, since the subject is complete.

    The sources are facts sheet, 4, and RFC 5280, 4.2.1.6.
    """
    name = parts.value(x509.SubjectAlternativeName)
    return None if name is None else "a subjectAltName is present"


def known_extensions(parts: Parts) -> str | None:
    """Check that a profile names every extension, and which of them are critical.

    The source is RFC 5280, 4.2.
    """
    for extension in parts.extensions.values():
        if extension.oid not in _KNOWN_EXTENSIONS:
            return f"the extension {extension.oid.dotted_string} is not in the profile"
        if extension.critical and extension.oid not in {x509.BasicConstraints.oid, x509.KeyUsage.oid}:
            return f"the extension {extension.oid.dotted_string} is critical"
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


def _are_http(names: Sequence[x509.GeneralName]) -> bool:
    return all(isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith("http://") for name in names)
