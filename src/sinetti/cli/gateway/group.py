"""`sinetti gateway …`: identify callers by certificate, and verify documents."""

import importlib

from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
examples:
  sinetti gateway check --anchors holders.pem --crl issuing.crl --channel WS certificate.pem
  sinetti gateway verify --anchors holders.pem --crl issuing.crl --out report.xml report-sealed.xml"""

MODULES = {
    "check": "check",
    "verify": "check",
    "check-settings": "check_settings",
    "serve": "serve",
    "fetch": "fetch",
    "key": "key",
    "ssh-keys": "ssh_keys",
}
"""Module of `cli/gateway/` for each command."""


def register(subparsers: Commands, wanted: str | None = None) -> None:
    """Add the commands to the parser.

    Adds only the module of the command named `wanted`, or all of them if `wanted` is none of them.
    """
    parser = subparsers.add_parser(
        "gateway",
        help="check incoming certificates and documents",
        description="Identifies holders by their certificates, and checks signed documents.",
        epilog=EXAMPLE,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (MODULES[wanted],) if wanted in MODULES else dict.fromkeys(MODULES.values()):
        importlib.import_module(f"sinetti.cli.gateway.{name}").register(commands)
