"""Path building and validation within bounds, up to an anchor (RFC 5280, 6.1).

No side effects; dates are checked later. Unsupported features are refused: docs/relying/gateway.md lists them, and
docs/relying/pkits.md has the results of NIST's tests.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from sinetti.domain.values import ValidityPeriod
from sinetti.pki.chain import anchors_of, extension_value, is_self_signed, latest_first, names_of, ways_up
from sinetti.pki.encoding import AnyPublicKey, certificate_der, describes_curve

LONGEST_PATH = 8
"""Largest number of certificates in a path, with leaf and anchor."""

MOST_HELPERS = 16
"""Largest number of certificates of a message that are used; usual are one or two."""

MOST_PATHS = 4
MOST_SIGNATURES = 32
MOST_STEPS = 256

SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)
"""Accepted signature algorithms of certificates, lists and OCSP responses.

No known CA has Ed25519 or RSA-PSS.
"""

_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_LEAST_RSA, _GREATEST_RSA = 2048, 8192
_SMALL_EXPONENT, _LEAST_EXPONENT, _GREATEST_EXPONENT = 3, 65_537, 2**32

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        # Any policy is acceptable (6.1.1 c), so policies alone cause no refusal. Policy constraints are not supported.
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.ISSUER_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    }
)
_NEVER = frozenset({ExtensionOID.NAME_CONSTRAINTS, ExtensionOID.POLICY_CONSTRAINTS, ExtensionOID.INHIBIT_ANY_POLICY})
"""Constraints of a CA on the certificates below it.

They are not supported and lead to a refusal, critical or not.
"""


@dataclass(frozen=True)
class CaCertificate:
    """Certificate that may issue others, parsed once.

    `path_length` None: no limit. `digest` is the SHA-256 of its DER. It serves as a fast key for look-ups, because the
    certificate object computes its hash each time.
    """

    certificate: x509.Certificate
    digest: bytes = field(repr=False)
    key: AnyPublicKey = field(repr=False)
    span: ValidityPeriod
    path_length: int | None
    self_issued: bool
    signs_lists: bool
    for_clients: bool


@dataclass(frozen=True)
class CertificationPath:
    """Verified path; dates and status are not checked yet.

    `above`: the direct issuer first, the anchor last; never empty. The first `presented` of them came with the leaf;
    the others are from the anchor file.
    """

    leaf: x509.Certificate
    above: tuple[CaCertificate, ...]
    presented: int = 0

    @property
    def issuer(self) -> CaCertificate:
        """CA that issued the leaf itself."""
        return self.above[0]

    def links(self) -> Iterator[tuple[x509.Certificate, CaCertificate]]:
        """Yield each certificate except the anchor with its issuer, the leaf first."""
        yield self.leaf, self.above[0]
        for below, issuer in zip(self.above, self.above[1:], strict=False):
            yield below.certificate, issuer


@dataclass(frozen=True)
class TrustStore:
    """CAs of an anchor file, with every path to an anchor.

    Each path begins with the CA itself. The paths of a CA that is no anchor run through the file only. Certificates of
    a message do not change them.
    """

    ways: tuple[tuple[CaCertificate, ...], ...]
    certificates: frozenset[x509.Certificate]
    self_signed: frozenset[bytes]
    """Digests of the self-signed anchors."""


def trust_store_of(bundle: Sequence[x509.Certificate]) -> TrustStore:
    """Build the store of an anchor file; it has no paths if no CA can issue.

    `pki.chain.anchors_of` decides which of its certificates are anchors.
    """
    anchors = anchors_of(bundle)
    held = frozenset(anchors)
    between = latest_first(certificate for certificate in dict.fromkeys(bundle) if certificate not in held)
    ways = ways_up(
        _authorities(latest_first(anchors)),
        _authorities(between),
        has_issued,
        lambda authority: names_of(authority.certificate),
    )
    own = frozenset(way[0].digest for way in ways if len(way) == 1 and is_self_signed(way[0].certificate))
    return TrustStore(ways, frozenset(bundle), own)


def _authorities(certificates: Iterable[x509.Certificate]) -> tuple[CaCertificate, ...]:
    return tuple(certificate for certificate in map(authority_of, certificates) if certificate is not None)


def has_issued(issuer: CaCertificate, below: CaCertificate) -> bool:
    """Return whether this CA issued the other, by name, key identifiers and signature."""
    return fits(issuer, below.certificate) and is_signed_by(issuer, below.certificate)


def authority_of(certificate: x509.Certificate) -> CaCertificate | None:
    """Read a CA's certificate.

    Returns None if it may not issue certificates, or is not understood (4.2.1.3, 4.2.1.9, 6.1.4 k to o).
    """
    try:
        key = certificate.public_key()
        basic = extension_value(certificate, x509.BasicConstraints)
        usage = extension_value(certificate, x509.KeyUsage)
        purposes = extension_value(certificate, x509.ExtendedKeyUsage)
        named = bool(list(certificate.subject))
        self_issued = certificate.subject == certificate.issuer
        named = named and not describes_curve(certificate)
        understood = is_understood(certificate) and not _NEVER & {extension.oid for extension in certificate.extensions}
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        return None
    if not (understood and named and key_in_bounds(key)):
        return None
    return CaCertificate(
        certificate,
        sha256(certificate_der(certificate)).digest(),
        key,
        ValidityPeriod(certificate.not_valid_before_utc, certificate.not_valid_after_utc),
        basic.path_length,
        self_issued,
        signs_lists=usage is None or usage.crl_sign,
        for_clients=purposes is None
        or ExtendedKeyUsageOID.CLIENT_AUTH in purposes
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes,
    )


def is_understood(certificate: x509.Certificate) -> bool:
    """Return whether every critical extension is supported (4.2).

    Raises ValueError if an extension cannot be parsed.
    """
    try:
        return all(not extension.critical or extension.oid in _UNDERSTOOD for extension in certificate.extensions)
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, TypeError) as bad:
        raise ValueError("an extension of the certificate cannot be read") from bad


def key_in_bounds(key: AnyPublicKey) -> bool:
    """Return whether a CA's key is supported: RSA 2048 to 8192, P-256, P-384, P-521."""
    if isinstance(key, rsa.RSAPublicKey):
        if not _LEAST_RSA <= key.key_size <= _GREATEST_RSA:
            return False
        exponent = key.public_numbers().e
        return exponent == _SMALL_EXPONENT or (exponent % 2 == 1 and _LEAST_EXPONENT <= exponent <= _GREATEST_EXPONENT)
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES


def build_paths(
    leaf: x509.Certificate, trusted: TrustStore, helpers: Sequence[x509.Certificate] = ()
) -> tuple[CertificationPath, ...]:
    """Return verified paths to an anchor, the shortest first.

    The result is empty if no trusted CA issued the certificate. `helpers` are untrusted certificates of the message;
    they only complete a path. There may be several paths, because a CA was renewed or cross-certified. The limits
    above end a search that a sender made long.
    """
    between = [
        helper
        for helper in map(authority_of, helpers[:MOST_HELPERS])
        if helper and helper.certificate not in trusted.certificates
    ]
    search = _PathBuilder(trusted, between)
    paths: list[CertificationPath] = []
    for above, presented in search.upwards(leaf, ()):
        if _holds(above):
            paths.append(CertificationPath(leaf, above, presented))
        if len(paths) == MOST_PATHS:
            break
    return tuple(sorted(paths, key=lambda path: len(path.above)))


@dataclass
class _PathBuilder:
    trusted: TrustStore
    between: Sequence[CaCertificate]
    steps: int = 0
    signatures: dict[tuple[x509.Certificate, x509.Certificate], bool] = field(default_factory=dict)

    def upwards(
        self, below: x509.Certificate, above: tuple[CaCertificate, ...]
    ) -> Iterator[tuple[tuple[CaCertificate, ...], int]]:
        """Yield each path from `below` on to an anchor, and its count of helpers.

        `above` leads up to `below`.
        """
        for way in self.trusted.ways:
            if len(above) + len(way) < LONGEST_PATH and self._issued(way[0], below):
                yield (*above, *way), len(above)
        if len(above) >= LONGEST_PATH - 2:  # leaf and anchor count too
            return
        for helper in self.between:
            if all(ca_certificate is not helper for ca_certificate in above) and self._issued(helper, below):
                yield from self.upwards(helper.certificate, (*above, helper))

    def _issued(self, issuer: CaCertificate, below: x509.Certificate) -> bool:
        if not fits(issuer, below):
            return False
        # Only fitting CAs count as a step, so that a large file of CAs does not exhaust the limit.
        self.steps += 1
        if self.steps > MOST_STEPS:
            return False
        pair = (issuer.certificate, below)
        if pair not in self.signatures:
            if len(self.signatures) >= MOST_SIGNATURES:
                return False
            self.signatures[pair] = is_signed_by(issuer, below)
        return self.signatures[pair]


def fits(issuer: CaCertificate, below: x509.Certificate) -> bool:
    """Return whether names and key identifiers of CA and certificate match.

    Key identifiers count if both have them (RFC 5280, 4.2.1.1).
    """
    try:
        if issuer.certificate.subject != below.issuer:
            return False
        wanted = extension_value(below, x509.AuthorityKeyIdentifier)
        own = extension_value(issuer.certificate, x509.SubjectKeyIdentifier)
    except (ValueError, TypeError):
        return False
    return wanted is None or wanted.key_identifier is None or own is None or wanted.key_identifier == own.digest


def is_signed_by(issuer: CaCertificate, below: x509.Certificate) -> bool:
    """Return whether this CA signed the certificate, by an accepted algorithm.

    Names are compared octet by octet.
    """
    if below.signature_algorithm_oid not in SIGNATURES:
        return False
    try:
        below.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _holds(above: Sequence[CaCertificate]) -> bool:
    """Return whether the CAs of a path obey the constraints of those above them.

    These are path lengths (6.1.4 l and m) and purposes, which must nest.
    """
    below = 0
    for authority in above:
        if authority.path_length is not None and below > authority.path_length:
            return False
        below += not authority.self_issued
    return all(authority.for_clients for authority in above)
