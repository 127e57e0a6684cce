"""`sinetti authority order` and `transfer-ids`: order a certificate."""

from dataclasses import replace

from sinetti.authority.bootstrap import notification_context
from sinetti.cli.authority.common import EXIT_ACTION_REQUIRED, AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.person_options import person
from sinetti.cli.core.commands import Output, argument, flag, option
from sinetti.database.organisations.organisations import ContactDetails, NewOrder
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.validation import LONGEST_DESCRIPTION, check_unlinked_or_none
from sinetti.domain.values import Channel, Language, Serial
from sinetti.i18n.translate import format_datetime
from sinetti.infra.clock import format_instant
from sinetti.services.issuance import order as orders
from sinetti.services.issuance.order import GeneratedTransferIds, reissue_transfer_ids
from sinetti.services.issuance.secure_message import LinkSent, order_and_offer, send_link

commands = operator_commands()
register = commands.register

_NO_SMS = (
    "DIR/notices.toml names no SMS provider, so no PIN code can be sent. To have a code printed, remove the contact "
    "person's number: sinetti authority change-contact … --correct --phone ''"
)
_SEND = flag(
    "send the contact person a link to the transfer IDs and a PIN code by SMS (needs DIR/notices.toml); without this "
    "option, the IDs are printed"
)


@commands.command(
    "sinetti authority order --dir /srv/sinetti --customer-id 1234567-1 --channel WS --description 'Payroll' "
    "--contact-name 'The contact' --contact-email contact@customer.example",
    also=[PASSPHRASE_FILE],
)
def order(
    run: AuthorityRun,
    *,
    customer_id: str = option("ID", "ID of the organisation"),
    channel: Channel = option(None, "certificate type (default: %(default)s)", default="WS"),
    description: str = option(None, "description, such as the program that uses it", default=""),
    contact: ContactDetails = person("the contact person", "contact-"),
    deputy: ContactDetails | None = person(
        "the deputy", "deputy-", "--deputy-name and --deputy-email must be given together"
    ),
    replaces: str | None = option("SERIAL", "serial number of the certificate to replace"),
    send: bool = _SEND,
) -> Output:
    """Order a certificate, and print or send its transfer IDs."""
    new = NewOrder(
        customer_id=customer_id,
        channel=channel,
        description=check_unlinked_or_none("--description", description, LONGEST_DESCRIPTION),
        contact=contact,
        deputy=deputy,
        replaces=Serial(replaces.casefold()) if replaces else None,
    )
    if not send:
        return _ids_output(orders.order(new, *run.by))
    if MessageChannel.SMS not in notification_context(run.authority).deliverers and contact.phone:
        raise OptionError(
            "DIR/notices.toml names no SMS provider, so no PIN code can be sent: leave out --contact-phone to have a "
            "code printed"
        )
    return _link_output(order_and_offer(new, *run.by))


@commands.command("5f0c…", also=[PASSPHRASE_FILE])
def transfer_ids(
    run: AuthorityRun,
    *,
    order_id: str = argument("ORDER", "ID of the order, as `order` printed it"),
    send: bool = _SEND,
) -> Output:
    """Create new transfer IDs for an order; the old ones stop working."""
    if not send:
        return _ids_output(reissue_transfer_ids(order_id, *run.by))
    deliverers = notification_context(run.authority).deliverers
    link = send_link(order_id, *run.by)
    output = _link_output(link)
    if MessageChannel.SMS in deliverers or link.needs_code:
        return output
    return replace(output, code=EXIT_ACTION_REQUIRED, note=f"{output.note}\n{_NO_SMS}")


def _link_output(link: LinkSent) -> Output:
    """Return what an operator needs to know about a link sent by mail.

    It has neither the link itself nor any transfer id.
    """
    value = {"order_id": link.order_id, "expires": format_instant(link.expires), "code": link.code}
    shown = f"Order              {link.order_id}\nOpen by            {format_datetime(link.expires, Language.EN)}"
    note = "The contact person gets a link to the transfer IDs with the next: sinetti authority notices send"
    if link.code is not None:
        half = len(link.code) // 2
        shown = f"{shown}\nCode               {link.code[:half]} {link.code[half:]}"
        note = (
            f"{note}\nThe contact person has no phone number. Give the code to the organisation's signatory to pass "
            "on. Do not send it by e-mail."
        )
    return Output(value, shown, note=note)


def _ids_output(ids: GeneratedTransferIds) -> Output:
    """Return transfer ids, which are shown only once. The password is stored nowhere."""
    value = {
        "order_id": ids.order_id,
        "transfer_id": ids.transfer_id,
        "transfer_password": ids.transfer_password,
        "expires": format_instant(ids.expires),
    }
    shown = (
        f"Order              {ids.order_id}\n"
        f"Transfer ID        {ids.transfer_id}\n"
        f"One-time password  {ids.transfer_password}\n"
        f"Valid until        {format_datetime(ids.expires, Language.EN)}"
    )
    note = "Send the ID and the password to the contact person over two separate channels. They are not shown again."
    return Output(value, shown, note=note)
