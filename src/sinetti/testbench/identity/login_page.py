"""The identity provider's page: choice of a person and of organisations.

It says that it is a rehearsal, in three languages.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from urllib.parse import urlencode

from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop, translate
from sinetti.server.http import Response
from sinetti.testbench.identity.test_users import PEOPLE, TestUser

_TITLE = gettext_noop("Test sign-in")
_REHEARSAL = gettext_noop(
    "This page is part of the test bench and replaces an external identification service. It does not "
    "verify anyone's identity. Choose the person to sign in as."
)
_WHO = gettext_noop("Sign in as")
_WHERE = gettext_noop("Organisations to act for")
_HINT = gettext_noop(
    "One customer ID per line. To give other roles or authorisations, add their codes after a colon, for "
    "example “0123456-7: TJ NIMKO”."
)
_STRONG = gettext_noop("Treat as strong identification (a second factor)")
_BUTTON = gettext_noop("Sign in")
_LINE = gettext_noop(
    "“{line}” is not valid. Enter each customer ID once, at most 50, with optional codes after a colon."
)
_NO_PERSON = gettext_noop("Choose the person to sign in as.")
_ERROR = gettext_noop("Error: {title}")
_LANGUAGES = {Language.FI: "Suomi", Language.SV: "Svenska", Language.EN: "English"}
_DEFAULT_ID = "0123456-7"

_STYLE = """
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:40rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
fieldset{margin:0 0 1rem;padding:.5rem 1rem}
label,legend{font-weight:600}
.choice{display:flex;gap:.5rem;align-items:baseline;padding:.35rem 0;font-weight:400}
textarea{display:block;margin-bottom:.5rem;box-sizing:border-box;width:100%;font:inherit}
button{font:inherit;padding:.6rem 1.2rem;margin-top:1rem}
:focus-visible{outline:3px solid;outline-offset:2px}
.rehearsal,.error{border-left:.4rem solid;padding:.5rem 1rem}
nav a{margin-right:1rem}
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


def page(asked: Mapping[str, str], language: Language, *, given: Mapping[str, str] | None = None) -> Response:
    """Return the page with the form.

    `asked` has the parameters of the service's request, which the form keeps. `given` has the wrong input of a user.
    `given["line"]` is the line of organisations that does not fit. If it is missing, no test person was chosen.
    """
    typed = given if given is not None else {"strong": "1", "organisations": _DEFAULT_ID, "who": PEOPLE[0].subject}
    title = translate(_TITLE, language)
    wrong = "" if given is None else _why(given, language)
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="rehearsal">{escape(translate(_REHEARSAL, language))}</p>',
            f'<p class="error" role="alert" id="wrong">{escape(wrong)}</p>' if wrong else "",
            f'<form method="post" action="?{escape(urlencode(asked))}">',
            _people(typed, language),
            _organisations(typed, language, wrong=bool(wrong and typed.get("line"))),
            _strong(typed, language),
            f"<button>{escape(translate(_BUTTON, language))}</button></form>",
        ]
    )
    return Response(
        422 if wrong else 200, "text/html; charset=utf-8", _whole(body, title, asked, language, wrong=bool(wrong)),
        _HEADERS,
    )  # fmt: skip


def _why(given: Mapping[str, str], language: Language) -> str:
    line = given.get("line")
    return translate(_NO_PERSON, language) if line is None else translate(_LINE, language, line=line)


def _people(typed: Mapping[str, str], language: Language) -> str:
    rows = "".join(
        f'<label class="choice"><input type="radio" name="who" value="{user.subject}" required'
        f"{_checked(typed, 'who', user.subject)}> <span>{escape(user.name)}: {escape(translate(user.what, language))}"
        f"{escape(_codes(user))}</span></label>"
        for user in PEOPLE
    )
    return f"<fieldset><legend>{escape(translate(_WHO, language))}</legend>{rows}</fieldset>"


def _organisations(typed: Mapping[str, str], language: Language, *, wrong: bool) -> str:
    described = "hint wrong" if wrong else "hint"
    return (
        f'<label for="organisations">{escape(translate(_WHERE, language))}</label>'
        f'<p id="hint">{escape(translate(_HINT, language))}</p>'
        f'<textarea id="organisations" name="organisations" rows="4" maxlength="2000" spellcheck="false" '
        f'aria-describedby="{described}"{" aria-invalid=true" if wrong else ""}>'
        f"\n{escape(typed.get('organisations', ''))}</textarea>"
    )


def _codes(person: TestUser) -> str:
    return f" ({', '.join(person.codes)})" if person.codes else ""


def _strong(typed: Mapping[str, str], language: Language) -> str:
    box = f'<input type="checkbox" name="strong" value="1"{_checked(typed, "strong", "1")}>'
    return f'<label class="choice">{box} <span>{escape(translate(_STRONG, language))}</span></label>'


def _checked(typed: Mapping[str, str], name: str, value: str) -> str:
    return " checked" if typed.get(name) == value else ""


def _whole(body: str, title: str, asked: Mapping[str, str], language: Language, *, wrong: bool) -> bytes:
    links = "".join(
        f'<a href="?{escape(urlencode({**asked, "ui_locales": one}))}" lang="{one}" hreflang="{one}"'
        f"{' aria-current=true' if one is language else ''}>{name}</a>"
        for one, name in _LANGUAGES.items()
    )
    page_title = translate(_ERROR, language, title=title) if wrong else title
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page_title)}</title><style>{_STYLE}</style></head>"
        f"<body><nav>{links}</nav><main>{body}</main></body></html>"
    ).encode()
