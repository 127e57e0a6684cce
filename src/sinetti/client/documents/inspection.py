"""Content of certificate files, as `sinetti inspect` shows it.

See docs/holders/inspect.md. Nothing is judged: no signature, no issuer, no date. Names and extensions are read as far
as they can be.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key, load_pem_private_key, pkcs7
from cryptography.hazmat.primitives.serialization import pkcs12 as pkcs12_format
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from lxml import etree

from sinetti.client.store import java_keystores, keystores
from sinetti.domain.values import Channel, Environment
from sinetti.pki import chain, encoding, policy_oids
from sinetti.pki.key_policy import key_type
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.signature import SIGNATURE

LARGEST = 64 * 1024 * 1024
"""Longest file in octets; a revocation list of a million entries has 52 MB."""

_UNREADABLE = "it contains no certificate, request, revocation list, key store or XML message"
_BAD_CERTIFICATE = "the certificate cannot be read"
_EMPTY = "it is empty"
_TOO_LONG = "it is longer than 64 MiB"
_ODD = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InternalError)
"""Errors of cryptography for octets that it does not read."""

_MOST_ISSUERS = 8
"""Certificates of one name that are tried as the issuer of another."""

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_CERTIFICATES = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})
_REQUESTS = frozenset({b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"})
_PKCS7 = frozenset({b"PKCS7", b"CMS"})
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SOAP_BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"
_NAMED = {NameOID.SERIAL_NUMBER: "serialNumber"}

_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
"""Names of RFC 5280, 4.2.1.3, by those of cryptography."""

_EXTENDED_USAGES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
}
"""Names of RFC 5280, 4.2.1.12."""


class FileKind(StrEnum):
    """Kind of a file; the values are those of JSON."""

    CERTIFICATE = "certificate"
    CSR = "csr"
    CRL = "crl"
    PKCS12 = "pkcs12"
    JKS = "jks"
    MESSAGE = "message"


class Purpose(StrEnum):
    """Purpose of a certificate, by its own extensions and its issuing CA's policy."""

    HOLDER = "holder"
    ANSWERS = "answers"
    OCSP = "ocsp"
    TLS_SERVER = "tls-server"
    CA = "ca"
    CA_OF_HOLDERS = "ca-of-holders"
    CA_OF_ANSWERS = "ca-of-answers"


_CAS = frozenset({Purpose.CA, Purpose.CA_OF_HOLDERS, Purpose.CA_OF_ANSWERS})


class PasswordError(Exception):
    """Key store that opens with a password only; `given`: the given one is wrong."""

    def __init__(self, *, given: bool) -> None:
        """Store whether a password was given."""
        super().__init__("password")
        self.given = given


class PrivateKeyError(Exception):
    """File with a private key and nothing else.

    `kind` is its type, or None if it is encrypted.
    """

    def __init__(self, kind: str | None) -> None:
        """Store the type of the key."""
        super().__init__("private key")
        self.kind = kind


@dataclass(frozen=True)
class InspectedItem:
    """Certificate, request or revocation list.

    What it does not state is None or empty. `sha256` is that of its DER. `alias` is its name in a key store. `channel`
    and `environment` are known by the policy of an issuing CA alone.
    """

    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    sha256: str | None = None
    key: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    alias: str | None = None
    purpose: Purpose | None = None
    channel: Channel | None = None
    environment: Environment | None = None
    usages: tuple[str, ...] = ()

    def days_left(self, now: datetime) -> int | None:
        """Return the whole days of 24 hours until the end, negative after it."""
        return None if self.not_after is None else (self.not_after - now).days


@dataclass(frozen=True)
class InspectedFile:
    """Content of a file.

    `others` are its further certificates. `element` names the element of a message. `entries` and `number` are those of
    a revocation list.
    """

    kind: FileKind
    first: InspectedItem = InspectedItem()
    others: tuple[InspectedItem, ...] = ()
    has_key: bool = False
    element: str | None = None
    is_signed: bool = False
    entries: int | None = None
    number: int | None = None


def inspect_octets(octets: bytes, password: bytes | None) -> InspectedFile:
    """Return the content of a file.

    Raises ValueError with a sentence for users, PasswordError and PrivateKeyError.
    """
    if len(octets) > LARGEST:
        raise ValueError(_TOO_LONG)
    if octets[:4] in java_keystores.KINDS:
        entries = java_keystores.parse_java(octets)
        if password is not None and not java_keystores.has_digest_of(octets, password):
            raise PasswordError(given=True)
        ordered = sorted(entries, key=lambda java_entry: not java_entry.has_key)  # the first with a key, else the first
        inspections = _items([(certificate, entry.alias) for entry in ordered for certificate in entry.certificates])
        return _file(FileKind.JKS, inspections, has_key=any(entry.has_key for entry in entries))
    if octets[:2] in _UTF_16:  # as PowerShell writes redirected text
        octets = octets.decode("utf-16", "replace").encode()
    text = parser.without_bom(octets).lstrip()
    if not text:
        raise ValueError(_EMPTY)
    if text.startswith(b"<"):
        return _message(text)
    if _BEGIN.search(text):
        return _pem(text)
    with_out_armour = _base64(text)
    return _der(octets if with_out_armour is None else with_out_armour, password)


def _pem(octets: bytes) -> InspectedFile:
    labels = frozenset(_BEGIN.findall(octets))
    key = any(label.endswith(b"PRIVATE KEY") for label in labels)
    if labels & _CERTIFICATES:
        return _of_certificates(chain.load_bundle(octets), has_key=key)
    try:
        if labels & _PKCS7:
            return _of_certificates(_leaf_first(pkcs7.load_pem_pkcs7_certificates(octets)))
        if labels & _REQUESTS:
            return _request(x509.load_pem_x509_csr(octets))
        if b"X509 CRL" in labels:
            return _list(x509.load_pem_x509_crl(octets))
    except _ODD as bad:
        raise ValueError(_UNREADABLE) from bad
    if key:
        raise PrivateKeyError(_key_kind(octets, is_pem=True))
    raise ValueError(_UNREADABLE)


def _der(octets: bytes, password: bytes | None) -> InspectedFile:
    with suppress(*_ODD):
        return _of_certificates([encoding.load_certificate(octets)])
    with suppress(*_ODD):
        return _request(x509.load_der_x509_csr(octets))
    with suppress(*_ODD):
        return _list(x509.load_der_x509_crl(octets))
    with suppress(*_ODD):
        return _of_certificates(_leaf_first(pkcs7.load_der_pkcs7_certificates(octets)))
    if keystores.is_pkcs12(octets):
        return _pkcs12(octets, password)
    raise PrivateKeyError(_key_kind(octets, is_pem=False))


def _pkcs12(octets: bytes, password: bytes | None) -> InspectedFile:
    store = None
    # Without a password some programs write none, others an empty one.
    for tried in (password,) if password is not None else (None, b""):
        with suppress(*_ODD):
            store = pkcs12_format.load_pkcs12(octets, tried)
            break
    if store is None:
        raise PasswordError(given=password is not None)
    bags = [cert for cert in (store.cert, *store.additional_certs) if cert is not None]
    if not bags and store.key is not None:
        raise PrivateKeyError(_name_of_key(store.key.public_key()))
    inspections = _items([(bag.certificate, (bag.friendly_name or b"").decode(errors="replace")) for bag in bags])
    return _file(FileKind.PKCS12, inspections, has_key=store.key is not None)


def _message(octets: bytes) -> InspectedFile:
    parser.run_parser(parser.hardened_parser(), octets)
    root = parser.tree_of(octets)
    body = root.find(_SOAP_BODY)
    payload = root if body is None else next(iter(parser.children(body)), root)
    element = etree.QName(payload).localname
    signature = next(root.iter(SIGNATURE), None)
    if signature is None:
        return InspectedFile(FileKind.MESSAGE, element=element)
    values = (
        parser.decode_base64(parser.value(element)) for element in signature.iter(f"{{{parser.DS}}}X509Certificate")
    )
    try:
        certificates = [encoding.load_certificate(der or b"") for der in values]
    except ValueError as bad:
        raise ValueError(_BAD_CERTIFICATE) from bad
    inspections = _items([(certificate, None) for certificate in certificates]) or [InspectedItem()]
    return InspectedFile(FileKind.MESSAGE, inspections[0], tuple(inspections[1:]), element=element, is_signed=True)


def _of_certificates(certificates: Sequence[x509.Certificate], *, has_key: bool = False) -> InspectedFile:
    return _file(FileKind.CERTIFICATE, _items([(certificate, None) for certificate in certificates]), has_key=has_key)


def _file(kind: FileKind, inspections: Sequence[InspectedItem], *, has_key: bool) -> InspectedFile:
    if not inspections:
        raise ValueError(_UNREADABLE)
    return InspectedFile(kind, inspections[0], tuple(inspections[1:]), has_key)


def _leaf_first(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Sort the set of a PKCS#7, which has no order: certificates of no CA first."""
    return sorted(certificates, key=lambda one: _purpose(one, ())[0] in _CAS)


def _request(request: x509.CertificateSigningRequest) -> InspectedFile:
    digest = encoding.sha256_hex(request.public_bytes(Encoding.DER))
    item = InspectedItem(_name(lambda: request.subject), sha256=digest, key=_key(request))
    return InspectedFile(FileKind.CSR, item)


def _list(crl: x509.CertificateRevocationList) -> InspectedFile:
    number = None
    with suppress(x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    item = InspectedItem(
        issuer=_name(lambda: crl.issuer),
        sha256=encoding.sha256_hex(crl.public_bytes(Encoding.DER)),
        not_before=crl.last_update_utc,
        not_after=crl.next_update_utc,
    )
    return InspectedFile(FileKind.CRL, item, entries=len(crl), number=number)


def _items(certificates: Sequence[tuple[x509.Certificate, str | None]]) -> list[InspectedItem]:
    """Return the content of certificates with their aliases.

    One may be the issuer of another.
    """
    by_name: dict[x509.Name | None, list[x509.Certificate]] = defaultdict(list)
    for certificate, _ in certificates:
        by_name[chain.names_of(certificate)[1]].append(certificate)
    return [
        _item(certificate, alias, by_name[chain.names_of(certificate)[0]][:_MOST_ISSUERS])
        for certificate, alias in certificates
    ]


def _item(certificate: x509.Certificate, alias: str | None, issuers: Sequence[x509.Certificate]) -> InspectedItem:
    number = certificate.serial_number
    purpose, channel, environment = _purpose(certificate, issuers)
    return InspectedItem(
        subject=_name(lambda: certificate.subject),
        issuer=_name(lambda: certificate.issuer),
        serial=None if number < 0 else encoding.serial_hex(number),
        sha256=encoding.sha256_hex(encoding.certificate_der(certificate)),
        key=_key(certificate),
        not_before=_at(lambda: certificate.not_valid_before_utc),
        not_after=_at(lambda: certificate.not_valid_after_utc),
        alias=alias or None,
        purpose=purpose,
        channel=channel,
        environment=environment,
        usages=tuple(_usages(certificate)),
    )


def _purpose(
    certificate: x509.Certificate, issuers: Sequence[x509.Certificate]
) -> tuple[Purpose | None, Channel | None, Environment | None]:
    constraints = _extension(certificate, x509.BasicConstraints)
    is_ca = constraints is not None and constraints.ca
    issuer = certificate if is_ca else next(iter(chain.issuers_of(certificate, issuers)), None)
    answers = None if issuer is None else policy_oids.services_environment(issuer)
    channel, environment = (None if issuer is None else policy_oids.channel_from_policy(issuer)) or (None, answers)
    if is_ca:
        of = Purpose.CA_OF_HOLDERS if channel is not None else Purpose.CA
        return Purpose.CA_OF_ANSWERS if answers is not None else of, channel, environment
    named = tuple(_extension(certificate, x509.ExtendedKeyUsage) or ())
    if ExtendedKeyUsageOID.OCSP_SIGNING in named:
        return Purpose.OCSP, None, environment
    if answers is not None:
        return Purpose.ANSWERS, None, environment
    if policy_oids.is_holder_certificate(certificate):
        return Purpose.HOLDER, channel, environment
    return (Purpose.TLS_SERVER if ExtendedKeyUsageOID.SERVER_AUTH in named else None), None, environment


def _usages(certificate: x509.Certificate) -> Iterable[str]:
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None:
        yield from (name for field, name in _USAGES.items() if getattr(usage, field))
    for one in _extension(certificate, x509.ExtendedKeyUsage) or ():
        yield _EXTENDED_USAGES.get(one, one.dotted_string)


def _extension(certificate: x509.Certificate, kind: type[chain.ExtensionValue]) -> chain.ExtensionValue | None:
    try:
        return chain.extension_value(certificate, kind)
    except ValueError:
        return None


def _name(read: Callable[[], x509.Name]) -> str | None:
    try:
        return read().rfc4514_string(_NAMED) or None
    except (ValueError, TypeError):  # TypeError: a bit string as an attribute of another type
        return None


def _at(read: Callable[[], datetime]) -> datetime | None:
    try:
        return read()
    except ValueError:  # an impossible date, such as the year 0
        return None


def _key(holder: x509.Certificate | x509.CertificateSigningRequest) -> str | None:
    try:
        return _name_of_key(holder.public_key())
    except _ODD:
        return None


def _name_of_key(key: object) -> str:
    """Return the type of a public key, as the option --key names it, and others alike."""
    if isinstance(key, encoding.PublicKey):
        known = key_type(key)
        if known is not None:
            return known.value
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ec-{key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lower()  # Ed25519PublicKey, DSAPublicKey


def _key_kind(octets: bytes, *, is_pem: bool) -> str | None:
    """Return the type of a private key, or None if it is encrypted.

    Raises ValueError if it is no private key.
    """
    load = load_pem_private_key if is_pem else load_der_private_key
    try:
        return _name_of_key(load(octets, None, unsafe_skip_rsa_key_validation=True).public_key())
    except TypeError:
        return None
    except (ValueError, UnsupportedAlgorithm, InternalError) as bad:
        raise ValueError(_UNREADABLE) from bad


def _base64(text: bytes) -> bytes | None:
    """Return the octets of a text that is base64 alone, or None.

    The content of X509Certificate in a signature is such a text.
    """
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None
