"""`sinetti verify`: verify the seal of an XML document and name its signer."""

import argparse
from pathlib import Path

from sinetti.cli.client import common, verify_report
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages import error_reasons, messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.pki import chain

EXAMPLE = (
    "example:\n  sinetti verify report-sealed.xml --trust-holders holders.pem\n\n--out writes exactly what "
    "the signature covers.\n\nexit codes: 0 seal valid · 2 file unreadable · 3 seal rejected"
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "verify",
        help="check the seal of an XML document",
        description="Checks the enveloped signature of a document. The signer's certificate must be valid and issued "
        "directly by a CA in --trust-holders. Revocation is not checked.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="sealed XML document, - for standard input")
    parser.add_argument(
        "--trust-holders", metavar="PEM", type=Path, required=True, help="CAs that issue certificates to holders"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write what the signature covers to this file, - for standard output"
    )
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Check one document."""
    console = common.console_of(parsed)
    common.reject_two_outputs(parsed, parsed.out, "--out")
    now = common.now_of(parsed, console)
    try:
        anchors = chain.load_bundle(common.read_file(parsed.trust_holders))
    except ValueError as bad:
        raise UsageError(
            messages.UNREADABLE_FILE, path=str(parsed.trust_holders), why=error_reasons.translate_reason(bad)
        ) from bad
    try:
        checked = verify_report.check(common.read_file(parsed.file), anchors, now)
    except ValueError as bad:
        raise UsageError(
            messages.UNREADABLE_FILE, path=str(parsed.file), why=error_reasons.translate_reason(bad)
        ) from bad
    console.tell(checked.message)
    if parsed.json:
        common.print_json(checked.as_json())
    if checked.fault is not None:
        return ExitCode.REFUSED
    if parsed.out is not None:
        common.write_file(parsed.out, checked.octets or b"")
    return ExitCode.DONE
