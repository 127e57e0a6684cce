"""What is known of the pages' accessibility: what people found by hand, and what programs found in the last run.

Both stand in files of the package. `last-run.json` is written by `make accessibility`.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from sinetti.domain.values import Language

FINDINGS, LAST_RUN = "findings.toml", "last-run.json"
_KEYS = {"page", "method", "date", "passed", "gap"}


class FindingsError(ValueError):
    """The file of manual findings says something else than it may."""


class Conformity(StrEnum):
    """What may be said of all pages together."""

    NOT_EVALUATED = "not-evaluated"
    """Nobody has evaluated them by hand: programs find a part of what keeps people out."""
    PARTIAL = "partial"
    """Something is known that does not conform, or pages are left that nobody has evaluated."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A page that somebody evaluated by hand; `gap` says what is lacking, where it did not pass."""

    page: str
    method: Mapping[Language, str]
    date: date
    passed: bool
    gap: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class AutomatedCheck:
    """What programs looked at last, and how much they found."""

    date: date
    axe: str
    pages: Sequence[str]
    languages: Sequence[str]
    widths: Sequence[int]
    findings: int


@dataclass(frozen=True, slots=True)
class AccessibilityData:
    """Both together."""

    evaluations: Sequence[Evaluation]
    run: AutomatedCheck

    @property
    def conformity(self) -> Conformity:
        """Full where every page was evaluated by hand and all is well; never by programs alone."""
        if not self.evaluations:
            return Conformity.NOT_EVALUATED
        everywhere = {one.page for one in self.evaluations} >= set(self.run.pages)
        well = all(one.passed for one in self.evaluations) and not self.run.findings
        return Conformity.FULL if everywhere and well else Conformity.PARTIAL


@cache
def known() -> AccessibilityData:
    """Read both. Raises FindingsError."""
    return AccessibilityData(
        read_findings(place(FINDINGS).read_text("utf-8")), read_run(place(LAST_RUN).read_text("utf-8"))
    )


def place(name: str) -> Traversable:
    """Where one of the files is."""
    return resources.files("sinetti.eservice.site") / name


def read_findings(written: str) -> tuple[Evaluation, ...]:
    """Parse manual findings. Raises FindingsError, naming the entry."""
    try:
        entries = tomllib.loads(written)["evaluation"]
    except (tomllib.TOMLDecodeError, KeyError) as bad:
        sentence = f"{FINDINGS} is not TOML with a list of evaluations: {bad}"
        raise FindingsError(sentence) from bad
    return tuple(_evaluation(number, one) for number, one in enumerate(entries, 1))


def read_run(written: str) -> AutomatedCheck:
    """Parse the last run."""
    found = json.loads(written)
    return AutomatedCheck(
        date.fromisoformat(found["date"]),
        found["axe"],
        tuple(found["pages"]),
        tuple(found["languages"]),
        tuple(found["widths"]),
        found["findings"],
    )


def _evaluation(number: int, entry: Mapping[str, object]) -> Evaluation:
    match entry:
        case {"page": str(page), "method": dict(method), "date": date() as day, "passed": bool(passed)} if (
            set(entry) <= _KEYS
        ):
            gap = entry.get("gap", {})
        case _:
            sentence = f"{FINDINGS}, evaluation {number}: page, method, date and passed, and gap where it did not pass"
            raise FindingsError(sentence)
    if passed == bool(gap):
        sentence = f"{FINDINGS}, evaluation {number}: gap where it did not pass, and only there"
        raise FindingsError(sentence)
    return Evaluation(page, _spoken(number, method), day, passed, _spoken(number, gap) if gap else {})


def _spoken(number: int, told: object) -> Mapping[Language, str]:
    if (
        not isinstance(told, dict)
        or set(told) != set(Language)
        or not all(isinstance(one, str) and one for one in told.values())
    ):
        sentence = f"{FINDINGS}, evaluation {number}: each text in fi, sv and en"
        raise FindingsError(sentence)
    return {Language(name): one for name, one in told.items()}
