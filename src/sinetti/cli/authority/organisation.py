"""`sinetti authority organisation …`: organisations and their channels.

Certificates are issued to these organisations.
"""

import argparse
from collections.abc import Callable

from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority import organisation_people
from sinetti.cli.authority.common import add_dir, command, group, machine_user, opened_authority, unknown_organisation
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.person_options import format_person
from sinetti.cli.authority.proposals import add_officer_option, propose_act, takes_two
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.organisations.organisations import NewOrganisation, OrganisationInfo
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.validation import LONGEST_ORGANISATION, check_country, check_text
from sinetti.domain.values import Channel, CustomerIdError, IdentifierType, Language
from sinetti.server.process_exit import request_id
from sinetti.services.organisations import registration
from sinetti.services.organisations.people import who_is_who
from sinetti.services.organisations.registration import approve, close, register_organisation, withdraw

_CHANNELS = [one.value for one in Channel]

_STAY = "Its certificates stay valid until they expire or are revoked."


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    adding = "--kind business-id --name 'Malli Oy'"
    example = f"sinetti authority organisation add --dir /srv/sinetti --customer-id 1234567-1 {adding}"
    summary = "manage organisations and their representatives"
    verbs = group(commands, "organisation", summary, example)
    add = _verb(verbs, "add", "add an organisation with its channels", _add, adding)
    add.add_argument("--kind", choices=[one.value for one in IdentifierType], required=True, help="type of the ID")
    add.add_argument("--name", required=True, metavar="NAME", help="name of the organisation in certificates")
    add.add_argument("--country", default="FI", metavar="CC", help="country, two letters (default: %(default)s)")
    languages = [one.value for one in Language]
    add.add_argument(
        "--language", choices=languages, default="fi", help="language of messages to it (default: %(default)s)"
    )
    add.add_argument("--channel", choices=_CHANNELS, action="append", help="channel (repeatable, default: WS)")
    approving = _verb(verbs, "approve", "approve an organisation for a channel", _approve, "--channel SFTP")
    withdrawing = _verb(
        verbs, "withdraw", "withdraw a channel: no more certificates are issued for it", _withdraw, "--channel SFTP"
    )
    for one in (approving, withdrawing):
        one.add_argument("--channel", choices=_CHANNELS, required=True, help="channel")
    closing = _verb(
        verbs, "close", "close an organisation permanently: no more certificates are issued to it", _close, ""
    )
    add_officer_option(closing)
    add_passphrase_file(closing)
    organisation_people.register(verbs)


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority organisation {name} --dir /srv/sinetti --customer-id 1234567-1 {rest}"
    parser = command(verbs, name, summary, run, example.rstrip())
    add_dir(parser)
    parser.add_argument("--customer-id", required=True, metavar="ID", help="ID of the organisation, such as 1234567-1")
    return parser


def _add(parsed: argparse.Namespace) -> int:
    new = NewOrganisation(
        parsed.customer_id,
        IdentifierType(parsed.kind),
        check_country("--country", parsed.country),
        check_text("--name", parsed.name, LONGEST_ORGANISATION),
        Language(parsed.language),
        frozenset(Channel(channel) for channel in parsed.channel or [Channel.WS]),
    )
    with opened_authority(parsed.dir) as authority:
        added = register_organisation(new, authority.ctx, machine_user(), request_id())
        if added is None:
            closed = "" if _found(authority, parsed.customer_id).open else ", and closed permanently"
            raise CustomerIdError(f"an organisation with the ID {parsed.customer_id} is already registered{closed}")
    print_note(f"Organisation {added.customer_id} added and approved for {', '.join(sorted(added.channels))}.")
    return 0


def _approve(parsed: argparse.Namespace) -> int:
    channel = Channel(parsed.channel)
    with opened_authority(parsed.dir) as authority:
        before = _found(authority, parsed.customer_id)
        if not before.open:
            raise CustomerIdError(f"{before.customer_id} is closed permanently: no more certificates are issued to it")
        approve(before.customer_id, frozenset({channel}), authority.ctx, machine_user(), request_id())
    if channel in before.channels:
        return _print_message(f"Nothing to change: {before.customer_id} is already approved for {channel}.")
    return _print_message(f"{before.customer_id} is approved for {channel}.")


def _withdraw(parsed: argparse.Namespace) -> int:
    channel = Channel(parsed.channel)
    with opened_authority(parsed.dir) as authority:
        before = _found(authority, parsed.customer_id)
        withdraw(before.customer_id, channel, authority.ctx, machine_user(), request_id())
    if channel not in before.channels:
        return _print_message(f"Nothing to change: {before.customer_id} is not approved for {channel}.")
    return _print_message(
        f"{channel} is withdrawn from {before.customer_id}: no more certificates are issued for it. {_STAY}"
    )


def _close(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        before = _found(authority, parsed.customer_id)
        if before.open and takes_two(TwoPersonAct.ORGANISATION_END, authority):
            parameters = {"customer_id": before.customer_id}
            return propose_act(
                TwoPersonAct.ORGANISATION_END, parameters, _end_context(before, authority), parsed, authority
            )
        close(before.customer_id, authority.ctx, machine_user(), request_id())
    if not before.open:
        return _print_message(f"Nothing to change: {before.customer_id} is already closed.")
    return _print_message(f"{before.customer_id} is closed permanently: no more certificates are issued to it. {_STAY}")


def _end_context(one: OrganisationInfo, authority: Authority) -> dict[str, object]:
    """Return what officers need to see before an organisation ends."""
    rows = registration.certificates(authority.ctx, one.customer_id)
    now = authority.ctx.now()
    in_force = sum(row.is_active(now) for row in rows)
    roles = who_is_who(one.customer_id, authority.ctx).roles
    return {
        "organisation": one.name,
        "in_force": in_force,
        "signatories": [format_person(person) for person in roles.signatories],
    }


def _found(authority: Authority, customer_id: str) -> OrganisationInfo:
    """Return the organisation as it is before the command.

    Raises CustomerIdError if there is none.
    """
    found = registration.organisation(authority.ctx, customer_id)
    if found is None:
        raise unknown_organisation(customer_id)
    return found


def _print_message(sentence: str) -> int:
    print_note(sentence)
    return 0
