"""Purposes for which staff read personal data, and the record of a read.

The rules are described in docs/e-service/clerks.md.
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class AccessPurpose(StrEnum):
    """Purpose for which a clerk reads personal data.

    The list is closed, since audit rows contain no free text.
    """

    APPLICATION = "application"
    REGISTER = "register"
    SUPPORT = "support"
    REVOCATION = "revocation"
    INCIDENT = "incident"
    SUPERVISION = "supervision"


class SearchScope(StrEnum):
    """Data that a search covers, if the clerk reads no single object."""

    APPLICATIONS = "applications"
    ORGANISATIONS = "organisations"
    INVITATIONS = "invitations"
    CERTIFICATES = "certificates"
    OUTBOX = "outbox"
    AUDIT = "audit"
    REVOCATIONS = "revocations"
    EARLY_CALLS = "early-calls"


@dataclass(frozen=True)
class AccessJustification:
    """Purpose that a clerk has selected, valid until the clerk changes it.

    `case` is a case number of the authority, or empty.
    """

    purpose: AccessPurpose
    case: str = ""


def search_digest(key: bytes, place: SearchScope, text: str) -> str:
    """Return a keyed digest of a search text for the audit log, 32 hex digits.

    Equal texts have equal digests; case and surrounding white space are ignored. The text cannot be guessed without
    the key.

    The key is derived from the instance's key, over a text without a zero octet. The keys of links are derived in the
    same way (domain/link_tokens.py).
    """
    own = hmac.digest(key, b"looks", sha256)
    return hmac.digest(own, f"{place} {text.strip().casefold()}".encode(), sha256).hex()[:32]
