"""`sinetti authority passphrase`: move the pass-phrase out of DIR, or replace it."""

from pathlib import Path

from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.key_relocation import move_passphrase
from sinetti.authority.passphrase_change import (
    NewPassphrase,
    change_passphrase,
    is_passphrase_in_force,
    random_passphrase,
    settle_passphrase_change,
)
from sinetti.authority.passphrases import check_outside, read_or_create, read_passphrase
from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, passphrase_of
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved
from sinetti.cli.core.commands import flag, option
from sinetti.database.operations.secret_rows import write_event
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment

commands = operator_commands()
register = commands.register

_MOVED = """\
Pass-phrase moved to {to}. Restart the service with --passphrase-file {to} or systemd's LoadCredential=.
Destroy old copies of {dir}, which still have it."""
_CHANGED = """\
The pass-phrase in {place} opens all keys in {dir} now, and the former one opens none.
Start the service with the new one. Destroy the former one, and old copies of {dir}, which it still opens."""


@commands.command(
    "sinetti authority passphrase --dir /srv/sinetti --to /etc/sinetti/passphrase",
    summary="move the pass-phrase of the keys to a file outside DIR, or replace it by a new one",
    also=[PASSPHRASE_FILE, OFFICER, APPROVAL],
)
def passphrase(
    run: AuthorityRun,
    *,
    to: Path | None = option("FILE", "file outside DIR; made if missing"),
    new: bool = flag("encrypt all keys under a new pass-phrase; stop the service first"),
) -> str:
    """Move the pass-phrase of the keys to a file outside DIR, or replace it."""
    if new:
        return _replace(run, to)
    if to is None:
        raise OptionError("--to is missing: name the file outside DIR to which the pass-phrase is moved")
    parameters = {"change": "move-passphrase", "to": str(to.absolute())}
    with (
        run.opened_with(passphrase_of(run.parsed)) as opened,
        approved(TwoPersonAct.SECRETS, parameters, opened),
    ):
        move_passphrase(opened.authority, to.absolute())
    return _MOVED.format(to=to, dir=run.parsed.dir)


def _replace(run: AuthorityRun, to: Path | None) -> str:
    folder = run.folder
    folder.check(DirectoryKind.AUTHORITY)
    settle_passphrase_change(folder)
    made = read_passphrase(to) if to is not None and to.exists() else None
    # A kill may have ended the command after its last step.
    is_done = made is not None and is_passphrase_in_force(folder, made)
    parameters = {"change": "replace-passphrase", "to": to and str(to.absolute())}
    with run.opened_with(made if is_done else passphrase_of(run.parsed)) as opened:
        authority = opened.authority
        if authority.passphrase is None:
            raise OptionError(
                "--passphrase-file is missing: name the file with the present pass-phrase of the keys in DIR"
            )
        if to is not None:
            check_outside(to, folder)
        elif not folder.passphrase.exists() or authority.settings.environment is not Environment.TEST:
            raise OptionError("--to is missing: name the file outside DIR for the new pass-phrase")
        with approved(TwoPersonAct.SECRETS, parameters, opened):
            if not is_done:
                phrase = random_passphrase() if to is None else read_or_create(to.absolute(), folder)
                write_event(opened.ctx.db, opened.audit, "passphrase-changed", "secret")
                change = NewPassphrase(phrase, is_inside=to is None)
                change_passphrase(folder, authority.secret_access, change, opened.ctx.step)
    return _CHANGED.format(place=to or folder.passphrase, dir=run.parsed.dir)
