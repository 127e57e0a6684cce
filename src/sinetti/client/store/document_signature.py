"""Seal an XML document with a certificate of the store."""

from datetime import datetime
from pathlib import Path

from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import UsageError
from sinetti.client.store import files, generations
from sinetti.client.store.generations import InstalledKeySet
from sinetti.pki import encoding
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.signature import DocumentSigner, SignatureProfile


def document_signer(held: InstalledKeySet) -> DocumentSigner:
    """Give what signs documents with the generation in use."""
    return signature.signer_for_key(held.key, encoding.certificate_der(held.certificate))


def signing_certificate(store: Path, name: str, now: datetime) -> InstalledKeySet:
    """Read the certificate that a name seals with.

    Raises UsageError where it has none in force, StoreDamaged.

    A beginning that lies as little ahead as a clock may lag is no hindrance: `enrol` took it, too.
    """
    folder = store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(make_message(messages.UNKNOWN_NAME, name=name, store=str(store)))
    held = generations.current(folder)
    if held is None:
        raise UsageError(make_message(messages.NOT_ENROLLED, name=name))
    if generations.notes(folder).revoked == held.serial:
        raise UsageError(make_message(messages.SEAL_REVOKED_SIGNER, name=name))
    if now > held.span.not_after:
        raise UsageError(make_message(messages.SEAL_EXPIRED_SIGNER, name=name, until=held.span.not_after))
    if now + generations.CLOCK_SKEW < held.span.not_before:
        raise UsageError(make_message(messages.SEAL_EARLY_SIGNER, name=name, at=held.span.not_before, now=now))
    return held


def sign_document(document: bytes, held: InstalledKeySet, recipe: SignatureProfile) -> bytes:
    """Seal a document: an enveloped signature, last child of its root.

    Raises ValueError for what is no XML, or a message of the certificate service: whoever gets such a one sealed among
    his documents could renew the certificate for a key of his own.
    """
    if str(parser.parse(document).tag).startswith(f"{{{SERVICE}}}"):
        why = "the document is a message of the certificate service, which nobody seals as a document"
        raise ValueError(why)
    return signature.sign_document(document, document_signer(held), recipe)


def is_signed(document: bytes) -> bool:
    """Whether a document holds a signature, good or bad.

    Raises ValueError for what is no XML.
    """
    return next(parser.parse(document).iter(signature.SIGNATURE), None) is not None
