"""Contacts and deputies: replacement and correction.

See docs/e-service/recipients.md.

The former and the new contact get a message. If transfer ids wait for the contact, their link ends and a new one is
sent.
"""

from dataclasses import dataclass, replace

from sinetti.database.organisations import contacts
from sinetti.database.organisations.contacts import LineageInfo
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.values import Language
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import secure_message
from sinetti.services.issuance.secure_message import LinkSent
from sinetti.services.organisations.people import PeopleError


@dataclass(frozen=True)
class ContactCorrection:
    """Corrected data of a contact or deputy who stays in place.

    None leaves a value unchanged; an empty phone number deletes it.
    """

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: Language | None = None


@dataclass(frozen=True)
class ContactUpdate:
    """Subject of a contact change: by a certificate's serial or an order's id.

    `who` is the new person or the correction; with `deputy` the deputy is changed instead of the contact.
    """

    named: str
    who: ContactDetails | ContactCorrection
    deputy: bool = False


@dataclass(frozen=True)
class ContactChanged:
    """Result of a contact change.

    It says if anything changed, and gives the links to transfer ids that were sent to the new address.
    """

    customer_id: str
    changed: bool
    offered: tuple[LinkSent, ...]


def change_contact(change: ContactUpdate, ctx: ServiceContext, actor: str, request_id: str) -> ContactChanged:
    """Replace a contact or a deputy, or correct their data.

    A repeated call changes nothing, but sends links to transfer ids that an interrupted command did not send. Raises
    PeopleError and LimitReached.
    """
    lineage = contacts.find_lineage(ctx.db, change.named)
    if lineage is None:
        raise PeopleError(PersonErrorReason.UNKNOWN, "no certificate has this serial number, and no order has this ID")
    person = (
        change.who if isinstance(change.who, ContactDetails) else _corrected(change.who, lineage, deputy=change.deputy)
    )
    with ctx.act(actor, request_id) as audit:
        changed = contacts.change_contact(ctx.db, lineage.lineage_id, person, audit, deputy=change.deputy)
    ctx.step("contact-changed")
    orders = contacts.orders_offered_to_others(ctx.db, lineage.lineage_id)
    # The effects of a change were counted with it and must not fail half-way.
    following = replace(ctx, daily_limits=None) if changed else ctx
    offered = tuple(secure_message.send_link(order_id, following, actor, request_id) for order_id in orders)
    return ContactChanged(lineage.customer_id, changed, offered)


def _corrected(corrected: ContactCorrection, lineage: LineageInfo, *, deputy: bool) -> ContactDetails:
    there = lineage.deputy if deputy else lineage.contact
    # An erased person has no name, so there is nothing to correct.
    if there is None or not there.name:
        raise PeopleError(
            PersonErrorReason.NOT_NAMED,
            f"there is no {'deputy' if deputy else 'contact person'} whose details can be corrected: name one",
        )
    given = {name: value for name in _FIELDS if (value := getattr(corrected, name)) is not None}
    return replace(ContactDetails(there.name, there.email, there.phone, there.language), **given)


_FIELDS = ("name", "email", "phone", "language")
