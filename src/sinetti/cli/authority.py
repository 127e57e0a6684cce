"""`sinetti authority …`: the operator's commands."""

from typing import TYPE_CHECKING

from sinetti.cli.server import (
    account,
    backup,
    change_contact,
    clock,
    export_certificates,
    gateway,
    init,
    journal,
    let_end,
    notices,
    offline,
    order,
    organisation,
    passphrase,
    reconcile,
    retention,
    revoke,
    revoke_many,
    serve,
    status,
    transfer_ids,
    watch,
)
from sinetti.cli.server.common import group

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    commands = group(subparsers, "authority", "run a certificate authority", init.EXAMPLE)
    below = (
        init,
        serve,
        organisation,
        gateway,
        account,
        order,
        transfer_ids,
        change_contact,
        let_end,
        revoke,
        revoke_many,
        status,
        watch,
        backup,
        reconcile,
        journal,
        offline,
        passphrase,
        clock,
        retention,
        notices,
        export_certificates,
    )
    for module in below:
        module.register(commands)
