"""Findings of the checks before a start: what is wrong, why, and the fix.

`sinetti authority check` and `sinetti gateway check-settings` print them, ordered by what they stop.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


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


def ordered(found: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Return the findings without repetitions, the worst first."""
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.impact))


def worst_severity(check_findings: Iterable[CheckFinding]) -> FindingSeverity | None:
    """Return the severity that decides about the exit code, or None without findings."""
    severities = {check_finding.severity for check_finding in check_findings}
    return next((one for one in FindingSeverity if one in severities), None)
