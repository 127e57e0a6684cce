"""Report of `sinetti verify`: a gateway's verdict in the client's words and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509

from sinetti.client.messages import document_messages, error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.verdicts.verdict import Phrase, Value, Verdict, VerdictReason
from sinetti.gateway.x509 import verdict_texts
from sinetti.infra.clock import instant_or_none
from sinetti.pki import chain
from sinetti.wire.xmldsig.errors import SignatureErrorCode
from sinetti.wire.xmldsig.signature import verify_document

_WORDS = {
    verdict_texts.GOOD_DOCUMENT_UNCHECKED: document_messages.SEAL_GOOD,
    verdict_texts.SIGNATURE_MISSING: document_messages.SEAL_MISSING,
    verdict_texts.UNTRUSTED: document_messages.SEAL_UNTRUSTED,
    verdict_texts.WRONG_PURPOSE: document_messages.SEAL_WRONG_PURPOSE,
    verdict_texts.EXPIRED: document_messages.SEAL_EXPIRED,
    verdict_texts.CA_EXPIRED: document_messages.SEAL_CA_EXPIRED,
    verdict_texts.NOT_YET_VALID: document_messages.SEAL_NOT_YET,
    verdict_texts.CA_NOT_YET_VALID: document_messages.SEAL_CA_NOT_YET,
    verdict_texts.FOR_THE_CERTIFICATE_SERVICE: verdict_texts.FOR_THE_CERTIFICATE_SERVICE,
}

# The client reports an unusable certificate as a signature that does not fit.
_REASONS = {
    VerdictReason.COVERS_SOMETHING_ELSE: VerdictReason.SIGNATURE_INVALID,
    VerdictReason.MALFORMED: VerdictReason.SIGNATURE_INVALID,
}


@dataclass(frozen=True)
class VerificationResult:
    """Result of checking a seal.

    If `fault` is None, the seal is valid and `octets` are what it covers. Nothing is reported of an untrusted signer.
    """

    fault: VerdictReason | None
    message: Message
    verdict: Verdict
    octets: bytes | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON."""
        verdict = self.verdict
        return {
            "verdict": "accepted" if self.fault is None else "refused",
            "reason": None if self.fault is None else self.fault.value,
            "customer_id": verdict.customer_id,
            "name": verdict.name,
            "serial": verdict.serial,
            "not_after": None if verdict.not_after is None else instant_or_none(verdict.not_after),
        }


def check(document: bytes, anchors: Sequence[x509.Certificate], now: datetime) -> VerificationResult:
    """Check a seal at `now` (UTC).

    Raises ValueError if the document is no XML, or an anchor is no CA.
    """
    verified = Gateway(anchors).verify(document, now)
    if verified.verdict.sentence == verdict_texts.MALFORMED_DOCUMENT:
        why = verified.verdict.values["why"]
        raise ValueError(_english(why) if isinstance(why, Phrase) else why)
    malformed = verified.verdict.sentence == verdict_texts.MALFORMED
    found = checked(verified.verdict, strangers=malformed and is_strangers(document, anchors))
    return replace(found, octets=verified.octets)


def checked(verdict: Verdict, *, strangers: bool) -> VerificationResult:
    """Return a verdict in the client's words.

    `strangers`: none of the anchors issued the certificate.
    """
    fault = None if verdict.reason is None else _REASONS.get(verdict.reason, verdict.reason)
    if verdict.reason is VerdictReason.MALFORMED and strangers:
        # Other faults of an untrusted certificate are not reported.
        return VerificationResult(VerdictReason.UNTRUSTED, make_message(document_messages.SEAL_UNTRUSTED), verdict)
    words = _WORDS.get(verdict.sentence)
    if words is None:
        return VerificationResult(
            fault, make_message(document_messages.SEAL_BROKEN, why=rejection_reason(verdict)), verdict
        )
    return VerificationResult(
        fault, make_message(words, **{name: _plain(value) for name, value in verdict.values.items()}), verdict
    )


def rejection_reason(verdict: Verdict) -> messages.Value:
    """Return the reason of a rejection in the client's words."""
    why = verdict.values.get("why")
    reason = _english(why) if isinstance(why, Phrase) else ""
    if verdict.sentence == verdict_texts.MALFORMED:
        reason = (
            SignatureErrorCode.KEY_NOT_ACCEPTED
            if reason == verdict_texts.BAD_KEY
            else SignatureErrorCode.CERTIFICATE_UNREADABLE
        )
    return error_reasons.translate_reason(reason)


def is_strangers(document: bytes, anchors: Sequence[x509.Certificate]) -> bool:
    """Return True if a document shows a certificate that no anchor issued.

    Computes nothing with the certificate's key.
    """
    certificates: list[x509.Certificate] = []

    def look(certificate: x509.Certificate) -> bool:
        certificates.append(certificate)
        return False

    try:
        verify_document(document, look)
    except ValueError:
        return not certificates or not chain.trusted_ways(certificates[-1], anchors)
    return False


def _english(phrase: Phrase) -> str:
    """Return a phrase with its values, as `translate_reason` reads it."""
    return phrase.text.format(**phrase.values)


def _plain(value: Value) -> messages.Value:
    if isinstance(value, Phrase):
        return error_reasons.translate_reason(_english(value))
    return messages.strip_control_chars(value) if isinstance(value, str) else value
