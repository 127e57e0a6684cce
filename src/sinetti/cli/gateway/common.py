"""Helpers shared by the gateway's commands.

They cover gateway.toml, the options that make a gateway, the output of a verdict, and errors in one sentence.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from sinetti.cli.client import common
from sinetti.cli.core import argparse_i18n, invocation, output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.domain.values import Channel, Environment, Language
from sinetti.gateway import settings
from sinetti.gateway.crl_freshness import NoIssuer
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource, InvalidCrl
from sinetti.gateway.revocation.source import FRESHNESS
from sinetti.gateway.settings import GatewaySettingsError
from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.gateway.web.guard import NoRevocationSource
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings
from sinetti.gateway.x509 import trust_file
from sinetti.gateway.x509.trust_file import TrustError, TrustFile
from sinetti.infra import clock
from sinetti.pki import chain


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Add the options for trust anchors and the age of CRLs."""
    parser.add_argument(
        "--anchors",
        metavar="PEM",
        type=Path,
        required=True,
        help="trusted CAs; self-signed ones, and those whose issuer is missing, are anchors",
    )
    parser.add_argument(
        "--crl",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="revocation list, DER or PEM (repeatable); without one, revocation is not checked",
    )
    parser.add_argument("--channel", choices=common.choices(Channel), help="reject certificates of another channel")
    parser.add_argument(
        "--environment", choices=common.choices(Environment), help="reject certificates of the other environment"
    )
    parser.add_argument(
        "--trust",
        metavar="FILE",
        type=Path,
        help="trust file (TOML) with the purpose of CAs whose certificates do not state it",
    )
    parser.add_argument(
        "--freshness",
        metavar="DURATION",
        type=_duration,
        default=FRESHNESS,
        help="greatest age of a revocation list of the issuing CA (default: PT1H)",
    )
    parser.add_argument("--at", metavar="ISO", help="time of the check (default: now)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--lang", choices=common.choices(Language), help="language of messages")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")


def gateway_of(parsed: argparse.Namespace) -> Gateway:
    """Make the gateway that the options describe.

    Raises UsageError if a file cannot be read.
    """
    try:
        return Gateway(
            _anchors(parsed.anchors),
            source=_lists(parsed.crl) if parsed.crl else None,
            trust=None if parsed.trust is None else _trust(parsed.trust),
            channel=None if parsed.channel is None else Channel(parsed.channel),
            environment=None if parsed.environment is None else Environment(parsed.environment),
            freshness=parsed.freshness,
        )
    except ValueError as bad:
        raise unreadable(parsed.anchors, bad) from bad


def at_of(parsed: argparse.Namespace) -> datetime:
    """Return the instant of the check: --at, else the machine's time.

    Raises UsageError if --at is wrong.
    """
    return clock.utc_now() if parsed.at is None else common.parse_instant(parsed.at).astimezone(UTC)


def print_verdict(parsed: argparse.Namespace, verdict: Verdict) -> ExitCode:
    """Print a verdict.

    Programs get JSON on standard output. People get a sentence on standard error.
    """
    if parsed.json:
        common.print_json(verdict.as_json())
    elif not verdict.accepted or not invocation.CURRENT.is_quiet:
        output.print_error(verdict.text(common.console_of(parsed).language))
    return ExitCode.DONE if verdict.accepted else ExitCode.REFUSED


def unreadable(path: Path, why: BaseException) -> UsageError:
    """Return a sentence with the unreadable file and the reason."""
    return UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(why))


def _anchors(path: Path) -> Sequence[x509.Certificate]:
    try:
        return chain.load_bundle(common.read_file(path))
    except ValueError as bad:
        raise unreadable(path, bad) from bad


def _lists(paths: Sequence[Path]) -> CrlSource:
    ders = []
    for path in paths:
        octets = common.read_file(path)
        try:
            CrlSource([octets])
        except InvalidCrl as bad:
            raise unreadable(path, bad) from bad
        ders.append(octets)
    return CrlSource(ders)


def _trust(path: Path) -> TrustFile:
    try:
        return trust_file.load(path)
    except (OSError, TrustError) as bad:
        raise unreadable(path, bad) from bad


def _duration(text: str) -> timedelta:
    try:
        return settings.duration(text)
    except ValueError as bad:
        raise argparse.ArgumentTypeError(str(bad)) from None


def command(
    commands: Commands,
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], ExitCode],
    example: str,
) -> argparse.ArgumentParser:
    """Add one command with an example.

    `run` is called with the parsed options. Its errors are printed in one sentence.
    """
    parser = argparse_i18n.add_command(commands, name, summary, example)
    parser.set_defaults(run=lambda parsed: _guarded(run, parsed))
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the option for the settings."""
    parser.add_argument(
        "--settings",
        metavar="FILE",
        type=Path,
        required=True,
        help="settings file gateway.toml (docs/relying/gateway.md)",
    )


def _guarded(run: Callable[[argparse.Namespace], ExitCode], parsed: argparse.Namespace) -> ExitCode:
    try:
        return run(parsed)
    except (GatewaySettingsError, NoRevocationSource, NoIssuer, InsecureProxySettings) as bad:
        invocation.print_failure(str(bad), ExitCode.USAGE)
        return ExitCode.USAGE
