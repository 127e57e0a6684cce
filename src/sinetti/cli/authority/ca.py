"""`sinetti authority ca …`: list CAs, and move them from state to state."""

import argparse
from collections.abc import Callable

from sinetti.api.serializers import instant
from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.ca_plan import register_plan
from sinetti.cli.authority.ca_readiness import register_readiness
from sinetti.cli.authority.ca_revoke import register_revocation
from sinetti.cli.authority.ca_succession import register_succession
from sinetti.cli.authority.common import (
    add_dir,
    check_register,
    command,
    group,
    machine_user,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.authorities.register import AuthorityView, get_authority
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.server.process_exit import request_id
from sinetti.services.authorities.succession import CaListItem, activate_ca, list_cas, retire_ca, stop_ca

_COLUMNS = ("name", "role", "channel", "generation", "state", "not_after")
_NAME = "CA: file name or CN, from `ca list`"


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    verbs = group(commands, "ca", "list CAs, and give them successors", "sinetti authority ca list --dir /srv/sinetti")
    listing = command(verbs, "list", "list all CAs with their states", _list, "sinetti authority ca list --dir DIR")
    add_dir(listing)
    listing.add_argument("--json", action="store_true", help="print the result as JSON")
    register_plan(verbs)
    _verb(verbs, "activate", "have a CA issue from now on; its predecessor only publishes", _activate, has_second=True)
    _verb(verbs, "stop", "have a CA issue nothing any more, at once", _stop)
    _verb(verbs, "retire", "sign the last lists of a CA, and end them", _retire, has_second=True)
    register_succession(verbs)
    register_readiness(verbs)
    register_revocation(verbs)


def _verb(
    verbs: Commands,
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int],
    *,
    has_second: bool = False,
) -> None:
    """Add a command that moves a CA.

    With `has_second` it takes two people where the authority has officers.
    """
    example = f"sinetti authority ca {name} DataProvidersIssuingCAv2 --dir /srv/sinetti"
    parser = command(verbs, name, summary, run, example)
    parser.add_argument("name", metavar="NAME", help=_NAME)
    add_dir(parser)
    if has_second:
        add_passphrase_file(parser)
        add_officer_option(parser, again=True)


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        found = list_cas(authority.ctx)
    rows = [_row(one) for one in found]
    table = [{**row, "role": one.role} for row, one in zip(rows, found, strict=True)]
    blocks = table_of(_COLUMNS, table, fold={"name"}, nothing="There are no CAs.")
    print_result(rows, as_json=parsed.json, table=lambda: blocks)
    return 0


def _row(one: CaListItem) -> dict[str, object]:
    certificate = None if one.certificate is None else load_certificate(one.certificate)
    return {
        "name": one.name,
        "generation": one.generation,
        "channel": one.channel,
        "state": one.state.value,
        "serial": None if certificate is None else serial_hex(certificate.serial_number),
        "sha256": one.sha256,
        "not_after": None if certificate is None else instant(certificate.not_valid_after_utc),
    }


def _activate(parsed: argparse.Namespace) -> int:
    return _with_second(parsed, "activate", _activated)


def _activated(one: AuthorityView, authority: Authority) -> None:
    before = activate_ca(one.name, authority.ctx, authority.ctx.audit_entry(machine_user(), request_id()))
    print_note(f"{one.name} issues from now on, on every node within 5 seconds.")
    if before is not None:
        print_note(f"{before} issues nothing any more. It goes on with its lists and OCSP.")


def _retire(parsed: argparse.Namespace) -> int:
    return _with_second(parsed, "retire", _retired)


def _retired(one: AuthorityView, authority: Authority) -> None:
    retire_ca(one.name, authority.ctx, authority.ctx.audit_entry(machine_user(), request_id()))
    print_note(f"{one.name} is retired: its last lists stay at their addresses, and no other is signed.")


def _with_second(parsed: argparse.Namespace, change: str, act: Callable[[AuthorityView, Authority], None]) -> int:
    """Carry out a change of a CA, or propose it where it takes two people."""
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        check_register(authority)
        one = get_authority(authority.ctx.db, parsed.name)
        parameters = {"change": change, "ca": one.name}
        with approved(TwoPersonAct.CA, parameters, {"state": one.state.value}, parsed, authority):
            act(one, authority)
    return 0


def _stop(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        one = get_authority(ctx.db, parsed.name)
        stop_ca(one.name, ctx, ctx.audit_entry(machine_user(), request_id()))
    print_note(f"{one.name} issues nothing any more. It goes on with lists and OCSP.")
    if one.channel is not None:
        print_note("Requests for new certificates of its channel are answered as unavailable, until a CA is activated:")
        print_note(f"sinetti authority ca activate NAME --dir {parsed.dir}")
    return 0
