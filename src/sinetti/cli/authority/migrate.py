"""`sinetti authority migrate`: bring the tables up to date as their owner.

It is needed where the service's database role does not own the tables (deploy/postgresql.md). Without
OWNER_DATABASE_URL it does what every other command does at its start.
"""

from pathlib import Path

from sinetti.authority.bootstrap import migrate_tables
from sinetti.cli.authority.common import DIR, operator_commands
from sinetti.cli.core.output import print_line

commands = operator_commands()
register = commands.register


@commands.command()
def migrate(dir_: Path = DIR) -> None:
    """Bring the tables up to date as the role in OWNER_DATABASE_URL, which owns them."""
    migrate_tables(dir_.absolute())
    print_line("The tables are up to date.")
