"""Clerks ask for an invitation of a signatory, which a second person confirms.

See docs/mandates.md.
"""

from sinetti.actions.authority import Actor
from sinetti.actions.inviting import OwnInvitation, refuse_own
from sinetti.actions.office import Office
from sinetti.actions.people import PeopleError
from sinetti.actions.staff import clerk_act, require_staff
from sinetti.domain.contacts import PeopleTrouble
from sinetti.domain.mandates import Role
from sinetti.domain.persons import is_same_person
from sinetti.domain.words import LONGEST_PERSON, check_unlinked
from sinetti.registry import mandating, parties, pending_invitations, persons
from sinetti.registry.mandating import Invited, Otherwise, TooMany, ToPerson
from sinetti.registry.parties import Person
from sinetti.registry.people import Closed

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
    found = parties.find_organisation(office.register, customer_id)
    if found is None:
        sentence = f"no organisation has the id {customer_id}"
        raise PeopleError(PeopleTrouble.UNKNOWN, sentence)
    invited = persons.get_identity_of_address(office.register, person.email)
    if is_same_person(invited, persons.get_identity(office.register, actor.user_id)):
        refuse_own(found.organisation_id, office, actor, request_id)
    with clerk_act(actor, office, request_id, {found.organisation_id}) as deed:
        to = ToPerson(found.organisation_id, person, Role.SIGNATORY)
        if (there := mandating.find_invited(office.register, to, deed.at)) is not None:
            return Invited(there, made=False)
        return Invited(*pending_invitations.add(office.register, found.organisation_id, person, actor.user_id, deed))
