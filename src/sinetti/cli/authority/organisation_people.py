"""`sinetti authority organisation …`: people who act for an organisation.

The commands are `signatory`, `contact-person`, `looked-after-by` and `show`.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    opened_authority,
    print_result,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.person_options import add_person_options, format_person, person_of, person_row
from sinetti.cli.authority.proposals import add_officer_option, propose_act, takes_two
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.pending_invitations import NamingView
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.validation import check_email
from sinetti.i18n.signatory_letter import letter_lines
from sinetti.server.process_exit import request_id
from sinetti.services.access.signatory_namings import link_path, list_namings
from sinetti.services.approvals.executors import signatory_parameters
from sinetti.services.organisations.people import (
    OrganisationPeople,
    add_service_provider,
    add_signatory,
    invite_signatory,
    remove_service_provider,
    remove_signatory,
    set_contact_person,
    who_is_who,
)
from sinetti.settings import notifications

_BEFORE = "sinetti authority organisation"
_WHERE = "--dir /srv/sinetti --customer-id 1234567-1"
_NAMED = "--name 'The director' --email director@customer.example"
_UNCHANGED = "nothing was changed"


def register(verbs: Commands) -> None:
    """Add the commands to the group `organisation`."""
    example = f"{_BEFORE} signatory add {_WHERE} {_NAMED}"
    signatory = group(
        verbs,
        "signatory",
        "manage the signatories of an organisation",
        example,
    )
    adding = _verb(signatory, "add", "add a signatory, who represents the organisation", _add, example)
    add_person_options(adding, "the signatory")
    adding.add_argument("--invite", action="store_true", help="send an invitation to the e-service")
    add_officer_option(adding)
    add_passphrase_file(adding)
    example = f"{_BEFORE} signatory remove {_WHERE} --email director@customer.example"
    removing = _verb(signatory, "remove", "remove a signatory", _remove, example)
    removing.add_argument("--email", required=True, metavar="ADDRESS", help="e-mail address of the signatory")
    example = f"{_BEFORE} signatory letter {_WHERE}"
    summary = "print the letter by which the organisation can stop the naming of its first signatory"
    add_passphrase_file(_verb(signatory, "letter", summary, _letter, example))
    example = f"{_BEFORE} contact-person {_WHERE} {_NAMED}"
    summary = "name the contact person who gets messages about all certificates of the organisation"
    contact = _verb(verbs, "contact-person", summary, _contact_person, example)
    add_person_options(contact, "the contact person", needed=False)
    contact.add_argument("--none", action="store_true", help="remove the contact person")
    example = f"{_BEFORE} looked-after-by {_WHERE} --agent 7654321-4"
    agent = _verb(
        verbs,
        "looked-after-by",
        "record which accounting firm manages an organisation's certificates",
        _looked_after,
        example,
    )
    agent.add_argument("--agent", required=True, metavar="ID", help="ID of the firm")
    agent.add_argument("--withdraw", action="store_true", help="end this instead")
    show = _verb(
        verbs, "show", "show the people and firms that act for an organisation", _show, f"{_BEFORE} show {_WHERE}"
    )
    show.add_argument("--json", action="store_true", help="print the result as JSON")


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], example: str
) -> argparse.ArgumentParser:
    parser = command(verbs, name, summary, run, example)
    add_dir(parser)
    parser.add_argument("--customer-id", required=True, metavar="ID", help="ID of the organisation, such as 1234567-1")
    return parser


def _add(parsed: argparse.Namespace) -> int:
    person = person_of(parsed)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        before = who_is_who(parsed.customer_id, authority.ctx)
        if takes_two(TwoPersonAct.SIGNATORY, authority):
            parameters = signatory_parameters(parsed.customer_id, person, invite=parsed.invite)
            context = {
                "organisation": before.organisation.name,
                "signatories": [format_person(one) for one in before.roles.signatories],
            }
            return propose_act(TwoPersonAct.SIGNATORY, parameters, context, parsed, authority)
        if parsed.invite:
            _invite(authority, parsed.customer_id, person)
            return print_wait(list_namings(parsed.customer_id, authority.ctx), parsed.dir)
        changed = add_signatory(parsed.customer_id, person, authority.ctx, machine_user(), request_id())
        waiting = list_namings(parsed.customer_id, authority.ctx)
    _print_outcome(f"{person.name} is a signatory of {parsed.customer_id}", changed=changed)
    return print_wait(waiting, parsed.dir)


def print_wait(waiting: Sequence[NamingView], folder: Path) -> int:
    """Say from when the first signatory can act, and what to send."""
    for one in waiting:
        begins = f"{one.ends_at:%Y-%m-%d %H:%M} UTC"
        print_note(f"{one.name} can act from {begins} on. Until then, the organisation can stop it.")
        print_note(f"Print the letter to it: {_BEFORE} signatory letter --customer-id {one.customer_id} --dir {folder}")
    return 0


def _letter(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        waiting = list_namings(who_is_who(parsed.customer_id, authority.ctx).organisation.customer_id, authority.ctx)
        if not waiting:
            print_note("No first signatory of this organisation waits: there is no letter to send.")
            return 0
        address = notifications.read(authority.folder.notices).terms.people_address
        letters = [letter_lines(one, f"{address}{link_path(one.naming_id, authority.ctx)}") for one in waiting]
    text = "\n\n\n".join("\n\n".join(lines) for lines in letters)
    print_result(letters, as_json=False, table=lambda: text)
    print_note("Send it to the address in the trade register's extract, never to one from the request.")
    return 0


def _invite(authority: Authority, customer_id: str, person: ContactDetails) -> None:
    invited = invite_signatory(customer_id, person, authority.ctx, machine_user(), request_id())
    if invited.made:
        print_note(f"{person.name} is a signatory of {customer_id} and gets an invitation to the e-service by e-mail.")
    else:
        print_note(f"{person.email} has already been invited to act for {customer_id}; {_UNCHANGED}.")


def _remove(parsed: argparse.Namespace) -> int:
    email = check_email("--email", parsed.email)
    with opened_authority(parsed.dir) as authority:
        changed = remove_signatory(parsed.customer_id, email, authority.ctx, machine_user(), request_id())
        left = who_is_who(parsed.customer_id, authority.ctx).roles.signatories
    if not changed:
        print_note(f"No signatory of {parsed.customer_id} has this address; {_UNCHANGED}.")
        return 0
    print_note(f"Signatory of {parsed.customer_id} removed.")
    if not left:
        print_note("It has no signatory left: their messages go to the contact person, or else to operators.")
    return 0


def _contact_person(parsed: argparse.Namespace) -> int:
    given = [one is not None for one in (parsed.name, parsed.email)]
    if (parsed.none and any((*given, parsed.phone, parsed.language))) or (not parsed.none and not all(given)):
        raise OptionError("name the contact person with --name and --email, or give --none alone")
    parsed.phone, parsed.language = parsed.phone or "", parsed.language or "fi"
    person = None if parsed.none else person_of(parsed)
    with opened_authority(parsed.dir) as authority:
        changed = set_contact_person(parsed.customer_id, person, authority.ctx, machine_user(), request_id())
    if person is None:
        return _print_outcome(f"{parsed.customer_id} has no contact person", changed=changed)
    return _print_outcome(f"{person.name} is the contact person of {parsed.customer_id}", changed=changed)


def _looked_after(parsed: argparse.Namespace) -> int:
    act = remove_service_provider if parsed.withdraw else add_service_provider
    with opened_authority(parsed.dir) as authority:
        changed = act(parsed.customer_id, parsed.agent, authority.ctx, machine_user(), request_id())
    what = "is no longer managed by" if parsed.withdraw else "is managed by"
    return _print_outcome(f"{parsed.customer_id} {what} {parsed.agent}", changed=changed)


def _show(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        found = who_is_who(parsed.customer_id, authority.ctx)
    print_result(_row(found), as_json=parsed.json, table=lambda: _lines(found))
    return 0


def _row(found: OrganisationPeople) -> dict[str, object]:
    return {
        "customer_id": found.organisation.customer_id,
        "name": found.organisation.name,
        "open": found.organisation.open,
        "channels": sorted(found.organisation.channels),
        "signatories": [person_row(one) for one in found.roles.signatories],
        "contact_person": person_row(found.roles.contact_person),
        "looked_after_by": list(found.looked.by),
        "looks_after": list(found.looked.after),
    }


def _lines(found: OrganisationPeople) -> str:
    closed_suffix = "" if found.organisation.open else ", closed permanently"
    rows = [
        f"{found.organisation.customer_id}  {found.organisation.name}{closed_suffix}",
        *(f"signatory        {format_person(one)}" for one in found.roles.signatories or (None,)),
        f"contact person   {format_person(found.roles.contact_person)}",
        f"managed by       {', '.join(found.looked.by) or '-'}",
    ]
    return "\n".join([*rows, f"manages          {', '.join(found.looked.after)}"] if found.looked.after else rows)


def _print_outcome(sentence: str, *, changed: bool) -> int:
    print_note(f"{sentence}." if changed else f"Nothing to change: {sentence}.")
    return 0
