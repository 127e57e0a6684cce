"""`sinetti authority account …`: accounts of the e-service.

The first clerk's account can only be created with this command.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from sinetti.api.serializers import instant
from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    octets_of,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, propose_act, takes_two
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.database.access.accounts import Account, NewAccount
from sinetti.domain.access.persons import PersonIdError
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment, Language
from sinetti.server.process_exit import request_id
from sinetti.services.access import accounts
from sinetti.services.approvals.executors import account_parameters, staff_parameters

_COLUMNS = ("email", "name", "active", "second_factor", "person", "created")


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = 'sinetti authority account add clerk@authority.example --name "N. N." --staff --dir /srv/sinetti'
    verbs = group(commands, "account", "manage clerks' accounts for the e-service", example)
    rest = 'clerk@authority.example --name "N. N." --staff'
    add = _verb(verbs, "add", "create an account and send its owner a link to set a password", _add, rest)
    add.add_argument("--name", metavar="NAME", required=True, help="name of the owner")
    add.add_argument(
        "--language",
        choices=[one.value for one in Language],
        default="fi",
        help="language of e-mails: fi, sv or en (default: %(default)s)",
    )
    add.add_argument("--staff", action="store_true", help="give clerk's rights, which need a second factor at sign-in")
    staff = _verb(
        verbs,
        "staff",
        "give an account clerk's rights, or withdraw them; its sessions end",
        _staff,
        "clerk@authority.example",
    )
    for one in (add, staff):
        one.add_argument(
            "--person-id",
            metavar="ID",
            help="verified ID of the person, - for standard input; a digest is kept",
        )
    staff.add_argument("--withdraw", action="store_true", help="withdraw clerk's rights")
    reset = _verb(
        verbs,
        "reset-second-factor",
        "remove the second factors of a person who lost them; check first who asks",
        _reset,
        "clerk@authority.example",
    )
    end = _verb(verbs, "deactivate", "close an account and end its sessions", _deactivate, "clerk@authority.example")
    for one in (add, staff, reset):
        add_officer_option(one)
        add_passphrase_file(one)
    for one in (add, staff, reset, end):
        one.add_argument("email", metavar="EMAIL", help="e-mail address for signing in")
    listing = _verb(verbs, "list", "list clerks' accounts", _list, "")
    listing.add_argument("--json", action="store_true", help="print the result as JSON")


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority account {name} {rest} --dir /srv/sinetti".replace("  ", " ")
    parser = command(verbs, name, summary, run, example)
    add_dir(parser)
    return parser


def _add(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        person = _person(parsed, authority, staff=parsed.staff)
        new = NewAccount(parsed.email, parsed.name, Language(parsed.language), staff=parsed.staff, person=person)
        if parsed.staff and takes_two(TwoPersonAct.STAFF, authority):
            return propose_act(TwoPersonAct.STAFF, account_parameters(new), {}, parsed, authority)
        accounts.invite(new, authority.ctx, machine_user(), request_id())
    print_note("Account created. Its owner gets an e-mail with a link to set a password.")
    if parsed.staff:
        print_note("The clerk is asked to set up a second factor when signing in.")
    return 0


def _staff(parsed: argparse.Namespace) -> int:
    staff, by = not parsed.withdraw, (machine_user(), request_id())
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        ctx, person = authority.ctx, _person(parsed, authority, staff=staff)
        if staff and takes_two(TwoPersonAct.STAFF, authority):
            found = accounts.account_of(parsed.email, ctx)
            parameters = {**staff_parameters("give", found), "person": person}
            return propose_act(TwoPersonAct.STAFF, parameters, {"name": found.name}, parsed, authority)
        changed = (
            accounts.give_staff(parsed.email, person, ctx, *by)
            if staff
            else accounts.withdraw_staff(parsed.email, ctx, *by)
        )
    done = "The account has clerk's rights." if staff else "The account no longer has clerk's rights."
    print_note(
        f"{done} Its sessions have ended." if changed else "Nothing to change: the account already has this state."
    )
    return 0


def _person(parsed: argparse.Namespace, authority: Authority, *, staff: bool) -> str:
    """Return the digest of the clerk's person; empty without one."""
    if parsed.person_id is None:
        if staff and authority.settings.environment is Environment.PRODUCTION:
            raise OptionError("--person-id is missing: in PRODUCTION each clerk's account has one verified person")
        return ""
    if not staff:
        raise OptionError("--person-id belongs to clerk's rights: give it with --staff, or without --withdraw")
    given = parsed.person_id
    try:
        text = octets_of("--person-id", Path("-")).decode("utf-8", "replace") if given == "-" else given
        return accounts.digest_of_person(text, authority.ctx)
    except PersonIdError as bad:
        raise OptionError(f"--person-id: {bad}") from None


def _reset(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        found = accounts.account_of(parsed.email, authority.ctx)
        # Who resets a clerk's second factor and reads the clerk's mail would become the clerk.
        if found.staff and takes_two(TwoPersonAct.STAFF, authority):
            parameters = staff_parameters("reset-second-factor", found)
            return propose_act(TwoPersonAct.STAFF, parameters, {"name": found.name}, parsed, authority)
        changed = accounts.reset_second_factor(parsed.email, authority.ctx, machine_user(), request_id())
    print_note(
        "The second factors and recovery codes are removed, and the sessions have ended. The owner gets an e-mail "
        "and sets up a new second factor at the next sign-in."
        if changed
        else "Nothing to change: the account has no second factor."
    )
    return 0


def _deactivate(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        changed = accounts.deactivate(parsed.email, authority.ctx, machine_user(), request_id())
    print_note(
        "The account is closed and its sessions have ended."
        if changed
        else "Nothing to change: the account is already closed."
    )
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
        "person": found.person,
        "created": instant(found.created) or "",
    }


def _table(rows: list[dict[str, str | bool]]) -> Sequence[Block]:
    return table_of(
        _COLUMNS,
        [
            {name: value if isinstance(value, str) else ("yes" if value else "no") for name, value in row.items()}
            for row in rows
        ],
        fold={"email", "name"},
        nothing="There are no clerks' accounts. Create one: sinetti authority account add EMAIL --name NAME --staff",
    )
