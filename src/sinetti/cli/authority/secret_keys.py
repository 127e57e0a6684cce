"""`sinetti authority secrets`: show, rotate, wrap and remove secret keys."""

from dataclasses import replace
from pathlib import Path

from sinetti.authority.passphrase_change import NewWrapping, check_wrapping, random_passphrase, wrap_secrets
from sinetti.authority.passphrases import check_outside, read_or_create, read_passphrase
from sinetti.authority.secret_files import read_secrets, remove_secret, rotate_secret
from sinetti.authority.secret_wrappings import BY_PASSPHRASE, BY_TOKEN
from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved
from sinetti.cli.authority.token_options import token_location, token_options
from sinetti.cli.core.commands import Output, argument, flag, option, table_of
from sinetti.database.operations.secret_rows import write_event
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.infra.clock import format_instant, utc_now
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.services.monitoring.secret_usage import (
    check_removal,
    check_rotation,
    list_secret_usage,
    reseal_second_factors,
)

verbs = operator_commands(
    "secrets",
    "show and rotate the secret keys of the service",
    "sinetti authority secrets status --dir /srv/sinetti",
)
register = verbs.register

_PURPOSE = argument("PURPOSE", f"purpose of the key: {', '.join(SecretPurpose)}")
_SEALED = SecretPurpose.SECOND_FACTORS.value
_WAYS = [BY_TOKEN, BY_PASSPHRASE]

_WRAPPED = """\
The secret keys in {path} are opened by: {kinds}. Serving processes of this folder keep theirs.
Copy the file to every other node now. Destroy old copies of it, which the former ways open."""


@verbs.command(also=[PASSPHRASE_FILE])
def status(run: AuthorityRun) -> Output:
    """List the secret keys, and how many rows need each."""
    now, ways = run.ctx.machine_now(), ",".join(read_secrets(run.authority.folder).kinds())
    rows = [
        {
            "purpose": secret.purpose.value,
            "id": secret.key.key_id,
            "current": secret.is_current,
            "made_at": format_instant(secret.key.made_at),
            "wrapped_by": ways,
            "rows": secret.rows,
            "needed_until": secret.needed_until and format_instant(secret.needed_until),
            "can_be_removed": secret.can_be_removed(now),
        }
        for secret in list_secret_usage(run.ctx)
    ]
    shown = [
        {**row, "state": "current" if row["current"] else "removable" if row["can_be_removed"] else "old"}
        for row in rows
    ]
    return Output(rows, table_of(("purpose", "id", "state", "made_at", "wrapped_by", "rows"), shown, nothing=""))


@verbs.command("sessions", also=[PASSPHRASE_FILE])
def rotate(run: AuthorityRun, *, purpose: SecretPurpose = _PURPOSE) -> str:
    """Make new data with a new key; the old key reads what it made."""
    check_rotation(purpose)
    before, folder = run.ctx.keyring.current(purpose).key_id, run.authority.folder
    # The audit row comes before the file is replaced.
    write_event(run.ctx.db, run.audit, "secret-rotated", f"secret:{purpose}", number=int(before))
    key_id = rotate_secret(folder, run.authority.secret_access, purpose, utc_now(), run.ctx.step)
    return (
        f"Key {key_id} makes new data for {purpose}. Serving processes of this folder use it at once.\n"
        f"Copy {folder.secret_keys} to every other node now. Key {before} reads what it made."
    )


@verbs.command(
    "second-factors",
    summary="encrypt stored secrets again with the newest key, so that no row needs an old one",
    also=[PASSPHRASE_FILE],
)
def reseal(
    run: AuthorityRun,
    *,
    _purpose: SecretPurpose = argument("PURPOSE", f"purpose of the key: {_SEALED}", choices=[_SEALED]),
) -> str:
    """Encrypt stored secrets again with the newest key."""
    return f"Encrypted again: {reseal_second_factors(run.ctx)}."


@verbs.command("sessions 0", also=[PASSPHRASE_FILE])
def remove(
    run: AuthorityRun, *, purpose: SecretPurpose = _PURPOSE, key_id: str = argument("ID", "ID of the key")
) -> str:
    """Remove an old key that no row needs."""
    check_removal(purpose, key_id, run.ctx)
    folder = run.authority.folder
    # The audit row comes before the file is replaced.
    write_event(run.ctx.db, run.audit, "secret-removed", f"secret:{purpose}", number=int(key_id))
    remove_secret(folder, run.authority.secret_access, purpose, key_id)
    return f"Key {key_id} for {purpose} is removed. Copies of {folder.secret_keys} still have it."


@verbs.command("token", also=[PASSPHRASE_FILE, *token_options(), OFFICER, APPROVAL])
def wrap(
    run: AuthorityRun,
    *,
    alone: bool = flag("end the other ways, and a former one of this kind"),
    to: Path | None = option(
        "FILE", "file outside DIR with the new pass-phrase, made if missing (default: the one of the keys in DIR)"
    ),
    way: str = argument("WAY", f"way to the secret keys: {', '.join(_WAYS)}", choices=_WAYS),
) -> str:
    """Let a key in a token, or a pass-phrase, open the secret keys."""
    folder, access = run.authority.folder, run.authority.secret_access
    new = NewWrapping(_opener(way, to, run), is_alone=alone)
    parameters = {
        "change": "wrap",
        "way": way,
        "alone": alone,
        "to": to and str(to.absolute()),
        "token": new.by.label if isinstance(new.by, TokenLocation) else None,
    }
    check_wrapping(folder, access, new)

    def record(kinds: tuple[str, ...]) -> None:
        write_event(run.ctx.db, run.audit, "secrets-wrapped", "secret", ways=" ".join(kinds))

    with approved(TwoPersonAct.SECRETS, parameters, run):
        if to is not None:
            new = replace(new, by=read_or_create(to.absolute(), folder))
        kinds = wrap_secrets(folder, access, new, record, run.ctx.step)
    return _WRAPPED.format(path=folder.secret_keys, kinds=", ".join(kinds))


def _opener(way: str, to: Path | None, run: AuthorityRun) -> TokenLocation | bytes:
    """Return the token of the new key, or the pass-phrase. Raises OptionError.

    If the file of the pass-phrase is missing, it is a new one, which no key has.
    """
    token = token_location(run.parsed)
    if way == BY_TOKEN:
        if to is not None:
            raise OptionError("--to names the file of a pass-phrase, and this is a token: leave it out")
        token = token or run.authority.settings.token
        if token is None:
            raise OptionError(
                "the keys of this authority are in no token: give --pkcs11-module, --pkcs11-token and --pkcs11-pin-file"
            )
        return token
    if token is not None:
        raise OptionError(
            "a pass-phrase needs no token: leave --pkcs11-module, --pkcs11-token and --pkcs11-pin-file out"
        )
    if to is not None:
        check_outside(to, run.authority.folder)
        return read_passphrase(to) if to.exists() else random_passphrase()
    if run.authority.passphrase is None:
        raise OptionError("--to is missing: name the file outside DIR for the pass-phrase")
    return run.authority.passphrase
