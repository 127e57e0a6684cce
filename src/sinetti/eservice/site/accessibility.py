"""Accessibility statement after the EU's model (Implementing Decision 2018/1523).

It reports only known results: a page without a manual evaluation is listed as not evaluated. The results are manual
findings and those of programs in the last run. Both are files of the package. `make accessibility` writes
`last-run.json`.
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

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.values import Language
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Cell, Column, Component, Link, Links, Section, Severity, Table, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, active_language, format_date, gettext_noop, ngettext, ngettext_noop

FINDINGS, LAST_RUN = "findings.toml", "last-run.json"
_KEYS = {"page", "method", "date", "passed", "gap"}


class FindingsError(ValueError):
    """Invalid file of manual findings."""


class Conformity(StrEnum):
    """Conformity of all pages together."""

    NOT_EVALUATED = "not-evaluated"
    """No page has a manual evaluation. Programs find only some of the barriers."""
    PARTIAL = "partial"
    """A page is known not to conform, or some pages have no manual evaluation."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Manual evaluation of a page; `gap` describes the fault of a page that failed."""

    page: str
    method: Mapping[Language, str]
    date: date
    passed: bool
    gap: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class AutomatedCheck:
    """Last run of the programs, and the number of their findings."""

    date: date
    axe: str
    pages: Sequence[str]
    languages: Sequence[str]
    widths: Sequence[int]
    findings: int


@dataclass(frozen=True, slots=True)
class AccessibilityData:
    """Manual evaluations and the last automated check."""

    evaluations: Sequence[Evaluation]
    run: AutomatedCheck

    @property
    def conformity(self) -> Conformity:
        """Conformity; full only if every page passed manual evaluation without findings.

        Results of programs alone never suffice.
        """
        if not self.evaluations:
            return Conformity.NOT_EVALUATED
        everywhere = {one.page for one in self.evaluations} >= set(self.run.pages)
        well = all(one.passed for one in self.evaluations) and not self.run.findings
        return Conformity.FULL if everywhere and well else Conformity.PARTIAL


@cache
def known() -> AccessibilityData:
    """Read both files. Raises FindingsError."""
    return AccessibilityData(
        read_findings(place(FINDINGS).read_text("utf-8")), read_run(place(LAST_RUN).read_text("utf-8"))
    )


def place(name: str) -> Traversable:
    """Return the place of a file of the package."""
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


def _spoken(number: int, texts: object) -> Mapping[Language, str]:
    if (
        not isinstance(texts, dict)
        or set(texts) != set(Language)
        or not all(isinstance(one, str) and one for one in texts.values())
    ):
        sentence = f"{FINDINGS}, evaluation {number}: each text in fi, sv and en"
        raise FindingsError(sentence)
    return {Language(name): one for name, one in texts.items()}


_TITLE = gettext_noop("Accessibility statement")
_ABOUT = gettext_noop(
    "This statement covers the e-service of {service}. The requirements are those of the Act on the "
    "Provision of Digital Services, WCAG 2.2 level AA and the standard EN 301 549."
)
_STATES = {
    Conformity.NOT_EVALUATED: (
        Severity.WARNING,
        gettext_noop(
            "Not evaluated. These pages have not been evaluated manually, so we do not know whether they "
            "meet the requirements. The results of automatic tools are below."
        ),
    ),
    Conformity.PARTIAL: (
        Severity.WARNING,
        gettext_noop(
            "The pages partially meet the requirements. Faults and pages that have not been evaluated are listed below."
        ),
    ),
    Conformity.FULL: (Severity.GOOD, gettext_noop("The pages meet the requirements.")),
}
_NO_GAPS = gettext_noop(
    "We know of no barriers. Pages that have not been evaluated may have faults that we do not know of."
)
_LEFT = ngettext_noop(
    "{count} page has not been evaluated manually.", "{count} pages have not been evaluated manually."
)
_RUN = ngettext_noop(
    "On {day} automatic tools checked {count} page in Finnish, Swedish and English. They used a wide and "
    "a narrow screen (320 pixels), and light and dark colours.",
    "On {day} automatic tools checked {count} pages in Finnish, Swedish and English. They used a wide and "
    "a narrow screen (320 pixels), and light and dark colours.",
)
_FOUND = ngettext_noop(
    "They found {count} fault (axe-core {version}).", "They found {count} faults (axe-core {version})."
)
_NOT_RUN = gettext_noop("Automatic tools have not checked the pages yet.")
_PREPARED = gettext_noop(
    "We prepared this statement ourselves from the results above. We update it with each version of the pages."
)
_FEEDBACK = gettext_noop("If you find a fault or cannot use a page, tell us. We answer within 14 days.")
_ENFORCEMENT = gettext_noop(
    "If you are not satisfied with our answer, or get none within 14 days, you can complain to the "
    "authority that supervises accessibility: {name}."
)
_NO_AUTHORITY = gettext_noop("The supervising authority has not been added here yet. More information: {help}")


@require_safe
def accessibility_page(request: HttpRequest) -> HttpResponse:
    """Show the accessibility statement."""
    found = known()
    tone, text = _STATES[found.conformity]
    about = _(_ABOUT, service=portal_context(request).service)
    blocks: list[Component] = [
        Text([about]),
        Section(_("Compliance status"), [Alert(_(text), tone)]),
        Section(_("Accessibility faults"), _gaps(found)),
        Section(_("Preparation of this statement"), _made(found)),
        Section(_("Feedback"), _feedback(request)),
        Section(_("Supervision"), _supervision(request)),
    ]
    return render_page(request, Page(_(_TITLE), blocks))


def _gaps(found: AccessibilityData) -> list[Component]:
    gaps = [f"{one.page}: {one.gap[active_language()]}" for one in found.evaluations if not one.passed]
    left = len(set(found.run.pages) - {one.page for one in found.evaluations})
    paragraphs = [*(gaps or [_(_NO_GAPS)])]
    return [Text([*paragraphs, ngettext(*_LEFT, left)] if left else paragraphs)]


def _made(found: AccessibilityData) -> list[Component]:
    run = found.run
    if run.pages:
        looked = ngettext(*_RUN, len(run.pages), day=format_date(run.date))
        paragraphs = [looked, ngettext(*_FOUND, run.findings, version=run.axe)]
    else:
        paragraphs = [_(_NOT_RUN)]
    table = [_table(found.evaluations)] if found.evaluations else []
    return [Text(paragraphs), *table, Text([_(_PREPARED)])]


def _table(evaluations: Sequence[Evaluation]) -> Table:
    names = (gettext_noop("Page"), gettext_noop("Method"), gettext_noop("Date"), gettext_noop("Result"))
    passed, failed = (_("meets the requirements"), _("does not meet the requirements"))
    rows = [
        [
            Cell(one.page),
            Cell(one.method[active_language()]),
            Cell(format_date(one.date)),
            Cell(passed if one.passed else failed, tone=Severity.GOOD if one.passed else Severity.ERROR),
        ]
        for one in evaluations
    ]
    caption = _("Manual evaluation")
    return Table(caption, [Column(_(name)) for name in names], rows)


def _feedback(request: HttpRequest) -> list[Component]:
    around = portal_context(request)
    address = around.eservice.accessibility_feedback
    if address:
        return [Text([_(_FEEDBACK)]), Links([Link(address, f"mailto:{address}")])]
    return [Text([_(_FEEDBACK), around.help[active_language()]])]


def _supervision(request: HttpRequest) -> list[Component]:
    around = portal_context(request)
    authority = around.eservice.supervising_authority
    if authority is None:
        return [Text([_(_NO_AUTHORITY, help=around.help[active_language()])])]
    name = authority.name[active_language()]
    return [Text([_(_ENFORCEMENT, name=name)]), Links([Link(authority.address, authority.address)])]
