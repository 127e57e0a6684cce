"""`sinetti authority keys …`: places of the private keys, and a test of each."""

import argparse
from collections.abc import Callable

from sinetti.authority.key_import import move_keys_to_token
from sinetti.authority.key_inventory import CheckedKey, ListedKey, check_keys, holder_of, list_keys
from sinetti.cli.authority.common import OptionError, add_dir, command, group, opened_authority, print_result, table_of
from sinetti.cli.authority.keys_destroy import register_destroy
from sinetti.cli.authority.keys_separate import register_separate
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.token_options import add_token_options, token_settings
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.domain.authorities.lifecycle import generation_of
from sinetti.pki.signers.pkcs11_uri import TokenLocation

_COLUMNS = ("name", "role", "store", "key", "uri")
_CHECKED_COLUMNS = ("name", "role", "store", "key", "CKA_LOCAL", "CKA_NEVER_EXTRACTABLE", "signs", "problem")

_MOVED = """\
Moved to the token {label}: {names}. New keys are created there.
Start the service again. Destroy old copies of {dir}, which still have these keys."""


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    verbs = group(commands, "keys", "list and test the private keys", "sinetti authority keys list --dir /srv/sinetti")
    listing = _verb(verbs, "list", "list the private keys and their places", _list)
    check = _verb(verbs, "check", "sign with each key that is here, and show the attributes of keys in tokens", _check)
    for one in (listing, check):
        one.add_argument("--json", action="store_true", help="print the result as JSON")
    move = _verb(verbs, "move-to-token", "import the key files of TEST into a token; stop the service first", _move)
    add_token_options(move, required=True)
    for one in (check, move):
        add_passphrase_file(one)
    register_separate(verbs)
    register_destroy(verbs)


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    options = ""
    if name == "move-to-token":
        options = (
            " --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token ca --pkcs11-pin-file /etc/sinetti/pin"
        )
    parser = command(verbs, name, summary, run, f"sinetti authority keys {name} --dir /srv/sinetti{options}")
    add_dir(parser)
    return parser


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        rows = [_row(one) for one in list_keys(holder_of(authority))]
    print_result(
        rows, as_json=parsed.json, table=lambda: table_of(_COLUMNS, rows, {"uri"}, nothing="There are no keys.")
    )
    return 0


def _check(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        checked = check_keys(holder_of(authority))
    rows = [_checked_row(one) for one in checked]
    shown = [{**row, "CKA_LOCAL": row["local"], "CKA_NEVER_EXTRACTABLE": row["never_extractable"]} for row in rows]
    blocks = table_of(_CHECKED_COLUMNS, map(_words, shown), {"problem"}, nothing="There are no keys.")
    print_result(rows, as_json=parsed.json, table=lambda: blocks)
    return ExitCode.STORE if any(one.problem for one in checked) else 0


def _move(parsed: argparse.Namespace) -> int:
    settings = token_settings(parsed)
    token = TokenLocation(parsed.pkcs11_module.absolute(), parsed.pkcs11_token, parsed.pkcs11_pin_file.absolute())
    if not settings:
        raise OptionError("--pkcs11-module, --pkcs11-token and --pkcs11-pin-file must not be empty")
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        names = move_keys_to_token(authority, token)
    print_note(_MOVED.format(label=token.label, names=", ".join(names), dir=parsed.dir))
    return 0


def _row(one: ListedKey) -> dict[str, str | int | bool | None]:
    """Return a key as a row of the contracts.

    The generation is that of its CA; 1 for keys of the service itself.
    """
    return {
        "name": one.name,
        "role": one.role.value,
        "store": one.kind.value,
        "uri": one.uri,
        "key": one.key_type,
        "generation": generation_of(one.name) if one.is_of_ca else 1,
    }


def _checked_row(one: CheckedKey) -> dict[str, str | int | bool | None]:
    local, never = (None, None) if one.facts is None else (one.facts.is_local, one.facts.is_never_extractable)
    attributes = {"local": local, "never_extractable": never, "signs": one.has_signed, "problem": one.problem}
    return {**_row(one.listed), **attributes}


def _words(row: dict[str, str | int | bool | None]) -> dict[str, object]:
    """Return a row with words instead of truth values.

    A key that is offline is not tested.
    """
    words = {True: "yes", False: "no"}
    shown = {name: words[value] if isinstance(value, bool) else value for name, value in row.items()}
    return {**shown, "signs": shown["signs"] or "offline"}
