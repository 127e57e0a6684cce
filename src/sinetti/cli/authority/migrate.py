"""`sinetti authority migrate`: bring the tables up to date as their owner.

It is needed where the service's database role does not own the tables (deploy/postgresql.md). Without
OWNER_DATABASE_URL it does what every other command does at its start.
"""

import argparse

from sinetti.authority.bootstrap import migrate_tables
from sinetti.cli.authority.common import add_dir, command
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.output import print_line


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority migrate --dir /srv/sinetti"
    summary = "bring the tables up to date as the role in OWNER_DATABASE_URL, which owns them"
    add_dir(command(commands, "migrate", summary, _run, example))


def _run(parsed: argparse.Namespace) -> int:
    migrate_tables(parsed.dir.absolute())
    print_line("The tables are up to date.")
    return 0
