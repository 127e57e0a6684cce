"""People of an organisation as tests name them: `director = a_person("director")`, `named(desk)`: one in every role."""

from sinetti.database import models
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.values import Language, Serial
from sinetti.services.organisations.contacts import ContactUpdate, change_contact
from sinetti.services.organisations.people import add_signatory, set_contact_person
from tests.support.authority import CUSTOMER_ID
from tests.support.service_context import REQUEST, Desk


def a_person(who: str, language: Language = Language.FI) -> ContactDetails:
    """Somebody with an address and a phone."""
    return ContactDetails(f"The {who}", f"{who}@customer.example", "+358 00 001", language)


def named(desk: Desk, serial: Serial) -> None:
    """Name a contact, a deputy, a contact person and two signatories, called as their roles are."""
    ctx = desk.ctx
    for who, deputy in (("contact", False), ("deputy", True)):
        change_contact(ContactUpdate(serial, a_person(who), deputy=deputy), ctx, "operator", REQUEST)
    set_contact_person(CUSTOMER_ID, a_person("contact.person"), ctx, "operator", REQUEST)
    for who in ("signatory.1", "signatory.2"):
        add_signatory(CUSTOMER_ID, a_person(who), ctx, "operator", REQUEST)


def audited(desk: Desk, action: str) -> list[str]:
    """The audit rows of an action, as they are hashed, oldest first."""
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(action=action).order_by("sequence")
    return [bytes(row.octets).decode() for row in rows]
