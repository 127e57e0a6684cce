"""`sinetti authority secrets`: show, rotate and remove the service's secret keys."""

import argparse
from collections.abc import Sequence

from sinetti.api.serializers import instant
from sinetti.authority.bootstrap import Authority
from sinetti.authority.secret_files import read_secrets, remove_secret, rotate_secret
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    add_dir,
    command,
    group,
    machine_user,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.secrets_wrap import register_wrap
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.operations.secret_rows import write_event
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.infra.clock import utc_now
from sinetti.server.process_exit import request_id
from sinetti.services.monitoring.secret_usage import (
    SecretError,
    SecretUsage,
    check_removal,
    check_rotation,
    list_secret_usage,
    reseal_second_factors,
)

_COLUMNS = ("purpose", "id", "state", "made_at", "wrapped_by", "rows")


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority secrets status --dir /srv/sinetti"
    below = group(commands, "secrets", "show and rotate the secret keys of the service", example)
    status = command(below, "status", "list the secret keys, and how many rows need each", _status, example)
    status.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority secrets rotate sessions --dir /srv/sinetti"
    summary = "make new data with a new key; the old key reads what it made"
    rotate = command(below, "rotate", summary, _rotate, example)
    example = "sinetti authority secrets reseal second-factors --dir /srv/sinetti"
    summary = "encrypt stored secrets again with the newest key, so that no row needs an old one"
    reseal = command(below, "reseal", summary, _reseal, example)
    example = "sinetti authority secrets remove sessions 0 --dir /srv/sinetti"
    remove = command(below, "remove", "remove an old key that no row needs", _remove, example)
    for one in (rotate, remove):
        one.add_argument(
            "purpose",
            metavar="PURPOSE",
            choices=[purpose.value for purpose in SecretPurpose],
            help=f"purpose of the key: {', '.join(SecretPurpose)}",
        )
    resealed = [SecretPurpose.SECOND_FACTORS.value]
    reseal.add_argument("purpose", metavar="PURPOSE", choices=resealed, help=f"purpose of the key: {resealed[0]}")
    remove.add_argument("id", metavar="ID", help="ID of the key")
    for one in (status, rotate, reseal, remove):
        add_dir(one)
        add_passphrase_file(one)
    register_wrap(below)


def _status(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        now = authority.ctx.machine_now()
        ways = ",".join(read_secrets(authority.folder).kinds())
        rows = [
            {**_row(one, ways), "can_be_removed": one.can_be_removed(now)} for one in list_secret_usage(authority.ctx)
        ]
    print_result(rows, as_json=parsed.json, table=lambda: _table(rows))
    return 0


def _row(one: SecretUsage, ways: str) -> dict[str, object]:
    return {
        "purpose": one.purpose.value,
        "id": one.key.key_id,
        "current": one.is_current,
        "made_at": instant(one.key.made_at),
        "wrapped_by": ways,
        "rows": one.rows,
        "needed_until": None if one.needed_until is None else instant(one.needed_until),
    }


def _table(rows: list[dict[str, object]]) -> Sequence[Block]:
    shown = [
        {**row, "state": "current" if row["current"] else "removable" if row["can_be_removed"] else "old"}
        for row in rows
    ]
    return table_of(_COLUMNS, shown, nothing="")


def _rotate(parsed: argparse.Namespace) -> int:
    purpose = SecretPurpose(parsed.purpose)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        try:
            check_rotation(purpose)
        except SecretError as refused:
            return _refused(refused)
        before = authority.ctx.keyring.current(purpose).key_id
        _note(authority, "secret-rotated", purpose, before)
        key_id = rotate_secret(authority.folder, authority.secret_access, purpose, utc_now(), authority.ctx.step)
    print_note(f"Key {key_id} makes new data for {purpose}. Serving processes of this folder use it at once.")
    print_note(f"Copy {authority.folder.secret_keys} to every other node now. Key {before} reads what it made.")
    return 0


def _reseal(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        done = reseal_second_factors(authority.ctx)
    print_note(f"Encrypted again: {done}.")
    return 0


def _remove(parsed: argparse.Namespace) -> int:
    purpose = SecretPurpose(parsed.purpose)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        try:
            check_removal(purpose, parsed.id, authority.ctx)
        except SecretError as refused:
            return _refused(refused)
        _note(authority, "secret-removed", purpose, parsed.id)
        remove_secret(authority.folder, authority.secret_access, purpose, parsed.id)
    print_note(f"Key {parsed.id} for {purpose} is removed. Copies of {authority.folder.secret_keys} still have it.")
    return 0


def _note(authority: Authority, action: str, purpose: SecretPurpose, key_id: str) -> None:
    """Write the audit row, before the file is replaced."""
    audit = authority.ctx.audit_entry(machine_user(), request_id())
    write_event(authority.ctx.db, audit, action, f"secret:{purpose}", number=int(key_id))


def _refused(refused: SecretError) -> int:
    print_error(f"sinetti: {refused}.")
    return EXIT_ACTION_REQUIRED
