"""`sinetti log`: show the events of a name."""

import argparse
import importlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Row
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.reporting import log_format
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import event_log, files, snapshot
from sinetti.client.store.event_log import LogEvent
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop

EXAMPLE = (
    "example, the last seven days:\n  sinetti log payroll --store /var/lib/sinetti --since 7d\n\n"
    "The log of an authority: sinetti log verify --help"
)

_LOG = gettext_noop("Checks what the log of an authority proves. “sinetti log NAME” shows the history of a name.")
_LOG_EXAMPLE = gettext_noop("example:\n  sinetti log verify log.jsonl --key pki.example/log+1a2b3c4d+AVJ…")

_INDENT = len("2027-03-03 13:03") + 2
"""Columns before the facts of an event: they stand below its text."""

_AGO = re.compile(r"([0-9]{1,6})([dh])")


COMMANDS = ("proof", "verify", "witness")
"""Commands below `sinetti log`, about the log of an authority.

None is a name of the store.
"""


def register(subparsers: Commands, wanted: str | None = None) -> None:
    """Add the command to the parser, or the group below it.

    The group is added if `wanted` is one of its commands.
    """
    if wanted in COMMANDS:
        group = subparsers.add_parser(
            "log", help="check the log of an authority", description=_LOG, epilog=_LOG_EXAMPLE
        )
        below = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for name in COMMANDS:
            importlib.import_module(f"sinetti.cli.client.log_{name}").register(below)
        return
    parser = subparsers.add_parser(
        "log",
        help="show the history of a name",
        description="Shows the events of a name, oldest first, and what is pending. Calls no service.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name in the store")
    common.add_store(parser)
    parser.add_argument("--since", metavar="WHEN", help="show events from this time on: a time, or 7d or 12h ago")
    parser.add_argument("--json", action="store_true", help="print the events as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Show the log of one name. A damaged log makes the exit code 5."""
    console = common.console_of(parsed)
    folder = parsed.store / parsed.name
    if not files.is_name(parsed.name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=parsed.name, store=str(parsed.store))
    now = common.now_for(parsed, parsed.name, common.now_of(parsed, console))
    since = None if parsed.since is None else _since(parsed.since, now)
    try:
        log_events = [log_event for log_event in event_log.read(folder) if since is None or log_event.at >= since]
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, folder)) from bad
    name_snapshot = snapshot.load_snapshot(folder)
    if parsed.json:
        under_way = [
            {"kind": journal.folder.name, "state": journal.state.value, "codes": list(journal.codes)}
            for journal in name_snapshot.open
        ]
        events = [log_format.as_json(log_event) for log_event in log_events]
        common.print_json({"name": parsed.name, "events": events, "open": under_way})
    else:
        output.show(blocks(log_events, name_snapshot, console.language))
    damage = name_snapshot.damage_message(now)
    if damage is None:
        return ExitCode.DONE
    console.tell(damage)
    return ExitCode.STORE


def blocks(events: Sequence[LogEvent], name_snapshot: NameSnapshot, language: Language) -> Sequence[Block]:
    """Return the output for events, oldest first, and for the requests under way."""
    found: list[Block] = []
    if events:
        rows = [Row((at, event), facts) for at, event, facts in (log_format.cells(event, language) for event in events)]
        found.append(OutputTable((), rows, fold=frozenset({1}), indent=_INDENT))
    found += [Paragraph(line) for line in log_format.open_lines(name_snapshot, language)]
    return found or [Paragraph(messages.render(make_message(messages.LOG_EMPTY, name=name_snapshot.name), language))]


def _since(text: str, now: datetime) -> datetime:
    match = _AGO.fullmatch(text)
    if match is None:
        return common.parse_instant(text)
    count = int(match[1])
    try:
        return now - (timedelta(days=count) if match[2] == "d" else timedelta(hours=count))
    except OverflowError:
        raise UsageError(messages.BAD_INSTANT, text=text) from None
