"""Names of revocation reasons, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.i18n.translate import gettext_noop

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
