"""`sinetti authority change-contact`: replace or correct a certificate's contact."""

from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.core.commands import Output, argument, flag, option
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.validation import LONGEST_PERSON, check_email, check_phone, check_unlinked
from sinetti.domain.values import Language
from sinetti.infra.clock import format_instant
from sinetti.services.organisations import contacts
from sinetti.services.organisations.contacts import ContactCorrection, ContactUpdate

commands = operator_commands()
register = commands.register


@commands.command(
    "sinetti authority change-contact 4f…c1 --dir /srv/sinetti --name 'The contact' --email contact@customer.example\n"
    "  sinetti authority change-contact 4f…c1 --dir /srv/sinetti --correct --phone '+358 40 1234567'",
    summary="change or correct the contact person or deputy of a certificate or an open order",
)
def change_contact(
    run: AuthorityRun,
    *,
    named: str = argument("SERIAL-OR-ORDER", "serial number of the certificate in hex, or ID of the order"),
    name: str | None = option("NAME", "name of the contact"),
    email: str | None = option("ADDRESS", "e-mail address of the contact"),
    phone: str | None = option("NUMBER", "phone number of the contact"),
    language: Language | None = option(None, "language of messages to the contact (default: unchanged)"),
    deputy: bool = flag("change the deputy instead of the contact person"),
    correct: bool = flag("keep the person, and change only the given details"),
) -> Output:
    """Change or correct a contact person or deputy."""
    if correct and all(detail is None for detail in (name, email, phone, language)):
        raise OptionError("--correct needs a detail to change: --name, --email, --phone or --language")
    if not correct and (name is None or email is None):
        raise OptionError(
            "name the new person with --name and --email, or give --correct to change details of the present one"
        )
    name = name if name is None else check_unlinked("--name", name, LONGEST_PERSON)
    email = email if email is None else check_email("--email", email)
    phone = phone if phone is None else check_phone("--phone", phone)
    person: ContactDetails | ContactCorrection = ContactCorrection(name, email, phone, language)
    if not correct:
        person = ContactDetails(name or "", email or "", phone or "", language or Language.FI)
    change = contacts.change_contact(ContactUpdate(named, person, deputy=deputy), *run.by)
    links = [
        {
            "order_id": link.order_id,
            "secure_id": link.secure_id,
            "expires": format_instant(link.expires),
            "code": link.code,
        }
        for link in change.offered
    ]
    whom = "deputy" if deputy else "contact person"
    lines = [
        f"{whom.capitalize()} changed."
        if change.changed
        else f"Nothing to change: the {whom} already has these details.",
        *(f"A new link to the transfer IDs of order {link.order_id} is being sent." for link in change.offered),
        # A contact without a phone gets no PIN code by SMS.
        *(
            f"Give the contact person this code by phone or in person: {link.code}"
            for link in change.offered
            if link.code
        ),
    ]
    value = {"customer_id": change.customer_id, "changed": change.changed, "offered": links}
    return Output(value, "\n".join(lines))
