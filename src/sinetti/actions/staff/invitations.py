"""A clerk invites a signatory of an organisation, such as its first one (docs/mandates.md)."""

from sinetti.actions.authority import Actor
from sinetti.actions.inviting import OwnInvitation, new_link, refuse_own
from sinetti.actions.office import Office
from sinetti.actions.people import PeopleError
from sinetti.actions.staff import require_staff
from sinetti.domain.contacts import PeopleTrouble
from sinetti.domain.mandates import Role
from sinetti.domain.words import LONGEST_PERSON, check_unlinked
from sinetti.registry import accounts, mandating, parties
from sinetti.registry.mandating import Invited, Otherwise, TooMany, ToPerson
from sinetti.registry.parties import Person
from sinetti.registry.people import Closed

__all__ = ["Closed", "Invited", "Otherwise", "OwnInvitation", "TooMany", "invite_signatory"]


def invite_signatory(customer_id: str, person: Person, office: Office, actor: Actor, request_id: str) -> Invited:
    """Owe somebody a single-use link by which they become a signatory; it stands where they were invited already.

    Raises NotStaff, PeopleError where no organisation has this id, Closed where it is closed, Otherwise where this
    address has another role for it, OwnInvitation where it is one of the clerk's own, LinkError, LimitReached and
    TooMany.
    """
    require_staff(actor)
    check_unlinked("name", person.name, LONGEST_PERSON)
    found = parties.find_organisation(office.register, customer_id)
    if found is None:
        sentence = f"no organisation has the id {customer_id}"
        raise PeopleError(PeopleTrouble.UNKNOWN, sentence)
    if person.email.casefold() in accounts.addresses(office.register, actor.user_id):
        refuse_own(found.organisation_id, office, actor, request_id)
    deed = office.deed(actor.name, request_id)
    to = ToPerson(found.organisation_id, person, Role.SIGNATORY)
    return mandating.invite(office.register, to, new_link(office, deed.at), deed)
