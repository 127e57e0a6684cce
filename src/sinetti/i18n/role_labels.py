"""Names of roles and their rights, on pages and in messages.

The module also has the names of revocation reasons.
"""

from collections.abc import Mapping

from sinetti.domain.access.roles import Permission, Role
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.i18n.translate import gettext_noop

ROLES: Mapping[Role, str] = {
    Role.SIGNATORY: gettext_noop("representative"),
    Role.MANAGER: gettext_noop("certificate manager"),
    Role.VIEWER: gettext_noop("viewer"),
}
CHOICES: Mapping[Role, str] = {
    Role.SIGNATORY: gettext_noop("Representative: may do everything, also give authorisations to others"),
    Role.MANAGER: gettext_noop(
        "Certificate manager: may order, retrieve and revoke certificates, and change their contact persons"
    ),
    Role.VIEWER: gettext_noop("Viewer: may see the certificates, and change nothing"),
}
"""Names of roles with their rights, for a choice."""
OWN_INVITATION = gettext_noop(
    "You made this invitation yourself, and nobody gives an authorisation to themselves. Have somebody else invite you."
)
LACKING: Mapping[Permission, str] = {
    Permission.SEE: gettext_noop("You would need the right to see the organisation's certificates."),
    Permission.ORDER: gettext_noop("You would need the right to order certificates for the organisation."),
    Permission.FETCH: gettext_noop("You would need the right to retrieve certificates for the organisation."),
    Permission.CONTACT: gettext_noop(
        "You would need the right to change the contact persons of the organisation's certificates."
    ),
    Permission.REVOKE: gettext_noop("You would need the right to revoke the organisation's certificates."),
    Permission.APPLY: gettext_noop(
        "You would need the right to apply for the technical interface for the organisation."
    ),
    Permission.ASK: gettext_noop(
        "You would need the right to ask other organisations for authorisations for this one."
    ),
    Permission.GRANT: gettext_noop("You would need the right to give and withdraw the organisation's authorisations."),
}


BUTTON = gettext_noop("Take up the authorisation")


REASONS: Mapping[RevocationReason, str] = {
    RevocationReason.UNSPECIFIED: gettext_noop("none was given"),
    RevocationReason.KEY_COMPROMISE: gettext_noop("the private key came into other hands, or may have"),
    RevocationReason.CA_COMPROMISE: gettext_noop("the key of the authority that issued it came into other hands"),
    RevocationReason.AFFILIATION_CHANGED: gettext_noop("the organisation's details have changed"),
    RevocationReason.SUPERSEDED: gettext_noop("another certificate has taken its place"),
    RevocationReason.CESSATION_OF_OPERATION: gettext_noop("it is no longer needed"),
    RevocationReason.PRIVILEGE_WITHDRAWN: gettext_noop("the organisation no longer has the right to use it"),
    RevocationReason.AA_COMPROMISE: gettext_noop("a key of the authority came into other hands"),
}
