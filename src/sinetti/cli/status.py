"""`sinetti status`: how the certificates of a store stand."""

import argparse
from typing import TYPE_CHECKING

from sinetti.cli import common
from sinetti.cli.console import Console
from sinetti.holder import messages, status
from sinetti.holder.messages import say
from sinetti.holder.outcome import ExitCode
from sinetti.holder.status import NameState

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = """\
example:
  sinetti status --store /var/lib/sinetti --json

states: pending, valid, renewal-open, expired, revoked, uncertain, damaged.
Revoked is known only once the service has said so."""


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "status",
        help="show how the certificates of a store stand",
        description="Shows every name of a store: certificate, end, and when renewal opens. Calls nobody.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common.add_store(parser)
    parser.add_argument("--json", action="store_true", help="print rows for programs")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Show every name; a damaged one makes the exit code 5."""
    console = common.console_of(parsed)
    common.refuse_unknown_store(parsed.store)
    now = common.now_of(parsed, console)
    rows = status.rows(parsed.store, lambda name: common.now_for(parsed, name, now))
    _tell_passed_by(parsed, [row.name for row in rows], console)
    if parsed.json:
        common.print_json([row.as_json() for row in rows])
    else:
        for line in [status.line(row) for row in rows] or [say(messages.STORE_EMPTY)]:
            common.print_line(messages.render(line, console.language))
    return ExitCode.STORE if any(row.state is NameState.DAMAGED for row in rows) else ExitCode.DONE


def _tell_passed_by(parsed: argparse.Namespace, names: list[str], console: Console) -> None:
    """Warn of names that --now does not count for: nothing is done here, so they are shown, by the true clock."""
    apart = [name for name in names if common.passed_by(parsed, name)]
    if apart:
        console.tell(say(messages.NOW_PASSES_BY, names=", ".join(apart)))
