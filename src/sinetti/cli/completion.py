"""`sinetti completion`: a shell script that completes commands and options."""

import argparse
from typing import TYPE_CHECKING

from sinetti.cli.core import output
from sinetti.cli.core.console import LANGUAGE_HELP
from sinetti.client.results import ExitCode
from sinetti.domain.values import Language

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
example, for bash, zsh and fish in turn:
  sinetti completion bash > ~/.local/share/bash-completion/completions/sinetti
  sinetti completion zsh > ~/.zsh/completions/_sinetti     (a folder of $fpath)
  sinetti completion fish > ~/.config/fish/completions/sinetti.fish"""

SHELLS = ("bash", "zsh", "fish")


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Prints a script for bash, zsh or fish that completes the commands and options of this version.",
        epilog=EXAMPLE,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")
    parser.add_argument("--lang", choices=[one.value for one in Language], help=LANGUAGE_HELP)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Print the script."""
    # Imports every command, for which no other command should wait.
    from sinetti.cli import completion_scripts  # noqa: PLC0415 - as above
    from sinetti.cli.client import common  # noqa: PLC0415 - as above

    output.print_line(completion_scripts.completion_script(parsed.shell, common.console_of(parsed).language))
    return ExitCode.DONE
