"""`sinetti authority order`: order a certificate for an organisation."""

import argparse

from sinetti.api.serializers import instant
from sinetti.authority.bootstrap import Authority, notification_context
from sinetti.cli.authority.common import OptionError, add_dir, command, machine_user, opened_authority, print_result
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.organisations.organisations import ContactDetails, NewOrder
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.validation import (
    LONGEST_DESCRIPTION,
    LONGEST_PERSON,
    check_email,
    check_phone,
    check_unlinked,
    check_unlinked_or_none,
)
from sinetti.domain.values import Channel, Language, Serial
from sinetti.i18n.translate import format_datetime
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.order import GeneratedTransferIds, order
from sinetti.services.issuance.secure_message import LinkSent, order_and_offer

EXAMPLE = (
    "sinetti authority order --dir /srv/sinetti --customer-id 1234567-1 --channel WS --description 'Payroll' "
    "--contact-name 'The contact' --contact-email contact@customer.example"
)


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(commands, "order", "order a certificate, and print or send its transfer IDs", _run, EXAMPLE)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--customer-id", required=True, metavar="ID", help="ID of the organisation")
    parser.add_argument(
        "--channel",
        choices=[one.value for one in Channel],
        default=Channel.WS.value,
        help="certificate type (default: %(default)s)",
    )
    parser.add_argument("--description", default="", help="description, such as the program that uses it")
    for who, needed in (("contact", True), ("deputy", False)):
        whom = "the contact person" if needed else "the deputy"
        parser.add_argument(f"--{who}-name", required=needed, metavar="NAME", help=f"name of {whom}")
        parser.add_argument(f"--{who}-email", required=needed, metavar="ADDRESS", help=f"e-mail address of {whom}")
        parser.add_argument(f"--{who}-phone", default="", metavar="NUMBER", help=f"phone number of {whom}")
        parser.add_argument(
            f"--{who}-language",
            choices=[one.value for one in Language],
            default=Language.FI.value,
            help=f"language of messages to {whom} (default: %(default)s)",
        )
    parser.add_argument("--replaces", metavar="SERIAL", help="serial number of the certificate to replace")
    add_send(parser)


def add_send(parser: argparse.ArgumentParser) -> None:
    """Add the options for the way in which the contact receives the transfer ids."""
    parser.add_argument(
        "--send",
        action="store_true",
        help="send the contact person a link to the transfer IDs and a PIN code by SMS (needs DIR/notices.toml); "
        "without this option, the IDs are printed",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    new = NewOrder(
        customer_id=parsed.customer_id,
        channel=Channel(parsed.channel),
        description=check_unlinked_or_none("--description", parsed.description, LONGEST_DESCRIPTION),
        contact=_person(parsed, "contact"),
        deputy=_deputy(parsed),
        replaces=Serial(parsed.replaces.casefold()) if parsed.replaces else None,
    )
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        if parsed.send:
            _check_sendable(authority, new)
            show_offered(order_and_offer(new, authority.ctx, machine_user(), request_id()), as_json=parsed.json)
            return 0
        show_ids(order(new, authority.ctx, machine_user(), request_id()), as_json=parsed.json)
    return 0


def _check_sendable(authority: Authority, new: NewOrder) -> None:
    """Raise an error if the contact's PIN code or a mail could not be sent.

    Raises OptionError for the PIN code and SettingsError for mail.
    """
    if MessageChannel.SMS not in notification_context(authority).deliverers and new.contact.phone:
        raise OptionError(
            "DIR/notices.toml names no SMS provider, so no PIN code can be sent: leave out --contact-phone to have a "
            "code printed"
        )


def show_offered(offered: LinkSent, *, as_json: bool) -> None:
    """Print what an operator needs to know about a link sent by mail.

    Neither the link itself nor any transfer id is printed.
    """
    value = {"order_id": offered.order_id, "expires": instant(offered.expires), "code": offered.code}
    lines = [
        f"Order              {offered.order_id}",
        f"Open by            {format_datetime(offered.expires, Language.EN)}",
    ]
    if offered.code is not None:
        half = len(offered.code) // 2
        lines.append(f"Code               {offered.code[:half]} {offered.code[half:]}")
    print_result(value, as_json=as_json, table=lambda: "\n".join(lines))
    print_note("The contact person gets a link to the transfer IDs with the next: sinetti authority notices send")
    if offered.code is not None:
        print_note(
            "The contact person has no phone number. Give the code to the organisation's signatory to pass on. Do not "
            "send it by e-mail."
        )


def show_ids(ids: GeneratedTransferIds, *, as_json: bool) -> None:
    """Print transfer ids, which are shown only once.

    The password is stored nowhere.
    """
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
        f"Valid until        {format_datetime(ids.expires, Language.EN)}",
    )
    print_result(value, as_json=as_json, table=lambda: "\n".join(lines))
    print_note(
        "Send the ID and the password to the contact person over two separate channels. They are not shown again."
    )


def _deputy(parsed: argparse.Namespace) -> ContactDetails | None:
    given = (parsed.deputy_name, parsed.deputy_email)
    if all(given):
        return _person(parsed, "deputy")
    if any(given) or parsed.deputy_phone:
        raise OptionError("--deputy-name and --deputy-email must be given together")
    return None


def _person(parsed: argparse.Namespace, who: str) -> ContactDetails:
    given = vars(parsed)
    return ContactDetails(
        check_unlinked(f"--{who}-name", given[f"{who}_name"], LONGEST_PERSON),
        check_email(f"--{who}-email", given[f"{who}_email"]),
        check_phone(f"--{who}-phone", given[f"{who}_phone"]),
        Language(given[f"{who}_language"]),
    )
