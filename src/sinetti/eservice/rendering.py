"""A page as a value, and the page as HTML: every text is there before a template sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from sinetti.domain.values import Environment, Language
from sinetti.eservice import static
from sinetti.eservice.acting import taken_words
from sinetti.eservice.blocks import Block, Link
from sinetti.eservice.menu import account_links, menu
from sinetti.eservice.surroundings import language_of, surroundings
from sinetti.texts.reader import mark, text

_NAMES = {Language.FI: "Suomi", Language.SV: "Svenska", Language.EN: "English"}
_WORDS = {
    "skip": mark("Skip to the content"),
    "languages": mark("Language"),
    "help": mark("Help"),
    "menu": mark("Menu"),
    "account": mark("Your account"),
    "check": mark("Check these"),
    "independent": mark(
        "Sinetti is independent work: no authority's product, no electronic seal and no qualified trust service in "
        "the sense of eIDAS."
    ),
}
_ERROR_IN_TITLE = mark("Error: {title}")
_REHEARSAL = mark("This is the test environment: what you see here is for rehearsal.")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `kind` is a word that the style sheet and the template know."""

    name: str
    label: str
    hint: str
    numeric: bool
    longest: int


@dataclass(frozen=True, slots=True)
class Form:
    """One button, with or without a field before it; `does` tells the page which form was sent."""

    does: str
    button: str
    field: Field | None = None
    after: int | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A value to be copied, or read, with its name."""

    name: str
    value: str = field(repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says, from top to bottom. `good` is news that was waited for; `final` keeps its reader there.

    `blocks` come after all else; `wide` pages have tables; `back` leads to where one comes from.
    """

    title: str
    paragraphs: Sequence[str] = ()
    error: str = ""
    good: str = ""
    values: Sequence[Value] = ()
    forms: Sequence[Form] = ()
    after: Sequence[str] = ()
    final: bool = False
    status: int = 200
    blocks: Sequence[Block] = ()
    wide: bool = False
    back: Link | None = None


def show(request: HttpRequest, page: Page) -> HttpResponse:
    """Render a page in its reader's language."""
    language, around = language_of(request), surroundings(request)
    title = text(_ERROR_IN_TITLE, language, title=page.title) if page.error else page.title
    context: Mapping[str, object] = {
        "page": page,
        "menu": () if page.final else menu(request),
        "account": () if page.final else account_links(request),
        "said": () if page.final else taken_words(request),
        "title": f"{title} – {around.service}",
        "service": around.service,
        "language": language.value,
        "languages": [] if page.final else _languages(language, request),
        "words": {name: text(message_id, language) for name, message_id in _WORDS.items()},
        "rehearsal": text(_REHEARSAL, language) if around.office.environment is Environment.TEST else "",
        "help": around.help[language],
        "stylesheet": reverse(static.file, args=[static.stylesheet()]),
        "home": "" if page.final else reverse("start"),
        "path": request.path,
    }
    return render(request, "page.html", dict(context), status=page.status)


def _languages(chosen: Language, request: HttpRequest) -> list[dict[str, object]]:
    """Links to the same page in each language; what its address asks for is kept."""
    asked = request.GET.copy()
    links: list[dict[str, object]] = []
    for one, name in _NAMES.items():
        asked["lang"] = one.value
        address = f"{request.path}?{asked.urlencode()}"
        links.append({"code": one.value, "name": name, "chosen": one is chosen, "address": address})
    return links
