"""`sinetti gateway check`: identify a certificate, or print why it is refused."""

import argparse
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.gateway import common as gateway_common
from sinetti.client.results import ExitCode
from sinetti.pki import chain

EXAMPLE = """\
example:
  sinetti gateway check --anchors holders.pem --crl issuing.crl --channel WS --json certificate.pem

A PEM file may contain the certificate's chain after it. These certificates are not trusted.

exit codes: 0 accepted · 2 file unreadable · 3 rejected"""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "check",
        help="check a certificate",
        description="Shows whose certificate it is and whether it is valid. Works offline.",
        epilog=EXAMPLE,
    )
    parser.add_argument("certificate", metavar="CERT", type=Path, help="certificate, PEM or DER, - for standard input")
    gateway_common.add_gateway(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Check one certificate."""
    octets = common.read_file(parsed.certificate)
    gateway, now = gateway_common.gateway_of(parsed), gateway_common.at_of(parsed)
    try:
        behind = chain.load_bundle(octets)[1:]
    except ValueError:  # DER, or no certificate: `identify` reports it
        behind = ()
    return gateway_common.print_verdict(parsed, gateway.identify(octets, now, behind))
