"""`sinetti status`: show the state of the certificates of a store."""

import argparse
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Record, Row, Tone
from sinetti.cli.core.console import Console
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import Config, without_file
from sinetti.client.reporting import log_format, metrics, status
from sinetti.client.reporting.status import NameStatus, RequiredAction, StatusRow
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Environment, Language
from sinetti.i18n import translate
from sinetti.infra import clock

EXAMPLE = (
    "example, for monitoring:\n  sinetti status --store /var/lib/sinetti --check\n\nStates: pending, valid, "
    "renewal-open, expired, revoked, uncertain, damaged, missing. A certificate is shown as\nrevoked once the service "
    "has reported it.\n\nexit codes with --check: 0 no action needed · 2 settings file wrong · 3 a new certificate "
    "must be ordered, or a\nname is missing · 4 a renewal, a retrieval or a deploy hook has failed · 5 store damaged · "
    "6 outcome uncertain"
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "status",
        help="show the state of the certificates in a store",
        description="Shows the certificates of a store: organisation, state, end, next action and advice. Those that "
        "need action come first. With NAME, shows service, serial number and files, too. Calls no service.",
        epilog=EXAMPLE,
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="names of the store, shown in detail (default: all)")
    common.add_store(parser)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, sorted by name")
    parser.add_argument("--details", action="store_true", help="add service, serial number, files and the latest event")
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
    if parsed.names and parsed.prometheus is not None:
        raise UsageError(messages.METRICS_OF_ALL)
    now = common.now_of(parsed, console)
    config = common.loaded_config(parsed) or without_file(parsed.store)
    is_for_people = not (parsed.json or parsed.check or parsed.prometheus)
    try:
        if is_for_people and not files.directory_exists(parsed.store) and config.entries:
            output.show(blocks(_rows(parsed, config, now), _view(parsed), console.language))
        common.require_store(parsed)
        rows = _rows(parsed, config, now)
    except (UsageError, OSError):
        if parsed.prometheus is not None:
            put_unusable(parsed.prometheus, now)
        raise
    if parsed.now is not None:
        _tell_passed_by(rows, console)
    if parsed.prometheus is not None:
        put_metrics(parsed.prometheus, parsed.store, rows, now)
    if parsed.json:
        _print_json(rows, parsed, console.language)
    elif parsed.prometheus is None:
        output.show(blocks(rows, _view(parsed), console.language))
    if parsed.check:
        return status.exit_code(rows)
    return ExitCode.STORE if any(row.state is NameStatus.DAMAGED for row in rows) else ExitCode.DONE


def _print_json(rows: Sequence[StatusRow], parsed: argparse.Namespace, language: Language) -> None:
    if parsed.details:
        common.print_rows([status.details(row, parsed.store / row.name, language) for row in rows])
    else:
        common.print_rows([row.as_json(language) for row in rows if row.state is not NameStatus.NOT_ENROLLED])


def _rows(parsed: argparse.Namespace, config: Config, now: datetime) -> Sequence[StatusRow]:
    """Return the rows of all names, or of those of the command line.

    Raises UsageError for a name that neither the store nor sinetti.toml has.
    """

    def now_of(name_snapshot: NameSnapshot) -> datetime:
        # Nothing is done here, so a name in PRODUCTION is shown by the true clock instead of being refused.
        production = parsed.now is not None and name_snapshot.environment is Environment.PRODUCTION
        return clock.utc_now() if production else now

    rows = status.rows(config, now_of, now, set(filter(files.is_name, parsed.names)))
    for name in sorted(set(parsed.names) - {row.name for row in rows}):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(parsed.store))
    return rows


@dataclass(frozen=True)
class StatusView:
    """Way in which rows are shown.

    `only_needed`: only rows that require action. `in_detail`: one record for each row in place of a table.
    """

    store: Path
    only_needed: bool = False
    in_detail: bool = False


def _view(parsed: argparse.Namespace) -> StatusView:
    return StatusView(parsed.store, parsed.check, bool(parsed.details or parsed.names))


TONES = {
    RequiredAction.DEPLOY: Tone.WARNING,
    RequiredAction.GO_ON: Tone.WARNING,
    RequiredAction.ORDER: Tone.WARNING,
    RequiredAction.WAIT: Tone.PLAIN,
    RequiredAction.NOTHING: Tone.GOOD,
}
"""Colours of states; any other required action is urgent."""


def blocks(rows: Sequence[StatusRow], view: StatusView, language: Language) -> Sequence[Block]:
    """Return the output for rows, the most urgent first."""
    if not rows:
        return (Paragraph(messages.render(make_message(messages.STORE_EMPTY), language)),)
    ordered = status.sort_by_urgency(rows)
    selected = [row for row in ordered if not view.only_needed or status.exit_code_of(row)]
    if not selected:
        return (Paragraph(messages.render(make_message(messages.NOTHING_FOR_A_PERSON), language)),)
    if view.in_detail:
        return [_record(row, view.store / row.name, language) for row in selected]
    return (
        OutputTable(
            status.header(language),
            [_row(row, language) for row in selected],
            advice=translate.translate(status.ADVICE, language),
            right=frozenset({status.DAYS_LEFT}),
            fold=frozenset({0, status.ORGANISATION, status.STATE}),
            spare=frozenset({status.ORGANISATION}),
            toned=status.STATE,
        ),
    )


def _row(row: StatusRow, language: Language) -> Row:
    *cells, advice = status.row_cells(row, language)
    return Row(tuple(cells), advice, _tone(row))


def _record(row: StatusRow, folder: Path, language: Language) -> Record:
    pairs = status.detail_pairs(row, folder, language)
    last, output = status.latest_events(folder)
    if last is not None:
        at, event, _ = log_format.cells(last, language)
        pairs.append((translate.translate(status.LATEST_EVENT, language), f"{at} {event}"))
    if output:
        pairs.append((translate.translate(status.HOOK_OUTPUT, language), "\n".join(log_format.quote_output(output))))
    return Record(row.name, pairs, status.advice(row, language), _tone(row))


def _tone(row: StatusRow) -> Tone:
    return TONES.get(status.required_action(row), Tone.BAD)


def put_metrics(
    place: str, store: Path, rows: Sequence[StatusRow], now: datetime, last_run: datetime | None = None
) -> None:
    """Write the metrics of a store for an exporter to read.

    `last_run` is the end of the agent's last pass. Raises UsageError if the file lies in the store.
    """
    if place != "-" and _is_a_names(Path(place), store):
        raise UsageError(messages.METRICS_IN_STORE, path=place, store=str(store))
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
    if any(common.is_in_store(path, link, link.name) for link in _links(store)):
        return True
    try:
        within = path.resolve().relative_to(store.resolve()).parts
    except (OSError, RuntimeError, ValueError):  # a loop of links, which writing reports; or elsewhere
        return False
    return len(within) > 1 or "".join(within).startswith(".")


def _links(store: Path) -> Sequence[Path]:
    """Return the names whose folder is a link to a folder elsewhere."""
    return [path for path in (store / name for name in files.list_names(store)) if path.is_symlink()]


def _tell_passed_by(rows: Sequence[StatusRow], console: Console) -> None:
    """Warn of names for which --now does not count."""
    apart = [row.name for row in rows if row.seen.environment is Environment.PRODUCTION]
    if apart:
        console.tell(make_message(messages.NOW_PASSES_BY, names=", ".join(apart)))
