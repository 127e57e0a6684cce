"""`sinetti authority keys destroy`: destroy keys of ended CAs, with a protocol."""

import argparse
from pathlib import Path

from sinetti.authority.key_destruction import DestructionOptions, destroy_keys, plan_destruction
from sinetti.authority.signer.approvals import DESTROY
from sinetti.cli.authority.common import add_dir, command, machine_user, opened_authority
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.server.process_exit import request_id

_DESTROYED = """\
Destroyed: {names}. The protocol is in {protocol}.
Copies in backups of {dir} are not destroyed by this command: destroy them, and note it (docs/termination.md)."""


def register_destroy(verbs: Commands) -> None:
    """Add the command to the group `keys`."""
    example = "sinetti authority keys destroy --dir /srv/sinetti DataProvidersIssuingCAv1 --protocol destruction.json"
    summary = "destroy keys of CAs that are retired or revoked, and write a protocol"
    parser = command(verbs, "destroy", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("names", metavar="NAME", nargs="+", help="key, by its name in `keys list`")
    parser.add_argument(
        "--protocol", metavar="FILE", type=Path, required=True, help="new file for the protocol; outside DIR"
    )
    parser.add_argument("--offline-dir", metavar="DIR2", type=Path, help="folder of the keys that are kept offline")
    add_officer_option(parser, again=True)


def _run(parsed: argparse.Namespace) -> int:
    options = DestructionOptions(tuple(parsed.names), parsed.protocol.absolute(), parsed.offline_dir)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        rows = plan_destruction(options, authority)
        keys = [f"{row['name']} {row['public_key_sha256']}" for row in rows]
        parameters = {"change": DESTROY, "keys": keys, "protocol": str(options.protocol)}
        with approved(TwoPersonAct.CEREMONY, parameters, {}, parsed, authority):
            audit = authority.ctx.audit_entry(machine_user(), request_id())
            destroy_keys(rows, options, authority, audit)
    print_note(_DESTROYED.format(names=", ".join(parsed.names), protocol=parsed.protocol, dir=parsed.dir))
    return 0
