"""`sinetti authority order`: order a certificate for an organisation."""

import argparse
from typing import TYPE_CHECKING

from sinetti.actions.order import order
from sinetti.actions.passwords import ShownIds
from sinetti.cli.output import tell
from sinetti.cli.server.common import OPERATOR, OptionError, add_dir, command, opened, put, request_id
from sinetti.domain.values import Channel, Language, Serial
from sinetti.domain.words import (
    LONGEST_DESCRIPTION,
    LONGEST_PERSON,
    check_email,
    check_phone,
    check_text,
    check_text_or_none,
)
from sinetti.protocols.rows import instant
from sinetti.registry.parties import NewOrder, Person
from sinetti.texts.reader import when

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = (
    "sinetti authority order --dir /srv/sinetti --customer-id 1234567-1 --channel WS --description 'Payroll' "
    "--contact-name 'The contact' --contact-email contact@customer.example"
)


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    parser = command(commands, "order", "order a certificate; prints the transfer IDs, once", _run, EXAMPLE)
    add_dir(parser)
    parser.add_argument("--customer-id", required=True, metavar="ID", help="the organisation's id, as it was added")
    parser.add_argument(
        "--channel",
        choices=[one.value for one in Channel],
        default=Channel.WS.value,
        help="what the certificate is for (default: %(default)s)",
    )
    parser.add_argument("--description", default="", help="which program will use it")
    for who, needed in (("contact", True), ("deputy", False)):
        whom = f"the {who}" if needed else f"the {who}, who stands in for the contact"
        parser.add_argument(f"--{who}-name", required=needed, metavar="NAME", help=f"name of {whom}")
        parser.add_argument(f"--{who}-email", required=needed, metavar="ADDRESS", help=f"e-mail address of {whom}")
        parser.add_argument(f"--{who}-phone", default="", metavar="NUMBER", help=f"phone number of {whom}")
        parser.add_argument(
            f"--{who}-language",
            choices=[one.value for one in Language],
            default=Language.FI.value,
            help=f"what the {who} is written to in (default: %(default)s)",
        )
    parser.add_argument("--replaces", metavar="SERIAL", help="the certificate that this one takes the place of")
    parser.add_argument("--json", action="store_true", help="print the transfer IDs for programs")


def _run(parsed: argparse.Namespace) -> int:
    new = NewOrder(
        customer_id=parsed.customer_id,
        channel=Channel(parsed.channel),
        description=check_text_or_none("--description", parsed.description, LONGEST_DESCRIPTION),
        contact=_person(parsed, "contact"),
        deputy=_deputy(parsed),
        replaces=Serial(parsed.replaces.casefold()) if parsed.replaces else None,
    )
    with opened(parsed.dir) as authority:
        show_ids(order(new, authority.office, OPERATOR, request_id()), as_json=parsed.json)
    return 0


def show_ids(ids: ShownIds, *, as_json: bool) -> None:
    """Print transfer ids. They are shown this once; the password is nowhere stored."""
    value = {
        "order_id": ids.order_id,
        "transfer_id": ids.transfer_id,
        "transfer_password": ids.transfer_password,
        "expires": instant(ids.expires),
    }
    lines = (
        f"Order              {ids.order_id}",
        f"Transfer ID        {ids.transfer_id}",
        f"One-time password  {ids.transfer_password}",
        f"Valid until        {when(ids.expires, Language.EN)}",
    )
    put(value, as_json=as_json, table=lambda: "\n".join(lines))
    tell("Send ID and password to the contact over two separate channels. They are not shown again.")


def _deputy(parsed: argparse.Namespace) -> Person | None:
    given = (parsed.deputy_name, parsed.deputy_email)
    if all(given):
        return _person(parsed, "deputy")
    if any(given) or parsed.deputy_phone:
        sentence = "--deputy-name and --deputy-email go together"
        raise OptionError(sentence)
    return None


def _person(parsed: argparse.Namespace, who: str) -> Person:
    given = vars(parsed)
    return Person(
        check_text(f"--{who}-name", given[f"{who}_name"], LONGEST_PERSON),
        check_email(f"--{who}-email", given[f"{who}_email"]),
        check_phone(f"--{who}-phone", given[f"{who}_phone"]),
        Language(given[f"{who}_language"]),
    )
