"""What staff look at, and what for: a closed list of purposes, and what is kept of a look (docs/clerks.md)."""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class AccessPurpose(StrEnum):
    """Why a clerk looks at somebody's data.

    A closed list: audit rows have no free text.
    """

    APPLICATION = "application"
    REGISTER = "register"
    SUPPORT = "support"
    REVOCATION = "revocation"
    INCIDENT = "incident"
    SUPERVISION = "supervision"


class SearchScope(StrEnum):
    """What is searched, where no single object is looked at."""

    APPLICATIONS = "applications"
    ORGANISATIONS = "organisations"
    INVITATIONS = "invitations"
    CERTIFICATES = "certificates"
    OUTBOX = "outbox"
    AUDIT = "audit"
    REVOCATIONS = "revocations"


@dataclass(frozen=True, slots=True)
class AccessJustification:
    """A clerk's purpose, for as long as they keep it; `case` is a case number of ours, or empty."""

    purpose: AccessPurpose
    case: str = ""


def search_digest(key: bytes, place: SearchScope, text: str) -> str:
    """What is kept of a search: 32 hex digits, the same for the same text, that nobody can guess back without the key.

    The key of these is made from the instance's, over a text without a zero octet, as those of links are
    (domain/link_tokens.py). Case and white space around make no difference.
    """
    own = hmac.digest(key, b"looks", sha256)
    return hmac.digest(own, f"{place} {text.strip().casefold()}".encode(), sha256).hex()[:32]
