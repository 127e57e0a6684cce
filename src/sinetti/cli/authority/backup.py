"""`sinetti authority backup`, `restore`, `restore-drill`: files of the database.

`restore` writes into a new database, and `restore-drill` into a scratch database, which it empties again.
"""

from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.authority.bootstrap import database_url, journal_mark
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.cli.authority.common import DIR, EXIT_ACTION_REQUIRED, AuthorityRun, OptionError, operator_commands
from sinetti.cli.core.commands import Output, option
from sinetti.database.operations import backups
from sinetti.database.operations.scratch import open_scratch
from sinetti.domain.validation import pluralise
from sinetti.infra.clock import format_instant
from sinetti.infra.standard_input import STREAM
from sinetti.services.monitoring.restore_drill import RestoreDrillReport, drill_restore
from sinetti.settings import authority

commands = operator_commands()
register = commands.register


@commands.command("sinetti authority backup --dir /srv/sinetti --out /backup/register-2027-03-01")
def backup(
    *, dir_: Path = DIR, out: Path = option("FILE", "new file for the backup; it contains personal data")
) -> str:
    """Back up the register to a new file while the service runs."""
    if out == STREAM:
        raise OptionError("--out: a backup is not written to standard output: name a file")
    backups.back_up(_url(dir_), out.absolute())
    return f"The register is backed up in {out}. Back up DIR and the journals too."


@commands.command("sinetti authority restore --dir /srv/sinetti --from /backup/register-2027-03-01")
def restore(*, dir_: Path = DIR, from_: Path = option("FILE", "file that `backup` wrote")) -> str:
    """Restore the register from a backup into a DIR that has none."""
    backups.restore(_url(dir_), from_.absolute())
    journal_mark(DataDirectory(dir_.absolute()), DirectoryKind.AUTHORITY).write_restored()
    return f"Restored. Next: sinetti authority reconcile --dir {dir_}"


def _url(root: Path) -> str:
    folder = DataDirectory(root.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    return database_url(folder, DirectoryKind.AUTHORITY, authority.read(folder.settings))


@commands.command(
    "sinetti authority restore-drill --dir /srv/sinetti --backup /backup/register-2027-03-01 "
    "--scratch-database postgresql://drill@localhost/drill",
    summary="restore a backup into a scratch database, and report the time and what was missing",
)
def restore_drill(
    run: AuthorityRun,
    *,
    backup: Path = option("FILE", "file that `backup` wrote"),
    scratch_database: str = option(
        "URL",
        "empty database, or sqlite:////PATH of a new file; it is emptied at the end; without a password, see passfile",
    ),
) -> Output:
    """Restore a backup into a scratch database, and report on it."""
    try:
        has_password = urlsplit(scratch_database).password is not None
    except ValueError:
        has_password = False
    if has_password:
        raise OptionError(
            "--scratch-database: other users see a password there: name a file with ?passfile=PATH instead"
        )
    try:
        scratch = scratch_database, open_scratch(scratch_database)
    except ValueError as bad:
        raise OptionError(f"--scratch-database: {bad}") from None
    report = drill_restore(run.ctx, run.authority.journal, backup.absolute(), scratch, run.request)
    value = {**asdict(report), "newest_at": report.newest_at and format_instant(report.newest_at)}
    return Output(value, _drill_lines(report), EXIT_ACTION_REQUIRED if report.failed else 0)


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
