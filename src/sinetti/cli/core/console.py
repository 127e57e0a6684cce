"""Where a person reads what commands say, and in which language: looked at before anything else is loaded."""

import locale
import os
from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.cli.core import output
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.domain.values import Language

LANGUAGE_HELP = "language of messages and help (default: the locale's)"
"""What --lang is for, wherever it is."""

NAMED = {"finnish": Language.FI, "swedish": Language.SV}
"""How Windows names the locales that matter here."""


@dataclass(frozen=True, slots=True)
class Console:
    """Where a person reads: standard error, in one language.

    Standard output is for what programs read.
    """

    language: Language

    def tell(self, message: Message) -> None:
        """Say one message, on a line of its own."""
        output.print_error(messages.render(message, self.language))


def language_of(arguments: Sequence[str]) -> Language:
    """Give the reader's language: --lang, else the locale's, else English.

    Looked at before anything is parsed.
    """
    for here, word in enumerate(arguments):
        given = word.removeprefix("--lang=") if word.startswith("--lang=") else None
        if word == "--lang" and here + 1 < len(arguments):
            given = arguments[here + 1]
        if given in set(Language):
            return Language(given)
    return language_of_locale()


def language_of_locale() -> Language:
    """Give the language that the machine's locale asks for (LC_ALL, LC_MESSAGES, LANG); for any other, English."""
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
    """Give the locale that the environment names, in the order of POSIX (XBD 8.2); empty where it names none."""
    # The system's own wish for a language, no setting of ours: the client has no room for those.
    given = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))  # noqa: TID251
    return next(filter(None, given), "")
