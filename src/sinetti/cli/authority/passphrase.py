"""`sinetti authority passphrase`: move the pass-phrase of the keys out of DIR."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.authority.key_relocation import move_passphrase
from sinetti.cli.authority.common import add_dir, command, opened_authority
from sinetti.cli.authority.proposals import add_officer_option, approved, propose_act, takes_two
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import TwoPersonAct

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands


_MOVED = """\
Pass-phrase moved to {to}. Restart the service with --passphrase-file {to} or systemd's LoadCredential=.
Destroy old copies of {dir}, which still have it."""


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority passphrase --dir /srv/sinetti --to /etc/sinetti/passphrase"
    summary = "move the pass-phrase of the keys to a file outside DIR"
    parser = command(commands, "passphrase", summary, _run, example)
    add_dir(parser)
    add_officer_option(parser, again=True)
    parser.add_argument("--to", metavar="FILE", type=Path, required=True, help="new file outside DIR")


def _run(parsed: argparse.Namespace) -> int:
    parameters = {"to": str(parsed.to.absolute())}
    with opened_authority(parsed.dir) as authority:
        if parsed.approval is None and takes_two(TwoPersonAct.SECRETS, authority):
            return propose_act(TwoPersonAct.SECRETS, parameters, {}, parsed, authority)
        with approved(TwoPersonAct.SECRETS, parameters, parsed, authority):
            move_passphrase(authority, parsed.to.absolute())
    print_note(_MOVED.format(to=parsed.to, dir=parsed.dir))
    return 0
