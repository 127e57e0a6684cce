"""Signature of XML documents with a certificate of the store."""

from datetime import datetime
from pathlib import Path

from sinetti.client.messages import document_messages, messages
from sinetti.client.results import UsageError
from sinetti.client.store import files, generations
from sinetti.client.store.generations import InstalledKeySet
from sinetti.pki import encoding
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import parser, signature, signers
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import DocumentSigner


def document_signer(held: InstalledKeySet) -> DocumentSigner:
    """Return the document signer for the generation in use."""
    return signers.signer_for_key(held.key, encoding.certificate_der(held.certificate))


def signing_certificate(store: Path, name: str, now: datetime) -> InstalledKeySet:
    """Return the set with which a name signs.

    Raises UsageError if it has none in force, StoreDamaged. A notBefore that is ahead by no more than CLOCK_SKEW is
    accepted, as in `enrol`.
    """
    folder = store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(store))
    held = generations.current(folder)
    if held is None:
        raise UsageError(messages.NOT_ENROLLED, name=name)
    if generations.notes(folder).revoked == held.serial:
        raise UsageError(document_messages.SEAL_REVOKED_SIGNER, name=name)
    if now > held.span.not_after:
        raise UsageError(document_messages.SEAL_EXPIRED_SIGNER, name=name, until=held.span.not_after)
    if now + generations.CLOCK_SKEW < held.span.not_before:
        raise UsageError(document_messages.SEAL_EARLY_SIGNER, name=name, at=held.span.not_before, now=now)
    return held


def sign_document(document: bytes, held: InstalledKeySet, recipe: SignatureProfile) -> bytes:
    """Sign a document: an enveloped signature, last child of its root.

    Raises ValueError for malformed XML and for messages of the certificate service. Otherwise, a person who gets a
    renewal message signed among other documents could renew the certificate for their own key.
    """
    if str(parser.parse(document).tag).startswith(f"{{{SERVICE}}}"):
        raise ValueError("the document is a message to the certificate service and cannot be sealed as a document")
    return signature.sign_document(document, document_signer(held), recipe)


def is_signed(document: bytes) -> bool:
    """Return whether a document contains a signature, valid or not.

    Raises ValueError for malformed XML.
    """
    return next(parser.parse(document).iter(signature.SIGNATURE), None) is not None
