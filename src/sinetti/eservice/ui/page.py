"""Page as a value, its rendering as HTML, and its Content-Security-Policy.

Every text is complete before a template sees it. A page may load only files of the portal, and its forms may lead only
there, unless the page declares more. Messages of the session are shown once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.utils.http import escape_leading_slashes

from sinetti.api.web_security import REPORTS
from sinetti.domain.values import Environment, Language
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui import static_files
from sinetti.eservice.ui.components import (
    Alert,
    Badge,
    Component,
    Disclosure,
    Form,
    Link,
    PasskeyButton,
    Section,
    Severity,
)
from sinetti.eservice.ui.draft_store import plain_address
from sinetti.eservice.ui.guides import guide_link
from sinetti.eservice.ui.navigation import PortalHeader, portal_header, url_or_empty
from sinetti.i18n.translate import _, gettext_noop

FINISHED = "sinetti_finished"
"""Request attribute: a function that completes the page's value (`drafts.py`)."""
_NOTED = "sinetti_form_targets"
REPORT_GROUP = "csp"
"""Name of the reports' address in Reporting-Endpoints (Reporting API, 3.2)."""
SESSION_WARNING = "sinetti_session_warning"
"""Request attribute: a function that returns the page's SessionWarning, if any."""


@dataclass(frozen=True)
class SessionWarning:
    """Warning before the session ends, shown by static/page.js.

    `seconds` is the time left, `warning` its last part in which the warning is shown. `address` extends the session by
    POST. `over` and `ended` replace `title` and `text` at the end. Forms state `plain` to readers without script.
    """

    seconds: int
    warning: int
    title: str
    text: str
    plain: str
    stay: str
    over: str
    ended: str
    close: str
    address: str


def extend_csp(response: HttpResponse, targets: Sequence[str]) -> None:
    """Record further targets of the page's forms."""
    setattr(response, _NOTED, targets)


def build_csp(response: HttpResponse) -> str:
    """Return the Content-Security-Policy of a page or a picture (CSP, level 3)."""
    if fixed := getattr(response, static_files.POLICY, ""):
        return str(fixed)
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",  # to stay signed in, without a new page
        " ".join(["form-action 'self'", *getattr(response, _NOTED, ())]),
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"report-uri {report_address()}",  # for browsers without the next one
        f"report-to {REPORT_GROUP}",
    ]
    return "; ".join(parts)


def report_address() -> str:
    """Return the address of browsers' reports about this policy."""
    return f"{get_script_prefix().rstrip('/')}{REPORTS}"


_NAMES = {Language.FI: "Suomi", Language.SV: "Svenska", Language.EN: "English"}
_WORDS = {
    "skip": gettext_noop("Skip to content"),
    "languages": gettext_noop("Language"),
    "help": gettext_noop("Help"),
    "account": gettext_noop("Your account"),
    "check": gettext_noop("Check these fields"),
    "acting": gettext_noop("You act for"),
    "copy": gettext_noop("Copy"),
    "copied": gettext_noop("Copied"),
    "filters": gettext_noop("More filters"),
    "letter": gettext_noop("E-mail to"),
    "optional": gettext_noop("(optional)"),
    "optional_fields": gettext_noop("Fill in all fields that are not marked as optional."),
    "sort": gettext_noop("Sort"),
    "table": gettext_noop("Show the numbers as a table"),
    "ticked": gettext_noop("For the selected rows:"),
}
_FOOTER = (
    (gettext_noop("Description of the service"), "about"),
    (gettext_noop("Description of the interface"), "interface"),
    (gettext_noop("Privacy"), "privacy"),
    (gettext_noop("Accessibility"), "accessibility"),
)
_ERROR_IN_TITLE = gettext_noop("Error: {title}")
_REHEARSAL = gettext_noop("This is the test environment. Everything here is for practice only.")


@dataclass(frozen=True)
class Page:
    """Content of a page, from top to bottom.

    A `final` page has no links that lead away. `error` is an error without a field; a form has its own errors.
    `script` is the name of a further script of the portal. `form_targets` are further origins for its forms. `wide`
    pages have tables. `back` leads to the previous page. `badge` is the state of the page's object, `lead` its first
    sentence, `guide` leads to its page of the documentation. `side` is the second column.
    """

    title: str
    blocks: Sequence[Component] = ()
    error: str = ""
    final: bool = False
    status: int = 200
    wide: bool = False
    back: Link | None = None
    script: str = ""
    form_targets: Sequence[str] = ()
    badge: Badge | None = None
    lead: str = ""
    guide: Link | None = None
    side: Sequence[Component] = ()
    title_language: str = ""
    """Language of a title that was stored, such as that of a decision."""
    typed: Form | None = None
    """Form whose buttons the languages are, so that its values are kept (`drafts.py`)."""

    @property
    def wrong(self) -> bool:
        """True if the page or one of its forms has an error."""
        return bool(self.error) or _wrong(self.blocks)


def render_page(request: HttpRequest, page: Page) -> HttpResponse:
    """Render a page in its reader's language, with the link to its guide."""
    if page.guide is None and not page.final:
        page = replace(page, guide=guide_link(request))
    language, around = language_of(request), portal_context(request)
    finished: Callable[[Page], Page] | None = getattr(request, FINISHED, None)
    page = page if finished is None else finished(page)
    title = _(_ERROR_IN_TITLE, title=page.title) if page.wrong else page.title
    context: Mapping[str, object] = {
        "page": page,
        "header": PortalHeader() if page.final else portal_header(request),
        "side": not page.final and (bool(page.side) or not page.wide),
        "session": None if page.final else getattr(request, SESSION_WARNING, lambda: None)(),
        "error_sign": Severity.ERROR.outline,
        "said": () if page.final else _pop_messages(request),
        "title": f"{title} – {around.service}",
        "service": around.service,
        "language": language.value,
        "languages": [] if page.final else _languages(request, language),
        "words": {name: _(message_id) for name, message_id in _WORDS.items()},
        "rehearsal": _(_REHEARSAL) if around.ctx.environment is Environment.TEST else "",
        "help": around.help[language],
        "footer": around.eservice.footer.get(language, ""),
        "stylesheets": [static_files.address(text) for text in static_files.STYLES],
        "links": () if page.final else _footer(around.eservice.documentation_url),
        "icon": static_files.address("seal.svg"),
        "logo": static_files.logo_address(around.eservice.logo),
        "operator": around.eservice.operator.get(language, ""),
        "scripts": [static_files.address(text) for text in ("page.js", page.script) if text],
        "home": "" if page.final else reverse("start"),
        "path": plain_address(request),
    }
    response = render(request, "page.html", dict(context), status=page.status)
    extend_csp(response, page.form_targets)
    return response


def _pop_messages(request: HttpRequest) -> list[Alert]:
    """Return the messages of the session and remove them; none for HEAD requests."""
    given = [] if request.method == "HEAD" else messages.get_messages(request)
    return [Alert(str(one), Severity.WARNING if one.level > messages.SUCCESS else Severity.GOOD) for one in given]


def _wrong(blocks: Sequence[Component]) -> bool:
    return any(
        bool(block.errors) if isinstance(block, Form | PasskeyButton) else _wrong(block.blocks)
        for block in blocks
        if isinstance(block, Form | PasskeyButton | Section | Disclosure)
    )


def _languages(request: HttpRequest, chosen: Language) -> list[dict[str, object]]:
    """Return links to this page in each language, with the query of its address."""
    asked = request.GET.copy()
    # In a link, a path that begins with two slashes would name another host.
    here, languages = escape_leading_slashes(request.path), list[dict[str, object]]()
    for language, name in _NAMES.items():
        asked["lang"] = language.value
        address = f"{here}?{asked.urlencode()}"
        languages.append({"code": language.value, "name": name, "address": address, "chosen": language is chosen})
    return languages


def _footer(documentation_url: str) -> list[Link]:
    pages = ((_(name), url_or_empty(page)) for name, page in _FOOTER)
    links = [*pages, (_("Documentation"), documentation_url)]
    return [Link(name, address) for name, address in links if address]
