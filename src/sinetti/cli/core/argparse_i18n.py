"""Help and the errors of the parser in the reader's language.

Commands are written in English, and manual pages are made from that. The catalogues translate a parser's texts once it
exists. Commands for people who run servers are only in English.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from itertools import groupby
from textwrap import wrap
from typing import NoReturn, TextIO, TypeAlias

from sinetti.cli.core import invocation, output
from sinetti.client.results import ExitCode
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- no public name
"""The subparsers that a command module adds itself to."""

ARGPARSE_MESSAGES = (
    gettext_noop("usage: "),
    gettext_noop("positional arguments"),
    gettext_noop("options"),
    gettext_noop("show this help message and exit"),
    gettext_noop("show program's version number and exit"),
    gettext_noop("%(prog)s: error: %(message)s\n"),
    gettext_noop("argument %(argument_name)s: %(message)s"),
    gettext_noop("unrecognized arguments: %s"),
    gettext_noop("Did you mean “{nearest}”?"),
    gettext_noop("the following arguments are required: %s"),
    gettext_noop("one of the arguments %s is required"),
    gettext_noop("not allowed with argument %s"),
    gettext_noop("expected one argument"),
    gettext_noop("ambiguous option: %(option)s could match %(matches)s"),
    gettext_noop("ignored explicit argument %r"),
    gettext_noop("invalid choice: %(value)r (choose from %(choices)s)"),
    gettext_noop("invalid choice: %(value)r, maybe you meant %(suggestion)r? (choose from %(choices)s)"),
    gettext_noop("invalid %(type)s value: %(value)r"),
)
"""Texts of argparse that our commands can print (CPython 3.11 to 3.14)."""

METAVARS = (
    gettext_noop("COMMAND"),
    gettext_noop("DIR"),
    gettext_noop("FILE"),
    gettext_noop("NAME"),
    gettext_noop("URL|NAME"),
    gettext_noop("RECEIPT"),
    gettext_noop("SECONDS"),
    gettext_noop("SHELL"),
    gettext_noop("TIME"),
    gettext_noop("WHEN"),
)
"""Placeholders of values that are words."""


class ParagraphFormatter(argparse.HelpFormatter):
    """Help formatter that wraps the text above and below the options.

    Lines to type, which are indented, stay whole.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for as_it_is, group in groupby(text.splitlines(), key=lambda line: not line or line.startswith("  ")):
            block = list(group)
            lines += block if as_it_is else wrap(" ".join(block), width, break_long_words=False, break_on_hyphens=False)
        return "".join(f"{indent}{line}\n" for line in lines)


class Parser(argparse.ArgumentParser):
    """Parser whose help has paragraphs; its subparsers are of the same class."""

    def __init__(self, **named: object) -> None:
        """Take the arguments of `ArgumentParser`, by name."""
        super().__init__(**{"formatter_class": ParagraphFormatter, **named})  # type: ignore[arg-type]

    def _print_message(self, message: str, file: TextIO | None = None) -> None:  # type: ignore[override]
        """Print help or a version.

        Raises OutputError if that fails, which argparse would hide.
        """
        if message and file is sys.stdout:
            output.print_line(message.removesuffix("\n"))
        else:
            super()._print_message(message, file)

    def parse_known_args(  # type: ignore[override] # the parent's is overloaded
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments; a command reports unknown ones with its own usage."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            text = translated("unrecognized arguments: %s") % " ".join(unknown)
            for nearest in get_close_matches(unknown[0], self._option_string_actions, 1):
                text = f"{text} – {translated('Did you mean “{nearest}”?', nearest=nearest)}"
            self.error(text)
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print usage and error, with --json also as JSON, and exit with code 2."""
        self.print_usage(sys.stderr)
        _ = vars(argparse)["_"]
        line = _("%(prog)s: error: %(message)s\n") % {"prog": self.prog, "message": message}
        invocation.print_failure(line.rstrip("\n"), ExitCode.USAGE, message)
        sys.exit(ExitCode.USAGE)


def add_command(commands: Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a command whose help consists of a summary and an example.

    The summary begins with a small letter and has no full stop.
    """
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
    )


@contextmanager
def argparse_language(language: Language) -> Iterator[None]:
    """Make argparse use this language for its own texts within the block.

    Parsers have to be built in the block, too.
    """
    # argparse calls gettext for each of its texts by this name. gettext itself takes the language only from the
    # environment, which lacks --lang.
    names = vars(argparse)
    before = names["_"]
    names["_"] = partial(_put, language=language)
    try:
        yield
    finally:
        names["_"] = before


def translated(message_id: str, **values: object) -> str:
    """Return a text in argparse's current language, for errors in an option's value."""
    spoken: str = vars(argparse)["_"](message_id)
    return spoken.format(**values)


def translate_parser(parser: argparse.ArgumentParser, language: Language, *, places: bool = True) -> None:
    """Translate the help of a parser and of its subparsers.

    A text without a translation stays as it is. If `places` is False, placeholders of values (DIR, FILE) stay, too.
    """
    if language is Language.EN:
        return
    parser.description = _put(parser.description, language)
    parser.epilog = _put(parser.epilog, language)
    for group in parser._action_groups:  # noqa: SLF001 -- the list has no public name
        group.title = _put(group.title, language)
    for action in _all_actions(parser):
        if action.help != argparse.SUPPRESS:
            action.help = _put(action.help, language)
        if places and action.metavar in METAVARS:
            action.metavar = _put(action.metavar, language)
    for one in _below(parser):
        translate_parser(one, language, places=places)


def texts_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the texts of a parser for the catalogues, without its subparsers."""
    helps = (action.help for action in _all_actions(parser) if action.help != argparse.SUPPRESS)
    titles = (group.title for group in parser._action_groups)  # noqa: SLF001 -- as above
    yield from filter(None, (parser.description, parser.epilog, *titles, *helps))


def _put(message_id: str | None, language: Language) -> str | None:
    # English texts need no catalogue.
    return translate.translate_raw(message_id, language) if message_id and language is not Language.EN else message_id


def _all_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield options and arguments, and the entries of subcommands."""
    for action in parser._actions:  # noqa: SLF001 -- as above
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- nor has the type
            yield from action._choices_actions  # noqa: SLF001 -- as above


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 -- as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- as above
            # An alias is another name of the same parser.
            yield from {id(choice): choice for choice in action.choices.values()}.values()
