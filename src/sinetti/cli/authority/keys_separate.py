"""`sinetti authority keys separate`: move all keys to the folder of a signer."""

import argparse
import os
import pwd
from dataclasses import replace
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.authority.passphrases import read_or_create, read_passphrase
from sinetti.authority.signer_separation import SeparationOptions, check_separation, separate_keys
from sinetti.cli.authority.common import OptionError, add_dir, command, opened_authority
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved, check_writable
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment
from sinetti.infra.file_permissions import ROOT, User, acting_as
from sinetti.settings.signer import MOST_ORDERS

_ORDERS = 10_000

_SEPARATED = """\
{count} keys are in {signer}; {dir} has none. Start the signer, then the service:
  sinetti authority signer --signer-dir {signer} --socket {socket}{more}
Destroy old copies of {dir}, which still have these keys. Back up {signer} by itself (docs/operators/signer.md)."""


def register_separate(verbs: Commands) -> None:
    """Add the command to the group `keys`."""
    example = (
        "sinetti authority keys separate --dir /srv/sinetti --signer-dir /var/lib/sinetti-signer/signer "
        "--socket /run/sinetti-signer/signer.sock --signer-user sinetti-signer"
    )
    summary = "move all keys to the folder of a signer, a process of its own; stop the service first"
    parser = command(verbs, "separate", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--signer-dir", metavar="DIR2", type=Path, required=True, help="new folder of the signer")
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, required=True, help="Unix socket on which the signer will listen"
    )
    parser.add_argument(
        "--signer-user", metavar="NAME", help="user to whom DIR2 then belongs; only root can give it away"
    )
    parser.add_argument(
        "--signer-passphrase-file",
        metavar="FILE",
        type=Path,
        help="file with the pass-phrase of the signer's keys; created if missing (default: in DIR2, for TEST alone)",
    )
    parser.add_argument(
        "--orders-per-day",
        metavar="N",
        type=int,
        default=_ORDERS,
        help="certificates that the signer signs in a day for orders (default: %(default)s)",
    )
    add_officer_option(parser, again=True)


def _run(parsed: argparse.Namespace) -> int:
    if not 1 <= parsed.orders_per_day <= MOST_ORDERS:
        raise OptionError(f"--orders-per-day: {parsed.orders_per_day} is not from 1 to {MOST_ORDERS}")
    root, path = parsed.signer_dir.absolute(), parsed.socket.absolute()
    options = SeparationOptions(root, path, parsed.orders_per_day, owner=_owner(parsed.signer_user))
    parameters = {
        "change": "separate",
        "signer_dir": str(options.root),
        "socket": str(options.socket),
        "signer_user": parsed.signer_user or "",
        "orders_per_day": str(options.orders_per_day),
    }
    DataDirectory(parsed.dir.absolute()).check(DirectoryKind.AUTHORITY)
    service, phrase = parsed.dir.stat(), passphrase_of(parsed)
    if options.owner is None and os.getuid() == 0 != service.st_uid:
        raise OptionError("--signer-user is missing: as root, name the user of the signer, or run it as the service's")
    if options.owner is not None and os.getuid() not in {0, options.owner[0]}:
        raise OptionError(f"--signer-user: only root can give {options.root} to {parsed.signer_user}: run it as root")
    check_writable(options.root)
    # The database may know the service's user alone, and what is written in DIR must be that user's.
    with acting_as((service.st_uid, service.st_gid)), opened_authority(parsed.dir, phrase) as authority:
        with acting_as(ROOT):
            _check_passphrase_file(parsed.signer_passphrase_file, authority)
        check_separation(authority, options)
        with approved(TwoPersonAct.SECRETS, parameters, {}, parsed, authority):
            names = separate_keys(
                authority, replace(options, passphrase=_passphrase(parsed.signer_passphrase_file, options))
            )
    more = " --user SERVICE-USER" if parsed.signer_user else ""
    more += f" --passphrase-file {parsed.signer_passphrase_file}" if parsed.signer_passphrase_file else ""
    print_note(
        _SEPARATED.format(count=len(names), signer=options.root, dir=parsed.dir, socket=options.socket, more=more)
    )
    return 0


def _check_passphrase_file(named: Path | None, authority: Authority) -> None:
    """Raise OptionError unless the file may have the pass-phrase of the signer's keys."""
    if named is None:
        if authority.settings.environment is Environment.PRODUCTION:
            raise OptionError("--signer-passphrase-file is missing: a pass-phrase beside its keys protects nothing")
        return
    for folder in (authority.folder.root, authority.journal.folder):
        if named.resolve().is_relative_to(folder.resolve()):
            raise OptionError(
                f"--signer-passphrase-file: {named} is in {folder}, which the service reads: choose another place"
            )
    if named.exists() and read_passphrase(named) == authority.passphrase:
        raise OptionError(f"--signer-passphrase-file: {named} has the service's own pass-phrase: name another file")


def _passphrase(named: Path | None, options: SeparationOptions) -> bytes | None:
    """Return the pass-phrase of the signer's keys, which is created if it is missing.

    Its file is then the signer's.
    """
    if named is None:
        return None
    with acting_as(ROOT):
        phrase = read_or_create(named, DataDirectory(options.root))
        if options.owner is not None:
            os.chown(named, *options.owner)
    return phrase


def _owner(name: str | None) -> User | None:
    if name is None:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise OptionError(f"--signer-user: this machine has no user {name}") from None
    return found.pw_uid, found.pw_gid
