"""Translation of message ids with values into the reader's language.

Names of languages are in the language itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from string import Formatter

from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.refusals import Rejection
from sinetti.domain.values import Language
from sinetti.i18n.refusals import LONGEST, REFUSALS

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SWEDISH_MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni",
    "juli", "augusti", "september", "oktober", "november", "december",
)  # fmt: skip
_WEEKDAYS = {
    Language.FI: (
        "maanantaina", "tiistaina", "keskiviikkona", "torstaina", "perjantaina", "lauantaina", "sunnuntaina",
    ),
    Language.SV: ("måndagen", "tisdagen", "onsdagen", "torsdagen", "fredagen", "lördagen", "söndagen"),
    Language.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}  # fmt: skip
"""Weekdays as an answer to "when?".

Finnish is in the essive, Swedish has the article.
"""
_COUNTS = ("count", "done", "first", "last", "total")
"""Placeholders for counts and positions, which are formatted as numbers."""


_find_active: ContextVar[Callable[[], Language] | None] = ContextVar("find_active_language", default=None)


class CatalogueMissingError(RuntimeError):
    """Compiled catalogue that is missing: the package was copied, not built."""


@contextmanager
def activated(find_language: Callable[[], Language]) -> Iterator[None]:
    """Make a language the active one of this thread or task, until the block ends.

    `find_language` is called at each use, so that a block without texts never looks the language up.
    Do not hold the block open across a `yield` of a generator: the caller's code would see the language.
    """
    token = _find_active.set(find_language)
    try:
        yield
    finally:
        _find_active.reset(token)


def active_language() -> Language:
    """Return the active language; English outside every `activated` block."""
    find_language = _find_active.get()
    return Language.EN if find_language is None else find_language()


def _(message_id: str, /, **values: object) -> str:
    """Return the text of a message id in the active language, as `translate` does."""
    return translate(message_id, active_language(), **values)


def ngettext(one: str, more: str, count: int, /, **values: object) -> str:
    """Return a text about a count in the active language, as `translate_plural` does."""
    return translate_plural(one, more, count, active_language(), **values)


def gettext_noop(message_id: str) -> str:
    """Return the message id unchanged.

    The call marks it for the tools of the catalogues, in tables of messages.
    """
    return message_id


def translate(message_id: str, language: Language, /, **values: object) -> str:
    """Return the translation of an English message id, with its placeholders filled.

    {count} and similar ones are filled with the number in the format of the language, as in `translate_plural`. A
    message without translation is returned in English; a test lists those. Raises CatalogueMissingError if no
    catalogue was compiled, and KeyError if a placeholder has no value.
    """
    counted = {name: number(one, language) for name in _COUNTS if isinstance(one := values.get(name), int)}
    return _catalogue(language).gettext(message_id).format(**{**values, **counted})


def translate_raw(message_id: str, language: Language) -> str:
    """Return the translation of a message id with unfilled placeholders.

    The caller fills them. Raises CatalogueMissingError if no catalogue was compiled.
    """
    return _catalogue(language).gettext(message_id)


def ngettext_noop(one: str, more: str) -> tuple[str, str]:
    """Return the singular and plural form of a message id unchanged.

    The call marks them for the tools of the catalogues.
    """
    return one, more


def translate_plural(text: str, more: str, count: int, language: Language, /, **values: object) -> str:
    """Return the translation for a count, in the plural form of the language.

    `one` and `more` are the English forms, as in `translate_plural("{count} certificate", "{count} certificates", 2,
    …)`. {count} is filled with the number in the format of the language. Raises the exceptions of `translate`.
    """
    return _catalogue(language).ngettext(text, more, count).format(count=number(count, language), **values)


def capital(words: str) -> str:
    """Return the text with a capital first letter."""
    return words[:1].upper() + words[1:]


def number(count: int, language: Language | None = None) -> str:
    """Return a whole number: "1 000" with a no-break space, in English "1,000"."""
    language = language or active_language()
    written = f"{count:,}"
    return written if language is Language.EN else written.replace(",", "\N{NO-BREAK SPACE}")


def format_datetime(at: datetime, language: Language | None = None) -> str:
    """Return date and time on a Finnish clock.

    Examples: "3.3.2027 klo 13.03", "3 March 2027 at 13:03 (Finnish time)".
    """
    language = language or active_language()
    short = format_time(at, language)
    return f"{short} (Finnish time)" if language is Language.EN else short


def format_time(at: datetime, language: Language | None = None) -> str:
    """Return the same as `format_datetime` without the zone.

    It is for the second instant in one text.
    """
    language = language or active_language()
    local = _local(at)
    return f"{format_date(local.date(), language)} {_hour(local, language)}"


def format_short(at: datetime) -> str:
    """Return date and time on a Finnish clock for tables: "2027-03-03 13:03".

    It is the same in every language.
    """
    return f"{_local(at):%Y-%m-%d %H:%M}"


def format_datetime_long(at: datetime, language: Language | None = None) -> str:
    """Return weekday, date and time on a Finnish clock, as an answer to "when?".

    "sunnuntaina 2.5.2027 klo 14.03", "söndagen den 2 maj 2027 kl. 14.03", "Sunday 2 May 2027 at 14:03 (Finnish time)".
    """
    language = language or active_language()
    local = _local(at)
    text = f"{format_weekday(local.date(), language)} {_hour(local, language)}"
    return f"{text} (Finnish time)" if language is Language.EN else text


def finnish_day(at: datetime) -> date:
    """Return the date in the Finnish calendar at this instant."""
    return _local(at).date()


def format_date(one: date, language: Language | None = None) -> str:
    """Return a date: "2.5.2027", "2.5.2027", "2 May 2027"."""
    language = language or active_language()
    if language is Language.EN:
        return f"{one.day} {_MONTHS[one.month - 1]} {one.year}"
    return f"{one.day}.{one.month}.{one.year}"


def format_month(one: date, language: Language | None = None) -> str:
    """Return a month with its year: "June 2027", "juni 2027", "6/2027"."""
    language = language or active_language()
    if language is Language.FI:
        return f"{one.month}/{one.year}"
    return f"{(_MONTHS if language is Language.EN else _SWEDISH_MONTHS)[one.month - 1]} {one.year}"


def format_weekday(one: date, language: Language | None = None) -> str:
    """Return a date with its weekday, as an answer to "when?".

    Examples: "perjantaina 30.4.2027", "Friday 30 April 2027". Swedish writes out the month: "fredagen den 30 april
    2027".
    """
    language = language or active_language()
    weekday = _WEEKDAYS[language][one.weekday()]
    if language is Language.SV:
        return f"{weekday} den {one.day} {_SWEDISH_MONTHS[one.month - 1]} {one.year}"
    return f"{weekday} {format_date(one, language)}"


def format_date_range(first: date, last: date, language: Language | None = None) -> str:
    """Return a range of dates.

    Examples: "3.3.–30.4.2027", "3.3–30.4.2027", "3 March to 30 April 2027". Across the end of a year both dates have
    their year. A range of one day is that day.
    """
    language = language or active_language()
    if first == last:
        return format_date(last, language)
    same_year = first.year == last.year
    match language:
        case Language.FI:
            begins = f"{first.day}.{first.month}." if same_year else format_date(first, language)
            return f"{begins}–{format_date(last, language)}"
        case Language.SV:
            begins = f"{first.day}.{first.month}" if same_year else format_date(first, language)
            return f"{begins}–{format_date(last, language)}"
        case Language.EN:
            begins = f"{first.day} {_MONTHS[first.month - 1]}" if same_year else format_date(first, language)
            return f"{begins} to {format_date(last, language)}"


def refusal_text(refusal: Rejection, language: Language | None = None) -> str:
    """Return the text of a rejection, with at most 255 characters.

    It is the first variant in `i18n/refusals.py` that fits and whose placeholders all have values. The last variant
    needs none.
    """
    language = language or active_language()
    values = _values(refusal, language)
    *fuller, bare = REFUSALS[refusal.reason]
    for message_id in fuller:
        if placeholders(message_id) <= values.keys():
            filled = translate(message_id, language, **values)
            if len(filled) <= LONGEST:
                return filled
    return translate(bare, language)


def placeholders(message: str) -> frozenset[str]:
    """Return the names of the placeholders in a message."""
    return frozenset(name for _, name, _, _ in Formatter().parse(message) if name is not None)


def preferred_language(accept_language: str | None) -> Language | None:
    """Return the caller's language by Accept-Language (RFC 9110, 12.5.4).

    Returns None if the header names no supported language.
    """
    ranked: list[tuple[float, int, Language]] = []
    for position, part in enumerate((accept_language or "").split(",")):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().split("-")[0].casefold()
        if primary in set(Language):
            ranked.append((-_quality(parameters), position, Language(primary)))
    wanted = [entry for entry in sorted(ranked) if entry[0] < 0]
    return wanted[0][2] if wanted else None


def _local(at: datetime) -> datetime:
    try:
        return at.astimezone(FINNISH_TIME)
    except OverflowError:  # 99991231235959Z says that there is no end (RFC 5280, 4.1.2.5)
        return at


def _hour(local: datetime, language: Language) -> str:
    match language:
        case Language.FI:
            return f"klo {local.hour}.{local.minute:02}"
        case Language.SV:
            return f"kl. {local.hour}.{local.minute:02}"
        case Language.EN:
            return f"at {local.hour}:{local.minute:02}"


def _values(refusal: Rejection, language: Language) -> dict[str, str]:
    values = {"element": refusal.element, "reference": refusal.reference}
    if refusal.opens is not None:
        values["opens"] = format_datetime(refusal.opens, language)
    if refusal.ended is not None:
        values["ended"] = format_datetime(refusal.ended, language)
        values["ended_short"] = format_time(refusal.ended, language)
    return {name: value for name, value in values.items() if value is not None}


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().casefold() != "q":
        return 1.0
    try:
        return max(0.0, min(1.0, float(value)))
    except ValueError:
        return 0.0


@cache
def _catalogue(language: Language) -> NullTranslations:
    if language is Language.EN:
        return NullTranslations()  # message ids are the English texts
    file = resources.files("sinetti.i18n") / "locale" / language.value / "LC_MESSAGES" / "sinetti.mo"
    try:
        with file.open("rb") as opened:
            return GNUTranslations(opened)
    except FileNotFoundError:
        raise CatalogueMissingError(
            f"the texts in language {language.value} are not compiled: run `make texts`, or install the package"
        ) from None


LANGUAGES: Mapping[Language, str] = {
    Language.FI: gettext_noop("Finnish"),
    Language.SV: gettext_noop("Swedish"),
    Language.EN: gettext_noop("English"),
}
