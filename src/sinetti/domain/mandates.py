"""Who may act for an organisation: the roles that the register stores. The rules come with the e-service."""

from enum import StrEnum


class Role(StrEnum):
    """What a person, or another organisation, may do for an organisation."""

    SIGNATORY = "signatory"
    MANAGER = "manager"
    VIEWER = "viewer"
