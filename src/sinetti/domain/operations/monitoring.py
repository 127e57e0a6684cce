"""Monitoring: old or inconsistent CRLs and OCSP responses, and upcoming ends.

An early alarm concerns CRLs whose key is offline; that of CAs is in domain/authorities/timetable.py.

Retention of personal data is described in docs/operators/retention.md.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from sinetti.domain.values import Serial

OWN_ALARM_BEFORE_END = timedelta(days=30)
"""Remaining validity at which a certificate of the service is due for replacement.

A quarter of its validity period applies if that is less.
"""


ANSWERS_LATE = timedelta(hours=1)
"""Tolerance for the age of stored OCSP responses beyond half their lifetime.

The worker renews them from that age on, so some are a little older while it runs.
"""


class FindingKind(StrEnum):
    """Kind of a finding. A closed list; the values are used in JSON."""

    CHANNEL_STOPPED = "channel-stopped"
    LIST_MISSING = "list-missing"
    LIST_OLD = "list-old"
    LIST_WRONG = "list-wrong"
    LIST_LACKS = "list-lacks"
    LIST_HAS_MORE = "list-has-more"
    OFFLINE_LIST_ENDS = "offline-list-ends"
    ANSWER_OLD = "answer-old"
    ANSWER_WRONG = "answer-wrong"
    NOT_SERVED = "not-served"
    CERTIFICATE_ENDS = "certificate-ends"
    SUCCESSION_DUE = "succession-due"
    SUCCESSION_LATE = "succession-late"
    BULK_UNFINISHED = "bulk-unfinished"
    EARLY_UNFINISHED = "early-unfinished"
    JOURNAL_AHEAD = "journal-ahead"
    PEOPLE_MISSING = "people-missing"
    JOURNAL_NOT_SHIPPED = "journal-not-shipped"
    LOG_UNPROTECTED = "log-unprotected"
    LOG_WRONG = "log-wrong"
    REGISTER_DIFFERS = "register-differs"
    UNREGISTERED = "unregistered"
    NOT_SIGNED = "not-signed"


@dataclass(frozen=True)
class MonitoringFinding:
    """Finding with its object (a name, an address or an id) and the action to take."""

    kind: FindingKind
    about: str
    sentence: str


@dataclass(frozen=True)
class CrlMismatch:
    """Difference of a CRL and the database: missing serials, and surplus ones.

    Surplus serials are on the CRL, but not revoked in the database.
    """

    lacking: AbstractSet[Serial]
    surplus: AbstractSet[Serial]


def is_past_half_life(this_update: datetime, next_update: datetime, now: datetime) -> bool:
    """Return True if half the lifetime of a CRL or response has passed.

    The service signs a new one long before.
    """
    return now - this_update >= (next_update - this_update) / 2


def is_near_expiry(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Return True if a certificate of the service should have been replaced.

    That is thirty days before its end, or a quarter of its validity period if that is less. A certificate that is
    valid for ninety days is replaced automatically in its last thirty.
    """
    return now >= ends - min(OWN_ALARM_BEFORE_END, (ends - begins) / 4)


def crl_mismatch(listed: AbstractSet[Serial], in_force: AbstractSet[Serial], ever: AbstractSet[Serial]) -> CrlMismatch:
    """Compare a CRL with the database.

    - `in_force`: revoked certificates that had not expired when the CRL was made. The CRL must contain them, and may
      contain expired ones (RFC 5280, 3.3).
    - `ever`: all certificates that the database records as revoked; the CRL must contain no other.
    """
    return CrlMismatch(in_force - listed, listed - ever)


def counts_agree(listed: int, in_force: int, ever: int) -> bool:
    """Return True if a CRL of this length may be right.

    The check replaces the comparison of single entries for CRLs that are too long.
    """
    return in_force <= listed <= ever


LIST_ALARM_BEFORE_END = timedelta(days=60)
"""Time before the end of a CRL whose signing key is offline.

An operator has to fetch the key.
"""


@dataclass(frozen=True)
class ListEnd:
    """Newest CRL of a CA whose key is offline.

    `ends` is its nextUpdate, or None if there is no CRL.
    """

    name: str
    ends: datetime | None


def list_alarms(lists: Iterable[ListEnd], now: datetime) -> tuple[ListEnd, ...]:
    """Return the CRLs to renew with an offline key, from sixty days before their end."""
    return tuple(end for end in lists if end.ends is None or now >= end.ends - LIST_ALARM_BEFORE_END)


SHORTEST = timedelta(days=30)
LONGEST = timedelta(days=36_500)

UNCONFIRMED = timedelta(days=7)
"""Time for which an account with an unconfirmed address is kept.

The link for the confirmation works for three days.
"""


@dataclass(frozen=True)
class Periods:
    """Retention periods.

    - `people`: from the end of the last certificate, order, authorisation or organisation for which they are named.
    - `refusals`: from the rejection.
    - `messages`: from their sending or failure, and the end of their certificate.
    - `callers`: network addresses, from the request.
    """

    people: timedelta = timedelta(days=730)
    refusals: timedelta = timedelta(days=730)
    messages: timedelta = timedelta(days=365)
    callers: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Cutoffs:
    """Instants before which data is past its retention period."""

    people: datetime
    refusals: datetime
    messages: datetime
    unconfirmed: datetime
    callers: datetime


def cutoffs(periods: Periods, now: datetime) -> Cutoffs:
    """Return the instants before which data is past its retention period now."""
    kept = (periods.people, periods.refusals, periods.messages, UNCONFIRMED, periods.callers)
    return Cutoffs(*(now - duration for duration in kept))


class FindingSeverity(StrEnum):
    """Severity of a finding. A closed list; the values are used in JSON."""

    ERROR = "error"
    WARNING = "warning"


class Impact(IntEnum):
    """Consequence of a finding, the worst first; up to STATUS it is an error."""

    START = 0
    SOAP = 1
    STATUS = 2
    """CRLs and OCSP."""
    REACH = 3
    """Callers may not reach the service."""
    SAFETY = 4
    """Nothing stops, but a secret or a record is not protected."""
    PAGES = 5
    MESSAGES = 6
    UPKEEP = 7


@dataclass(frozen=True)
class CheckFinding:
    """Finding of a check: the object, the reason, and the next step."""

    impact: Impact
    what: str
    why: str
    fix: str

    @property
    def severity(self) -> FindingSeverity:
        """Error if SOAP, CRLs or OCSP stop, else warning."""
        return FindingSeverity.ERROR if self.impact <= Impact.STATUS else FindingSeverity.WARNING

    def as_json(self) -> dict[str, str]:
        """Return the finding as the commands print it with --json."""
        return {"severity": self.severity.value, "what": self.what, "why": self.why, "fix": self.fix}


_FILE = re.compile(r"[A-Za-z0-9_./-]+\.toml(, [a-z]+)?")


def finding_of(impact: Impact, what: str, sentence: str) -> CheckFinding:
    """Return a finding from a sentence of an error, whose last part is the next step.

    Errors are written as "reason: next step" or "reason; next step".
    """
    text = " ".join(sentence.split()).rstrip(".")
    parts = re.split(r"[:;] ", text)
    last = parts[-1]
    why = text[: len(text) - len(last)].rstrip(":; ")
    if not why:
        return CheckFinding(impact, what, last, "see its page in the documentation for operators")
    if _FILE.fullmatch(why):
        return CheckFinding(impact, what, text, f"correct {why.partition(',')[0]}")
    return CheckFinding(impact, what, why, last)


def ordered(check_findings: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Return the findings without repetitions, the worst first."""
    return tuple(sorted(dict.fromkeys(check_findings), key=lambda check_finding: check_finding.impact))


def worst_severity(check_findings: Iterable[CheckFinding]) -> FindingSeverity | None:
    """Return the severity that decides about the exit code, or None without findings."""
    severities = {check_finding.severity for check_finding in check_findings}
    return next((severity for severity in FindingSeverity if severity in severities), None)
