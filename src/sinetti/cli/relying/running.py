"""What these commands share: gateway.toml, and errors in one sentence."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli import helping, output
from sinetti.gateway.believing import NotBelievable
from sinetti.gateway.guarding import NoSource
from sinetti.gateway.keeping import NoIssuer
from sinetti.gateway.settings import SettingsError
from sinetti.holder.outcome import ExitCode

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def command(
    commands: "Commands",
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], ExitCode],
    example: str,
) -> argparse.ArgumentParser:
    """Add one command with an example; `run` is called with its options, and its errors become one sentence."""
    parser = helping.add_command(commands, name, summary, example)
    parser.set_defaults(run=lambda parsed: _guarded(run, parsed))
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the option for the settings."""
    parser.add_argument("--settings", metavar="FILE", type=Path, required=True, help="gateway.toml (docs/gateway.md)")


def _guarded(run: Callable[[argparse.Namespace], ExitCode], parsed: argparse.Namespace) -> ExitCode:
    try:
        return run(parsed)
    except (SettingsError, NoSource, NoIssuer, NotBelievable) as bad:
        output.tell(str(bad))
        return ExitCode.USAGE
