"""`sinetti receipt`: check that a receipt proves the delivery of a document.

Anyone who has both can check it.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.client import common
from sinetti.client.documents import receipt_check
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.pki import chain

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
example:
  sinetti receipt report.xml.receipt.xml sealed.xml --trust-services services.pem

FILE is what was sent, signature included: a report that deliver sealed lies as sealed.xml in the sender's store.

exit codes: 0 the receipt is good · 3 refused · 2 unreadable."""


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "receipt",
        help="check the receipt of a delivery",
        description="Checks that RECEIPT was signed by a service whose certificate was issued directly by a CA in "
        "--trust-services and was valid then, and that it is for the octets of FILE. Revocation is not looked at.",
        epilog=EXAMPLE,
    )
    parser.add_argument("receipt", metavar="RECEIPT", type=Path, help="the receipt")
    parser.add_argument("file", metavar="FILE", type=Path, help="the document as it was sent")
    parser.add_argument(
        "--trust-services", metavar="PEM", type=Path, required=True, help="the CAs that issue services' certificates"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict for programs")
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
        found = receipt_check.check(receipt, sent, str(parsed.file), anchors, now)
    except ValueError as bad:
        raise _unreadable(parsed.receipt, bad) from bad
    console.tell(found.message)
    if parsed.json:
        common.print_json(found.as_json())
    return ExitCode.DONE if found.good else ExitCode.REFUSED


def _unreadable(path: Path, bad: ValueError) -> UsageError:
    return UsageError(make_message(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)))
