"""`sinetti renew`: renew certificates whose renewal is open."""

import argparse
from typing import TYPE_CHECKING

from sinetti.cli.client import common
from sinetti.client.requests import operations
from sinetti.client.results import ExitCode

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
example, once a day from a timer:
  sinetti renew --all --store /var/lib/sinetti"""


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "renew",
        help="renew certificates whose time has come",
        description="Renews with a new key in a certificate's last 60 days, or in the last third of a shorter life. "
        "Before that it calls no service.",
        epilog=EXAMPLE,
    )
    common.add_names(parser)
    common.add_store(parser)
    parser.add_argument("--force", action="store_true", help="ask the service even before renewal opens")
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print the results for programs")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Renew one name or all."""
    return common.each(
        parsed,
        common.console_of(parsed),
        lambda outside, name: operations.renew(outside, name, force=parsed.force, among_all=parsed.all),
    )
