"""Applications for the technical interface: the states of one, and what a decision has to say."""

from enum import StrEnum


class ApplicationState(StrEnum):
    """Where an application stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
