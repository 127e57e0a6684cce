"""`sinetti authority officer …`: officers, who approve acts that take two people."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from sinetti.api.serializers import instant
from sinetti.authority.exchange import request_officers
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
from sinetti.cli.authority.import_signed import add_request_set, write_request
from sinetti.cli.authority.proposals import add_officer_option, print_signer_work, propose_act
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import Officer
from sinetti.server.process_exit import request_id
from sinetti.services.approvals.executors import officer_parameters
from sinetti.services.approvals.officers import NewOfficer, add_founder, check_officer, get_officer, list_officers

_COLUMNS = ("name", "role", "key", "fido2", "added", "removed")


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = (
        "sinetti authority officer add anna --public-key anna.pub --role approver --officer ben --dir /srv/sinetti"
    )
    verbs = group(commands, "officer", "manage officers, who approve acts that take two people", example)
    add = _verb(verbs, "add", "add an officer by an SSH key", _add, "anna --public-key anna.pub --role approver")
    add.add_argument("--public-key", metavar="FILE", type=Path, required=True, help="public key file of OpenSSH")
    roles = [one.value for one in OfficerRole]
    add.add_argument("--role", choices=roles, required=True, help=f"role: {', '.join(roles)}")
    add.add_argument("--attestation", metavar="FILE", type=Path, help="attestation that ssh-keygen wrote with the key")
    add.add_argument("--challenge", metavar="FILE", type=Path, help="challenge of the attestation")
    remove = _verb(verbs, "remove", "remove an officer; their key is never accepted again", _remove, "anna")
    for one in (add, remove):
        one.add_argument("name", metavar="NAME", help="name of the officer")
        add_officer_option(one)
    summary = "write a request set: the custodians of the root key replace all officers, if these are lost"
    recover = _verb(verbs, "recover", summary, _recover, "--request-set request-set.json")
    add_request_set(recover, "for the ceremony that names new officers", required=True)
    listing = _verb(verbs, "list", "list officers, also removed ones", _list, "")
    listing.add_argument("--json", action="store_true", help="print the result as JSON")


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority officer {name} {rest} --dir /srv/sinetti".replace("  ", " ")
    parser = command(verbs, name, summary, run, example)
    add_dir(parser)
    return parser


def _add(parsed: argparse.Namespace) -> int:
    if (parsed.attestation is None) is not (parsed.challenge is None):
        raise OptionError("--attestation and --challenge belong together: give both files that ssh-keygen used")
    new = NewOfficer(
        parsed.name,
        OfficerRole(parsed.role),
        octets_of("--public-key", parsed.public_key),
        octets_of("--attestation", parsed.attestation) if parsed.attestation else b"",
        octets_of("--challenge", parsed.challenge) if parsed.challenge else b"",
    )
    with opened_authority(parsed.dir) as authority:
        checked = check_officer(new, authority.ctx.approvals)
        if add_founder(checked, authority.ctx, machine_user(), request_id()):
            print_note(f"Officer {checked.name} added with the key {checked.key.fingerprint}.")
            print_signer_work(authority)
            return 0
        # The approver's command computes fingerprint and maker from the key itself (cli/client/approval.py).
        return propose_act(TwoPersonAct.OFFICERS, officer_parameters(new), {}, parsed, authority)


def _remove(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        one = get_officer(parsed.name, authority.ctx)
        parameters = {"change": "remove", "name": one.name, "key": one.fingerprint}
        return propose_act(TwoPersonAct.OFFICERS, parameters, {"role": one.role.value}, parsed, authority)


def _recover(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        write_request(parsed, request_officers(authority))
    return 0


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        rows = [_row(one) for one in list_officers(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _table(rows))
    return 0


def _row(one: Officer) -> dict[str, object]:
    return {
        "name": one.name,
        "role": one.role.value,
        "key": one.fingerprint,
        "fido2": one.key.startswith("sk-"),
        "added": instant(one.added_at),
        "removed": instant(one.removed_at),
    }


def _table(rows: list[dict[str, object]]) -> Sequence[Block]:
    shown = [{**row, "fido2": "yes" if row["fido2"] else "no"} for row in rows]
    return table_of(_COLUMNS, shown, fold={"key"}, nothing="There are no officers, so no act needs an approval.")
