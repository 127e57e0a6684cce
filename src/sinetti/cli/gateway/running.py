"""What these commands share: gateway.toml, and errors in one sentence."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.core import argparse_i18n, output
from sinetti.client.results import ExitCode
from sinetti.gateway.crl_freshness import NoIssuer
from sinetti.gateway.settings import GatewaySettingsError
from sinetti.gateway.web.guard import NoRevocationSource
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands


def command(
    commands: "Commands",
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], ExitCode],
    example: str,
) -> argparse.ArgumentParser:
    """Add one command with an example; `run` is called with its options, and its errors become one sentence."""
    parser = argparse_i18n.add_command(commands, name, summary, example)
    parser.set_defaults(run=lambda parsed: _guarded(run, parsed))
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the option for the settings."""
    parser.add_argument("--settings", metavar="FILE", type=Path, required=True, help="gateway.toml (docs/gateway.md)")


def _guarded(run: Callable[[argparse.Namespace], ExitCode], parsed: argparse.Namespace) -> ExitCode:
    try:
        return run(parsed)
    except (GatewaySettingsError, NoRevocationSource, NoIssuer, InsecureProxySettings) as bad:
        output.print_error(str(bad))
        return ExitCode.USAGE
