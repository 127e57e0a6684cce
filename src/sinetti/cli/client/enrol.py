"""`sinetti enrol`: spend transfer IDs for a certificate."""

import argparse
from pathlib import Path

from sinetti.cli.client import common, service_options
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.config import messages as config_messages
from sinetti.client.messages import messages
from sinetti.client.requests import operations
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Environment, KeyType

EXAMPLE = (
    "example:\n  sinetti enrol payroll --store /var/lib/sinetti --service "
    "https://certificates.example/2017/10/CertificateServices \\\n    --trust-services services.pem "
    '--trust-holders holders.pem --environment TEST --customer-id 0123456-7 \\\n    --customer-name "Example '
    'Oy" --transfer-id 12345678901234567890123456789012 --transfer-password-file password.txt\n\nIf '
    "sinetti.toml has the table [certificates.payroll], it supplies the other values:\n  sinetti enrol "
    "payroll --config sinetti.toml --transfer-id 12345678901234567890123456789012 \\\n    "
    "--transfer-password-file password.txt\n\nIf the command is interrupted, run it again. It continues with "
    "the same key."
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "enrol",
        aliases=["enroll"],
        help="get a certificate with the transfer IDs of an order",
        description="Creates a key, requests a certificate with the transfer IDs of an order, retrieves it and puts "
        "it into the store.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name of the certificate in the store")
    common.add_store(parser)
    service_options.add_service(parser)
    parser.add_argument("--customer-id", metavar="ID", help="ID of the organisation, as in the order")
    parser.add_argument("--customer-name", metavar="NAME", help="name of the organisation")
    parser.add_argument("--transfer-id", metavar="ID", required=True, help="transfer ID of the order")
    parser.add_argument(
        "--transfer-password-file",
        metavar="FILE",
        required=True,
        help="file with the one-time password, - for standard input",
    )
    parser.add_argument("--key", choices=common.choices(KeyType), help="type of the new key (default: rsa-2048)")
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Enrol one name."""
    console = common.console_of(parsed)
    wanted = _settings(parsed)
    if parsed.now is not None and wanted.environment is Environment.PRODUCTION:
        raise common.now_not_in_production(parsed, parsed.name)
    now = common.now_of(parsed, console)
    ids = TransferIdCredentials(parsed.transfer_id.strip(), _password(parsed.transfer_password_file))
    outside = common.run_of(parsed, console, now)
    outcomes = operations.run_for_all(outside, parsed.name, lambda name: operations.enrol(outside, name, wanted, ids))
    return common.report(outcomes, parsed, outside, console)


def _settings(parsed: argparse.Namespace) -> NameSettings:
    config = service_options.config_for(parsed, "customer_id")
    entry = service_options.entry_for(parsed, config)
    service = service_options.service_of(parsed, config, entry)
    customer_id = parsed.customer_id or entry.customer_id
    if customer_id is None:
        if config is not None and parsed.name not in config.entries:
            raise UsageError(config_messages.NO_CERTIFICATE_TABLE, name=parsed.name, path=str(config.path))
        raise service_options.missing_option_error("customer_id", config)
    return NameSettings(
        service=service.address,
        environment=service.environment,
        customer_id=customer_id,
        customer_name=parsed.customer_name or entry.customer_name,
        key=entry.key if parsed.key is None else KeyType(parsed.key),
        trust_services=service.trust_services,
        trust_holders=service.trust_holders,
        tls_ca=service.tls_ca,
        files=entry.files,
    )


def _password(path: str) -> str:
    octets = common.read_secret(Path(path))
    try:
        password = octets.decode().strip()
    except UnicodeDecodeError:
        password = ""
    if not password:
        raise UsageError(messages.EMPTY_PASSWORD, path=path)
    return password
