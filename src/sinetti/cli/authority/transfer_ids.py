"""`sinetti authority transfer-ids`: new transfer ids for an unused order.

The order's certificate was not retrieved with the former ids.
"""

import argparse

from sinetti.authority.bootstrap import notification_context
from sinetti.cli.authority.common import EXIT_ACTION_REQUIRED, add_dir, command, machine_user, opened_authority
from sinetti.cli.authority.order import add_send, show_ids, show_offered
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.order import reissue_transfer_ids
from sinetti.services.issuance.secure_message import send_link

_NO_SMS = (
    "DIR/notices.toml names no SMS provider, so no PIN code can be sent. To have a code printed, remove the contact "
    "person's number: sinetti authority change-contact … --correct --phone ''"
)


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority transfer-ids 5f0c… --dir /srv/sinetti"
    summary = "create new transfer IDs for an order; the old ones stop working"
    parser = command(commands, "transfer-ids", summary, _run, example)
    parser.add_argument("order", metavar="ORDER", help="ID of the order, as `order` printed it")
    add_dir(parser)
    add_passphrase_file(parser)
    add_send(parser)


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        if parsed.send:
            room = notification_context(authority)
            offered = send_link(parsed.order, authority.ctx, machine_user(), request_id())
            show_offered(offered, as_json=parsed.json)
            if MessageChannel.SMS not in room.deliverers and not offered.needs_code:
                print_note(_NO_SMS)
                return EXIT_ACTION_REQUIRED
            return 0
        show_ids(reissue_transfer_ids(parsed.order, authority.ctx, machine_user(), request_id()), as_json=parsed.json)
    return 0
