"""Options of this run that all output depends on: --json, --quiet and --verbose.

The process runs one command, so they are held in one place: authority, gateway and client print from many modules.
"""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.cli.core import output
from sinetti.client.results import ExitCode
from sinetti.infra import clock, standard_input

ERROR_CODES = {
    ExitCode.FAULT: "internal",
    ExitCode.USAGE: "usage",
    ExitCode.REFUSED: "refused",
    ExitCode.AGAIN: "unavailable",
    ExitCode.STORE: "store",
    ExitCode.UNCERTAIN: "uncertain",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Values of `error.code` in JSON, by the exit code that goes with them."""


@dataclass
class Invocation:
    """Options of the command that runs, and what it has printed.

    `has_json`: standard output has its JSON document, to which no second one is added.
    """

    as_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    has_json: bool = False
    begun: float = 0.0


CURRENT = Invocation()

_LOG = "sinetti.cli.core.verbose_log"


def begin(words: Sequence[str]) -> None:
    """Set the options from the words of a command line, before a parser exists.

    Errors of the parser are then printed as --json requires.
    """
    given = words[: words.index("--")] if "--" in words else words
    CURRENT.as_json = _has(given, "--json")
    CURRENT.is_quiet = _has(given, "--quiet", "-q")
    CURRENT.has_json = False
    CURRENT.begun = clock.monotonic_seconds()
    _set_verbose(is_verbose=_has(given, "--verbose", "-v"))
    standard_input.begin()


def take_parsed(parsed: argparse.Namespace) -> None:
    """Set the options from the parsed command line, which knows every abbreviation."""
    CURRENT.as_json = getattr(parsed, "json", False)
    CURRENT.is_quiet = getattr(parsed, "quiet", False)
    _set_verbose(is_verbose=getattr(parsed, "verbose", False))


def _has(words: Sequence[str], option: str, letter: str = "") -> bool:
    """Return True if a word is an option.

    It may be abbreviated, or together with other letters as in -qv.
    """
    together = re.compile(f"-[qv]*{letter[1:]}[qv]*") if letter else None
    return any(
        (len(word) > len("--") and option.startswith(word)) or (together is not None and together.fullmatch(word))
        for word in words
    )


def _set_verbose(*, is_verbose: bool) -> None:
    CURRENT.is_verbose = is_verbose
    if CURRENT.is_verbose or _LOG in sys.modules:  # loading it costs every command a few milliseconds
        importlib.import_module(_LOG).print_requests(is_on=CURRENT.is_verbose)


def print_note(line: str) -> None:
    """Print a line about the work for a person at standard error, unless --quiet."""
    if not CURRENT.is_quiet:
        output.print_error(line)


def print_value(value: object) -> None:
    """Print the JSON document of a command for programs.

    Characters that could control a terminal, or that standard output cannot encode, are escaped.
    """
    CURRENT.has_json = True
    text = json.dumps(value, ensure_ascii=False)
    output.print_line(text if text.isprintable() and output.is_encodable(text) else json.dumps(value))


def print_failure(line: str, code: ExitCode, detail: str | None = None) -> None:
    """Print why a command failed, and with --json the same for programs.

    `detail` is the message in JSON where it differs from the line.
    """
    output.print_error(line, priority=output.ERROR)
    if CURRENT.as_json and not CURRENT.has_json:
        print_value({"error": {"code": ERROR_CODES[code], "message": line if detail is None else detail}})


def print_duration(code: int) -> None:
    """Print, with --verbose, how long the command took."""
    if CURRENT.is_verbose:
        output.print_error(f"sinetti: exit code {int(code)} after {clock.monotonic_seconds() - CURRENT.begun:.2f} s")
