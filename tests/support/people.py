"""People of an organisation: one, or one in every role.

Examples: `director = a_person("director")`, `named(scene, serial)`.
"""

from sinetti.database import models
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.values import Language, Serial
from sinetti.services.organisations.contacts import ContactUpdate, change_contact
from sinetti.services.organisations.people import add_signatory, set_contact_person
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import REQUEST, Scene


def a_person(who: str, language: Language = Language.FI) -> ContactDetails:
    """Return contact details with an e-mail address and a phone number."""
    return ContactDetails(f"The {who}", f"{who}@customer.example", "+358 00 001", language)


def named(scene: Scene, serial: Serial) -> None:
    """Assign a contact, a deputy, a contact person and two signatories.

    Each is named after the role.
    """
    ctx = scene.ctx
    for who, deputy in (("contact", False), ("deputy", True)):
        change_contact(ContactUpdate(serial, a_person(who), deputy=deputy), ctx, "operator", REQUEST)
    set_contact_person(CUSTOMER_ID, a_person("contact.person"), ctx, "operator", REQUEST)
    for who in ("signatory.1", "signatory.2"):
        add_signatory(CUSTOMER_ID, a_person(who), ctx, "operator", REQUEST)


def audited(scene: Scene, action: str) -> list[str]:
    """Return the audit rows of an action as hashed, oldest first."""
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action=action).order_by("sequence")
    return [bytes(row.octets).decode() for row in rows]
