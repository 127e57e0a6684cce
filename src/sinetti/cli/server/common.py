"""What the authority's commands share: the folder, the opened authority, and errors in one sentence."""

import argparse
import json
import logging
import secrets
import sys
from collections.abc import Callable
from contextlib import contextmanager
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.actions.order import OrderError
from sinetti.actions.revoke import NotRevocable
from sinetti.ca.hierarchy import HierarchyError
from sinetti.domain.customers import CustomerIdError
from sinetti.holder.outcome import ExitCode
from sinetti.protocols.serving import AddressTaken
from sinetti.settings.authority import SettingsError
from sinetti.settings.folder import FolderError, FolderKind
from sinetti.testbench.clock import ClockGoesBack
from sinetti.wiring import Authority, open_authority

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

OPERATOR = "operator"
_FOLDER_ERRORS = (FolderError, SettingsError)
_USAGE_ERRORS = (HierarchyError, CustomerIdError, OrderError, NotRevocable, AddressTaken, ClockGoesBack)


def add_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option for the authority's folder."""
    parser.add_argument("--dir", metavar="DIR", type=Path, required=True, help="the authority's folder")


def command(
    commands: "Commands", name: str, summary: str, run: Callable[[argparse.Namespace], int], example: str,
) -> argparse.ArgumentParser:
    """Add one command with an example; `run` is called with its options, and its errors become one sentence."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda parsed: guarded(run, parsed))
    return parser


def guarded(run: Callable[[argparse.Namespace], int], parsed: argparse.Namespace) -> int:
    """Run a command; what an operator can mend is said in one sentence, with the exit code of the contracts."""
    try:
        return run(parsed)
    except _USAGE_ERRORS as bad:
        return _say(bad, ExitCode.USAGE)
    except _FOLDER_ERRORS as bad:
        return _say(bad, ExitCode.STORE)


@contextmanager
def opened(folder: Path) -> Iterator[Authority]:
    """Open an authority for one command."""
    authority = open_authority(folder.absolute(), FolderKind.AUTHORITY)
    try:
        yield authority
    finally:
        authority.office.register.close()


def request_id() -> str:
    """A command's own request id."""
    return secrets.token_hex(16)


def log_to_stderr() -> None:
    """Servers log to standard error: time, level, room, text."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True,
    )


def put(value: object, *, as_json: bool, table: Callable[[], str]) -> None:
    """Print a value for programs, or the same as a table for people."""
    print(json.dumps(value, ensure_ascii=False) if as_json else table())


def _say(error: Exception, code: ExitCode) -> int:
    print(f"sinetti: {error}.", file=sys.stderr)
    return code
