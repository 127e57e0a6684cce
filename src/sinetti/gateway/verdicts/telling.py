"""Puts verdicts together that tell of a holder: only for certificates whose issuer is trusted."""

from dataclasses import dataclass
from datetime import datetime

from sinetti.gateway.verdicts.verdict import RevocationCheck, Value, Verdict, VerdictReason, days_left
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.end_entity import EndEntityCertificate
from sinetti.gateway.x509.trust_file import CaPurpose


@dataclass(frozen=True, slots=True)
class VerdictTexts:
    """What is said of what is accepted: message ids, with revocation checked and not checked."""

    good: str
    unchecked: str


@dataclass(frozen=True, slots=True)
class VerdictBuilder:
    """A holder's certificate, what its issuer is for, and the instant (UTC, whole seconds) that it is judged at."""

    leaf: EndEntityCertificate
    purpose: CaPurpose
    now: datetime
    words: VerdictTexts

    def refusal(self, reason: VerdictReason, sentence: str, **values: Value) -> Verdict:
        """Refuse for a reason that is no revocation."""
        return self._verdict(reason, sentence, values, RevocationCheck.NOT_CHECKED)

    def revoked(self) -> Verdict:
        """Refuse what was revoked."""
        return self._verdict(VerdictReason.REVOKED, verdict_texts.REVOKED, {}, RevocationCheck.REVOKED)

    def good(self, revocation: RevocationCheck) -> Verdict:
        """Accept."""
        sentence = self.words.good if revocation is RevocationCheck.GOOD else self.words.unchecked
        leaf = self.leaf
        values: dict[str, Value] = {
            "serial": leaf.serial,
            "name": leaf.name or "-",
            "customer_id": leaf.customer_id,
            "until": leaf.span.not_after,
        }
        return self._verdict(None, sentence, values, revocation)

    def _verdict(
        self, reason: VerdictReason | None, sentence: str, values: dict[str, Value], revocation: RevocationCheck
    ) -> Verdict:
        leaf = self.leaf
        return Verdict(
            reason,
            sentence,
            values,
            revocation,
            leaf.customer_id,
            leaf.name,
            leaf.serial,
            self.purpose.channel,
            self.purpose.environment,
            leaf.span.not_after,
            days_left(leaf.span.not_after, self.now),
        )
