"""`sinetti enrol`: spend transfer IDs for a certificate."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli import common
from sinetti.domain.values import Environment, KeyType
from sinetti.holder import client, messages, reasons, settings
from sinetti.holder.client import TransferIds
from sinetti.holder.messages import say
from sinetti.holder.outcome import ExitCode, UsageError
from sinetti.holder.settings import Settings, SettingsError

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = """\
example:
  sinetti enrol payroll --store /var/lib/sinetti --service https://certificates.example/2017/10/CertificateServices \\
    --trust-services services.pem --trust-holders holders.pem --environment TEST --customer-id 0123456-7 \\
    --customer-name "Example Oy" --transfer-id 12345678901234567890123456789012 --transfer-password-file password.txt

Run it again after any interruption: it goes on with the same key."""


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "enrol",
        aliases=["enroll"],
        help="get a first or replacing certificate with transfer IDs",
        description="Makes a key, asks for a certificate with the transfer IDs of an order, fetches it and stores it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="what the certificate is called in the store")
    common.add_store(parser)
    parser.add_argument("--service", metavar="URL", required=True, help="address of the service (https)")
    parser.add_argument(
        "--trust-services", metavar="PEM", type=Path, required=True, help="the CAs of those who sign answers"
    )
    parser.add_argument(
        "--trust-holders", metavar="PEM", type=Path, required=True, help="the CAs of holders' certificates"
    )
    parser.add_argument("--tls-ca", metavar="PEM", type=Path, help="the only CAs of the server (default: the system's)")
    parser.add_argument(
        "--environment", required=True, choices=common.values(Environment), help="which environment it is"
    )
    parser.add_argument("--customer-id", metavar="ID", required=True, help="the organisation's id, as it was ordered")
    parser.add_argument("--customer-name", metavar="NAME", help="the organisation's name")
    parser.add_argument("--transfer-id", metavar="ID", required=True, help="the transfer ID of the order")
    parser.add_argument(
        "--transfer-password-file",
        metavar="FILE",
        required=True,
        help="file with the one-time password, - for standard input",
    )
    parser.add_argument("--key", choices=common.values(KeyType), default="rsa-2048", help="the key to make (rsa-2048)")
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print the result for programs")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Enrol one name."""
    console = common.console_of(parsed)
    wanted = _settings(parsed)
    if parsed.now is not None and wanted.environment is Environment.PRODUCTION:
        raise UsageError(say(messages.NOW_NOT_IN_PRODUCTION, name=parsed.name))
    now = common.now_of(parsed, console)
    ids = TransferIds(parsed.transfer_id.strip(), _password(parsed.transfer_password_file))
    outside = common.run_of(parsed, console, now)
    outcomes = client.each(outside, parsed.name, lambda name: client.enrol(outside, name, wanted, ids))
    return common.report(outcomes, parsed, outside, console)


def _settings(parsed: argparse.Namespace) -> Settings:
    try:
        return settings.validated(
            Settings(
                service=parsed.service,
                environment=Environment(parsed.environment),
                customer_id=parsed.customer_id,
                customer_name=parsed.customer_name,
                key=KeyType(parsed.key),
                trust_services=_bundle(parsed.trust_services),
                trust_holders=_bundle(parsed.trust_holders),
                tls_ca=None if parsed.tls_ca is None else _bundle(parsed.tls_ca),
            )
        )
    except SettingsError as bad:
        raise UsageError(say(messages.BAD_SETTING, why=reasons.of(bad))) from bad


def _bundle(path: Path) -> str:
    try:
        return settings.bundle_text(common.read_file(path))
    except ValueError as bad:
        raise UsageError(say(messages.UNREADABLE_FILE, path=str(path), why=reasons.of(bad))) from bad


def _password(path: str) -> str:
    octets = sys.stdin.buffer.read(4096) if path == "-" else common.read_file(Path(path))
    try:
        password = octets.decode().strip()
    except UnicodeDecodeError:
        password = ""
    if not password:
        raise UsageError(say(messages.EMPTY_PASSWORD, path=path))
    return password
