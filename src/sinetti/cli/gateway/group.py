"""`sinetti gateway …`: identify callers by certificate, and verify documents."""

import argparse
import importlib
from collections.abc import Callable

from sinetti.cli.core import invocation
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.commands import CommandGroup, option
from sinetti.client.results import ExitCode
from sinetti.gateway.crl_freshness import NoIssuer
from sinetti.gateway.settings import GatewaySettingsError
from sinetti.gateway.web.guard import NoRevocationSource
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings

EXAMPLE = """\
examples:
  sinetti gateway check --anchors holders.pem --crl issuing.crl --channel WS certificate.pem
  sinetti gateway verify --anchors holders.pem --crl issuing.crl --out report.xml report-sealed.xml"""

MODULES = {
    "check": "check",
    "verify": "check",
    "check-settings": "check",
    "serve": "serve",
    "fetch": "fetch",
    "key": "fetch",
    "ssh-keys": "ssh_keys",
}
"""Module of `cli/gateway/` for each command."""


def register(subparsers: Commands, wanted: str | None = None) -> None:
    """Add the commands to the parser.

    Adds only the module of the command named `wanted`, or all of them if `wanted` is none of them.
    """
    parser = subparsers.add_parser(
        "gateway",
        help="check incoming certificates and documents",
        description="Identifies holders by their certificates, and checks signed documents.",
        epilog=EXAMPLE,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (MODULES[wanted],) if wanted in MODULES else dict.fromkeys(MODULES.values()):
        importlib.import_module(f"sinetti.cli.gateway.{name}").register(commands)


SETTINGS = option("FILE", "settings file gateway.toml (docs/relying/gateway.md)", name="--settings")


def gateway_commands() -> CommandGroup:
    """Return commands that stand below `sinetti gateway`."""
    return CommandGroup("sinetti gateway", guard=_guarded)


def _guarded(run: Callable[[argparse.Namespace], int], parsed: argparse.Namespace) -> int:
    try:
        return run(parsed)
    except (GatewaySettingsError, NoRevocationSource, NoIssuer, InsecureProxySettings) as bad:
        invocation.print_failure(str(bad), ExitCode.USAGE)
        return ExitCode.USAGE
