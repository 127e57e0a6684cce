"""`sinetti retrieve`: retrieve a certificate that was accepted before."""

import argparse

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.requests import operations
from sinetti.client.results import ExitCode

EXAMPLE = """\
example:
  sinetti retrieve payroll --store /var/lib/sinetti"""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "retrieve",
        help="retrieve a certificate that was not ready earlier",
        description="Retrieves certificates whose requests the service has accepted. Sends no new request.",
        epilog=EXAMPLE,
    )
    common.add_names(parser)
    common.add_store(parser)
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Retrieve the certificate of one name or of all."""
    return common.each(parsed, common.console_of(parsed), operations.retrieve)
