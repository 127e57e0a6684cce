"""Helpers shared by the gateway's commands: settings, and errors in one sentence."""

import argparse
from collections.abc import Callable

from sinetti.cli.core import invocation
from sinetti.cli.core.commands import CommandGroup, option
from sinetti.client.results import ExitCode
from sinetti.gateway.crl_freshness import NoIssuer
from sinetti.gateway.settings import GatewaySettingsError
from sinetti.gateway.web.guard import NoRevocationSource
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings

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
