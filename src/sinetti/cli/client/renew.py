"""`sinetti renew`: renew certificates whose renewal is open."""

import argparse

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.requests import operations
from sinetti.client.results import ExitCode

EXAMPLE = "example, for a daily timer:\n  sinetti renew --all --store /var/lib/sinetti"


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "renew",
        help="renew certificates that are due for renewal",
        description="Renews each certificate with a new key in its last 60 days. If the validity is shorter than 180 "
        "days, it does so in the last third, and below ten days in the last half. Calls no service before "
        "that.",
        epilog=EXAMPLE,
    )
    common.add_names(parser)
    common.add_store(parser)
    parser.add_argument("--force", action="store_true", help="send the request even before renewal opens")
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Renew one name or all."""
    return common.each(
        parsed,
        common.console_of(parsed),
        lambda outside, name: operations.renew(outside, name, force=parsed.force, among_all=parsed.all),
    )
