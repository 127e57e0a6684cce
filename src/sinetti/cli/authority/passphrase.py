"""`sinetti authority passphrase`: move the pass-phrase out of DIR, or replace it."""

import argparse
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.authority.key_relocation import move_passphrase
from sinetti.authority.passphrase_change import (
    NewPassphrase,
    change_passphrase,
    is_passphrase_in_force,
    random_passphrase,
    settle_passphrase_change,
)
from sinetti.authority.passphrases import check_outside, read_or_create, read_passphrase
from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, opened_authority
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.operations.secret_rows import write_event
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment
from sinetti.server.process_exit import request_id

_MOVED = """\
Pass-phrase moved to {to}. Restart the service with --passphrase-file {to} or systemd's LoadCredential=.
Destroy old copies of {dir}, which still have it."""
_CHANGED = """\
The pass-phrase in {place} opens all keys in {dir} now, and the former one opens none.
Start the service with the new one. Destroy the former one, and old copies of {dir}, which it still opens."""


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority passphrase --dir /srv/sinetti --to /etc/sinetti/passphrase"
    summary = "move the pass-phrase of the keys to a file outside DIR, or replace it by a new one"
    parser = command(commands, "passphrase", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    add_officer_option(parser, again=True)
    parser.add_argument("--to", metavar="FILE", type=Path, help="file outside DIR; made if missing")
    parser.add_argument(
        "--new", action="store_true", help="encrypt all keys under a new pass-phrase; stop the service first"
    )


def _run(parsed: argparse.Namespace) -> int:
    if parsed.new:
        return _replace(parsed)
    if parsed.to is None:
        raise OptionError("--to is missing: name the file outside DIR to which the pass-phrase is moved")
    parameters = {"change": "move-passphrase", "to": str(parsed.to.absolute())}
    with (
        opened_authority(parsed.dir, passphrase_of(parsed)) as authority,
        approved(TwoPersonAct.SECRETS, parameters, {}, parsed, authority),
    ):
        move_passphrase(authority, parsed.to.absolute())
    print_note(_MOVED.format(to=parsed.to, dir=parsed.dir))
    return 0


def _replace(parsed: argparse.Namespace) -> int:
    folder = DataDirectory(parsed.dir.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    settle_passphrase_change(folder)
    made = read_passphrase(parsed.to) if parsed.to is not None and parsed.to.exists() else None
    # A kill may have ended the command after its last step.
    is_done = made is not None and is_passphrase_in_force(folder, made)
    parameters = {"change": "replace-passphrase", "to": None if parsed.to is None else str(parsed.to.absolute())}
    with opened_authority(parsed.dir, made if is_done else passphrase_of(parsed)) as authority:
        _check_place(parsed, authority)
        with approved(TwoPersonAct.SECRETS, parameters, {}, parsed, authority):
            if not is_done:
                _change(parsed, authority)
    print_note(_CHANGED.format(place=parsed.to or folder.passphrase, dir=parsed.dir))
    return 0


def _check_place(parsed: argparse.Namespace, authority: Authority) -> None:
    """Raise OptionError if the pass-phrase is missing, or may not be in the folder."""
    if authority.passphrase is None:
        raise OptionError("--passphrase-file is missing: name the file with the present pass-phrase of the keys in DIR")
    is_inside = authority.folder.passphrase.exists() and authority.settings.environment is Environment.TEST
    if parsed.to is not None:
        check_outside(parsed.to, authority.folder)
    elif not is_inside:
        raise OptionError("--to is missing: name the file outside DIR for the new pass-phrase")


def _change(parsed: argparse.Namespace, authority: Authority) -> None:
    folder = authority.folder
    if parsed.to is None:
        new = NewPassphrase(random_passphrase(), is_inside=True)
    else:
        new = NewPassphrase(read_or_create(parsed.to.absolute(), folder))
    write_event(
        authority.ctx.db, authority.ctx.audit_entry(machine_user(), request_id()), "passphrase-changed", "secret"
    )
    change_passphrase(folder, authority.secret_access, new, authority.ctx.step)
