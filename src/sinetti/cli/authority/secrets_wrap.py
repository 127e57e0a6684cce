"""`sinetti authority secrets wrap`: change the ways to the secret keys."""

import argparse
from dataclasses import replace
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.authority.passphrase_change import random_passphrase
from sinetti.authority.passphrases import check_outside, read_or_create, read_passphrase
from sinetti.authority.secret_wrappings import BY_PASSPHRASE, BY_TOKEN
from sinetti.authority.wrapping_change import NewWrapping, check_wrapping, wrap_secrets
from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, opened_authority
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.authority.token_options import add_token_options, token_settings
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.operations.secret_rows import write_event
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.server.process_exit import request_id

_WRAPPED = """\
The secret keys in {path} are opened by: {kinds}. Serving processes of this folder keep theirs.
Copy the file to every other node now. Destroy old copies of it, which the former ways open."""


def register_wrap(below: Commands) -> None:
    """Add the command to the group `secrets`."""
    example = "sinetti authority secrets wrap token --dir /srv/sinetti"
    summary = "let a key in a token, or a pass-phrase, open the secret keys"
    parser = command(below, "wrap", summary, _run, example)
    ways = [BY_TOKEN, BY_PASSPHRASE]
    parser.add_argument("way", metavar="WAY", choices=ways, help=f"way to the secret keys: {', '.join(ways)}")
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--alone", action="store_true", help="end the other ways, and a former one of this kind")
    parser.add_argument(
        "--to",
        metavar="FILE",
        type=Path,
        help="file outside DIR with the new pass-phrase, made if missing (default: the one of the keys in DIR)",
    )
    add_token_options(parser)
    add_officer_option(parser, again=True)


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        token = _token(parsed, authority)
        parameters = {
            "change": "wrap",
            "way": parsed.way,
            "alone": parsed.alone,
            "to": None if parsed.to is None else str(parsed.to.absolute()),
            "token": None if token is None else token.label,
        }
        new = NewWrapping(token or _present(parsed.to, authority), is_alone=parsed.alone)
        check_wrapping(authority.folder, authority.secret_access, new)
        with approved(TwoPersonAct.SECRETS, parameters, {}, parsed, authority):
            if parsed.to is not None:
                new = replace(new, by=read_or_create(parsed.to.absolute(), authority.folder))
            kinds = _wrap(new, authority)
    print_note(_WRAPPED.format(path=authority.folder.secret_keys, kinds=", ".join(kinds)))
    return 0


def _token(parsed: argparse.Namespace, authority: Authority) -> TokenLocation | None:
    """Return the token of the new key, or None for a pass-phrase. Raises OptionError."""
    given = token_settings(parsed)
    if parsed.way == BY_PASSPHRASE:
        if given:
            raise OptionError(
                "a pass-phrase needs no token: leave --pkcs11-module, --pkcs11-token and --pkcs11-pin-file out"
            )
        if parsed.to is None and authority.passphrase is None:
            raise OptionError("--to is missing: name the file outside DIR for the pass-phrase")
        return None
    if parsed.to is not None:
        raise OptionError("--to names the file of a pass-phrase, and this is a token: leave it out")
    if given:
        return TokenLocation(Path(given["pkcs11_module"]), given["pkcs11_token"], Path(given["pkcs11_pin_file"]))
    if authority.settings.token is None:
        raise OptionError(
            "the keys of this authority are in no token: give --pkcs11-module, --pkcs11-token and --pkcs11-pin-file"
        )
    return authority.settings.token


def _present(to: Path | None, authority: Authority) -> bytes:
    """Return the pass-phrase of the keys, or that in the file.

    If the file is missing, it is a new one, which no key has.
    """
    if to is None:
        assert authority.passphrase is not None  # noqa: S101 - `_token` has checked that
        return authority.passphrase
    check_outside(to, authority.folder)
    return read_passphrase(to) if to.exists() else random_passphrase()


def _wrap(new: NewWrapping, authority: Authority) -> tuple[str, ...]:
    audit = authority.ctx.audit_entry(machine_user(), request_id())

    def record(kinds: tuple[str, ...]) -> None:
        write_event(authority.ctx.db, audit, "secrets-wrapped", "secret", ways=" ".join(kinds))

    return wrap_secrets(authority.folder, authority.secret_access, new, record, authority.ctx.step)
