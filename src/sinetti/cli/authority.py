"""`sinetti authority …`: the operator's commands."""

from typing import TYPE_CHECKING

from sinetti.cli.server import (
    backup,
    clock,
    init,
    journal,
    order,
    organisation,
    reconcile,
    retention,
    revoke,
    serve,
    status,
    transfer_ids,
)
from sinetti.cli.server.common import group

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    commands = group(subparsers, "authority", "run a certificate authority", init.EXAMPLE)
    for module in (
        init,
        serve,
        organisation,
        order,
        transfer_ids,
        revoke,
        status,
        backup,
        reconcile,
        journal,
        clock,
        retention,
    ):
        module.register(commands)
