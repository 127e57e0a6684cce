"""The accessibility statement, in the form of the EU's model (Commission Implementing Decision 2018/1523).

It says what is known (accessibility_data.py) and no more: what nobody has evaluated is called not evaluated.
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.values import Language
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.site.accessibility_data import AccessibilityData, Conformity, Evaluation, known
from sinetti.eservice.ui.components import Alert, Cell, Column, Component, Link, Links, Section, Severity, Table, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import format_date, gettext_noop, ngettext_noop, translate, translate_plural

_TITLE = gettext_noop("Accessibility statement")
_ABOUT = gettext_noop(
    "This statement is about the e-service of {service}. The aim is that everybody can use it: the requirements are "
    "those of the Act on the Provision of Digital Services, level AA of WCAG 2.2 and the standard EN 301 549."
)
_STATES = {
    Conformity.NOT_EVALUATED: (
        Severity.WARNING,
        gettext_noop(
            "Not evaluated. Nobody has evaluated these pages by hand, so it is not known whether they conform with the "
            "requirements. Programs have looked at them: see below."
        ),
    ),
    Conformity.PARTIAL: (
        Severity.WARNING,
        gettext_noop(
            "The pages conform partially with the requirements. What is lacking, and what nobody has evaluated, is "
            "below."
        ),
    ),
    Conformity.FULL: (Severity.GOOD, gettext_noop("The pages conform with the requirements.")),
}
_NO_GAPS = gettext_noop(
    "We know of nothing that cannot be used. What was not evaluated may have faults that we do not know of."
)
_LEFT = ngettext_noop("{count} page was not evaluated by hand.", "{count} pages were not evaluated by hand.")
_RUN = ngettext_noop(
    "On {day} programs looked at {count} page, in Finnish, Swedish and English, on a wide and on a narrow screen "
    "(320 pixels), in light and dark colours.",
    "On {day} programs looked at {count} pages, in Finnish, Swedish and English, on a wide and on a narrow screen "
    "(320 pixels), in light and dark colours.",
)
_FOUND = ngettext_noop(
    "They found {count} fault (axe-core {version}).", "They found {count} faults (axe-core {version})."
)
_NOT_RUN = gettext_noop("Programs have not looked at the pages yet.")
_PREPARED = gettext_noop(
    "The statement was made by ourselves, from the results above. It is renewed with each version of the pages."
)
_FEEDBACK = gettext_noop("Did you find a fault, or can you not use a page? Tell us, and we answer within 14 days.")
_ENFORCEMENT = gettext_noop(
    "Are you not content with our answer, or did you get none in 14 days? You can complain to the authority that "
    "supervises accessibility: {name}."
)
_NO_AUTHORITY = gettext_noop("Which authority supervises accessibility has not been written down here yet. Ask: {help}")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Say it."""
    language, found = language_of(request), known()
    tone, told = _STATES[found.conformity]
    about = translate(_ABOUT, language, service=portal_context(request).service)
    blocks: list[Component] = [
        Text([about]),
        Section(translate(gettext_noop("State of conformity"), language), [Alert(translate(told, language), tone)]),
        Section(translate(gettext_noop("What does not conform"), language), _gaps(found, language)),
        Section(translate(gettext_noop("How this statement was made"), language), _made(found, language)),
        Section(translate(gettext_noop("Feedback"), language), _feedback(request, language)),
        Section(translate(gettext_noop("Supervision"), language), _supervision(request, language)),
    ]
    return render_page(request, Page(translate(_TITLE, language), blocks))


def _gaps(found: AccessibilityData, language: Language) -> list[Component]:
    gaps = [f"{one.page}: {one.gap[language]}" for one in found.evaluations if not one.passed]
    left = len(set(found.run.pages) - {one.page for one in found.evaluations})
    said = [*(gaps or [translate(_NO_GAPS, language)])]
    return [Text([*said, translate_plural(*_LEFT, left, language)] if left else said)]


def _made(found: AccessibilityData, language: Language) -> list[Component]:
    run = found.run
    if run.pages:
        looked = translate_plural(*_RUN, len(run.pages), language, day=format_date(run.date, language))
        said = [looked, translate_plural(*_FOUND, run.findings, language, version=run.axe)]
    else:
        said = [translate(_NOT_RUN, language)]
    table = [_table(found.evaluations, language)] if found.evaluations else []
    return [Text(said), *table, Text([translate(_PREPARED, language)])]


def _table(evaluations: Sequence[Evaluation], language: Language) -> Table:
    names = (gettext_noop("Page"), gettext_noop("Method"), gettext_noop("Date"), gettext_noop("Result"))
    passed, failed = (
        translate(gettext_noop("conforms"), language),
        translate(gettext_noop("does not conform"), language),
    )
    rows = [
        [
            Cell(one.page),
            Cell(one.method[language]),
            Cell(format_date(one.date, language)),
            Cell(passed if one.passed else failed, tone=Severity.GOOD if one.passed else Severity.ERROR),
        ]
        for one in evaluations
    ]
    caption = translate(gettext_noop("Evaluated by hand"), language)
    return Table(caption, [Column(translate(name, language)) for name in names], rows)


def _feedback(request: HttpRequest, language: Language) -> list[Component]:
    around = portal_context(request)
    address = around.eservice.accessibility_feedback
    if address:
        return [Text([translate(_FEEDBACK, language)]), Links([Link(address, f"mailto:{address}")])]
    return [Text([translate(_FEEDBACK, language), around.help[language]])]


def _supervision(request: HttpRequest, language: Language) -> list[Component]:
    around = portal_context(request)
    authority = around.eservice.supervising_authority
    if authority is None:
        return [Text([translate(_NO_AUTHORITY, language, help=around.help[language])])]
    name = authority.name[language]
    return [Text([translate(_ENFORCEMENT, language, name=name)]), Links([Link(authority.address, authority.address)])]
