"""`sinetti authority let-end`: let a certificate end without a successor.

No more reminders of its end are sent.
"""

import argparse

from sinetti.cli.authority.common import add_dir, command, machine_user, opened_authority
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.domain.values import Serial
from sinetti.server.process_exit import request_id
from sinetti.services.organisations.renewal_opt_out import opt_in_to_renewal, opt_out_of_renewal


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority let-end 4f…c1 --dir /srv/sinetti"
    summary = "let a certificate expire without reminders"
    parser = command(commands, "let-end", summary, _run, example)
    parser.add_argument("serial", metavar="SERIAL", help="serial number in hex, from `status --customer-id ID`")
    add_dir(parser)
    parser.add_argument("--undo", action="store_true", help="send reminders again")


def _run(parsed: argparse.Namespace) -> int:
    act = opt_in_to_renewal if parsed.undo else opt_out_of_renewal
    with opened_authority(parsed.dir) as authority:
        changed = act(Serial(parsed.serial.casefold()), authority.ctx, machine_user(), request_id())
    if parsed.undo:
        print_note("Reminders are sent again." if changed else "Nothing to change: reminders are already sent.")
    else:
        print_note(
            "No more reminders are sent. It stays valid until it expires."
            if changed
            else "Nothing to change: reminders have already been stopped."
        )
    return 0
