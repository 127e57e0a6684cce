"""Seal an XML document with a certificate of the store, and check such a seal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from sinetti.domain.values import KeyPolicy, Serial
from sinetti.holder import dates, files, generations, keys, messages, reasons
from sinetti.holder.generations import Held
from sinetti.holder.messages import Message, say
from sinetti.holder.outcome import UsageError
from sinetti.pki import chain, formats, keycheck, policies
from sinetti.wire import parsing, xmldsig
from sinetti.wire.flaws import Flaw, SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig import Recipe, Seal


class Fault(StrEnum):
    """Why a seal is refused; the values stand in JSON."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNTRUSTED = "untrusted"
    WRONG_PURPOSE = "wrong-purpose"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"


@dataclass(frozen=True, slots=True)
class Signer:
    """Whom a certificate names; known only of one whose issuer is trusted."""

    customer_id: str | None
    name: str | None
    serial: Serial
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. `octets` are those that the signature covers, None where there is no good one."""

    fault: Fault | None
    message: Message
    signer: Signer | None = None
    octets: bytes | None = None


def seal_of(held: Held) -> Seal:
    """Give what signs documents with the generation in use."""
    return xmldsig.seal_of(held.key, formats.certificate_der(held.certificate))


def holder_of(store: Path, name: str, now: datetime) -> Held:
    """Read the certificate that a name seals with. Raises UsageError where it has none in force, StoreDamaged.

    A beginning that lies as little ahead as a clock may lag is no hindrance: `enrol` took it, too.
    """
    folder = store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(say(messages.UNKNOWN_NAME, name=name, store=str(store)))
    held = generations.live(folder)
    if held is None:
        raise UsageError(say(messages.NOT_ENROLLED, name=name))
    if generations.notes(folder).revoked == held.serial:
        raise UsageError(say(messages.SEAL_REVOKED_SIGNER, name=name))
    if now > held.span.not_after:
        raise UsageError(say(messages.SEAL_EXPIRED_SIGNER, name=name, until=held.span.not_after))
    if now + generations.CLOCK_SKEW < held.span.not_before:
        raise UsageError(say(messages.SEAL_EARLY_SIGNER, name=name, at=held.span.not_before, now=now))
    return held


def seal(document: bytes, held: Held, recipe: Recipe) -> bytes:
    """Seal a document: an enveloped signature, last child of its root. Raises ValueError for what is no XML."""
    return xmldsig.sign_document(document, seal_of(held), recipe)


def is_signed(document: bytes) -> bool:
    """Whether a document holds a signature, good or bad. Raises ValueError for what is no XML."""
    return next(parsing.parse(document).iter(xmldsig.SIGNATURE), None) is not None


def check(document: bytes, anchors: Sequence[x509.Certificate], now: datetime) -> Checked:
    """Check a seal: the signature, then who made it, at `now` (UTC). Raises ValueError for what is no XML document."""
    try:
        verified = xmldsig.verify_document(document, _within_bounds)
    except SignatureMissing:
        return Checked(Fault.SIGNATURE_MISSING, say(messages.SEAL_MISSING))
    except SignatureInvalid as bad:
        return Checked(Fault.SIGNATURE_INVALID, say(messages.SEAL_BROKEN, why=reasons.of(bad)))
    certificate = formats.load_certificate(verified.certificate)
    issuers = chain.issuers_of(certificate, anchors)
    if not issuers:  # anybody can write anything into such a certificate: nothing of it is read on, or shown
        return Checked(Fault.UNTRUSTED, say(messages.SEAL_UNTRUSTED))
    try:
        signer = _signer(certificate)
    except ValueError:
        return Checked(Fault.SIGNATURE_INVALID, say(messages.SEAL_BROKEN, why=reasons.of(Flaw.CERTIFICATE_UNREADABLE)))
    fault, message = _judged(certificate, signer, issuers, now)
    return Checked(fault, message, signer, verified.octets if fault is None else None)


def _signer(certificate: x509.Certificate) -> Signer:
    return Signer(
        generations.common_name(certificate),
        generations.organisation(certificate),
        keys.serial_of(certificate),
        certificate.not_valid_after_utc,
    )


def _judged(
    certificate: x509.Certificate, signer: Signer, issuers: Sequence[x509.Certificate], now: datetime
) -> tuple[Fault | None, Message]:
    if not policies.is_holders(certificate):
        return Fault.WRONG_PURPOSE, say(messages.SEAL_WRONG_PURPOSE)
    found = dates.out_of_time(certificate, issuers, now)
    if found is not None and found.early:
        word = messages.SEAL_CA_NOT_YET if found.of_issuer else messages.SEAL_NOT_YET
        return Fault.NOT_YET_VALID, say(word, at=found.at, now=now)
    if found is not None:
        word = messages.SEAL_CA_EXPIRED if found.of_issuer else messages.SEAL_EXPIRED
        return Fault.EXPIRED, say(word, until=found.at)
    return None, say(
        messages.SEAL_GOOD,
        name=messages.plain(signer.name or "-"),
        customer_id=messages.plain(signer.customer_id or "-"),
        serial=signer.serial,
        until=signer.not_after,
    )


def _within_bounds(certificate: x509.Certificate) -> bool:
    return isinstance(keycheck.check_key(certificate.public_key(), KeyPolicy(small_exponent=True)), str)
