"""Who issued a certificate. A chain is one step at a time here: each question names the anchors that count."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from sinetti.pki import spki

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_LONGEST_CHAIN = 8

ExtensionValue = TypeVar("ExtensionValue", bound=x509.ExtensionType)


def load_bundle(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM file, in the file's order.

    Raises ValueError with a sentence for people if there is none, one of them cannot be read, or the key of one
    describes an elliptic curve: all of nothing is no trust.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion):
        why = "this is no PEM bundle of certificates: it holds none, or one of them cannot be read"
        raise ValueError(why) from None
    return tuple(map(spki.checked, found))


def direct_issuer(
    leaf: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> x509.Certificate | None:
    """Give the anchor that issued this certificate itself, or None.

    It is one of `issuers_of` and valid at `now` (UTC, whole seconds). The dates and purposes of the leaf are not looked
    at.
    """
    return next((anchor for anchor in issuers_of(leaf, anchors) if valid_at(anchor, now)), None)


def issuers_of(leaf: x509.Certificate, anchors: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Give the anchors that issued this certificate themselves, whatever the day; more than one for a CA renewed.

    Each is a CA that may sign certificates (RFC 5280, 4.2.1.9 and 4.2.1.3), fits by name and key identifiers (6.1.3,
    4.2.1.1) and verifies the signature. Alone this is no decision of trust: dates come after it.
    """
    return tuple(anchor for anchor in anchors if _issued(anchor, leaf))


def issuers_up(leaf: x509.Certificate, bundle: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Give the certificates above this one, as far as the bundle holds them: issuing CA first, no self-issued root.

    Dates are not looked at: this is for a chain file, no decision of trust.
    """
    return tuple(_climb(leaf, bundle))


def valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether `now` (UTC) lies within notBefore and notAfter, both inclusive (RFC 5280, 4.1.2.5)."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def extension_value(certificate: x509.Certificate, kind: type[ExtensionValue]) -> ExtensionValue | None:
    """Give the value of one extension, None where it is absent. Raises ValueError if the extensions cannot be read."""
    try:
        # By its identifier: asking for the class costs an isinstance of an abstract class for each extension.
        value = certificate.extensions.get_extension_for_oid(kind.oid).value
    except x509.ExtensionNotFound:
        return None
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm, TypeError) as bad:
        # TypeError: a bit string as an attribute that has none, in a name in whichever extension.
        why = "an extension of the certificate cannot be read"
        raise ValueError(why) from bad
    return value if isinstance(value, kind) else None


def _climb(leaf: x509.Certificate, bundle: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    below = leaf
    for _ in range(_LONGEST_CHAIN):
        above = next((one for one in bundle if not _is_root(one) and _issued(one, below)), None)
        if above is None:
            return
        yield above
        below = above


def _is_root(certificate: x509.Certificate) -> bool:
    """Whether it names itself as its issuer; one whose names cannot be read is left to `_issued`."""
    try:
        return certificate.subject == certificate.issuer
    except (ValueError, TypeError):
        return False


def _issued(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        if anchor.subject != leaf.issuer:
            return False
        return _may_sign(anchor) and _identifiers_fit(anchor, leaf) and _signature_fits(anchor, leaf)
    except (ValueError, TypeError):
        # Names and extensions are read when they are asked for; TypeError: a bit string as an attribute that has none.
        return False


def _may_sign(anchor: x509.Certificate) -> bool:
    basic = extension_value(anchor, x509.BasicConstraints)
    usage = extension_value(anchor, x509.KeyUsage)
    return basic is not None and basic.ca and (usage is None or usage.key_cert_sign)


def _identifiers_fit(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    """RFC 5280, 4.2.1.1: where both certificates carry the identifier, they agree."""
    wanted = extension_value(leaf, x509.AuthorityKeyIdentifier)
    own = extension_value(anchor, x509.SubjectKeyIdentifier)
    if wanted is None or wanted.key_identifier is None or own is None:
        return True
    return wanted.key_identifier == own.digest


def _signature_fits(anchor: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        if not isinstance(leaf.signature_hash_algorithm, _HASHES):
            return False
        leaf.verify_directly_issued_by(anchor)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True
