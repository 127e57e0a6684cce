"""What roles are called and what each of them may do, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.access.roles import Right, Role
from sinetti.i18n.translate import mark

ROLES: Mapping[Role, str] = {
    Role.SIGNATORY: mark("representative"),
    Role.MANAGER: mark("certificate manager"),
    Role.VIEWER: mark("viewer"),
}
CHOICES: Mapping[Role, str] = {
    Role.SIGNATORY: mark("Representative: may do everything, also give authorisations to others"),
    Role.MANAGER: mark(
        "Certificate manager: may order, retrieve and revoke certificates, and change their contact persons"
    ),
    Role.VIEWER: mark("Viewer: may see the certificates, and change nothing"),
}
"""The same with what each may do, as they are chosen among."""
OWN_INVITATION = mark(
    "You made this invitation yourself, and nobody gives an authorisation to themselves. Have somebody else invite you."
)
LACKING: Mapping[Right, str] = {
    Right.SEE: mark("You would need the right to see the organisation's certificates."),
    Right.ORDER: mark("You would need the right to order certificates for the organisation."),
    Right.FETCH: mark("You would need the right to retrieve certificates for the organisation."),
    Right.CONTACT: mark("You would need the right to change the contact persons of the organisation's certificates."),
    Right.REVOKE: mark("You would need the right to revoke the organisation's certificates."),
    Right.APPLY: mark("You would need the right to apply for the technical interface for the organisation."),
    Right.ASK: mark("You would need the right to ask other organisations for authorisations for this one."),
    Right.GRANT: mark("You would need the right to give and withdraw the organisation's authorisations."),
}


BUTTON = mark("Take up the authorisation")
