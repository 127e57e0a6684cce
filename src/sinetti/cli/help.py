"""`sinetti help`: the help of a command, as its --help prints it."""

import argparse

from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import LANGUAGE_HELP
from sinetti.domain.values import Language

EXAMPLE = """\
examples:
  sinetti help
  sinetti help renew
  sinetti help authority init"""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "help",
        help="show the help of a command",
        description="Shows the help of a command. Without a command, lists all commands.",
        epilog=EXAMPLE,
    )
    parser.add_argument("words", metavar="COMMAND", nargs="*", help="command, such as renew or authority init")
    parser.add_argument("--lang", choices=[language.value for language in Language], help=LANGUAGE_HELP)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print the help."""
    from sinetti.cli import main  # noqa: PLC0415 - main loads this module

    language = [] if parsed.lang is None else ["--lang", parsed.lang]
    return main.main([*language, *parsed.words, "--help"])
