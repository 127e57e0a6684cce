"""Contact or deputy of one certificate: replacement and correction by a user.

The user acts on behalf of its organisation.
"""

from sinetti.database.certificates import lineage_view
from sinetti.database.certificates.lineage_view import LineageView
from sinetti.database.organisations import contacts
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.roles import Permission
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.domain.values import Serial
from sinetti.services.access.act_transaction import act_on, guarded
from sinetti.services.access.permissions import Actor, Permissions, check_can_view
from sinetti.services.context import ServiceContext
from sinetti.services.organisations import contacts as changing
from sinetti.services.organisations.contacts import ContactChanged, ContactUpdate

__all__ = ["ContactChanged", "ContactDetails", "LineageView"]


def get_for_confirmation(serial: Serial, permissions: Permissions, ctx: ServiceContext) -> LineageView:
    """Return the certificate, its contact and its deputy.

    Raises PermissionDenied, for a missing certificate as for another organisation's.
    """
    lineage = lineage_view.find(ctx.db, serial)
    check_can_view(Permission.CONTACT, None if lineage is None else lineage.organisation_id, permissions)
    assert lineage is not None  # noqa: S101 - without one the right is lacking
    return lineage


def change_contact(
    serial: Serial, who: tuple[ContactDetails, bool], ctx: ServiceContext, actor: Actor, request_id: str
) -> ContactChanged:
    """Replace the contact or the deputy of a certificate.

    `who` is the person, and True for the deputy's place. Raises PermissionDenied, PeopleError, LinkError and
    LimitReached.
    """
    lineage = lineage_view.find(ctx.db, serial)
    organisation_id = None if lineage is None else lineage.organisation_id
    for_it = guarded(Permission.CONTACT, organisation_id, ctx, actor, request_id)
    person, deputy = who
    check_unlinked("name", person.name, LONGEST_PERSON)
    return changing.change_contact(ContactUpdate(serial, person, deputy=deputy), for_it, actor.name, request_id)


def remove_deputy(serial: Serial, email: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Remove the deputy with this address; return False if there is none.

    The deputy gets an e-mail. Raises PermissionDenied.
    """
    lineage = lineage_view.find(ctx.db, serial)
    organisation_id = None if lineage is None else lineage.organisation_id
    with act_on(Permission.CONTACT, organisation_id, ctx, actor, request_id) as act:
        assert lineage is not None  # noqa: S101 - without one the right is lacking
        return contacts.remove_deputy(ctx.db, lineage.lineage_id, email, act.audit)
