"""Options that may stand before or after the command, such as --lang and --json.

argparse takes an option only behind the command that it belongs to. `reorder` moves it there.
"""

import argparse
import re
from collections.abc import Iterator, Sequence

from sinetti.i18n.translate import gettext_noop

QUIET_HELP = gettext_noop("print only errors and warnings; results still go to standard output")
VERBOSE_HELP = gettext_noop("also print each request to a service, and how long it took")
STORE_HELP = gettext_noop("folder with keys and certificates")
CONFIG_HELP = gettext_noop("settings file (sinetti.toml): it names the store and its certificates")
NOW_HELP = gettext_noop("time at which certificates are checked, for TEST only: 2027-05-02T11:03:00Z")
JSON_HELP = gettext_noop("print the result as JSON")

VALUED = ("--lang", "--store", "--config", "--now")
FLAGS = ("-q", "--quiet", "-v", "--verbose", "--json", "--debug")

_LONG = tuple(option for option in (*VALUED, *FLAGS, "--help", "--version") if option.startswith("--"))
_TOGETHER = re.compile("-[qv]+")
"""Flags of one letter in one word, such as -qv."""


def add_to_root(parser: argparse.ArgumentParser) -> None:
    """Add the options that many commands have, for the help of the program itself.

    `reorder` moves them behind the command, so that they have no value here.
    """
    for option, metavar, help_ in (
        ("--store", "DIR", STORE_HELP),
        ("--config", "FILE", CONFIG_HELP),
        ("--now", "ISO", NOW_HELP),
    ):
        parser.add_argument(option, metavar=metavar, default=argparse.SUPPRESS, help=help_)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=JSON_HELP)
    add_to(parser)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add -q and -v to a command."""
    parser.add_argument("-q", "--quiet", action="store_true", help=QUIET_HELP)
    parser.add_argument("-v", "--verbose", action="store_true", help=VERBOSE_HELP)


def add_to_leaves(parser: argparse.ArgumentParser) -> None:
    """Add -q and -v to every command below a parser."""
    for leaf in _leaves(parser):
        add_to(leaf)


def command_words(arguments: Sequence[str], most: int = 2) -> list[str]:
    """Return the first words that are no global options: those that name the command."""
    found: list[str] = []
    place = 0
    while place < len(arguments) and len(found) < most:
        width = _width(arguments[place])
        if not width:
            found.append(arguments[place])
        place += width or 1
    return found


def reorder(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with global options behind the command.

    A language for a command that is in English only stays in front: it sets the language of errors.
    """
    moved: list[tuple[str, ...]] = []
    words: list[str] = []
    place, below = 0, commands_of(parser)
    while below and place < len(arguments):
        word, width = arguments[place], _width(arguments[place])
        if width:
            moved.append((word.replace(word.partition("=")[0], _name(word), 1), *arguments[place + 1 : place + width]))
        elif word in below:
            words.append(word)
            parser, below = below[word], commands_of(below[word])
        else:
            break
        place += width or 1
    if below:  # no command is named: the errors of the parser say so
        return list(arguments)
    known = {option for action in parser._actions for option in action.option_strings}  # noqa: SLF001 -- it has no public name
    front = [pair for pair in moved if _name(pair[0]) == "--lang" and "--lang" not in known]
    behind = [pair for pair in moved if pair not in front]
    return [*_flat(front), *words, *_flat(behind), *arguments[place:]]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands below a parser, by name; empty for a command itself."""
    parsers: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 -- as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- nor has the type
            parsers |= action.choices
    return parsers


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    below = {id(one): one for one in commands_of(parser).values()}  # an alias names the same parser
    if not below:
        yield parser
    for one in below.values():
        yield from _leaves(one)


def _width(word: str) -> int:
    """Return the number of words that a global option takes, 0 for any other word."""
    if _name(word) in VALUED:
        return 1 if "=" in word else 2
    return int(_name(word) in FLAGS or _TOGETHER.fullmatch(word) is not None)


def _name(word: str) -> str:
    """Return the option that a word names, which argparse lets people abbreviate."""
    name = word.partition("=")[0]
    found = [option for option in _LONG if option.startswith(name)] if name.startswith("--") else []
    return found[0] if len(found) == 1 else name


def _flat(options: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for option in options:
        yield from option
