"""Clerks ask for an invitation of a signatory, which a second person confirms.

See docs/mandates.md.
"""

from sinetti.database.access import pending_invitations, persons, role_assignments
from sinetti.database.access.role_assignments import Invited, Otherwise, TooMany, ToPerson
from sinetti.database.organisations import organisations
from sinetti.database.organisations.contacts import Closed
from sinetti.database.organisations.organisations import Person
from sinetti.domain.access.persons import is_same_person
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.contacts import PeopleTrouble
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.services.access.inviting import OwnInvitation, refuse_own
from sinetti.services.access.permissions import Actor
from sinetti.services.context import Office
from sinetti.services.organisations.people import PeopleError
from sinetti.services.staff.session import clerk_act, require_staff

__all__ = ["Closed", "Invited", "Otherwise", "OwnInvitation", "TooMany", "invite_signatory"]


def invite_signatory(customer_id: str, person: Person, office: Office, actor: Actor, request_id: str) -> Invited:
    """Ask for the invitation of a signatory.

    It is sent once it is confirmed. The id is that of the waiting invitation; not made where the same waits, or this
    address has a link that works or has used one: the id is the mandate's then. Raises NotStaff and LinkError;
    PeopleError if no organisation has this id; Closed if it is closed; Otherwise if this address has another role for
    it; OwnInvitation if the address is the clerk's own; TooMany if clerks asked for ten today.
    """
    require_staff(actor)
    check_unlinked("name", person.name, LONGEST_PERSON)
    found = organisations.find_organisation(office.register, customer_id)
    if found is None:
        sentence = f"no organisation has the id {customer_id}"
        raise PeopleError(PeopleTrouble.UNKNOWN, sentence)
    invited = persons.get_identity_of_address(office.register, person.email)
    if is_same_person(invited, persons.get_identity(office.register, actor.user_id)):
        refuse_own(found.organisation_id, office, actor, request_id)
    with clerk_act(actor, office, request_id, {found.organisation_id}) as deed:
        to = ToPerson(found.organisation_id, person, Role.SIGNATORY)
        if (there := role_assignments.find_invited(office.register, to, deed.at)) is not None:
            return Invited(there, made=False)
        return Invited(*pending_invitations.add(office.register, found.organisation_id, person, actor.user_id, deed))
