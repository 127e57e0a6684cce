"""Verdicts of the gateway: accepted, or refused for one reason.

The builder puts together verdicts that name a holder, for certificates with a trusted issuer only.

Each verdict has one message id, in English; the catalogues hold the translations.

The reader operates the calling program. The text says what happened, what it means and what to do next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.validation import make_visible
from sinetti.domain.values import Channel, Environment, Language, Serial
from sinetti.gateway.x509.end_entity import EndEntityCertificate
from sinetti.gateway.x509.trust_file import CaPurpose
from sinetti.gateway.x509.verdict_texts import (
    REVOKED,
)
from sinetti.i18n import translate
from sinetti.infra.clock import format_instant

_DAY = timedelta(days=1)


class VerdictReason(StrEnum):
    """Reason of a refusal, as in JSON and on the wire (contracts, "Gateway")."""

    MALFORMED = "malformed"
    UNTRUSTED = "untrusted"
    WRONG_PURPOSE = "wrong-purpose"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"
    COVERS_SOMETHING_ELSE = "covers-something-else"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    WRONG_CHANNEL = "wrong-channel"
    REVOKED = "revoked"
    STATUS_UNKNOWN = "status-unknown"


class RevocationCheck(StrEnum):
    """Result of the revocation check.

    NOT_CHECKED also if no valid list or response exists.
    """

    GOOD = "good"
    REVOKED = "revoked"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True)
class Phrase:
    """Message id of a part of a sentence, such as a reason.

    It is translated together with the sentence.
    """

    text: str
    values: Mapping[str, "Value"] = field(default_factory=dict)


Value = str | int | datetime | Phrase


@dataclass(frozen=True)
class Verdict:
    """Verdict on a certificate or document; `reason` None: accepted.

    Data of the holder is present only if the issuer is trusted and the proof is valid. `sentence` is a message id of
    the catalogues, and `values` are its parameters. An instant is shown as date and hour in Finnish time.
    """

    reason: VerdictReason | None
    sentence: str = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    revocation: RevocationCheck = RevocationCheck.NOT_CHECKED
    customer_id: str | None = None
    name: str | None = None
    serial: Serial | None = None
    channel: Channel | None = None
    environment: Environment | None = None
    not_after: datetime | None = None
    days_left: int | None = None

    @property
    def accepted(self) -> bool:
        """True if the caller is the holder of the certificate and may be served."""
        return self.reason is None

    def text(self, language: Language) -> str:
        """Return the text: what happened, what it means and what to do next."""
        return _filled(Phrase(self.sentence, self.values), language)

    def as_json(self) -> dict[str, object]:
        """Return the members listed in contracts, "Gateway"."""
        return {
            "verdict": "accepted" if self.accepted else "refused",
            "reason": None if self.reason is None else self.reason.value,
            "revocation": self.revocation.value,
            "customer_id": self.customer_id,
            "name": self.name,
            "serial": self.serial,
            "channel": None if self.channel is None else self.channel.value,
            "not_after": None if self.not_after is None else format_instant(self.not_after),
            "text": {language.value: self.text(language) for language in Language},
        }


def days_left(not_after: datetime, now: datetime) -> int:
    """Return the whole days of 24 hours until the end; 0 on the last one and after it."""
    return max(0, (not_after - now) // _DAY)


def _filled(phrase: Phrase, language: Language) -> str:
    return translate.translate(
        phrase.text, language, **{name: _value_text(value, language) for name, value in phrase.values.items()}
    )


def _value_text(value: Value, language: Language) -> str:
    if isinstance(value, Phrase):
        return _filled(value, language)
    if isinstance(value, datetime):
        return translate.format_datetime(value, language)
    # Values from a certificate must not control a terminal or contain line breaks.
    return make_visible(str(value)).strip()


@dataclass(frozen=True)
class VerdictTexts:
    """Message ids of an acceptance, with revocation checked and not checked."""

    good: str
    unchecked: str


@dataclass(frozen=True)
class VerdictBuilder:
    """Builder of verdicts on a holder's certificate.

    Holds the purpose of its issuer, and the instant of the judgement (UTC, whole seconds).
    """

    leaf: EndEntityCertificate
    purpose: CaPurpose
    now: datetime
    words: VerdictTexts

    def refusal(self, reason: VerdictReason, sentence: str, **values: Value) -> Verdict:
        """Return a refusal for a reason except a revocation."""
        return self._verdict(reason, sentence, values, RevocationCheck.NOT_CHECKED)

    def revoked(self) -> Verdict:
        """Return the refusal of a revoked certificate."""
        return self._verdict(VerdictReason.REVOKED, REVOKED, {}, RevocationCheck.REVOKED)

    def good(self, revocation: RevocationCheck) -> Verdict:
        """Return the acceptance."""
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
