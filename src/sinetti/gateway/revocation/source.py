"""Whether a certificate was revoked: what a source of statuses is, and the rule of freshness (docs/gateway.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from cryptography import x509

from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import CaCertificate

FRESHNESS = timedelta(hours=1)
"""How old a list or answer about holders' certificates may be, by its own thisUpdate, where no setting says."""

AHEAD = timedelta(minutes=5)
"""How far in the future thisUpdate may lie: clocks differ."""


class RevocationState(Enum):
    """What a source knows of one certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """A status; `why` is a message id if it is UNKNOWN, else None.

    `final`: no other source counts after it. `listed`: its CA has said REVOKED, by a list that does not count now. Then
    no other source makes it GOOD.
    """

    status: RevocationState
    why: str | None = None
    final: bool = False
    listed: bool = False


GOOD = RevocationStatus(RevocationState.GOOD)
REVOKED = RevocationStatus(RevocationState.REVOKED)
MISSING = RevocationStatus(RevocationState.UNKNOWN, verdict_texts.NO_LIST)
OLD = RevocationStatus(RevocationState.UNKNOWN, verdict_texts.OLD_LIST)
NOT_FOR_THIS = RevocationStatus(RevocationState.UNKNOWN, verdict_texts.OTHER_LIST)
NO_ANSWER = RevocationStatus(RevocationState.UNKNOWN, verdict_texts.NO_ANSWER)
NOT_KNOWN = RevocationStatus(RevocationState.UNKNOWN, verdict_texts.NOT_KNOWN, final=True)
"""Its own CA does not know it: that it is on no list says nothing then."""


class RevocationSource(Protocol):
    """Tells statuses.

    Nothing of a certificate leads it anywhere: where it looks is configured.
    """

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Give the status at `now` (UTC, whole seconds); `issuer` signed the certificate.

        Raises nothing.
        """

    def above(self, certificate: x509.Certificate, issuer: CaCertificate | None, now: datetime) -> RevocationStatus:
        """Return the status by lists of a CA of the anchor file, at `now`.

        `issuer` is None if it is unknown here. MISSING where no list is in its issuer's name. Raises nothing.
        """


@dataclass(frozen=True, slots=True)
class FallbackSource:
    """Several sources, of which a REVOKED wins over GOOD.

    Otherwise the first source with an answer counts.
    """

    sources: Sequence[RevocationSource]

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Ask all, or until one says REVOKED; why nothing is known: what the first said."""
        answers: list[RevocationStatus] = []
        for source in self.sources:
            answers.append(source.status(certificate, issuer, now, freshness))
            if answers[-1].status is RevocationState.REVOKED:
                break
        known = (one for one in answers if one.status is not RevocationState.UNKNOWN or one.final)
        return _joined(answers, next(known, answers[0] if answers else MISSING))

    def above(self, certificate: x509.Certificate, issuer: CaCertificate | None, now: datetime) -> RevocationStatus:
        """Ask all; why nothing is known: what the first says that has a list."""
        answers = [source.above(certificate, issuer, now) for source in self.sources]
        return _joined(answers, next((one for one in answers if one != MISSING), MISSING))


def _joined(answers: Sequence[RevocationStatus], believed: RevocationStatus) -> RevocationStatus:
    """Give what is believed, unless another answer has the certificate revoked."""
    if any(one.status is RevocationState.REVOKED for one in answers):
        return REVOKED
    return having_listed(believed) if any(one.listed for one in answers) else believed


def having_listed(answer: RevocationStatus) -> RevocationStatus:
    """Return UNKNOWN for a certificate on a list that does not count: never GOOD."""
    return REVOKED if answer.status is RevocationState.GOOD else replace(answer, listed=True)


def is_fresh(this_update: datetime, next_update: datetime, now: datetime, freshness: timedelta | None) -> bool:
    """Whether a list or answer counts at `now`; `freshness` None: until its own nextUpdate, for lists about CAs.

    Its age is that of thisUpdate, which its signature covers: never a file's date, or when it was fetched.
    """
    if this_update > now + AHEAD or now > next_update:
        return False
    return freshness is None or now - this_update <= freshness
