"""`sinetti completion`: a shell script that completes commands and options."""

import argparse
import contextlib
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import LANGUAGE_HELP
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store.files import StoreError
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop

EXAMPLE = """\
example, for bash, zsh and fish in turn:
  sinetti completion bash > ~/.local/share/bash-completion/completions/sinetti
  sinetti completion zsh > ~/.zsh/completions/_sinetti     (a folder of $fpath)
  sinetti completion fish > ~/.config/fish/completions/sinetti.fish"""

SHELLS = ("bash", "zsh", "fish")

NO_SHELL = gettext_noop("Name the shell: bash, zsh or fish.")


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "completion",
        help="print a completion script for a shell",
        description="Prints a script with which bash, zsh or fish completes commands, options and names.",
        epilog=EXAMPLE,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, nargs="?", help="bash, zsh or fish")
    parser.add_argument(
        "--names",
        metavar="WORDS",
        nargs=argparse.REMAINDER,
        help="for the scripts: print the names that a command with these words could mean",
    )
    parser.add_argument("--lang", choices=[one.value for one in Language], help=LANGUAGE_HELP)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Print the script."""
    # Imports every command, for which no other command should wait.
    from sinetti.cli import completion_scripts  # noqa: PLC0415 - as above
    from sinetti.cli.client import common  # noqa: PLC0415 - as above

    if parsed.names is not None:
        for name in _names(parsed.names):
            output.print_line(name)
        return ExitCode.DONE
    if parsed.shell is None:
        raise UsageError(NO_SHELL)
    output.print_line(completion_scripts.completion_script(parsed.shell, common.console_of(parsed).language))
    return ExitCode.DONE


def _names(words: Sequence[str]) -> Sequence[str]:
    """Return the names in the store and the settings file that these words select.

    Nothing is printed about a store or a file that cannot be read, because the words are not complete yet.
    """
    from sinetti.cli.client.common import config_of, read_variable  # noqa: PLC0415 - slow, as above
    from sinetti.client.store import files  # noqa: PLC0415 - as above

    values = _option_values(words)
    parsed = argparse.Namespace(store=values.get("--store"), config=values.get("--config"), lang=None)
    read_variable(parsed)
    found: set[str] = set()
    try:
        config = config_of(parsed) if parsed.store is None or parsed.config is not None else None
        if config is not None:
            found |= config.entries.keys()
            parsed.store = config.store
    except UsageError:
        pass
    if parsed.store is not None:
        with contextlib.suppress(OSError, StoreError):
            found |= set(files.list_names(parsed.store))
    return sorted(found)


def _option_values(words: Sequence[str]) -> dict[str, Path]:
    """Return the values of --store and --config.

    bash passes words as they are typed, and breaks --store=DIR into three.
    """
    paths: dict[str, Path] = {}
    plain = [part for word in words for part in _unquoted(word) if part != "="]
    for option, value in pairwise(plain):
        if option in {"--store", "--config"}:
            paths[option] = Path(value).expanduser()
    return paths


def _unquoted(word: str) -> Iterator[str]:
    try:
        parts = shlex.split(word)
    except ValueError:  # a quotation mark that is not closed yet
        parts = [word]
    for part in parts:
        yield from part.split("=", 1) if part.startswith(("--store=", "--config=")) else (part,)
