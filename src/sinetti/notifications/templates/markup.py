"""A letter's parts: paragraphs, rows and at most one link, written as plain text and as HTML with the same words."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from sinetti.domain.validation import unlinked
from sinetti.domain.values import Language

LONGEST_SUBJECT: Final = 78
"""Characters: more than a line of a header should have (RFC 5322, 2.1.1), and than a list of messages shows."""
LONGEST_SMS: Final = 160
"""Characters of the default alphabet in one text message (3GPP TS 23.038, 6.1.2.1.1)."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet (3GPP TS 23.038, 6.2.1), without what takes two places."""

_FROM_RIGHT = frozenset({"R", "AL", "AN"})
_ISOLATED = "\u2068{}\u2069"
"""First strong isolate and its end (UAX #9, 2.4): a name written from right to left moves nothing around it."""

_STYLE = "font-family:sans-serif;font-size:16px;line-height:1.5;max-width:40em"


@dataclass(frozen=True, slots=True)
class LinkBlock:
    """An address that stands alone on its line. A letter has at most one."""

    address: str


@dataclass(frozen=True, slots=True)
class RowsBlock:
    """Short facts, one a line, or under a heading."""

    lines: tuple[str, ...]


Part = str | LinkBlock | RowsBlock
"""A string is a paragraph."""


def render_text(parts: Sequence[Part]) -> str:
    """The parts as plain text: an empty line between two, rows behind hyphens.

    A paragraph is one line.
    """
    return "\n\n".join(_plain(one) for one in parts) + "\n"


def render_html(subject: str, parts: Sequence[Part], language: Language) -> str:
    """The same words as HTML: no images, nothing that is loaded, no colours of its own."""
    body = "\n".join(_html(one) for one in parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(subject)}</title>\n</head>\n'
        f'<body style="{_STYLE}">\n{body}\n</body>\n</html>\n'
    )


def sanitise(value: str) -> str:
    """A name, or another text that somebody gave, on one line: nothing in it that is not seen or that turns others.

    What is not printable becomes a space, so that a header ends where we end it; what is written from right to left is
    isolated.
    """
    if value.isascii() and value.isprintable():
        return value
    kept = "".join(one if one.isprintable() else " " for one in value)
    kept = " ".join(kept.split())
    if any(unicodedata.bidirectional(one) in _FROM_RIGHT for one in kept):
        return _ISOLATED.format(kept)
    return kept


def named(value: str) -> str:
    """Return a name or description in which a mail program makes no link.

    New ones with an address in them are refused; older ones, and names like “Kauppa.com Oy”, stand in the register.
    """
    return unlinked(sanitise(value))


def truncate(value: str, longest: int) -> str:
    """The value, or its beginning with an ellipsis where it is longer than that."""
    return value if len(value) <= longest else f"{value[: max(longest - 1, 0)].rstrip()}…"


def to_gsm7(value: str) -> str | None:
    """The value in the alphabet of text messages, letters without the marks that it lacks; None where it has none."""
    # What `named` has put for the dots of an address would become dots again.
    value = value.replace("\u2024", ". ").replace("\ua789", ": ")
    if _GSM.issuperset(value):
        return value
    folded = "".join(one if one in _GSM else _base(one) for one in value)
    return folded if _GSM.issuperset(folded) else None


def is_texted(value: str) -> bool:
    """Whether a text is in the default alphabet of text messages."""
    return _GSM.issuperset(value)


_TYPESET = str.maketrans({"“": '"', "”": '"', "’": "'", "–": "-", "…": "..."})


def _base(letter: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one)).translate(
        _TYPESET
    )


def _plain(one: Part) -> str:
    match one:
        case LinkBlock(address):
            return address
        case RowsBlock(lines):
            return "\n".join(f"- {line}" for line in lines)
        case _:
            return one


def _html(one: Part) -> str:
    match one:
        case LinkBlock(address):
            # Quoted and written out: what is seen is where it leads.
            return f'<p><a href="{escape(address)}">{escape(address)}</a></p>'
        case RowsBlock(lines):
            return f"<ul>\n{_items(lines)}</ul>"
        case _:
            return f"<p>{escape(one)}</p>"


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>\n" for line in lines)
