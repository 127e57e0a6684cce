"""`sinetti authority transfer-ids`: new transfer ids for an order that was not fetched."""

import argparse
from typing import TYPE_CHECKING

from sinetti.actions.order import send_ids
from sinetti.cli.server.common import OPERATOR, add_dir, command, opened, request_id
from sinetti.cli.server.order import show_ids

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority transfer-ids 5f0c… --dir /srv/sinetti"
    summary = "make new transfer IDs for an order: the old ones end, and so does their lock"
    parser = command(commands, "transfer-ids", summary, _run, example)
    parser.add_argument("order", metavar="ORDER", help="the order's id, as `order` printed it")
    add_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the transfer IDs for programs")


def _run(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        show_ids(send_ids(parsed.order, authority.office, OPERATOR, request_id()), as_json=parsed.json)
    return 0
