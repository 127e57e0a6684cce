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
    Role.SIGNATORY: gettext_noop("Representative: can do everything, including giving authorisations to others"),
    Role.MANAGER: gettext_noop(
        "Certificate manager: can order, retrieve and revoke certificates and change their contact persons"
    ),
    Role.VIEWER: gettext_noop("Viewer: can see the certificates but cannot change anything"),
}
"""Names of roles with their rights, for a choice."""
OWN_INVITATION = gettext_noop(
    "You sent this invitation yourself. You cannot give an authorisation to yourself. Ask another person to invite you."
)
LACKING: Mapping[Permission, str] = {
    Permission.SEE: gettext_noop("You need the right to view the organisation's certificates."),
    Permission.ORDER: gettext_noop("You need the right to order certificates for the organisation."),
    Permission.FETCH: gettext_noop("You need the right to retrieve certificates for the organisation."),
    Permission.CONTACT: gettext_noop(
        "You need the right to change the contact persons of the organisation's certificates."
    ),
    Permission.REVOKE: gettext_noop("You need the right to revoke the organisation's certificates."),
    Permission.APPLY: gettext_noop(
        "You need the right to apply for the technical interface on behalf of the organisation."
    ),
    Permission.ASK: gettext_noop(
        "You need the right to request authorisations for this organisation from other organisations."
    ),
    Permission.GRANT: gettext_noop("You need the right to give and withdraw the organisation's authorisations."),
}


BUTTON = gettext_noop("Accept the authorisation")


REASONS: Mapping[RevocationReason, str] = {
    RevocationReason.UNSPECIFIED: gettext_noop("not given"),
    RevocationReason.KEY_COMPROMISE: gettext_noop("the private key was, or may have been, disclosed"),
    RevocationReason.CA_COMPROMISE: gettext_noop("the key of the CA that issued it was disclosed"),
    RevocationReason.AFFILIATION_CHANGED: gettext_noop("the organisation's details have changed"),
    RevocationReason.SUPERSEDED: gettext_noop("another certificate has replaced it"),
    RevocationReason.CESSATION_OF_OPERATION: gettext_noop("it is no longer needed"),
    RevocationReason.PRIVILEGE_WITHDRAWN: gettext_noop("the organisation no longer has the right to use it"),
    RevocationReason.AA_COMPROMISE: gettext_noop("a key of the CA was disclosed"),
}
