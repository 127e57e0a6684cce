"""`sinetti authority …`: the operator's commands."""

import importlib

from sinetti.cli.authority.common import group
from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = (
    "sinetti authority init --dir /srv/sinetti --environment TEST --base-url http://pki.example "
    "--soap-url https://certificates.example"
)

MODULES = {
    "init": "init",
    "serve": "serve",
    "check": "check",
    "reload": "check",
    "organisation": "organisation",
    "gateway": "gateway",
    "account": "account",
    "officer": "officer",
    "approval": "approval",
    "order": "order",
    "transfer-ids": "order",
    "change-contact": "change_contact",
    "let-end": "let_end",
    "ca": "ca",
    "revoke": "revoke",
    "revoke-many": "revoke",
    "call-early": "call_early",
    "drill": "drill",
    "status": "status",
    "watch": "watch",
    "migrate": "migrate",
    "backup": "backup",
    "restore": "backup",
    "restore-drill": "backup",
    "reconcile": "reconcile",
    "journal": "journal",
    "audit": "audit",
    "offline": "offline",
    "publish": "offline",
    "publish-status": "publish_status",
    "import-signed": "import_signed",
    "passphrase": "passphrase",
    "signer": "signer",
    "keys": "keys",
    "secrets": "secret_keys",
    "clock": "clock",
    "retention": "retention",
    "notices": "notices",
    "export-certificates": "export_certificates",
}
"""Module of `cli/authority/` for each command."""


def register(subparsers: Commands, wanted: str | None = None) -> None:
    """Add the commands to the parser.

    Adds only the command named `wanted`, or all of them if `wanted` is none of them.
    """
    commands = group(subparsers, "authority", "run a certificate authority", EXAMPLE)
    # The imports of all commands together take a tenth of a second.
    names = (MODULES[wanted],) if wanted in MODULES else tuple(dict.fromkeys(MODULES.values()))
    for name in names:
        importlib.import_module(f"sinetti.cli.authority.{name}").register(commands)
