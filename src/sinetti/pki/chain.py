"""Issuers, paths and trust anchors of certificates.

Functions check one step of a chain at a time. Each takes the anchors that count.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from sinetti.pki import encoding

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_LONGEST_CHAIN = 8

_MOST_WAYS = 4
"""Paths that are kept for one CA of a bundle.

More exist only if CAs certify each other repeatedly.
"""

CA = TypeVar("CA")
ExtensionValue = TypeVar("ExtensionValue", bound=x509.ExtensionType)


def load_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file, in the file's order.

    Raises ValueError if the bundle is empty, if a certificate cannot be read, or if a key describes its elliptic
    curve. Its text is a sentence for users.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion):
        raise ValueError(
            "a certificate in this PEM file cannot be read"
            if b"CERTIFICATE-----" in pem
            else "this file contains no PEM certificate"
        ) from None
    return tuple(map(encoding.checked, certificates))


def anchors_of(bundle: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the anchors of a bundle, in its order and each once.

    A self-signed certificate is one. Another is one only if its issuer is not in the bundle. The issuer has the right
    name and a key that verifies the signature. An unrelated CA of the same name changes nothing. Purposes and dates of
    the issuer do not count: a CA below an unusable issuer does not become an anchor.
    """
    certificates, named = tuple(dict.fromkeys(bundle)), defaultdict(list)
    for certificate in certificates:
        named[names_of(certificate)[1]].append(certificate)
    return tuple(
        certificate
        for certificate in certificates
        if is_self_signed(certificate)
        or not any(_signed_by(other, certificate) for other in named[names_of(certificate)[0]])
    )


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Return True if a certificate is self-signed (RFC 5280, 3.2).

    Issuer and subject are one name, and its own key verifies the signature.
    """
    return _signed_by(certificate, certificate)


def names_of(certificate: x509.Certificate) -> tuple[x509.Name | None, x509.Name | None]:
    """Return the names of issuer and subject; None if they cannot be read."""
    return _name(lambda: certificate.issuer), _name(lambda: certificate.subject)


def ways_up(
    anchors: Sequence[CA],
    between: Sequence[CA],
    has_issued: Callable[[CA, CA], bool],
    names: Callable[[CA], tuple[Hashable, Hashable]],
) -> tuple[tuple[CA, ...], ...]:
    """Return the paths from each CA up to an anchor, the shortest first.

    Each path begins with the CA and ends with the anchor. `between` are the CAs that are no anchors; a CA without a
    path to an anchor has none in the result. `has_issued` is True if the first CA issued the second. `names` returns
    the names of a CA's issuer and of the CA.

    Each CA has at most 4 paths of at most 7 CAs. The time therefore depends on the number of CAs alone, even if they
    certify each other.
    """
    known: dict[tuple[int, int], bool] = {}

    def issued(issuer: CA, below: CA) -> bool:
        pair = (id(issuer), id(below))
        if pair not in known:
            known[pair] = has_issued(issuer, below)
        return known[pair]

    level: list[tuple[CA, ...]] = [(ca,) for ca in anchors]
    pairs, issuers = list(level), [(below, names(below)[0]) for below in between]
    counts = dict.fromkeys(map(id, between), 0)
    while level and len(level[0]) < _LONGEST_CHAIN - 1:
        above: dict[Hashable, list[tuple[CA, ...]]] = defaultdict(list)
        for way in level:
            above[names(way[0])[1]].append(way)
        level = []
        for below, issuer in issuers:
            ways = (way for way in above[issuer] if all(ca is not below for ca in way) and issued(way[0], below))
            kept = [(below, *way) for way in islice(ways, _MOST_WAYS - counts[id(below)])]
            counts[id(below)] += len(kept)
            level += kept
        pairs += level
    return tuple(pairs)


def latest_first(certificates: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Sort by notAfter, latest first.

    For a CA that was renewed often, the paths with the longest validity are kept.
    """
    return tuple(sorted(certificates, key=lambda certificate: certificate.not_valid_after_utc, reverse=True))


def trusted_ways(
    leaf: x509.Certificate, bundle: Sequence[x509.Certificate]
) -> tuple[tuple[x509.Certificate, ...], ...]:
    """Return each path from the certificate's direct issuer up to an anchor.

    All CAs are in the bundle. The issuer comes first, the anchor last. The result is empty if no path leads to an
    anchor. Each step satisfies `issuers_of`, and path lengths hold (RFC 5280, 6.1.4 l and m). The result alone is no
    decision of trust: the caller checks dates afterwards.
    """
    anchors = anchors_of(bundle)
    held = frozenset(anchors)
    between = [certificate for certificate in dict.fromkeys(bundle) if certificate not in held]
    ways = ways_up(latest_first(anchors), latest_first(between), _issued, names_of)
    return tuple(way for way in ways if _issued(way[0], leaf) and _lengths_hold(way))


def find_issuer(
    leaf: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> x509.Certificate | None:
    """Return the anchor that issued this certificate directly, or None.

    It is one of `issuers_of` and valid at `now` (UTC, whole seconds). Dates and purposes of the leaf are not checked.
    """
    return next((anchor for anchor in issuers_of(leaf, anchors) if is_valid_at(anchor, now)), None)


def issuers_of(leaf: x509.Certificate, anchors: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the anchors that issued this certificate directly, regardless of dates.

    A renewed CA may have several. Each is a CA that may sign certificates (RFC 5280, 4.2.1.9 and 4.2.1.3), matches by
    name and key identifiers (6.1.3, 4.2.1.1) and verifies the signature. The result alone is no decision of trust: the
    caller checks dates afterwards.
    """
    return tuple(anchor for anchor in anchors if _issued(anchor, leaf))


def build_chain(leaf: x509.Certificate, bundle: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Return the certificates above this one, as far as the bundle contains them.

    The issuing CA comes first; a self-issued root is excluded. Dates are not checked, since the result is for a chain
    file and no decision of trust.
    """
    return tuple(_climb(leaf, bundle))


def is_valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Return True if `now` (UTC) is within the validity period.

    notBefore and notAfter are both inclusive (RFC 5280, 4.1.2.5).
    """
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def extension_value(certificate: x509.Certificate, kind: type[ExtensionValue]) -> ExtensionValue | None:
    """Return the value of one extension, or None if it is absent.

    Raises ValueError if the extensions cannot be read.
    """
    try:
        # By its identifier: a search by class costs an isinstance of an abstract class for each extension.
        value = certificate.extensions.get_extension_for_oid(kind.oid).value
    except x509.ExtensionNotFound:
        return None
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm, TypeError) as bad:
        # TypeError: a bit string in a name of an extension, as an attribute of another type.
        raise ValueError("an extension of the certificate cannot be read") from bad
    return value if isinstance(value, kind) else None


def _name(read: Callable[[], x509.Name]) -> x509.Name | None:
    try:
        return read()
    except (ValueError, TypeError):  # TypeError: a bit string as an attribute of another type
        return None


def _climb(leaf: x509.Certificate, bundle: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    below = leaf
    for _ in range(_LONGEST_CHAIN):
        above = next(
            (certificate for certificate in bundle if not _is_root(certificate) and _issued(certificate, below)), None
        )
        if above is None:
            return
        yield above
        below = above


def _is_root(certificate: x509.Certificate) -> bool:
    """Return True if a certificate names itself as its issuer.

    If its names cannot be read, the result is False, and `_issued` decides.
    """
    try:
        return certificate.subject == certificate.issuer
    except (ValueError, TypeError):
        return False


def _issued(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        if anchor.subject != leaf.issuer:
            return False
        return can_sign(anchor) and _identifiers_fit(anchor, leaf) and _signature_fits(anchor, leaf)
    except (ValueError, TypeError):
        # Names and extensions are parsed at access. TypeError: a bit string as an attribute of another type.
        return False


@lru_cache(maxsize=256)
def _signed_by(issuer: x509.Certificate, below: x509.Certificate) -> bool:
    """Return True if `issuer` is the issuer by name and signature.

    Every algorithm that the library supports counts. Remembered, since a renewal checks the same few CAs of P-384, a
    millisecond each, some thirty times.
    """
    try:
        below.verify_directly_issued_by(issuer)  # compares the names too
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _lengths_hold(way: Sequence[x509.Certificate]) -> bool:
    """Return True if each CA allows the number of CAs below it.

    Self-issued ones do not count (RFC 5280, 6.1.4 l).
    """
    below = 0
    for certificate in way:
        basic = extension_value(certificate, x509.BasicConstraints)
        if basic is not None and basic.path_length is not None and below > basic.path_length:
            return False
        issuer, subject = names_of(certificate)
        below += issuer is None or issuer != subject
    return True


def can_sign(anchor: x509.Certificate) -> bool:
    """Return True for a CA that may sign certificates (RFC 5280, 4.2.1.9 and 4.2.1.3).

    Raises ValueError if the extensions cannot be read.
    """
    basic = extension_value(anchor, x509.BasicConstraints)
    usage = extension_value(anchor, x509.KeyUsage)
    return basic is not None and basic.ca and (usage is None or usage.key_cert_sign)


def _identifiers_fit(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    """Return True unless both certificates have the identifier and differ.

    The source is RFC 5280, 4.2.1.1.
    """
    wanted = extension_value(leaf, x509.AuthorityKeyIdentifier)
    own = extension_value(anchor, x509.SubjectKeyIdentifier)
    if wanted is None or wanted.key_identifier is None or own is None:
        return True
    return wanted.key_identifier == own.digest


def _signature_fits(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        return isinstance(leaf.signature_hash_algorithm, _HASHES) and _signed_by(anchor, leaf)
    except UnsupportedAlgorithm:
        return False
