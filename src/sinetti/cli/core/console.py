"""Console for messages to a person: standard error, in one language.

The language is decided before anything else is loaded.
"""

import locale
from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.cli.core import invocation, output
from sinetti.client.messages import document_messages, messages
from sinetti.client.messages.messages import Message
from sinetti.client.results import ExitCode
from sinetti.domain.values import Language
from sinetti.infra import environment

LANGUAGE_HELP = "language of messages and help (default: the locale's)"
"""Help text of every --lang option."""

NAMED = {"finnish": Language.FI, "swedish": Language.SV}
"""Names that Windows gives to the relevant locales."""


NOTES = frozenset(
    {
        *(messages.ENROLLED, messages.RENEWED, messages.RENEW_FROM, messages.RENEW_FROM_HOURLY),
        *(messages.DONE_BEFORE, messages.NOT_DUE),
        *(messages.NOTHING_TO_FETCH, messages.WAITING, messages.WAITING_ONE, messages.NO_ANSWER_YET),
        *(document_messages.SEALED, document_messages.SEAL_GOOD, document_messages.RECEIPT_GOOD),
        *(document_messages.DELIVERED, document_messages.DELIVERED_BEFORE, document_messages.DELIVERED_UNDER_ID),
        *(document_messages.DELIVERED_ALREADY, document_messages.DELIVERY_RESUMED),
        *(messages.EXPORTED, messages.EXPORTED_WITH_KEY, messages.STORE_EMPTY),
        *(messages.RUN_SUMMARY[0], messages.RUN_NEXT, messages.WAITS_PLANNED, messages.WAITS_MAINTENANCE),
        *(messages.STOPPING, messages.STOPPING_TYPED, messages.HOOK_DONE, messages.DEPLOYED, messages.DOCTOR_WELL),
        messages.TOKEN_KEY_TAKEN_UP,
    }
)
"""Messages about work that went well.

--quiet leaves them out, and systemd's journal gets them as information.
"""


@dataclass(frozen=True)
class Console:
    """Console for messages to a person: standard error, in one language.

    Standard output is for output that programs read.
    """

    language: Language

    def tell(self, message: Message) -> None:
        """Print one message on a line of its own, unless --quiet leaves it out."""
        inner = message.values.get("message") if message.text == messages.ABOUT_NAME else message
        is_note = isinstance(inner, Message) and inner.text in NOTES
        if not (invocation.CURRENT.is_quiet and is_note):
            priority = output.INFO if is_note else output.WARNING
            output.print_error(messages.render(message, self.language), priority=priority)

    def fail(self, message: Message, code: ExitCode) -> ExitCode:
        """Print why the command failed, with --json also as JSON. Return `code`."""
        invocation.print_failure(messages.render(message, self.language), code)
        return code


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
    return next(filter(None, map(environment.variable, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
