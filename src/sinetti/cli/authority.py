"""`sinetti authority …`: the operator's commands."""

from typing import TYPE_CHECKING

from sinetti.cli.server import (
    backup,
    init,
    journal,
    order,
    organisation,
    reconcile,
    revoke,
    serve,
    status,
    transfer_ids,
)

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    parser = subparsers.add_parser("authority", help="run a certificate authority")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (init, serve, organisation, order, transfer_ids, revoke, status, backup, reconcile, journal):
        module.register(commands)
