"""Terminal of a ceremony, and errors of its commands in one sentence."""

import argparse
import sys
from collections.abc import Callable
from getpass import getpass

from sinetti.authority.ceremony import CeremonyInterrupted
from sinetti.authority.data_directory import FolderDamaged, FolderError
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.cli.core import output
from sinetti.cli.core.commands import CommandGroup
from sinetti.cli.core.invocation import print_failure
from sinetti.client.results import ExitCode

EXIT_CODES = """\

exit codes: 0 done · 1 internal error · 2 usage error · 3 refused: words, shares, plan and files do not fit each other ·
4 interrupted, run the command again · 5 medium damaged or unreadable · 130 interrupted by a signal"""

_CLEARED = "\x1b[2J\x1b[3J\x1b[H"
_LONGEST_LINE = 4000


class TerminalDesk:
    """Desk at a terminal. Lines also come from a pipe, in which nothing is hidden."""

    def show(self, text: str) -> None:
        """Print a text."""
        output.print_line(text)
        output.flush()

    def ask(self, prompt: str, *, is_secret: bool = False) -> str:
        """Return one line; a terminal does not show a secret one. Raises EOFError."""
        if sys.stdin is None:
            raise EOFError
        if is_secret and sys.stdin.isatty():
            return getpass(prompt)
        output.print_error(prompt, end="")
        line = sys.stdin.readline(_LONGEST_LINE)
        if not sys.stdin.isatty():
            output.print_error("")
        if not line:
            raise EOFError
        return line

    def clear(self) -> None:
        """Clear a terminal with the lines that it scrolled away."""
        if sys.stdout is not None and sys.stdout.isatty():
            sys.stdout.write(_CLEARED)
            output.flush()


def ceremony_commands() -> CommandGroup:
    """Return commands that stand below `sinetti ceremony`."""
    return CommandGroup("sinetti ceremony", guard=_guarded)


def _guarded(run: Callable[[argparse.Namespace], int], parsed: argparse.Namespace) -> int:
    try:
        return run(parsed)
    except CeremonyInterrupted as bad:
        return _say(bad, ExitCode.AGAIN)
    except FolderDamaged as bad:
        return _say(bad, ExitCode.STORE)
    except FolderError as bad:
        return _say(bad, ExitCode.USAGE)
    except (CeremonyError, ValueError) as bad:
        return _say(bad, ExitCode.REFUSED)
    except OSError as bad:
        return _say(f"{bad.filename or 'a file'}: {bad.strerror or bad}", ExitCode.STORE)


def _say(error: object, code: ExitCode) -> int:
    sentence = f"{str(error).rstrip('.')}."
    print_failure(f"sinetti: {sentence}", code, sentence)
    return code
