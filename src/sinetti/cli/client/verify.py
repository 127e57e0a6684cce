"""`sinetti verify`: verify the seal of an XML document and name its signer."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.client import common, verify_report
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.pki import chain

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
example:
  sinetti verify report-sealed.xml --trust-holders holders.pem

exit codes: 0 the seal is good · 3 refused · 2 unreadable. What --out writes is exactly what the signature covers."""


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "verify",
        help="check the seal of an XML document",
        description="Checks the enveloped signature of a document, and that its signer's certificate is valid and was "
        "issued directly by a CA in --trust-holders. Revocation is not looked at.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the sealed XML document")
    parser.add_argument(
        "--trust-holders", metavar="PEM", type=Path, required=True, help="the CAs that issue holders' certificates"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict for programs")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the octets that the signature covers")
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
            make_message(
                messages.UNREADABLE_FILE, path=str(parsed.trust_holders), why=error_reasons.translate_reason(bad)
            )
        ) from bad
    try:
        checked = verify_report.check(common.read_file(parsed.file), anchors, now)
    except ValueError as bad:
        raise UsageError(
            make_message(messages.UNREADABLE_FILE, path=str(parsed.file), why=error_reasons.translate_reason(bad))
        ) from bad
    console.tell(checked.message)
    if parsed.json:
        common.print_json(checked.as_json())
    if checked.fault is not None:
        return ExitCode.REFUSED
    if parsed.out is not None:
        common.write_file(parsed.out, checked.octets or b"")
    return ExitCode.DONE
