"""`sinetti status`: show the state of the certificates of a store."""

import argparse
import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.console import Console
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.reporting import metrics, status
from sinetti.client.reporting.status import NameStatus, StatusRow
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Environment
from sinetti.infra import clock

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = (
    "example, for monitoring:\n  sinetti status --store /var/lib/sinetti --check\n\nStates: pending, valid, "
    "renewal-open, expired, revoked, uncertain, damaged. A certificate is shown as revoked once the\nservice "
    "has reported it.\n\nexit codes with --check: 0 no action needed · 3 a new certificate must be ordered · "
    "4 a renewal, a retrieval or a deploy\nhook has failed · 5 store damaged · 6 outcome uncertain"
)


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "status",
        help="show the state of the certificates in a store",
        description="Shows the certificates of a store: organisation, state, end, renewal and next step. Those that "
        "need action come first. Calls no service.",
        epilog=EXAMPLE,
    )
    common.add_store(parser)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, sorted by name")
    parser.add_argument("--details", action="store_true", help="with --json: add what the agent and the log know")
    parser.add_argument(
        "--prometheus", metavar="FILE", help="write metrics for Prometheus to this file, - for standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="print only certificates that need action; the exit code says which action"
    )
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Show every name. A damaged name makes the exit code 5."""
    console = common.console_of(parsed)
    if parsed.details and not parsed.json:
        raise UsageError(make_message(messages.DETAILS_NEED_JSON))
    now = common.now_of(parsed, console)
    absent = _absent(parsed, now)
    if not files.directory_exists(parsed.store) and absent and not (parsed.json or parsed.check or parsed.prometheus):
        _show(absent, console, only_needed=False)
    try:
        common.require_store(parsed)
        rows = _rows(parsed, now)
    except (UsageError, OSError):
        if parsed.prometheus is not None:
            put_unusable(parsed.prometheus, now)
        raise
    if parsed.now is not None:
        _tell_passed_by(rows, console)
    if parsed.prometheus is not None:
        put_metrics(parsed.prometheus, parsed.store, rows, now)
    if parsed.json:
        common.print_rows(
            [status.details(row, parsed.store / row.name) for row in sorted((*rows, *absent), key=_by_name)]
            if parsed.details
            else [row.as_json() for row in rows]
        )
    elif parsed.prometheus is None:
        _show((*rows, *absent), console, only_needed=parsed.check)
    if parsed.check:
        return status.exit_code(rows)
    return ExitCode.STORE if any(row.state is NameStatus.DAMAGED for row in rows) else ExitCode.DONE


def _absent(parsed: argparse.Namespace, now: datetime) -> Sequence[StatusRow]:
    """Return a row for each table of sinetti.toml that has nothing in the store."""
    config = common.loaded_config(parsed)
    if config is None:
        return ()
    return [
        status.not_enrolled(config.store, entry, config.services.get(entry.service or ""), now)
        for name, entry in sorted(config.entries.items())
        if not files.is_kept(config.store / name)
    ]


def _by_name(row: StatusRow) -> str:
    return row.name


def _rows(parsed: argparse.Namespace, now: datetime) -> Sequence[StatusRow]:
    def now_of(seen: NameSnapshot) -> datetime:
        # Nothing is done here, so a name in PRODUCTION is shown by the true clock instead of being refused.
        production = parsed.now is not None and seen.environment is Environment.PRODUCTION
        return clock.utc_now() if production else now

    return status.rows(parsed.store, now_of)


def _show(rows: Sequence[StatusRow], console: Console, *, only_needed: bool) -> None:
    if not rows:
        common.print_line(messages.render(make_message(messages.STORE_EMPTY), console.language))
        return
    selected = [
        row for row in status.sort_by_urgency(rows) if not only_needed or status.EXIT_CODES[status.required_action(row)]
    ]
    if not selected:
        common.print_line(messages.render(make_message(messages.NOTHING_FOR_A_PERSON), console.language))
        return
    lines = [status.row_cells(row, console.language) for row in selected]
    table = output.format_table(status.header(console.language), lines, (status.DAYS_LEFT,))
    common.print_line("\n".join(table))


def put_metrics(
    place: str, store: Path, rows: Sequence[StatusRow], now: datetime, last_run: datetime | None = None
) -> None:
    """Write the metrics of a store for an exporter to read.

    `last_run` is the end of the agent's last pass. Raises UsageError if the file lies in the store.
    """
    if place != "-" and _is_a_names(Path(place), store):
        raise UsageError(make_message(messages.METRICS_IN_STORE, path=place, store=str(store)))
    octets = metrics.text(rows, now, last_run).encode()
    if place == "-":
        output.print_bytes(octets)
        return
    _publish(Path(place), octets)


def put_unusable(place: str, now: datetime) -> None:
    """Overwrite the metrics, which may be green, if the store cannot be read.

    Touches no other file.
    """
    with contextlib.suppress(OSError, UsageError):  # the store's own trouble is reported
        if Path(place).read_bytes().startswith(metrics.BEGINNING):
            _publish(Path(place), metrics.unusable(now).encode())


def _publish(path: Path, octets: bytes) -> None:
    common.write_file(path, octets)
    # Others read them: the exporter runs as a user of its own, and there is nothing secret in them.
    if os.name == "posix" and path.is_file():
        # A file that another user made for it keeps its rights.
        with contextlib.suppress(PermissionError):
            path.chmod(0o644)


def _is_a_names(path: Path, store: Path) -> bool:
    """Return True if a path belongs to a name or to the agent in the store.

    Writing there could replace a key.
    """
    if any(common.is_in_store(path, one, one.name) for one in _links(store)):
        return True
    try:
        within = path.resolve().relative_to(store.resolve()).parts
    except (OSError, RuntimeError, ValueError):  # a loop of links, which writing reports; or elsewhere
        return False
    return len(within) > 1 or "".join(within).startswith(".")


def _links(store: Path) -> Sequence[Path]:
    """Return the names whose folder is a link to a folder elsewhere."""
    return [one for one in (store / name for name in files.list_names(store)) if one.is_symlink()]


def _tell_passed_by(rows: Sequence[StatusRow], console: Console) -> None:
    """Warn of names for which --now does not count."""
    apart = [row.name for row in rows if row.seen.environment is Environment.PRODUCTION]
    if apart:
        console.tell(make_message(messages.NOW_PASSES_BY, names=", ".join(apart)))
