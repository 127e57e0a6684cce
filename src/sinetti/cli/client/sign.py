"""`sinetti sign`: seal an XML document with a certificate of the store."""

import argparse
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import document_messages, error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import document_signature, generations, key_storage
from sinetti.wire.xmldsig.signature import SignatureProfile

EXAMPLE = """\
example:
  sinetti sign report.xml --store /var/lib/sinetti --name payroll --out report-sealed.xml"""

RECIPES = {"exclusive": SignatureProfile.EXCLUSIVE, "enveloped": SignatureProfile.ENVELOPED}


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "sign",
        help="seal an XML document with a certificate from the store",
        description="Signs an XML document with the certificate in use. The signature is enveloped in the document.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="XML document, - for standard input")
    common.add_store(parser)
    parser.add_argument("--name", metavar="NAME", required=True, help="name whose certificate seals the document")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="file for the sealed document (default: standard output)"
    )
    parser.add_argument(
        "--recipe",
        choices=sorted(RECIPES),
        default="exclusive",
        help="transforms: enveloped and exclusive C14N (default), or enveloped alone",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON; needs --out")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Seal one document."""
    console = common.console_of(parsed)
    if parsed.json and parsed.out is None:
        raise UsageError(document_messages.JSON_NEEDS_OUT)
    common.reject_two_outputs(parsed, parsed.out, "--out")
    _refuse_the_store(parsed)
    common.reject_now(parsed, parsed.name)
    held = document_signature.signing_certificate(parsed.store, parsed.name, common.now_of(parsed, console))
    try:
        sealed = document_signature.sign_document(common.read_file(parsed.file), held, RECIPES[parsed.recipe])
    except ValueError as bad:
        raise UsageError(
            document_messages.NOT_FOR_THIS, path=str(parsed.file), why=error_reasons.translate_reason(bad)
        ) from bad
    common.write_file(parsed.out, sealed)
    name, customer_id = generations.organisation(held.certificate), generations.common_name(held.certificate)
    serial = key_storage.serial_of(held.certificate)
    console.tell(
        make_message(
            document_messages.SEALED,
            path=str(parsed.file),
            name=messages.strip_control_chars(name or "-"),
            customer_id=messages.strip_control_chars(customer_id or "-"),
            serial=serial,
        )
    )
    if parsed.json:
        made = {"name": parsed.name, "customer_id": customer_id, "customer_name": name, "serial": serial}
        common.print_json({**made, "recipe": parsed.recipe, "path": str(parsed.out)})
    return ExitCode.DONE


def _refuse_the_store(parsed: argparse.Namespace) -> None:
    """Raise UsageError if --out lies in the store, where it could replace a key."""
    if parsed.out is not None and common.is_in_store(parsed.out, parsed.store, parsed.name):
        raise UsageError(messages.OUT_IN_STORE, path=str(parsed.out), store=str(parsed.store))
