"""`sinetti authority account …`: accounts of the e-service.

The first clerk's account can only be created with this command.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import OPERATOR, add_dir, command, group, opened_authority, print_result, table_of
from sinetti.cli.core.output import print_error
from sinetti.cli.core.terminal import Block
from sinetti.database.access.accounts import Account, NewAccount
from sinetti.domain.values import Language
from sinetti.server.process_exit import request_id
from sinetti.services.access import accounts

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

_COLUMNS = ("email", "name", "active", "second_factor", "created")


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    example = 'sinetti authority account add clerk@authority.example --name "N. N." --staff --dir /srv/sinetti'
    verbs = group(commands, "account", "accounts of the pages for people: the first clerk's, and their end", example)
    rest = 'clerk@authority.example --name "N. N." --staff'
    add = _verb(verbs, "add", "make an account; its owner gets a mail that says how to set a password", _add, rest)
    add.add_argument("--name", metavar="NAME", required=True, help="its owner's name")
    add.add_argument("--language", choices=[one.value for one in Language], default="fi", help="fi, sv or en")
    add.add_argument("--staff", action="store_true", help="a clerk's: rights need a second factor, which they set up")
    staff = _verb(verbs, "staff", "make an account a clerk's; its sessions end", _staff, "clerk@authority.example")
    staff.add_argument("--withdraw", action="store_true", help="it is no clerk's any more")
    end = _verb(verbs, "deactivate", "end an account and its sessions", _deactivate, "clerk@authority.example")
    for one in (add, staff, end):
        one.add_argument("email", metavar="EMAIL", help="the e-mail address that one signs in with")
    listing = _verb(verbs, "list", "show the clerks' accounts", _list, "")
    listing.add_argument("--json", action="store_true", help="print for programs")


def _verb(
    verbs: "Commands", name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority account {name} {rest} --dir /srv/sinetti".replace("  ", " ")
    parser = command(verbs, name, summary, run, example)
    add_dir(parser)
    return parser


def _add(parsed: argparse.Namespace) -> int:
    new = NewAccount(parsed.email, parsed.name, Language(parsed.language), staff=parsed.staff)
    with opened_authority(parsed.dir) as authority:
        accounts.invite(new, authority.ctx, OPERATOR, request_id())
    print_error("Made the account. Its owner is told by mail how to set a password; nothing else opens it.")
    if parsed.staff:
        print_error("What a clerk does needs a second factor: they are led to set one up when they sign in.")
    return 0


def _staff(parsed: argparse.Namespace) -> int:
    staff = not parsed.withdraw
    with opened_authority(parsed.dir) as authority:
        changed = accounts.set_staff(parsed.email, authority.ctx, OPERATOR, request_id(), staff=staff)
    done = "It is a clerk's account now." if staff else "It is no clerk's account any more."
    print_error(f"{done} Its sessions have ended." if changed else "It was so already; nothing was changed.")
    return 0


def _deactivate(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        changed = accounts.deactivate(parsed.email, authority.ctx, OPERATOR, request_id())
    print_error("The account and its sessions have ended." if changed else "It had ended already; nothing was changed.")
    return 0


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        rows = [_row(one) for one in accounts.clerks(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _table(rows))
    return 0


def _row(found: Account) -> dict[str, str | bool]:
    return {
        "email": found.email,
        "name": found.name,
        "active": found.active,
        "second_factor": found.second_factor,
        "created": instant(found.created) or "",
    }


def _table(rows: list[dict[str, str | bool]]) -> Sequence[Block]:
    return table_of(
        _COLUMNS,
        [{name: _cell(value) for name, value in row.items()} for row in rows],
        fold={"email", "name"},
        nothing="No clerk has an account: make one with sinetti authority account add EMAIL --name NAME --staff.",
    )


def _cell(value: str | bool) -> str:  # noqa: FBT001 - a value, not a switch
    return value if isinstance(value, str) else ("yes" if value else "no")
