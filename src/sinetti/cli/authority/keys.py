"""`sinetti authority keys …`: list, test, move and destroy the private keys."""

import os
import pwd
from dataclasses import replace
from pathlib import Path

from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.authority.key_destruction import DestructionOptions, destroy_keys, plan_destruction
from sinetti.authority.key_inventory import ListedKey, check_keys, holder_of, list_keys
from sinetti.authority.key_relocation import move_keys_to_token
from sinetti.authority.passphrases import read_or_create, read_passphrase
from sinetti.authority.signer.approvals import DESTROY
from sinetti.authority.signer_separation import SeparationOptions, check_separation, separate_keys
from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, passphrase_of
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved, check_writable
from sinetti.cli.authority.token_options import token_location, token_options
from sinetti.cli.core.commands import Listing, Output, argument, option, table_of
from sinetti.client.results import ExitCode
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.authorities.lifecycle import generation_of
from sinetti.domain.values import Environment
from sinetti.infra.file_permissions import ROOT, User, acting_as
from sinetti.settings.signer import MOST_ORDERS

verbs = operator_commands("keys", "list and test the private keys", "sinetti authority keys list --dir /srv/sinetti")
register = verbs.register

_BEFORE = "sinetti authority keys"
_DIR = "--dir /srv/sinetti"
_NOTHING = "There are no keys."
_ORDERS = 10_000

_MOVED = """\
Moved to the token {label}: {names}. New keys are created there.
Start the service again. Destroy old copies of {dir}, which still have these keys."""
_SEPARATED = """\
{count} keys are in {signer}; {dir} has none. Start the signer, then the service:
  sinetti authority signer --signer-dir {signer} --socket {socket}{more}
Destroy old copies of {dir}, which still have these keys. Back up {signer} by itself (docs/operators/signer.md)."""
_DESTROYED = """\
Destroyed: {names}. The protocol is in {protocol}.
Copies in backups of {dir} are not destroyed by this command: destroy them, and note it (docs/termination.md)."""


@verbs.command()
def list_(run: AuthorityRun) -> Listing:
    """List the private keys and their places."""
    rows = [_row(key) for key in list_keys(holder_of(run.authority))]
    return Listing(rows, ("name", "role", "store", "key", "uri"), _NOTHING, fold={"uri"})


def _row(key: ListedKey) -> dict[str, object]:
    """Return a key as a row of the contracts.

    The generation is that of its CA; 1 for keys of the service itself.
    """
    return {
        "name": key.name,
        "role": key.role.value,
        "store": key.kind.value,
        "uri": key.uri,
        "key": key.key_type,
        "generation": generation_of(key.name) if key.is_of_ca else 1,
    }


@verbs.command(also=[PASSPHRASE_FILE])
def check(run: AuthorityRun) -> Output:
    """Sign with each key that is here, and show the attributes of keys in tokens."""
    keys = check_keys(holder_of(run.authority))
    rows = [
        {
            **_row(key.listed),
            "local": key.facts and key.facts.is_local,
            "never_extractable": key.facts and key.facts.is_never_extractable,
            "signs": key.has_signed,
            "problem": key.problem,
        }
        for key in keys
    ]
    shown = [
        {
            **row,
            "CKA_LOCAL": row["local"],
            "CKA_NEVER_EXTRACTABLE": row["never_extractable"],
            # A key that is offline is not tested.
            "signs": "offline" if row["signs"] is None else row["signs"],
        }
        for row in rows
    ]
    columns = ("name", "role", "store", "key", "CKA_LOCAL", "CKA_NEVER_EXTRACTABLE", "signs", "problem")
    code = ExitCode.STORE if any(key.problem for key in keys) else ExitCode.DONE
    return Output(rows, table_of(columns, shown, {"problem"}, nothing=_NOTHING), code)


@verbs.command(
    f"{_BEFORE} move-to-token {_DIR} --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token ca "
    "--pkcs11-pin-file /etc/sinetti/pin",
    also=[*token_options(required=True), PASSPHRASE_FILE],
)
def move_to_token(run: AuthorityRun) -> str:
    """Import the key files of TEST into a token; stop the service first."""
    token = token_location(run.parsed)
    if token is None:
        raise OptionError("--pkcs11-module, --pkcs11-token and --pkcs11-pin-file must not be empty")
    names = move_keys_to_token(run.authority, token)
    return _MOVED.format(label=token.label, names=", ".join(names), dir=run.parsed.dir)


@verbs.command(
    f"{_BEFORE} separate {_DIR} --signer-dir /var/lib/sinetti-signer/signer "
    "--socket /run/sinetti-signer/signer.sock --signer-user sinetti-signer",
    summary="move all keys to the folder of a signer, a process of its own; stop the service first",
    also=[PASSPHRASE_FILE, OFFICER, APPROVAL],
)
def separate(
    run: AuthorityRun,
    *,
    signer_dir: Path = option("DIR2", "new folder of the signer"),
    socket: Path = option("PATH", "Unix socket on which the signer will listen"),
    signer_user: str | None = option("NAME", "user to whom DIR2 then belongs; only root can give it away"),
    signer_passphrase_file: Path | None = option(
        "FILE",
        "file with the pass-phrase of the signer's keys; created if missing (default: in DIR2, for TEST alone)",
    ),
    orders_per_day: int = option(
        "N", "certificates that the signer signs in a day for orders (default: %(default)s)", default=_ORDERS
    ),
) -> str:
    """Move all keys to the folder of a signer, a process of its own."""
    if not 1 <= orders_per_day <= MOST_ORDERS:
        raise OptionError(f"--orders-per-day: {orders_per_day} is not from 1 to {MOST_ORDERS}")
    run.folder.check(DirectoryKind.AUTHORITY)
    service, phrase = run.folder.root.stat(), passphrase_of(run.parsed)
    owner = _owner(signer_user, service.st_uid, signer_dir.absolute())
    options = SeparationOptions(signer_dir.absolute(), socket.absolute(), orders_per_day, owner=owner)
    parameters = {
        "change": "separate",
        "signer_dir": str(options.root),
        "socket": str(options.socket),
        "signer_user": signer_user or "",
        "orders_per_day": str(orders_per_day),
    }
    check_writable(options.root)
    # The database may know the service's user alone, and what is written in DIR must be that user's.
    with acting_as((service.st_uid, service.st_gid)), run.opened_with(phrase) as opened:
        with acting_as(ROOT):
            _check_passphrase_file(signer_passphrase_file, opened)
        check_separation(opened.authority, options)
        with approved(TwoPersonAct.SECRETS, parameters, opened):
            if signer_passphrase_file is not None:
                # Created if it is missing. The file is then the signer's.
                with acting_as(ROOT):
                    made = read_or_create(signer_passphrase_file, DataDirectory(options.root))
                    if owner is not None:
                        os.chown(signer_passphrase_file, *owner)
                options = replace(options, passphrase=made)
            names = separate_keys(opened.authority, options)
    more = " --user SERVICE-USER" if signer_user else ""
    more += f" --passphrase-file {signer_passphrase_file}" if signer_passphrase_file else ""
    return _SEPARATED.format(
        count=len(names), signer=options.root, dir=run.parsed.dir, socket=options.socket, more=more
    )


def _owner(name: str | None, service: int, folder: Path) -> User | None:
    """Return the user to whom the signer's folder is given. Raises OptionError."""
    user = os.getuid()
    if name is None:
        if user == 0 != service:
            raise OptionError(
                "--signer-user is missing: as root, name the user of the signer, or run it as the service's"
            )
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise OptionError(f"--signer-user: this machine has no user {name}") from None
    if user not in {0, entry.pw_uid}:
        raise OptionError(f"--signer-user: only root can give {folder} to {name}: run it as root")
    return entry.pw_uid, entry.pw_gid


def _check_passphrase_file(path: Path | None, run: AuthorityRun) -> None:
    """Raise OptionError unless the file may have the pass-phrase of the signer's keys."""
    authority = run.authority
    if path is None:
        if authority.settings.environment is Environment.PRODUCTION:
            raise OptionError("--signer-passphrase-file is missing: a pass-phrase beside its keys protects nothing")
        return
    for folder in (authority.folder.root, authority.journal.folder):
        if path.resolve().is_relative_to(folder.resolve()):
            raise OptionError(
                f"--signer-passphrase-file: {path} is in {folder}, which the service reads: choose another place"
            )
    if path.exists() and read_passphrase(path) == authority.passphrase:
        raise OptionError(f"--signer-passphrase-file: {path} has the service's own pass-phrase: name another file")


@verbs.command(
    f"{_BEFORE} destroy {_DIR} DataProvidersIssuingCAv1 --protocol destruction.json",
    also=[PASSPHRASE_FILE, OFFICER, APPROVAL],
)
def destroy(
    run: AuthorityRun,
    *,
    protocol: Path = option("FILE", "new file for the protocol; outside DIR"),
    offline_dir: Path | None = option("DIR2", "folder of the keys that are kept offline"),
    names: list[str] = argument("NAME", "key, by its name in `keys list`", nargs="+"),
) -> str:
    """Destroy keys of CAs that are retired or revoked, and write a protocol."""
    options = DestructionOptions(tuple(names), protocol.absolute(), offline_dir)
    rows = plan_destruction(options, run.authority)
    keys = [f"{row['name']} {row['public_key_sha256']}" for row in rows]
    parameters = {"change": DESTROY, "keys": keys, "protocol": str(options.protocol)}
    with approved(TwoPersonAct.CEREMONY, parameters, run):
        destroy_keys(rows, options, run.authority, run.audit)
    return _DESTROYED.format(names=", ".join(names), protocol=protocol, dir=run.parsed.dir)
