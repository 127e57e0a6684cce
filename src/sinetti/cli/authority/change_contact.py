"""`sinetti authority change-contact`: replace or correct a certificate's contact."""

import argparse

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, opened_authority, print_result
from sinetti.cli.authority.person_options import add_person_options, person_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.validation import LONGEST_PERSON, check_email, check_phone, check_unlinked
from sinetti.domain.values import Language
from sinetti.server.process_exit import request_id
from sinetti.services.organisations.contacts import ContactChanged, ContactCorrection, ContactUpdate, change_contact

EXAMPLE = (
    "sinetti authority change-contact 4f…c1 --dir /srv/sinetti --name 'The contact' --email contact@customer.example\n"
    "  sinetti authority change-contact 4f…c1 --dir /srv/sinetti --correct --phone '+358 40 1234567'"
)


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "change or correct the contact person or deputy of a certificate or an open order"
    parser = command(commands, "change-contact", summary, _run, EXAMPLE)
    parser.add_argument(
        "named", metavar="SERIAL-OR-ORDER", help="serial number of the certificate in hex, or ID of the order"
    )
    add_dir(parser)
    add_person_options(parser, "the contact", needed=False)
    parser.add_argument("--deputy", action="store_true", help="change the deputy instead of the contact person")
    parser.add_argument("--correct", action="store_true", help="keep the person, and change only the given details")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    change = ContactUpdate(parsed.named, _who(parsed), deputy=parsed.deputy)
    with opened_authority(parsed.dir) as authority:
        done = change_contact(change, authority.ctx, machine_user(), request_id())
    print_result(
        _row(done), as_json=parsed.json, table=lambda: _lines(done, "deputy" if parsed.deputy else "contact person")
    )
    return 0


def _who(parsed: argparse.Namespace) -> ContactDetails | ContactCorrection:
    if parsed.correct:
        return _corrected(parsed)
    if parsed.name is None or parsed.email is None:
        raise OptionError(
            "name the new person with --name and --email, or give --correct to change details of the present one"
        )
    parsed.phone, parsed.language = parsed.phone or "", parsed.language or Language.FI.value
    return person_of(parsed)


def _corrected(parsed: argparse.Namespace) -> ContactCorrection:
    if all(one is None for one in (parsed.name, parsed.email, parsed.phone, parsed.language)):
        raise OptionError("--correct needs a detail to change: --name, --email, --phone or --language")
    return ContactCorrection(
        None if parsed.name is None else check_unlinked("--name", parsed.name, LONGEST_PERSON),
        None if parsed.email is None else check_email("--email", parsed.email),
        None if parsed.phone is None else check_phone("--phone", parsed.phone),
        None if parsed.language is None else Language(parsed.language),
    )


def _row(done: ContactChanged) -> dict[str, object]:
    return {
        "customer_id": done.customer_id,
        "changed": done.changed,
        "offered": [
            {"order_id": one.order_id, "secure_id": one.secure_id, "expires": instant(one.expires), "code": one.code}
            for one in done.offered
        ],
    }


def _lines(done: ContactChanged, who: str) -> str:
    summary = (
        f"{who.capitalize()} changed." if done.changed else f"Nothing to change: the {who} already has these details."
    )
    lines = [
        summary,
        *(f"A new link to the transfer IDs of order {one.order_id} is being sent." for one in done.offered),
    ]
    # A contact without a phone gets no PIN code by SMS.
    lines += [
        f"Give the contact person this code by phone or in person: {one.code}" for one in done.offered if one.code
    ]
    return "\n".join(lines)
