"""`sinetti deliver`: seal a document, send it once, and keep the receipt.

The receipt proves the delivery.
"""

import argparse
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.client.service_options import read_bundle
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import Console
from sinetti.client.documents import deliver
from sinetti.client.documents.deliver import DeliveryOutcome, DeliveryRequest, DeliveryResult
from sinetti.client.messages import document_messages, error_reasons
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.clock import instant_or_none
from sinetti.infra.standard_input import STREAM

EXAMPLE = (
    "example:\n  sinetti deliver payroll report.xml --store /var/lib/sinetti --to "
    "https://receiver.example/deliveries\n\nIf the response is lost or the command is interrupted, run the "
    "same command again. It repeats the same delivery with the\nsame delivery ID, until there is a "
    "receipt.\n\nexit codes: 0 delivered · 2 usage error · 3 refused by the receiver · 4 no trusted receipt "
    "yet · 5 store damaged or\nlocked"
)

RECEIPT_UNNAMED = gettext_noop(
    "A document from standard input has no name for its receipt. Name a file for the receipt with --receipt."
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "deliver",
        help="seal a document, deliver it once, and keep the receipt",
        description="Seals FILE with the certificate in use, sends it, and checks the receipt. A FILE that is signed "
        "already is sent unchanged. The receipt must be for this document and signed by a service that "
        "NAME trusts.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name whose certificate seals the document")
    parser.add_argument("file", metavar="FILE", type=Path, help="XML document, - for standard input")
    common.add_store(parser)
    parser.add_argument("--to", metavar="URL", required=True, help="address of the receiver (https)")
    parser.add_argument(
        "--tls-ca",
        metavar="PEM",
        type=Path,
        help="CAs to trust for the receiver's TLS certificate (default: those of NAME)",
    )
    parser.add_argument("--id", metavar="ID", help="delivery ID of letters, digits and hyphens (default: a new one)")
    parser.add_argument("--new", action="store_true", help="deliver again, although there is a receipt")
    parser.add_argument("--receipt", metavar="FILE", type=Path, help="file for the receipt (default: FILE.receipt.xml)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Deliver one document."""
    console = common.console_of(parsed)
    if parsed.file == STREAM and parsed.receipt is None:
        raise UsageError(RECEIPT_UNNAMED)
    document = common.read_file(parsed.file)
    receipt = parsed.receipt or parsed.file.with_name(f"{parsed.file.name}.receipt.xml")
    common.reject_two_outputs(parsed, receipt, "--receipt")
    if common.is_in_store(receipt, parsed.store, parsed.name):
        raise UsageError(document_messages.RECEIPT_IN_STORE, path=str(receipt), store=str(parsed.store))
    common.reject_now(parsed, parsed.name)
    ask = DeliveryRequest(
        name=parsed.name,
        file=parsed.file,
        document=document,
        to=parsed.to,
        delivery_id=parsed.id,
        force_new=parsed.new,
        tls_ca=read_bundle(parsed.tls_ca),
    )
    try:
        done = deliver.deliver(common.run_of(parsed, console, common.now_of(parsed, console)), ask)
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, parsed.name)) from bad
    if done.octets is not None:
        _keep(receipt, done.octets, parsed.file)
    _report(done, parsed, receipt, console)
    return done.exit_code


def delivery_json(done: DeliveryOutcome, to: str, receipt: Path) -> dict[str, object]:
    """Return the outcome of a delivery as JSON.

    Members that only a receipt contains are null without one.
    """
    receipt_facts = done.receipt
    return {
        "result": done.result.value,
        "reason": done.reason,
        "delivery_id": done.delivery.delivery_id,
        "sha256": done.delivery.sha256,
        "to": to,
        "received": None if receipt_facts is None else instant_or_none(receipt_facts.received),
        "customer_id": None if receipt_facts is None else receipt_facts.customer_id,
        "serial": None if receipt_facts is None else receipt_facts.serial,
        "receipt": None if receipt_facts is None else str(receipt),
    }


def _report(done: DeliveryOutcome, parsed: argparse.Namespace, receipt: Path, console: Console) -> None:
    for message in done.messages:
        console.tell(message)
    if done.receipt is not None:
        console.tell(
            make_message(
                _word(done, parsed),
                path=str(parsed.file),
                at=done.receipt.received,
                delivery_id=done.receipt.delivery_id,
                receipt=str(receipt),
            )
        )
    if parsed.json:
        common.print_json(delivery_json(done, parsed.to, receipt))


def _word(done: DeliveryOutcome, parsed: argparse.Namespace) -> str:
    if done.result is not DeliveryResult.DELIVERED_BEFORE:
        return document_messages.DELIVERED
    return document_messages.DELIVERED_UNDER_ID if parsed.new and parsed.id else document_messages.DELIVERED_BEFORE


def _keep(path: Path, octets: bytes, delivered: Path) -> None:
    try:
        common.write_file(path, octets)
    except UsageError as bad:
        why = bad.message.values.get("why", "")
        raise UsageError(document_messages.DELIVERED_BUT_KEPT, path=str(delivered), receipt=str(path), why=why) from bad
