"""The accessibility statement, in the form of the EU's model (Commission Implementing Decision 2018/1523).

It says what is known (statement.py) and no more: what nobody has evaluated is called not evaluated.
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.values import Language
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.site.accessibility_data import Conformity, Evaluation, Known, known
from sinetti.eservice.ui.components import Block, Cell, Column, Link, Links, Notice, Section, Table, Text, Tone
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import count_text, day, mark, mark_count, text

_TITLE = mark("Accessibility statement")
_ABOUT = mark(
    "This statement is about the e-service of {service}. The aim is that everybody can use it: the requirements are "
    "those of the Act on the Provision of Digital Services, level AA of WCAG 2.2 and the standard EN 301 549."
)
_STATES = {
    Conformity.NOT_EVALUATED: (
        Tone.WARNING,
        mark(
            "Not evaluated. Nobody has evaluated these pages by hand, so it is not known whether they conform with the "
            "requirements. Programs have looked at them: see below."
        ),
    ),
    Conformity.PARTIAL: (
        Tone.WARNING,
        mark(
            "The pages conform partially with the requirements. What is lacking, and what nobody has evaluated, is "
            "below."
        ),
    ),
    Conformity.FULL: (Tone.GOOD, mark("The pages conform with the requirements.")),
}
_NO_GAPS = mark(
    "We know of nothing that cannot be used. What was not evaluated may have faults that we do not know of."
)
_LEFT = mark_count("{count} page was not evaluated by hand.", "{count} pages were not evaluated by hand.")
_RUN = mark_count(
    "On {day} programs looked at {count} page, in Finnish, Swedish and English, on a wide and on a narrow screen "
    "(320 pixels), in light and dark colours.",
    "On {day} programs looked at {count} pages, in Finnish, Swedish and English, on a wide and on a narrow screen "
    "(320 pixels), in light and dark colours.",
)
_FOUND = mark_count("They found {count} fault (axe-core {version}).", "They found {count} faults (axe-core {version}).")
_NOT_RUN = mark("Programs have not looked at the pages yet.")
_PREPARED = mark(
    "The statement was made by ourselves, from the results above. It is renewed with each version of the pages."
)
_FEEDBACK = mark("Did you find a fault, or can you not use a page? Tell us, and we answer within 14 days.")
_ENFORCEMENT = mark(
    "Are you not content with our answer, or did you get none in 14 days? You can complain to the authority that "
    "supervises accessibility: {name}."
)
_NO_AUTHORITY = mark("Which authority supervises accessibility has not been written down here yet. Ask: {help}")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Say it."""
    language, found = language_of(request), known()
    tone, told = _STATES[found.conformity]
    about = text(_ABOUT, language, service=surroundings(request).service)
    blocks: list[Block] = [
        Text([about]),
        Section(text(mark("State of conformity"), language), [Notice(text(told, language), tone)]),
        Section(text(mark("What does not conform"), language), _gaps(found, language)),
        Section(text(mark("How this statement was made"), language), _made(found, language)),
        Section(text(mark("Feedback"), language), _feedback(request, language)),
        Section(text(mark("Supervision"), language), _supervision(request, language)),
    ]
    return show(request, Page(text(_TITLE, language), blocks))


def _gaps(found: Known, language: Language) -> list[Block]:
    gaps = [f"{one.page}: {one.gap[language]}" for one in found.evaluations if not one.passed]
    left = len(set(found.run.pages) - {one.page for one in found.evaluations})
    said = [*(gaps or [text(_NO_GAPS, language)])]
    return [Text([*said, count_text(*_LEFT, left, language)] if left else said)]


def _made(found: Known, language: Language) -> list[Block]:
    run = found.run
    if run.pages:
        looked = count_text(*_RUN, len(run.pages), language, day=day(run.date, language))
        said = [looked, count_text(*_FOUND, run.findings, language, version=run.axe)]
    else:
        said = [text(_NOT_RUN, language)]
    table = [_table(found.evaluations, language)] if found.evaluations else []
    return [Text(said), *table, Text([text(_PREPARED, language)])]


def _table(evaluations: Sequence[Evaluation], language: Language) -> Table:
    names = (mark("Page"), mark("Method"), mark("Date"), mark("Result"))
    passed, failed = text(mark("conforms"), language), text(mark("does not conform"), language)
    rows = [
        [
            Cell(one.page),
            Cell(one.method[language]),
            Cell(day(one.date, language)),
            Cell(passed if one.passed else failed, tone=Tone.GOOD if one.passed else Tone.ERROR),
        ]
        for one in evaluations
    ]
    caption = text(mark("Evaluated by hand"), language)
    return Table(caption, [Column(text(name, language)) for name in names], rows)


def _feedback(request: HttpRequest, language: Language) -> list[Block]:
    around = surroundings(request)
    address = around.eservice.accessibility_feedback
    if address:
        return [Text([text(_FEEDBACK, language)]), Links([Link(address, f"mailto:{address}")])]
    return [Text([text(_FEEDBACK, language), around.help[language]])]


def _supervision(request: HttpRequest, language: Language) -> list[Block]:
    around = surroundings(request)
    authority = around.eservice.supervising_authority
    if authority is None:
        return [Text([text(_NO_AUTHORITY, language, help=around.help[language])])]
    name = authority.name[language]
    return [Text([text(_ENFORCEMENT, language, name=name)]), Links([Link(authority.address, authority.address)])]
