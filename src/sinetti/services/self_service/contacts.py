"""Another contact or deputy for one certificate, or their data mended, on behalf of its organisation."""

from sinetti.database.certificates import lineage_view
from sinetti.database.certificates.lineage_view import CertificateSeen
from sinetti.database.organisations import contacts
from sinetti.database.organisations.organisations import Person
from sinetti.domain.access.roles import Right
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.domain.values import Serial
from sinetti.services.access.act_transaction import act_on, guarded
from sinetti.services.access.objects import may_look
from sinetti.services.access.permissions import Actor, Standing
from sinetti.services.context import Office
from sinetti.services.organisations import contacts as changing
from sinetti.services.organisations.contacts import ContactChange, ContactChanged

__all__ = ["CertificateSeen", "Person", "change_contact", "look", "remove_deputy"]


def look(serial: Serial, standing: Standing, office: Office) -> CertificateSeen:
    """The certificate and who looks after it now. Raises NotAllowed; one that is not there is like one of others."""
    found = lineage_view.find(office.register, serial)
    may_look(Right.CONTACT, None if found is None else found.organisation_id, standing)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def change_contact(
    serial: Serial, who: tuple[Person, bool], office: Office, actor: Actor, request_id: str
) -> ContactChanged:
    """Name somebody as the contact, or as the deputy (`who`: the person, and whether it is the deputy's place).

    Raises NotAllowed, PeopleError, LinkError and LimitReached.
    """
    found = lineage_view.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    for_it = guarded(Right.CONTACT, organisation_id, office, actor, request_id)
    person, deputy = who
    check_unlinked("name", person.name, LONGEST_PERSON)
    return changing.change_contact(ContactChange(serial, person, deputy=deputy), for_it, actor.name, request_id)


def remove_deputy(serial: Serial, email: str, office: Office, actor: Actor, request_id: str) -> bool:
    """Have nobody stand in for the contact any more; False where nobody with this address does. They are told by mail.

    Raises NotAllowed.
    """
    found = lineage_view.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    with act_on(Right.CONTACT, organisation_id, office, actor, request_id) as act:
        assert found is not None  # noqa: S101 - without one the right is lacking
        return contacts.remove_deputy(office.register, found.holding_id, email, act.deed)
