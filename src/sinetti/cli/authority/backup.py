"""`sinetti authority backup` and `restore`: copy the database to a file and back.

`restore` writes into a new database.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.authority.bootstrap import database_url, journal_mark
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.cli.authority.common import OptionError, add_dir, command
from sinetti.cli.core.invocation import print_note
from sinetti.database.operations import backups
from sinetti.infra.standard_input import STREAM
from sinetti.settings import authority

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands


def register(commands: "Commands") -> None:
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


def _back_up(parsed: argparse.Namespace) -> int:
    if parsed.out == STREAM:
        sentence = "--out: a backup is not written to standard output: name a file"
        raise OptionError(sentence)
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
