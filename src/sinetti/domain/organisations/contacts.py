"""Why somebody cannot be named, or a certificate not be let end: reasons that each door says in its own words."""

from enum import StrEnum


class PersonErrorReason(StrEnum):
    """What stands in the way."""

    UNKNOWN = "unknown"
    NOBODY = "nobody"
    CLOSED = "closed"
    ITSELF = "itself"
    OTHER_ROLE = "other-role"
    TOO_MANY = "too-many"
    NOT_IN_FORCE = "not-in-force"
    NOT_NEWEST = "not-newest"
