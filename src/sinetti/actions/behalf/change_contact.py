"""Another contact or deputy for one certificate, or their data mended, on behalf of its organisation."""

from sinetti.actions import change_contact as changing
from sinetti.actions.acts import act_on, guarded
from sinetti.actions.authority import Actor, Standing
from sinetti.actions.change_contact import ContactChange, ContactChanged
from sinetti.actions.objects import may_look
from sinetti.actions.office import Office
from sinetti.domain.mandates import Right
from sinetti.domain.values import Serial
from sinetti.domain.words import LONGEST_PERSON, check_unlinked
from sinetti.registry import holding_seen, people
from sinetti.registry.holding_seen import CertificateSeen
from sinetti.registry.parties import Person

__all__ = ["CertificateSeen", "Person", "change_contact", "look", "remove_deputy"]


def look(serial: Serial, standing: Standing, office: Office) -> CertificateSeen:
    """The certificate and who looks after it now. Raises NotAllowed; one that is not there is like one of others."""
    found = holding_seen.find(office.register, serial)
    may_look(Right.CONTACT, None if found is None else found.organisation_id, standing)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def change_contact(
    serial: Serial, who: tuple[Person, bool], office: Office, actor: Actor, request_id: str
) -> ContactChanged:
    """Name somebody as the contact, or as the deputy (`who`: the person, and whether it is the deputy's place).

    Raises NotAllowed, PeopleError, LinkError and LimitReached.
    """
    found = holding_seen.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    for_it = guarded(Right.CONTACT, organisation_id, office, actor, request_id)
    person, deputy = who
    check_unlinked("name", person.name, LONGEST_PERSON)
    return changing.change_contact(ContactChange(serial, person, deputy=deputy), for_it, actor.name, request_id)


def remove_deputy(serial: Serial, email: str, office: Office, actor: Actor, request_id: str) -> bool:
    """Have nobody stand in for the contact any more; False where nobody with this address does. They are told by mail.

    Raises NotAllowed.
    """
    found = holding_seen.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    with act_on(Right.CONTACT, organisation_id, office, actor, request_id) as act:
        assert found is not None  # noqa: S101 - without one the right is lacking
        return people.remove_deputy(office.register, found.holding_id, email, act.deed)
