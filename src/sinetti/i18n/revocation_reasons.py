"""Names of revocation reasons, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.i18n.translate import mark

REASONS: Mapping[RevocationReason, str] = {
    RevocationReason.UNSPECIFIED: mark("none was given"),
    RevocationReason.KEY_COMPROMISE: mark("the private key came into other hands, or may have"),
    RevocationReason.CA_COMPROMISE: mark("the key of the authority that issued it came into other hands"),
    RevocationReason.AFFILIATION_CHANGED: mark("the organisation's details have changed"),
    RevocationReason.SUPERSEDED: mark("another certificate has taken its place"),
    RevocationReason.CESSATION_OF_OPERATION: mark("it is no longer needed"),
    RevocationReason.PRIVILEGE_WITHDRAWN: mark("the organisation no longer has the right to use it"),
    RevocationReason.AA_COMPROMISE: mark("a key of the authority came into other hands"),
}
