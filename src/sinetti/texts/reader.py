"""Reads the catalogues: a message id and values in, a text in the reader's language out."""

from datetime import datetime
from functools import cache
from gettext import GNUTranslations
from importlib import resources
from string import Formatter
from typing import Final
from zoneinfo import ZoneInfo

from sinetti.domain.refusals import Refusal
from sinetti.domain.values import Language
from sinetti.texts.refusals import LONGEST, REFUSALS

FINNISH_TIME: Final = ZoneInfo("Europe/Helsinki")
"""People read the clock on the wall in Finland; everything else is UTC."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class CatalogueMissingError(RuntimeError):
    """The compiled catalogue of a language is not there: the package was not built, only copied."""


def mark(message_id: str) -> str:
    """Return the message id unchanged; says to the catalogues' tools that it is one (for tables of messages)."""
    return message_id


def text(message_id: str, language: Language, /, **values: object) -> str:
    """Return the text of an English message id in this language, its named placeholders filled with the values.

    A message that has no translation is given in English; a test says which ones those are. Raises
    CatalogueMissingError where nothing was compiled, KeyError where a placeholder has no value.
    """
    return _catalogue(language).gettext(message_id).format(**values)


def when(at: datetime, language: Language) -> str:
    """Return date and hour on a Finnish clock: "3.3.2027 klo 13.03", "3 March 2027 at 13:03 (Finnish time)"."""
    short = when_short(at, language)
    return f"{short} (Finnish time)" if language is Language.EN else short


def when_short(at: datetime, language: Language) -> str:
    """Return the same as `when`, without naming the zone: for the second instant in one text."""
    try:
        local = at.astimezone(FINNISH_TIME)
    except OverflowError:  # 99991231235959Z says that there is no end (RFC 5280, 4.1.2.5)
        local = at
    match language:
        case Language.FI:
            return f"{local.day}.{local.month}.{local.year} klo {local.hour}.{local.minute:02}"
        case Language.SV:
            return f"{local.day}.{local.month}.{local.year} kl. {local.hour}.{local.minute:02}"
        case Language.EN:
            return f"{local.day} {_MONTHS[local.month - 1]} {local.year} at {local.hour}:{local.minute:02}"


def refusal_text(refusal: Refusal, language: Language) -> str:
    """Return what this refusal says: complete whatever is known of it, and never over 255 characters.

    Of the variants in `texts/refusals.py` it is the first whose placeholders all have values and that fits; the last
    one needs none.
    """
    values = _values(refusal, language)
    *fuller, bare = REFUSALS[refusal.reason]
    for message_id in fuller:
        if placeholders(message_id) <= values.keys():
            filled = text(message_id, language, **values)
            if len(filled) <= LONGEST:
                return filled
    return text(bare, language)


def placeholders(message: str) -> frozenset[str]:
    """Return the names of the placeholders in a message."""
    return frozenset(name for _, name, _, _ in Formatter().parse(message) if name is not None)


def _values(refusal: Refusal, language: Language) -> dict[str, str]:
    values = {"element": refusal.element, "reference": refusal.reference}
    if refusal.opens is not None:
        values["opens"] = when(refusal.opens, language)
    if refusal.ended is not None:
        values["ended"] = when(refusal.ended, language)
        values["ended_short"] = when_short(refusal.ended, language)
    return {name: value for name, value in values.items() if value is not None}


@cache
def _catalogue(language: Language) -> GNUTranslations:
    file = resources.files("sinetti.texts") / "locale" / language.value / "LC_MESSAGES" / "sinetti.mo"
    try:
        with file.open("rb") as opened:
            return GNUTranslations(opened)
    except FileNotFoundError:
        sentence = f"the texts in language {language.value} are not compiled: run `make texts`, or install the package"
        raise CatalogueMissingError(sentence) from None
