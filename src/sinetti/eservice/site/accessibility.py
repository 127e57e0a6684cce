"""Accessibility statement after the EU's model (Implementing Decision 2018/1523).

It reports only known results: a page without a manual evaluation is listed as not evaluated. The results are manual
findings and those of programs in the last run. Both are files of the package. `make accessibility` writes
`last-run.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.values import Language
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Cell, Component, Link, Links, Section, Severity, Table, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, active_language, format_date, gettext_noop, ngettext, ngettext_noop
from sinetti.infra.toml_tables import parse_toml

FINDINGS, LAST_RUN = "findings.toml", "last-run.json"
Texts = Mapping[Language, str]


class FindingsError(ValueError):
    """Invalid file of manual findings."""


class Conformity(StrEnum):
    """Conformity of all pages together."""

    NOT_EVALUATED = "not-evaluated"
    """No page has a manual evaluation. Programs find only some of the barriers."""
    PARTIAL = "partial"
    """A page is known not to conform, or some pages have no manual evaluation."""
    FULL = "full"


@dataclass(frozen=True)
class Gap:
    """Barrier that a person found, with its success criterion of WCAG."""

    criterion: str
    text: Texts


@dataclass(frozen=True)
class Area:
    """Pages of one subject, and the barriers on them."""

    name: Texts
    pages: Sequence[str]
    gaps: Sequence[Gap]


@dataclass(frozen=True)
class Evaluation:
    """Manual evaluation: its day, how it was made, and the pages of each area."""

    date: date
    method: Sequence[Texts]
    areas: Sequence[Area]

    @property
    def pages(self) -> frozenset[str]:
        """Evaluated pages."""
        return frozenset(page for area in self.areas for page in area.pages)


@dataclass(frozen=True)
class AutomatedCheck:
    """Last run of the programs, and the number of their findings."""

    date: date
    axe: str
    pages: Sequence[str]
    languages: Sequence[str]
    widths: Sequence[int]
    findings: int


@dataclass(frozen=True)
class AccessibilityData:
    """Manual evaluation, if there is one, and the last automated check."""

    evaluation: Evaluation | None
    run: AutomatedCheck

    @property
    def conformity(self) -> Conformity:
        """Conformity; full only if every page passed manual evaluation without findings.

        Results of programs alone never suffice.
        """
        if self.evaluation is None:
            return Conformity.NOT_EVALUATED
        everywhere = self.evaluation.pages >= set(self.run.pages)
        well = not self.run.findings and not any(area.gaps for area in self.evaluation.areas)
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


def read_findings(written: str) -> Evaluation | None:
    """Parse manual findings; None if no page was evaluated. Raises FindingsError."""
    try:
        entries = parse_toml(written)
        if not entries["area"]:
            return None
        areas = tuple(_area(entry) for entry in entries["area"])
        return Evaluation(_day(entries["date"]), tuple(_spoken("method", entry) for entry in entries["method"]), areas)
    except (ValueError, KeyError, TypeError) as bad:
        raise FindingsError(
            f"{FINDINGS} is not TOML with date, method, and areas with name, pages and gaps: {bad!r}"
        ) from bad


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


def _area(entry: Mapping[str, Any]) -> Area:
    gaps = tuple(Gap(str(one["criterion"]), _spoken("gap", one["text"])) for one in entry.get("gap", ()))
    return Area(_spoken("area", entry["name"]), tuple(entry["pages"]), gaps)


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError(value)
    return value


def _spoken(where: str, texts: object) -> Texts:
    if (
        not isinstance(texts, dict)
        or set(texts) != set(Language)
        or not all(isinstance(text, str) and text for text in texts.values())
    ):
        raise FindingsError(f"{FINDINGS}, {where}: each text in fi, sv and en")
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
    Conformity.FULL: (
        Severity.GOOD,
        gettext_noop("As far as they were evaluated, the pages meet the requirements. The method says what is open."),
    ),
}
_NO_GAPS = gettext_noop(
    "We know of no barriers. Pages that have not been evaluated may have faults that we do not know of."
)
_GAP = gettext_noop("{area}: {text} (WCAG {criterion})")
_EVALUATED = gettext_noop("On {day} we evaluated the pages ourselves, by hand:")
_FAULTS = ngettext_noop("{count} fault", "{count} faults")
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
    accessibility = known()
    tone, text = _STATES[accessibility.conformity]
    about = _(_ABOUT, service=portal_context(request).service)
    blocks: list[Component] = [
        Text([about]),
        Section(_("Compliance status"), [Alert(_(text), tone)]),
        Section(_("Accessibility faults"), _gaps(accessibility)),
        Section(_("Preparation of this statement"), _made(accessibility)),
        Section(_("Feedback"), _feedback(request)),
        Section(_("Supervision"), _supervision(request)),
    ]
    return render_page(request, Page(_(_TITLE), blocks))


def _gaps(accessibility: AccessibilityData) -> list[Component]:
    areas, language = accessibility.evaluation.areas if accessibility.evaluation else (), active_language()
    gaps = [
        _(_GAP, area=area.name[language], text=gap.text[language], criterion=gap.criterion)
        for area in areas
        for gap in area.gaps
    ]
    left = len(set(accessibility.run.pages) - (accessibility.evaluation.pages if accessibility.evaluation else set()))
    return [Text([*(gaps or [_(_NO_GAPS)]), *([ngettext(*_LEFT, left)] if left else [])])]


def _made(accessibility: AccessibilityData) -> list[Component]:
    run = accessibility.run
    if run.pages:
        looked = ngettext(*_RUN, len(run.pages), day=format_date(run.date))
        paragraphs = [looked, ngettext(*_FOUND, run.findings, version=run.axe)]
    else:
        paragraphs = [_(_NOT_RUN)]
    return [
        Text(paragraphs),
        *(_by_hand(accessibility.evaluation) if accessibility.evaluation else ()),
        Text([_(_PREPARED)]),
    ]


def _by_hand(evaluation: Evaluation) -> list[Component]:
    how = [_(_EVALUATED, day=format_date(evaluation.date)), *(texts[active_language()] for texts in evaluation.method)]
    passed = _("meets the requirements")
    return [
        Text(how),
        Table(
            _("Manual evaluation"),
            [_("Pages"), _("Number of pages"), _("Result")],
            [
                [
                    area.name[active_language()],
                    str(len(area.pages)),
                    Cell(
                        ngettext(*_FAULTS, len(area.gaps)) if area.gaps else passed,
                        tone=Severity.ERROR if area.gaps else Severity.GOOD,
                    ),
                ]
                for area in evaluation.areas
            ],
        ),
    ]


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
