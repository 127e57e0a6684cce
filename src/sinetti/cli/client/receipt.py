"""`sinetti receipt`: check that a receipt proves the delivery of a document.

Anyone who has both can check it.
"""

import argparse
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.documents import receipt_check
from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.pki import chain

EXAMPLE = (
    "example:\n  sinetti receipt report.xml.receipt.xml sealed.xml --trust-services services.pem\n\nFILE is "
    "the document with its signature. “sinetti deliver” keeps the one that it sealed as sealed.xml in the "
    "store.\n\nexit codes: 0 receipt valid · 2 file unreadable · 3 receipt rejected"
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "receipt",
        help="check the receipt of a delivery",
        description="Checks that RECEIPT proves the delivery of FILE. Its signer's certificate must be issued "
        "directly by a CA in --trust-services and have been valid at the delivery. Revocation is not "
        "checked.",
        epilog=EXAMPLE,
    )
    parser.add_argument("receipt", metavar="RECEIPT", type=Path, help="receipt, - for standard input")
    parser.add_argument("file", metavar="FILE", type=Path, help="document exactly as it was sent, - for standard input")
    parser.add_argument(
        "--trust-services", metavar="PEM", type=Path, required=True, help="CAs that issue certificates to services"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Check one receipt."""
    console = common.console_of(parsed)
    now = common.now_of(parsed, console)
    try:
        anchors = chain.load_bundle(common.read_file(parsed.trust_services))
    except ValueError as bad:
        raise _unreadable(parsed.trust_services, bad) from bad
    receipt, sent = common.read_file(parsed.receipt), common.read_file(parsed.file)
    try:
        check = receipt_check.check(receipt, sent, str(parsed.file), anchors, now)
    except ValueError as bad:
        raise _unreadable(parsed.receipt, bad) from bad
    console.tell(check.message)
    if parsed.json:
        common.print_json(check.as_json())
    return ExitCode.DONE if check.good else ExitCode.REFUSED


def _unreadable(path: Path, bad: ValueError) -> UsageError:
    return UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad))
