"""`sinetti gateway …`: who calls, by their certificate, and whether a document is whole."""

import argparse
from typing import TYPE_CHECKING

from sinetti.cli.relying import check, fetch, key, serve, ssh_keys, verify

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = """\
examples:
  sinetti gateway check --anchors holders.pem --crl issuing.crl --channel WS certificate.pem
  sinetti gateway verify --anchors holders.pem --crl issuing.crl --out report.xml report-sealed.xml"""

COMMANDS = (check, verify, serve, fetch, key, ssh_keys)


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    parser = subparsers.add_parser(
        "gateway",
        help="check certificates and documents where they arrive",
        description="What a relying party asks: whose certificate is this, does it count, is the document whole?",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.register(commands)
