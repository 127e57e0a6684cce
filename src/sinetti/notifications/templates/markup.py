"""Parts of a message: paragraphs, rows, and at most one link.

They are rendered as plain text and as HTML with the same words.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from sinetti.domain.validation import is_visible, unlinked
from sinetti.domain.values import Language

LONGEST_SUBJECT: Final = 78
"""Longest subject in characters.

A longer one would exceed a header line (RFC 5322, 2.1.1), and what mail programs show in lists.
"""
LONGEST_SMS: Final = 160
"""Longest SMS in characters of the default alphabet (3GPP TS 23.038, 6.1.2.1.1)."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Default alphabet (3GPP TS 23.038, 6.2.1) without characters of two septets."""

_FROM_RIGHT = frozenset({"R", "AL", "AN"})
_ISOLATED = "\u2068{}\u2069"
"""First strong isolate and its end (UAX #9, 2.4).

A name in a right-to-left script then does not move the text around it.
"""

_STYLE = "font-family:sans-serif;font-size:16px;line-height:1.5;max-width:40em"


@dataclass(frozen=True)
class LinkBlock:
    """Address alone on its line. A message has at most one."""

    address: str


@dataclass(frozen=True)
class RowsBlock:
    """Short facts, one on each line, with or without a heading."""

    lines: tuple[str, ...]


Part = str | LinkBlock | RowsBlock
"""Part of a message; a string is a paragraph."""


def render_text(parts: Sequence[Part]) -> str:
    """Return the parts as plain text.

    A paragraph is one line, rows begin with hyphens, and an empty line separates parts.
    """
    return "\n\n".join(_plain(part) for part in parts) + "\n"


def render_html(subject: str, parts: Sequence[Part], language: Language) -> str:
    """Return the same words as HTML.

    It has no images, no external resources and no colours.
    """
    body = "\n".join(_html(part) for part in parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(subject)}</title>\n</head>\n'
        f'<body style="{_STYLE}">\n{body}\n</body>\n</html>\n'
    )


def sanitise(value: str) -> str:
    """Return user input, such as a name, on one line without invisible characters.

    A character that is not printable becomes a space, so that input cannot end a header. Right-to-left text is
    isolated.
    """
    if value.isascii() and value.isprintable():
        return value
    kept = "".join(letter if is_visible(letter) else " " for letter in value)
    kept = " ".join(kept.split())
    if any(unicodedata.bidirectional(letter) in _FROM_RIGHT for letter in kept):
        return _ISOLATED.format(kept)
    return kept


def named(value: str) -> str:
    """Return a name or description that mail programs do not turn into a link.

    New names with an address in them are refused. Older ones, and names like “Kauppa.com Oy”, are in the database.
    """
    return unlinked(sanitise(value))


def truncate(value: str, longest: int) -> str:
    """Return the value, shortened with an ellipsis if it is too long."""
    return value if len(value) <= longest else f"{value[: max(longest - 1, 0)].rstrip()}…"


def to_gsm7(value: str) -> str | None:
    """Return the value in the SMS alphabet, or None if that is impossible.

    Letters lose diacritics that the alphabet lacks.
    """
    # Folding would turn the substitutes that `named` uses for dots back into dots.
    value = value.replace("\u2024", ". ").replace("\ua789", ": ")
    if _GSM.issuperset(value):
        return value
    folded = "".join(letter if letter in _GSM else _base(letter) for letter in value)
    return folded if _GSM.issuperset(folded) else None


def is_texted(value: str) -> bool:
    """Return whether a text is in the SMS alphabet."""
    return _GSM.issuperset(value)


_TYPESET = str.maketrans({"“": '"', "”": '"', "’": "'", "–": "-", "…": "..."})


def _base(letter: str) -> str:
    return "".join(text for text in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(text)).translate(
        _TYPESET
    )


def _plain(part: Part) -> str:
    match part:
        case LinkBlock(address):
            return address
        case RowsBlock(lines):
            return "\n".join(f"- {line}" for line in lines)
        case _:
            return part


def _html(part: Part) -> str:
    match part:
        case LinkBlock(address):
            # Escaped and shown in full, so that the visible text is the target.
            return f'<p><a href="{escape(address)}">{escape(address)}</a></p>'
        case RowsBlock(lines):
            return f"<ul>\n{_items(lines)}</ul>"
        case _:
            return f"<p>{escape(part)}</p>"


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>\n" for line in lines)
