"""Holders' certificates: the octets to be signed are read, rebuilt and compared.

Only serial, dates, subject, key and shard vary. The rest of a TBSCertificate (RFC 5280, 4.1) follows from the CA and
its profile, so octets that differ anywhere else are refused. `ca/profiles.py` has the same profile for the service.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from sinetti.authority.signer.der import (
    BIT_STRING,
    EXPLICIT_3,
    INTEGER,
    LARGEST,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    DerReader,
    enter,
    positive,
    refuse,
)
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.profiles import ca_key, encode_header, encode_tlv, key_identifier_of, key_usage
from sinetti.pki.encoding import ORGANISATION_LIMIT, PublicKey, algorithm_identifier, verify
from sinetti.pki.key_policy import is_rsa
from sinetti.settings.signer import PolicyCa

_VERSION_3 = bytes.fromhex("a003020102")
_TRUE = bytes.fromhex("0101ff")
_OCTET_STRING = 0x04
_SUBJECT = (
    (bytes.fromhex("0603550403"), UTF8_STRING),  # CN
    (bytes.fromhex("0603550405"), PRINTABLE_STRING),  # serialNumber
    (bytes.fromhex("060355040a"), UTF8_STRING),  # O
    (bytes.fromhex("0603550406"), PRINTABLE_STRING),  # C
)
"""Attributes of a holder's subject, in order, with the tags of their strings."""

_LINEAGE = re.compile(r"[0-9A-F]{32}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SERIAL_OCTETS, _SERIAL_FIRST = 19, range(0x40, 0x80)
_SERIAL = bytes.fromhex("0213")
"""Tag and length of a serial number."""


@dataclass(frozen=True)
class IssuedCertificate:
    """Certificate that a caller shows: signed octets, their fields, and signature."""

    tbs: bytes = field(repr=False)
    fields: "CertificateFields"
    algorithm: bytes
    signature: bytes = field(repr=False)

    @staticmethod
    def read(der: bytes) -> "IssuedCertificate":
        """Read a certificate. Raises SignatureRefused."""
        if len(der) > LARGEST:
            refuse(f"the certificate has more than {LARGEST} octets")
        whole = DerReader(der)
        parts = whole.inside(SEQUENCE)
        whole.finish()
        tbs, algorithm, signature = parts.element(SEQUENCE), parts.element(SEQUENCE), parts.content(BIT_STRING)
        parts.finish()
        return IssuedCertificate(tbs, read_fields(tbs), algorithm, signature)

    def is_from(self, ca: PolicyCa) -> bool:
        """Return True if the CA's key signed it."""
        key = ca_key(ca.certificate)
        is_named = self.fields.issuer == ca.certificate.subject.public_bytes()
        has_form = self.algorithm == algorithm_identifier(key) and self.signature[:1] == b"\0"
        return is_named and has_form and verify(key, self.tbs, self.signature[1:])


@dataclass(frozen=True)
class HolderSubject:
    """Subject of a holder's certificate; `lineage` is its serialNumber."""

    customer_id: str
    lineage: str
    organisation: str
    country: str


@dataclass(frozen=True)
class CertificateFields:
    """Parts of a TBSCertificate that vary, read strictly: each value has one form.

    `issuer`, `dates`, `name` and `spki` are DER.
    """

    serial: bytes
    issuer: bytes
    dates: bytes
    not_before: datetime
    not_after: datetime
    name: bytes
    spki: bytes = field(repr=False)


def read_fields(tbs: bytes) -> CertificateFields:
    """Read the fields of a TBSCertificate.

    Its subject and its extensions are not read. Raises SignatureRefused.
    """
    if len(tbs) > LARGEST:
        refuse(f"they are more than {LARGEST}")
    # Plain offsets, since a reader would double the time of a renewal's two certificates.
    at, end = enter(tbs, 0, len(tbs), SEQUENCE)
    if end != len(tbs) or tbs[at : at + len(_VERSION_3)] != _VERSION_3:
        refuse("the version is not 3, or octets are left over")
    serial, algorithm = enter(tbs, at + len(_VERSION_3), end, INTEGER)
    _, issuer = enter(tbs, algorithm, end, SEQUENCE)
    _, dates = enter(tbs, issuer, end, SEQUENCE)
    _, name = enter(tbs, dates, end, SEQUENCE)
    _, spki = enter(tbs, name, end, SEQUENCE)
    _, extensions = enter(tbs, spki, end, SEQUENCE)
    if enter(tbs, extensions, end, EXPLICIT_3)[1] != end:
        refuse("octets are left over after the extensions")
    begin, until = _read_dates(tbs[dates:name])
    number = positive(tbs[serial:algorithm])
    return CertificateFields(
        number, tbs[issuer:dates], tbs[dates:name], begin, until, tbs[name:spki], tbs[spki:extensions]
    )


def _read_dates(octets: bytes) -> tuple[datetime, datetime]:
    dates = DerReader(octets).inside(SEQUENCE)
    begin, end = dates.time(), dates.time()
    dates.finish()
    return begin, end


def read_subject(octets: bytes) -> HolderSubject:
    """Read the subject of a holder's certificate in DER. Raises SignatureRefused."""
    values = []
    at, end = enter(octets, 0, len(octets), SEQUENCE)
    for identifier, tag in _SUBJECT:
        at, last = enter(octets, at, end, SET)
        at, pair_end = enter(octets, at, last, SEQUENCE)
        begin = at + len(identifier)
        at, value_end = enter(octets, begin, pair_end, tag)
        if octets[begin - len(identifier) : begin] != identifier or not value_end == pair_end == last:
            refuse("the subject does not have the attributes of a holder, in order")
        values.append(_text(octets[at:value_end], tag))
        at = last
    if at != end:
        refuse("the subject does not have the attributes of a holder, in order")
    return HolderSubject(*values)


def _text(octets: bytes, tag: int) -> str:
    try:
        text = octets.decode("ascii" if tag == PRINTABLE_STRING else "utf-8")
    except UnicodeDecodeError:
        refuse("a name in the subject cannot be read")
    if not 0 < len(text) <= ORGANISATION_LIMIT or text != text.strip() or _UNSEEN.search(text):
        refuse("a name in the subject is empty, over 64 characters, padded or unprintable")
    return text


def load_spki(spki: bytes) -> PublicKey:
    """Return the RSA or EC key of a SubjectPublicKeyInfo. Raises SignatureRefused."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        refuse("the public key cannot be read")
    if not isinstance(key, PublicKey):
        refuse("the public key is neither RSA nor EC")
    return key


def spki_of(key: PublicKey) -> bytes:
    """Return the one SubjectPublicKeyInfo of a key that certificates have."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_serial(serial: bytes) -> None:
    """Refuse a serial number that `new_serial` does not draw (ca/issuance.py).

    Raises SignatureRefused.
    """
    if len(serial) != _SERIAL_OCTETS or serial[0] not in _SERIAL_FIRST:
        refuse("the serial number does not have 19 octets of which the first is 40 to 7f")


class HolderProfile:
    """Profile of the holders' certificates of one CA, with its constant parts in DER."""

    def __init__(self, ca: PolicyCa, country: str) -> None:
        """Encode the constant parts."""
        self._country = country
        self.issuer = ca.certificate.subject.public_bytes()
        self._algorithm = algorithm_identifier(ca_key(ca.certificate))
        self._address = f"{ca.base_url}/crl/{ca.file_name}-"
        self._shard = re.compile(re.escape(self._address.encode()) + rb"([1-9][0-9]{0,6})\.crl")
        issuing = IssuingCa(ca.name, ca.file_name, ca.file_name, ca.certificate, ca.base_url)
        self._before_shard = (
            _extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            + _extension(key_identifier_of(ca.certificate))
            + _extension(_access(issuing))
        )
        self._after_shard = _extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
        self._usage = {
            rsa: _extension(key_usage(digital_signature=True, key_encipherment=rsa), critical=True)
            for rsa in (False, True)
        }

    def check(self, tbs: bytes, fields: CertificateFields, subject: HolderSubject) -> PublicKey:
        """Return the key of a certificate whose octets are exactly those of this profile.

        Raises SignatureRefused.
        """
        check_serial(fields.serial)
        if subject.country != self._country or not _LINEAGE.fullmatch(subject.lineage):
            refuse("the subject's country or serialNumber is not that of a holder")
        match = self._shard.search(tbs)
        key = load_spki(fields.spki)
        if match is None or spki_of(key) != fields.spki or self._rebuilt(fields, is_rsa(key), int(match[1])) != tbs:
            refuse("they differ from the profile of the CA")
        return key

    def _rebuilt(self, fields: CertificateFields, rsa: bool, shard: int) -> bytes:  # noqa: FBT001 - is_rsa of its key
        begin, rest = self._extensions(rsa, shard)
        return encode_tlv(
            SEQUENCE,
            _VERSION_3,
            _SERIAL,
            fields.serial,
            self._algorithm,
            self.issuer,
            fields.dates,
            fields.name,
            fields.spki,
            begin,
            hashlib.sha1(key_bits(fields.spki), usedforsecurity=False).digest(),
            rest,
        )

    @lru_cache(maxsize=1024)  # noqa: B019 - profiles live as long as the process
    def _extensions(self, rsa: bool, shard: int) -> tuple[bytes, bytes]:  # noqa: FBT001 - as above
        """Return the extensions before and after the digest of the key identifier.

        The digest is SHA-1 over the key's bits (RFC 5280, 4.2.1.2, method 1): an identifier, no protection.
        """
        rest = self._before_shard + _point(f"{self._address}{shard}.crl") + self._after_shard + self._usage[rsa]
        size = len(_KEY_IDENTIFIER) + _DIGEST_OCTETS + len(rest)
        inner = encode_header(SEQUENCE, size)
        return encode_header(EXPLICIT_3, len(inner) + size) + inner + _KEY_IDENTIFIER, rest


def key_bits(spki: bytes) -> bytes:
    """Return the BIT STRING subjectPublicKey without tag, length and unused bits."""
    parts = DerReader(spki).inside(SEQUENCE)
    parts.content(SEQUENCE)
    return parts.content(BIT_STRING)[1:]


_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
"""Start of the extension subjectKeyIdentifier, before its digest."""

_DIGEST_OCTETS = 20


def _extension(value: x509.ExtensionType, *, critical: bool = False) -> bytes:
    return encode_tlv(
        SEQUENCE,
        _identifier(value.oid),
        _TRUE if critical else b"",
        encode_tlv(_OCTET_STRING, value.public_bytes()),
    )


def _identifier(oid: x509.ObjectIdentifier) -> bytes:
    """Encode the identifier of a standard extension or of AuthorityInfoAccess."""
    return (
        _INFO_ACCESS
        if oid == x509.AuthorityInformationAccess.oid
        else b"\x06\x03\x55\x1d" + bytes((int(oid.dotted_string.rpartition(".")[2]),))
    )


_INFO_ACCESS = bytes.fromhex("06082b06010505070101")


def _access(issuer: IssuingCa) -> x509.AuthorityInformationAccess:
    methods = (
        (AuthorityInformationAccessOID.CA_ISSUERS, issuer.certificate_url),
        (AuthorityInformationAccessOID.OCSP, issuer.ocsp_url),
    )
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in methods]
    )


def _point(address: str) -> bytes:
    where = x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)
    return _extension(x509.CRLDistributionPoints([where]))
