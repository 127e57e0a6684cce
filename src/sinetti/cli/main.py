"""Main function of the command `sinetti`: its commands and exit codes."""

import argparse
import gc
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from sinetti import build_version
from sinetti.cli.core import argparse_i18n, global_options, invocation, output
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
    *("log", "doctor", "revoke", "remove", "deploy", "inspect", "trust", "approval"),
    *("completion", "run", "gateway", "help"),
)
"""Commands of every installation; `place_of` names their modules."""

ALIASES = {"enroll": "enrol"}

PLACES = {
    "authority": "authority.group",
    "ceremony": "ceremony.group",
    "completion": "completion",
    "demo-fleet": "testbench.demo_fleet",
    "gateway": "gateway.group",
    "help": "help",
    "main": "main",
    "testbench": "testbench.group",
}
"""Modules below sinetti.cli of the commands outside sinetti.cli.client."""

GROUPS = ("authority", "gateway", "log")
"""Groups of commands; only the requested command of a group is loaded."""

SERVER = {
    "authority": "run a certificate authority (needs sinetti[authority])",
    "testbench": "run a local authority whose clock you set (needs sinetti[authority])",
    "demo-fleet": "watch agents renew the certificates of many organisations (needs sinetti[authority])",
}
"""Commands of the extra `sinetti[authority]`, loaded only when called."""

LOADED_WHEN_CALLED = {**SERVER, "ceremony": "make and use the keys of a root CA on a machine without network"}
"""Commands that need packages of the server's side.

`ceremony` is in every installation.
"""

EPILOG = """\
Options that many commands share may also stand before the command. “sinetti help COMMAND” describes a command.

environment: SINETTI_STORE as --store · SINETTI_CONFIG as --config · SINETTI_NOW as --now, for TEST only. An option
overrides its variable. Where a command takes a file, - means standard input or output.

exit codes: 0 done, or nothing to do · 1 internal error · 2 usage error · 3 refused by the service · 4 no trusted
response, or certificate not ready yet · 5 store damaged or locked · 6 outcome uncertain · 130 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and not sys.warnoptions:
        # Warnings are for programmers. With an odd certificate, users would see a library's advice.
        warnings.simplefilter("ignore")
    output.replace_unencodable()
    invocation.begin(arguments)
    console = Console(language_of(arguments))
    wanted = next(iter(global_options.command_words(arguments)), None)
    if wanted in SERVER and importlib.util.find_spec("django") is None:
        return console.fail(make_message(messages.NEEDS_EXTRA, command=wanted), ExitCode.USAGE)
    try:
        if arguments == ["--version"]:  # no parser has to be built for it
            output.print_line(f"sinetti {build_version()}")
            return ExitCode.DONE
        with argparse_i18n.argparse_language(console.language):
            code = _run(arguments, console)
    except KeyboardInterrupt:  # while the parser was built; later _run takes it
        code = console.fail(make_message(messages.INTERRUPTED), ExitCode.INTERRUPTED)
    except OutputError as lost:
        console.tell(make_message(messages.OUTPUT_LOST, why=error_reasons.translate_reason(lost.why)))
        code = ExitCode.FAULT
    invocation.print_duration(code)
    return code


def build_parser(*wanted: str) -> argparse.ArgumentParser:
    """Build the parser of the command that the first words name, or else of all.

    A command is loaded with all its imports, which takes longer than most commands run.
    """
    parser = argparse_i18n.Parser(
        prog="sinetti",
        description="Get, renew and test organisation certificates for a technical interface.",
        epilog=EPILOG,
    )
    parser.set_defaults(prepare=lambda _parsed: None)
    parser.add_argument("--version", action="version", version=f"sinetti {build_version()}")
    parser.add_argument("--lang", choices=[language.value for language in Language], help=LANGUAGE_HELP)
    global_options.add_to_root(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    first = ALIASES.get(wanted[0], wanted[0]) if wanted else None
    if first in CLIENT or first in LOADED_WHEN_CALLED:
        below = wanted[1:2] if first in GROUPS else ()
        importlib.import_module(place_of(first)).register(commands, *below)
        global_options.add_to_leaves(parser)
        return parser
    for name in CLIENT:
        importlib.import_module(place_of(name)).register(commands)
    global_options.add_to_leaves(parser)
    for name, summary in LOADED_WHEN_CALLED.items():
        commands.add_parser(name, help=summary)
    return parser


def place_of(command: str) -> str:
    """Return the name of the module that registers a command."""
    return f"sinetti.cli.{PLACES.get(command) or f'client.{command}'}"


def _run(arguments: Sequence[str], console: Console) -> int:
    try:
        parser = build_parser(*global_options.command_words(arguments))
        argparse_i18n.translate_parser(parser, console.language)
        parsed = parser.parse_args(global_options.reorder(parser, arguments))
    except SystemExit as ended:  # argparse has already printed the error or the help
        output.flush()
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    invocation.take_parsed(parsed)
    if not gc.isenabled():  # entry.py: until here only modules were loaded
        gc.freeze()
        gc.enable()
    try:
        return _run_parsed(parsed, console)
    except OutputError:  # main reports it, also for the help
        raise
    except KeyboardInterrupt:
        return _console_of(parsed, console).fail(make_message(messages.INTERRUPTED), ExitCode.INTERRUPTED)
    except Exception as bad:
        if getattr(parsed, "debug", False):
            raise
        return _last_door(bad, parsed, _console_of(parsed, console))


def _run_parsed(parsed: argparse.Namespace, console: Console) -> int:
    """Run a command; an error that its user can correct is printed in one sentence."""
    try:
        parsed.prepare(parsed)
        return int(parsed.run(parsed))
    except UsageError as bad:
        return _console_of(parsed, console).fail(bad.message, ExitCode.USAGE)
    except StoreError as bad:
        return _console_of(parsed, console).fail(bad.message, ExitCode.STORE)
    except SignerUnavailable as bad:
        message = make_message(
            messages.TOKEN_UNUSABLE,
            name=getattr(parsed, "name", None) or "-",
            why=error_reasons.translate_reason(str(bad)),
        )
        return _console_of(parsed, console).fail(message, ExitCode.STORE)


def _console_of(parsed: argparse.Namespace, console: Console) -> Console:
    """Return the console for errors.

    sinetti.toml may have set another language meanwhile.
    """
    return Console(Language(parsed.lang)) if getattr(parsed, "lang", None) else console


def _last_door(bad: Exception, parsed: argparse.Namespace, console: Console) -> ExitCode:
    """Report an unexpected error.

    The user gets a sentence and an exit code, never a stack trace.
    """
    place = _in_store(bad, parsed)
    if place is not None and isinstance(bad, OSError):
        message = make_message(messages.STORE_UNUSABLE, path=place, why=error_reasons.translate_reason(bad))
        return console.fail(message, ExitCode.STORE)
    return console.fail(make_message(messages.OUR_FAULT, why=f"{type(bad).__name__}: {bad}"), ExitCode.FAULT)


def _in_store(bad: Exception, parsed: argparse.Namespace) -> str | None:
    """Return the file of the store that could not be accessed, or None.

    Most often the store belongs to another user.
    """
    store, place = getattr(parsed, "store", None), getattr(bad, "filename", None)
    if not isinstance(store, Path) or not isinstance(place, str):
        return None
    return place if Path(place).absolute().is_relative_to(store.absolute()) else None
