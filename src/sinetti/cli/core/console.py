"""Console for messages to a person: standard error, in one language.

The language is decided before anything else is loaded.
"""

import locale
import os
from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.cli.core import output
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.domain.values import Language

LANGUAGE_HELP = "language of messages and help (default: the locale's)"
"""Help text of every --lang option."""

NAMED = {"finnish": Language.FI, "swedish": Language.SV}
"""Names that Windows gives to the relevant locales."""


@dataclass(frozen=True, slots=True)
class Console:
    """Console for messages to a person: standard error, in one language.

    Standard output is for output that programs read.
    """

    language: Language

    def tell(self, message: Message) -> None:
        """Print one message on a line of its own."""
        output.print_error(messages.render(message, self.language))


def language_of(arguments: Sequence[str]) -> Language:
    """Return the reader's language: --lang, else the locale's, else English.

    It is decided before any argument is parsed.
    """
    for here, word in enumerate(arguments):
        given = word.removeprefix("--lang=") if word.startswith("--lang=") else None
        if word == "--lang" and here + 1 < len(arguments):
            given = arguments[here + 1]
        if given in set(Language):
            return Language(given)
    return language_of_locale()


def language_of_locale() -> Language:
    """Return the language of the machine's locale (LC_ALL, LC_MESSAGES, LANG).

    Any other language means English.
    """
    category = getattr(locale, "LC_MESSAGES", locale.LC_CTYPE)
    try:
        locale.setlocale(category, "")
        named = (locale.setlocale(category) or "").lower()
    except locale.Error:  # it is not installed here, which must not change the language
        named = _wished().lower()
    if named[:2] in set(Language) and not named[2:3].isalpha():
        return Language(named[:2])
    return NAMED.get(named.split("_")[0], Language.EN)


def _wished() -> str:
    """Return the locale named by the environment, in the order of POSIX (XBD 8.2).

    Returns an empty text if the environment names none.
    """
    # The system's language setting, not one of Sinetti: the client has no place for those.
    given = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))  # noqa: TID251
    return next(filter(None, given), "")
