"""`sinetti ceremony …`: ceremonies with the keys of root and intermediate CAs."""

import importlib

from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = """\
examples:
  sinetti ceremony plan --kind founding --environment TEST --base-url http://pki.example > plan.toml
  sinetti ceremony run plan.toml --medium /media/vault/sinetti --exchange /media/carried"""

MODULES = {"plan": "run", "run": "run", "shares": "verify", "verify": "verify"}
"""Module of `cli/ceremony/` for each command."""


def register(subparsers: Commands, wanted: str | None = None) -> None:
    """Add the commands to the parser.

    Adds only the module of the command named `wanted`, or all of them if `wanted` is none of them.
    """
    parser = subparsers.add_parser(
        "ceremony",
        help="make and use the keys of a root CA on a machine without network",
        description="Runs ceremonies with offline keys, on a machine without network and database.",
        epilog=EXAMPLE,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    names = (MODULES[wanted],) if wanted in MODULES else tuple(dict.fromkeys(MODULES.values()))
    for name in names:
        importlib.import_module(f"sinetti.cli.ceremony.{name}").register(commands)
