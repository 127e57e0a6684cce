"""Interface of revocation sources, and the rule of freshness.

See docs/relying/gateway.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from cryptography import x509

from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import CaCertificate

FRESHNESS = timedelta(hours=1)
"""Default of the largest age of a list or response about holders' certificates.

The age is counted from its own thisUpdate.
"""

AHEAD = timedelta(minutes=5)
"""Accepted distance of thisUpdate into the future, for clocks that differ."""


class RevocationState(Enum):
    """Revocation state of one certificate, as known by a source."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RevocationStatus:
    """Status; `why` is a message id if it is UNKNOWN, else None.

    `final`: answers of other sources do not count. `listed`: a list of its CA that is not valid now has the
    certificate; then no other source makes it GOOD.
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
"""Status of a certificate that its own CA does not know.

Its absence from a list proves nothing.
"""


class RevocationSource(Protocol):
    """Source of revocation statuses.

    Its addresses come from the settings, never from a certificate.
    """

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Return the status at `now` (UTC, whole seconds).

        `issuer` signed the certificate. Does not raise.
        """

    def above(self, certificate: x509.Certificate, issuer: CaCertificate | None, now: datetime) -> RevocationStatus:
        """Return the status by lists of a CA of the anchor file, at `now`.

        `issuer` is None if it is unknown here. Returns MISSING if no list has the issuer's name. Does not raise.
        """


@dataclass(frozen=True)
class FallbackSource:
    """Several sources, of which a REVOKED wins over GOOD.

    Otherwise the first source with an answer counts.
    """

    sources: Sequence[RevocationSource]

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, freshness: timedelta
    ) -> RevocationStatus:
        """Ask the sources in order until one returns REVOKED, and combine their answers.

        If none has a definite answer, the first source's reason is returned.
        """
        answers: list[RevocationStatus] = []
        for source in self.sources:
            answers.append(source.status(certificate, issuer, now, freshness))
            if answers[-1].status is RevocationState.REVOKED:
                break
        known = (answer for answer in answers if answer.status is not RevocationState.UNKNOWN or answer.final)
        return _joined(answers, next(known, answers[0] if answers else MISSING))

    def above(self, certificate: x509.Certificate, issuer: CaCertificate | None, now: datetime) -> RevocationStatus:
        """Ask all sources and combine their answers.

        The first answer of a source that has a list counts, unless another source returns REVOKED.
        """
        answers = [source.above(certificate, issuer, now) for source in self.sources]
        return _joined(answers, next((answer for answer in answers if answer != MISSING), MISSING))


def _joined(answers: Sequence[RevocationStatus], believed: RevocationStatus) -> RevocationStatus:
    """Return `believed`, unless another answer is REVOKED or names the certificate."""
    if any(answer.status is RevocationState.REVOKED for answer in answers):
        return REVOKED
    return having_listed(believed) if any(answer.listed for answer in answers) else believed


def having_listed(answer: RevocationStatus) -> RevocationStatus:
    """Return the answer for a certificate on a list that does not count: never GOOD."""
    return REVOKED if answer.status is RevocationState.GOOD else replace(answer, listed=True)


def is_fresh(this_update: datetime, next_update: datetime, now: datetime, freshness: timedelta | None) -> bool:
    """Return whether a list or response is valid at `now`.

    `freshness` None: it is valid until its own nextUpdate, as for lists about CAs. The age is counted from thisUpdate,
    which the signature covers, and not from a file's date or the time of the download.
    """
    if this_update > now + AHEAD or now > next_update:
        return False
    return freshness is None or now - this_update <= freshness
