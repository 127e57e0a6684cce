"""`sinetti authority backup`, `restore`, `restore-drill`: files of the database.

`restore` writes into a new database, and `restore-drill` into a scratch database, which it empties again.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.authority.bootstrap import database_url, journal_mark
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    OptionError,
    add_dir,
    command,
    opened_authority,
    print_result,
)
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.operations import backups
from sinetti.database.operations.scratch import open_scratch
from sinetti.domain.validation import pluralise
from sinetti.infra.standard_input import STREAM
from sinetti.server.process_exit import request_id
from sinetti.services.monitoring.restore_drill import RestoreDrillReport, drill_restore
from sinetti.settings import authority


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority backup --dir /srv/sinetti --out /backup/register-2027-03-01"
    parser = command(commands, "backup", "back up the register to a new file while the service runs", _back_up, example)
    add_dir(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="new file for the backup; it contains personal data"
    )
    example = "sinetti authority restore --dir /srv/sinetti --from /backup/register-2027-03-01"
    summary = "restore the register from a backup into a DIR that has none"
    parser = command(commands, "restore", summary, _restore, example)
    add_dir(parser)
    parser.add_argument(
        "--from", metavar="FILE", type=Path, required=True, dest="source", help="file that `backup` wrote"
    )
    example = (
        "sinetti authority restore-drill --dir /srv/sinetti --backup /backup/register-2027-03-01 "
        "--scratch-database postgresql://drill@localhost/drill"
    )
    summary = "restore a backup into a scratch database, and report the time and what was missing"
    parser = command(commands, "restore-drill", summary, _drill, example)
    add_dir(parser)
    parser.add_argument("--backup", metavar="FILE", type=Path, required=True, help="file that `backup` wrote")
    where = (
        "empty database, or sqlite:////PATH of a new file; it is emptied at the end; without a password, see passfile"
    )
    parser.add_argument("--scratch-database", metavar="URL", required=True, help=where)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _drill(parsed: argparse.Namespace) -> int:
    try:
        has_password = urlsplit(parsed.scratch_database).password is not None
    except ValueError:
        has_password = False
    if has_password:
        raise OptionError(
            "--scratch-database: other users see a password there: name a file with ?passfile=PATH instead"
        )
    with opened_authority(parsed.dir) as opened:
        try:
            db = open_scratch(parsed.scratch_database)
        except ValueError as bad:
            raise OptionError(f"--scratch-database: {bad}") from None
        scratch = (parsed.scratch_database, db)
        report = drill_restore(opened.ctx, opened.journal, parsed.backup.absolute(), scratch, request_id())
    print_result(
        {**asdict(report), "newest_at": report.newest_at and f"{report.newest_at:%Y-%m-%dT%H:%M:%SZ}"},
        as_json=parsed.json,
        table=lambda: _drill_lines(report),
    )
    return EXIT_ACTION_REQUIRED if report.failed else 0


def _drill_lines(report: RestoreDrillReport) -> str:
    newest = "no act" if report.newest_at is None else f"its newest act is of {report.newest_at:%Y-%m-%d %H:%M} UTC"
    lists = f"{pluralise(report.lists, 'list')}, {report.log_entries} of the log's entries"
    lines = [
        f"The backup has {pluralise(report.certificates, 'certificate')}; {newest}.",
        f"Seconds: {report.restore_seconds:.1f} to restore it, {report.reconcile_seconds:.1f} to compare and complete.",
        f"It lacked facts of {pluralise(report.missing, 'certificate')}, {lists}. The journals have them.",
    ]
    if report.unwritten:
        lines.append(f"The journals lack facts of {pluralise(report.unwritten, 'certificate')} that the backup has.")
    lines += [f"not restored  {serial}" for serial in report.failed]
    if report.failed:
        lines.append("Another node's journal is missing from the folder (docs/operators/journal.md).")
    return "\n".join(lines)


def _back_up(parsed: argparse.Namespace) -> int:
    if parsed.out == STREAM:
        raise OptionError("--out: a backup is not written to standard output: name a file")
    backups.back_up(_url(parsed.dir), parsed.out.absolute())
    print_note(f"The register is backed up in {parsed.out}. Back up DIR and the journals too.")
    return 0


def _restore(parsed: argparse.Namespace) -> int:
    backups.restore(_url(parsed.dir), parsed.source.absolute())
    journal_mark(DataDirectory(parsed.dir.absolute()), DirectoryKind.AUTHORITY).write_restored()
    print_note(f"Restored. Next: sinetti authority reconcile --dir {parsed.dir}")
    return 0


def _url(root: Path) -> str:
    folder = DataDirectory(root.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    return database_url(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))
