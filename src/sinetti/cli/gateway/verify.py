"""`sinetti gateway verify`: verify a document and identify its signer.

The content that the signature covers is written to a file.
"""

import argparse
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.gateway import common as gateway_common
from sinetti.client.results import ExitCode

EXAMPLE = """\
example:
  sinetti gateway verify --anchors holders.pem --crl issuing.crl --out report.xml --json report-sealed.xml

--out writes exactly what the signature covers, and nothing if the document is rejected.

exit codes: 0 accepted · 2 file unreadable · 3 rejected"""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "verify",
        help="check a signed document",
        description="Checks the enveloped signature of an XML document and the certificate of its signer.",
        epilog=EXAMPLE,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="signed XML document, - for standard input")
    gateway_common.add_gateway(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write what the signature covers to this file, - for standard output"
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Check one document."""
    common.reject_two_outputs(parsed, parsed.out, "--out")
    document = common.read_file(parsed.file)
    verified = gateway_common.gateway_of(parsed).verify(document, gateway_common.at_of(parsed))
    if verified.octets is not None and parsed.out is not None:
        common.write_file(parsed.out, verified.octets)
    return gateway_common.print_verdict(parsed, verified.verdict)
