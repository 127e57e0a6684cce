"""Certificate profiles: the content of each kind of certificate (facts sheet, 4).

A profile is a builder without signature.

DER values, and the outer structure of signed data (RFC 5280, 4.1 and 5.1).

It is SEQUENCE { to-be-signed, AlgorithmIdentifier, BIT STRING }.
"""

from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from sinetti.ca.issuance_request import CaRequest, IssuingCa, LeafRequest
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import PublicKey, algorithm_identifier, organisation_name
from sinetti.pki.key_policy import is_rsa


def holder(plan: LeafRequest, issuer: IssuingCa) -> x509.CertificateBuilder:
    """Build a holder's certificate.

    The subject has CN, serialNumber, O, C. It is for clients only, with keyEncipherment for RSA.
    """
    usage = key_usage(digital_signature=True, key_encipherment=is_rsa(plan.public_key))
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _leaf(plan, issuer, holder_subject(plan))
    return builder.add_extension(purpose, critical=False).add_extension(usage, critical=True)


def holder_subject(plan: LeafRequest) -> list[x509.NameAttribute[str]]:
    """Return the subject of a holder's certificate.

    Raises ValueError without the id of the lineage.
    """
    if plan.subject_serial is None:
        raise ValueError("a holder's certificate must have the holding's ID as serialNumber")
    return [
        x509.NameAttribute(NameOID.COMMON_NAME, plan.customer_id),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, plan.subject_serial),
        *_home(plan.organisation, plan.country),
    ]


def services(plan: LeafRequest, issuer: IssuingCa) -> x509.CertificateBuilder:
    """Build the certificate of a response signer: subject CN, O, C; digitalSignature.

    It has no nonRepudiation: a response is proof for its receiver, no declaration of will. It has no extended key
    usage: libraries that verify XML signatures check the chain by the rules for TLS clients. These reject a list
    without clientAuth and accept an absent list. The issuer alone distinguishes such a leaf from a holder's.
    """
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, plan.customer_id), *_home(plan.organisation, plan.country)]
    return _leaf(plan, issuer, subject).add_extension(key_usage(digital_signature=True), critical=True)


def responder(plan: LeafRequest, issuer: IssuingCa) -> x509.CertificateBuilder:
    """Build the certificate of its issuer's OCSP responder (RFC 6960, 4.2.2.2).

    The subject has CN, O, C; the extended key usage is OCSPSigning. Clients do not check its revocation
    (id-pkix-ocsp-nocheck, 4.2.2.2.1), so it has no pointers and a short validity. Every response contains it and so
    stays small.
    """
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, plan.customer_id), *_home(plan.organisation, plan.country)]
    )
    builder = _frame(subject, issuer.certificate.subject, plan.public_key, plan.serial, plan.span)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_identifier_of(issuer.certificate), critical=False)
        .add_extension(purpose, critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(key_usage(digital_signature=True), critical=True)
    )


def authority(plan: CaRequest, issuer: IssuingCa | None) -> x509.CertificateBuilder:
    """Build a CA certificate.

    `issuer` is None for a root, which signs itself and has no pointers.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, plan.name), *_home(plan.organisation, plan.country)])
    issuer_name = subject if issuer is None else issuer.certificate.subject
    builder = _frame(subject, issuer_name, plan.public_key, plan.serial, plan.span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=plan.path_length), critical=True)
    builder = builder.add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    if plan.policy is not None:
        policies = x509.CertificatePolicies([x509.PolicyInformation(plan.policy, None)])
        builder = builder.add_extension(policies, critical=False)
    if issuer is None:
        return builder
    return _pointers(builder, issuer, [_access(AuthorityInformationAccessOID.CA_ISSUERS, issuer.certificate_url)])


def key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    """Return KeyUsage with these bits and no others (RFC 5280, 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def key_identifier_of(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the issuer's own identifier for certificates that it signs.

    Raises ValueError if it has none.
    """
    own = extension_value(issuer, x509.SubjectKeyIdentifier)
    if own is None:
        raise ValueError("the issuing CA's certificate has no subjectKeyIdentifier")
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _leaf(plan: LeafRequest, issuer: IssuingCa, subject: list[x509.NameAttribute[str]]) -> x509.CertificateBuilder:
    name = x509.Name(subject)
    builder = _frame(name, issuer.certificate.subject, plan.public_key, plan.serial, plan.span)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    access = [
        _access(AuthorityInformationAccessOID.CA_ISSUERS, issuer.certificate_url),
        _access(AuthorityInformationAccessOID.OCSP, issuer.ocsp_url),
    ]
    return _pointers(builder, issuer, access)


def _frame(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    serial: Serial,
    span: ValidityPeriod,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, public_key, int(serial, 16), span.not_before, span.not_after)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _pointers(
    builder: x509.CertificateBuilder,
    issuer: IssuingCa,
    access: list[x509.AccessDescription],
) -> x509.CertificateBuilder:
    """Add the addresses of the issuer's files.

    The distribution point has no cRLIssuer, as RFC 5280, 4.2.1.13, requires.
    """
    where = x509.DistributionPoint([x509.UniformResourceIdentifier(issuer.crl_url)], None, None, None)
    return (
        builder.add_extension(key_identifier_of(issuer.certificate), critical=False)
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints([where]), critical=False)
    )


def _access(method: x509.ObjectIdentifier, url: str) -> x509.AccessDescription:
    return x509.AccessDescription(method, x509.UniformResourceIdentifier(url))


def _home(organisation: str, country: str) -> list[x509.NameAttribute[str]]:
    return [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation_name(organisation)),
        x509.NameAttribute(NameOID.COUNTRY_NAME, country),
    ]


SEQUENCE, BIT_STRING = 0x30, 0x03
_INTEGER, _UTC_TIME, _GENERALIZED_TIME = 0x02, 0x17, 0x18
_FIRST_YEAR, _GENERALIZED_FROM = 1950, 2050
_SHORT = 0x80


def encode_signed(tbs: bytes, public_key: PublicKey, signature: bytes, behind: bytes = b"") -> bytes:
    """Join octets and signature to one DER value, with the algorithm of the key.

    `behind` is the part after the signature: in an OCSP response it is certificates (RFC 6960, 4.2.1).
    """
    # The leading zero says that no bits of the last octet are unused (X.690, 8.6.2).
    return encode_tlv(SEQUENCE, tbs, algorithm_identifier(public_key), encode_tlv(BIT_STRING, b"\0", signature), behind)


def ca_key(certificate: x509.Certificate) -> PublicKey:
    """Return the public key of a CA.

    Raises ValueError for a key that is neither RSA nor EC.
    """
    key = certificate.public_key()
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise ValueError("the CA's key must be RSA or EC")  # noqa: TRY004 -- the certificate is wrong, not the caller's types
    return key


def encode_tlv(tag: int, *content: bytes | memoryview) -> bytes:
    """Encode one DER value with a definite length (X.690, 8.1.3 and 10.1).

    The content comes in parts, since that of a CRL has 40 MB.
    """
    return b"".join((encode_header(tag, sum(map(len, content))), *content))


def encode_header(tag: int, length: int) -> bytes:
    """Return tag and length of a DER value with `length` octets of content."""
    if length < _SHORT:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(octets))) + octets


def der_integer(number: int) -> bytes:
    """Encode a whole number from 0 on."""
    return encode_tlv(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


@lru_cache(maxsize=4096)
def der_time(at: datetime) -> bytes:
    """Encode a time: UTCTime through 2049, then GeneralizedTime.

    The source is RFC 5280, 4.1.2.5 and 5.1.2.4. Raises ValueError for a time before 1950.
    """
    utc = at.astimezone(UTC)
    if utc.year < _FIRST_YEAR:
        raise ValueError("a certificate or list cannot contain a date before 1950 (RFC 5280, 4.1.2.5.1)")
    if utc.year < _GENERALIZED_FROM:
        return encode_tlv(_UTC_TIME, f"{utc:%y%m%d%H%M%S}Z".encode())
    return generalized_time(utc)


@lru_cache(maxsize=4096)
def generalized_time(at: datetime) -> bytes:
    """Encode GeneralizedTime: UTC, whole seconds (RFC 5280, 4.1.2.5.2)."""
    utc = at.astimezone(UTC)
    # Four digits (X.690, 11.7), which %Y does not write on all systems for a year before 1000.
    return encode_tlv(_GENERALIZED_TIME, f"{utc.year:04}{utc:%m%d%H%M%S}Z".encode())
