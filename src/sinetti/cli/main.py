"""Main function of the command `sinetti`: its commands and exit codes."""

import argparse
import gc
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from sinetti import __version__
from sinetti.cli.core import argparse_i18n, output
from sinetti.cli.core.console import LANGUAGE_HELP, Console, language_of
from sinetti.cli.core.output import OutputError
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store.files import StoreError
from sinetti.domain.values import Language
from sinetti.pki.signers import SignerUnavailable

CLIENT = (
    *("enrol", "adopt", "retrieve", "renew", "status", "sign", "verify", "explain", "deliver", "receipt", "export"),
    *("log", "doctor", "revoke", "completion", "run", "gateway"),
)
"""Commands of every installation; `place_of` names their modules."""

ALIASES = {"enroll": "enrol"}

PLACES = {
    "authority": "authority.group",
    "completion": "completion",
    "demo-fleet": "testbench.demo_fleet",
    "gateway": "gateway.group",
    "main": "main",
    "testbench": "testbench.group",
}
"""Modules below sinetti.cli of the commands outside sinetti.cli.client."""

GROUPS = ("authority", "gateway")
"""Groups of commands; only the requested command of a group is loaded."""

SERVER = {
    "authority": "run a certificate authority (needs sinetti[authority])",
    "testbench": "run an authority on a clock of your own (needs sinetti[authority])",
    "demo-fleet": "watch an agent keep the certificates of a fleet from lapsing (needs sinetti[authority])",
}
"""Commands of the extra `sinetti[authority]`, loaded only when called."""

EPILOG = """\
exit codes: 0 done or nothing due · 1 our own fault · 2 usage · 3 refused by the service · 4 not reached, not ready
or answer not trusted: run again · 5 store damaged or locked · 6 uncertain · 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and not sys.warnoptions:
        # Warnings are for programmers. With an odd certificate, users would see a library's advice.
        warnings.simplefilter("ignore")
    output.replace_unencodable()
    console = Console(language_of(arguments))
    wanted = next((word for word in _language_first(arguments)[1] if not word.startswith("-")), None)
    if wanted in SERVER and importlib.util.find_spec("django") is None:
        console.tell(make_message(messages.NEEDS_EXTRA, command=wanted))
        return ExitCode.USAGE
    try:
        if arguments == ["--version"]:  # no parser has to be built for it
            output.print_line(f"sinetti {__version__}")
            return ExitCode.DONE
        with argparse_i18n.argparse_language(console.language):
            return _run(arguments, console)
    except OutputError as lost:
        console.tell(make_message(messages.OUTPUT_LOST, why=error_reasons.translate_reason(lost.why)))
        return ExitCode.FAULT


def build_parser(*wanted: str) -> argparse.ArgumentParser:
    """Build the parser of the command that the first words name, or else of all.

    A command is loaded with all its imports, which takes longer than most commands run.
    """
    parser = argparse_i18n.Parser(
        prog="sinetti",
        description="Certificates for organisations that exchange data over a technical interface.",
        epilog=EPILOG,
    )
    parser.set_defaults(prepare=lambda _parsed: None)
    parser.add_argument("--version", action="version", version=f"sinetti {__version__}")
    parser.add_argument("--lang", choices=[one.value for one in Language], help=LANGUAGE_HELP)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    first = ALIASES.get(wanted[0], wanted[0]) if wanted else None
    if first in CLIENT or first in SERVER:
        below = wanted[1:2] if first in GROUPS else ()
        importlib.import_module(place_of(first)).register(commands, *below)
        return parser
    for name in CLIENT:
        importlib.import_module(place_of(name)).register(commands)
    for name, summary in SERVER.items():
        commands.add_parser(name, help=summary)
    return parser


def place_of(command: str) -> str:
    """Return the name of the module that registers a command."""
    return f"sinetti.cli.{PLACES.get(command) or f'client.{command}'}"


def _language_first(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split a --lang before the command, as many programs have it, from the rest."""
    first = arguments[0] if arguments else ""
    count = 1 if first.startswith("--lang=") else 2 if first == "--lang" else 0
    return arguments[:count], arguments[count:]


def _run(arguments: Sequence[str], console: Console) -> int:
    try:
        language, named = _language_first(list(arguments))
        parser = build_parser(*named[:2])
        argparse_i18n.translate_parser(parser, console.language)
        # --lang is passed to a command that has it. For other commands it sets only the language of errors.
        place = argparse_i18n.place_of(parser, named, "--lang") or 0
        parsed = parser.parse_args([*named[:place], *language, *named[place:]])
    except SystemExit as ended:  # argparse has already printed the error or the help
        output.flush()
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    if not gc.isenabled():  # entry.py: until here only modules were loaded
        gc.freeze()
        gc.enable()
    try:
        parsed.prepare(parsed)
        # A sinetti.toml may set the language, in which later errors are printed.
        console = Console(Language(parsed.lang)) if getattr(parsed, "lang", None) else console
        return int(parsed.run(parsed))
    except OutputError:  # main reports it, also for the help
        raise
    except UsageError as bad:
        console.tell(bad.message)
        return ExitCode.USAGE
    except StoreError as bad:
        console.tell(bad.message)
        return ExitCode.STORE
    except SignerUnavailable as bad:
        message = make_message(
            messages.TOKEN_UNUSABLE,
            name=getattr(parsed, "name", None) or "-",
            why=error_reasons.translate_reason(str(bad)),
        )
        console.tell(message)
        return ExitCode.STORE
    except KeyboardInterrupt:
        console.tell(make_message(messages.INTERRUPTED))
        return ExitCode.INTERRUPTED
    except Exception as bad:
        if getattr(parsed, "debug", False):
            raise
        return _last_door(bad, parsed, console)


def _last_door(bad: Exception, parsed: argparse.Namespace, console: Console) -> ExitCode:
    """Report an unexpected error.

    The user gets a sentence and an exit code, never a stack trace.
    """
    place = _in_store(bad, parsed)
    if place is not None and isinstance(bad, OSError):
        console.tell(make_message(messages.STORE_UNUSABLE, path=place, why=error_reasons.translate_reason(bad)))
        return ExitCode.STORE
    console.tell(make_message(messages.OUR_FAULT, why=f"{type(bad).__name__}: {bad}"))
    return ExitCode.FAULT


def _in_store(bad: Exception, parsed: argparse.Namespace) -> str | None:
    """Return the file of the store that could not be accessed, or None.

    Most often the store belongs to another user.
    """
    store, place = getattr(parsed, "store", None), getattr(bad, "filename", None)
    if not isinstance(store, Path) or not isinstance(place, str):
        return None
    return place if Path(place).absolute().is_relative_to(store.absolute()) else None
