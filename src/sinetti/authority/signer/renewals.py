"""Proofs of renewals: the holder's old key has signed the request for the new key."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sinetti.authority.signer.canonical_xml import DIGESTS, METHODS, RenewalRequestForm, read_request, read_signed_info
from sinetti.authority.signer.certificates import (
    CertificateFields,
    HolderSubject,
    IssuedCertificate,
    load_spki,
    read_subject,
    spki_of,
)
from sinetti.authority.signer.der import INTEGER, SEQUENCE, DerReader
from sinetti.authority.signer.store import PredecessorRecord, SignerStore
from sinetti.domain.certificates.renewal import RENEWALS_UNFETCHED_ALLOWED
from sinetti.domain.values import Environment, is_same_identifier
from sinetti.pki.encoding import PublicKey
from sinetti.pki.signers import SignatureProof, SignatureRefused
from sinetti.settings.signer import PolicyCa

MOST_RENEWALS = RENEWALS_UNFETCHED_ALLOWED + 1
"""Renewals of one certificate: the first, and its repetitions after a lost answer."""

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True)
class Predecessor:
    """Certificate that a renewal renews: file name of its CA, digest, fields, subject."""

    ca: str
    digest: bytes
    fields: CertificateFields
    subject: HolderSubject


def check_predecessor(
    der: bytes, subject: HolderSubject, issuers: Sequence[PolicyCa], store: SignerStore, now: datetime
) -> Predecessor:
    """Return the certificate whose key may sign for a renewal at this instant.

    `issuers` are the CAs of the channel, `subject` is that of the new certificate. The old one is of the same holder,
    valid, not revoked, and has renewals left. It is counted by CA and serial, since a signature by ECDSA has a second
    form. Raises SignatureRefused.
    """
    held, known = _issued(der, issuers, store)
    old = held.fields
    if not old.not_before <= now <= old.not_after:
        _refuse("the old certificate is not valid now")
    former = held.subject
    if former.lineage != subject.lineage or not is_same_identifier(former.customer_id, subject.customer_id):
        _refuse("the old certificate is of another holder")
    if store.is_revoked(held.ca, old.serial) if known is None else known.is_revoked:
        _refuse("the old certificate is revoked")
    if known is not None and known.renewals >= MOST_RENEWALS:
        _refuse(f"the old certificate has been renewed {MOST_RENEWALS} times")
    return held


def read_proven_request(proof: SignatureProof, old_spki: bytes) -> RenewalRequestForm:
    """Return the request that the old key signed.

    Raises SignatureRefused.
    """
    form = read_signed_info(proof.signed_info)
    if hashlib.new(DIGESTS[form.digest_method], proof.digested).digest() != form.digest:
        _refuse("the digest in SignedInfo is not that of the request")
    family, digest = METHODS[form.method]
    if not _verifies(load_spki(old_spki), family, _HASHES[digest](), proof):
        _refuse("the signature is not by the old certificate's key")
    return read_request(proof.digested)


def check_request(asked: RenewalRequestForm, subject: HolderSubject, spki: bytes, environment: Environment) -> None:
    """Check that a request is for the subject and the key of the new certificate.

    Raises SignatureRefused.
    """
    if asked.environment != environment:
        _refuse("the request is for another environment")
    if not is_same_identifier(asked.customer_id, subject.customer_id):
        _refuse("the request is of another customer")
    requested = _requested_spki(asked.request)
    # A request may have its key in another encoding than certificates, such as a compressed point.
    if requested != spki and spki_of(load_spki(requested)) != spki:
        _refuse("the request is for another key")


def _issued(
    der: bytes, issuers: Sequence[PolicyCa], store: SignerStore
) -> tuple[Predecessor, PredecessorRecord | None]:
    """Return a certificate that one of these CAs issued, and what the store has of it."""
    shown = IssuedCertificate.read(der)
    digest = hashlib.sha256(shown.tbs).digest()
    for ca in issuers:
        known = store.find_predecessor(ca.file_name, shown.fields.serial)
        stored = known.digest if known is not None else b""
        # A lookup takes a hundredth of the time of a verification with P-384.
        if stored == digest or (not stored and shown.is_from(ca)):
            return Predecessor(ca.file_name, digest, shown.fields, read_subject(shown.fields.name)), known
    return _refuse("the old certificate is not from a CA of this channel")


def _verifies(key: PublicKey, family: str, hashing: hashes.HashAlgorithm, proof: SignatureProof) -> bool:
    """Verify a SignatureValue (XML Signature 1.1, 6.4)."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(proof.signature, proof.signed_info, padding.PKCS1v15(), hashing)
            return family == "rsa"
        width = (key.curve.key_size + 7) // 8
        r, s = proof.signature[:width], proof.signature[width:]
        plain = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        key.verify(plain, proof.signed_info, ec.ECDSA(hashing))
        return family == "ecdsa" and len(proof.signature) == 2 * width
    except (InvalidSignature, UnsupportedAlgorithm):
        return False


def _requested_spki(request: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a PKCS#10 request (RFC 2986, 4)."""
    whole = DerReader(request)
    info = whole.inside(SEQUENCE).inside(SEQUENCE)
    whole.finish()
    info.content(INTEGER)
    info.content(SEQUENCE)
    return info.element(SEQUENCE)


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the renewal is not proven: {why}")
