"""Whom an event concerns: the roles that are told, by kind, the nearest to the certificate first (docs/people.md)."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.notifications.messages import MessageKind


class RecipientRole(StrEnum):
    """A role that people are told in. All are those of now, but for the first, the last two and the operators."""

    CONTACT_THEN = "contact then"
    CONTACT = "contact"
    DEPUTY = "deputy"
    CONTACT_PERSON = "organisation's contact person"
    SIGNATORIES = "signatories"
    OPERATORS = "operators"
    NEW = "new"
    OLD = "old"


AUDIENCES: Mapping[MessageKind, tuple[RecipientRole, ...]] = MappingProxyType(
    {
        MessageKind.FETCHED: (RecipientRole.CONTACT_THEN,),
        # The signatories too, so that a stolen key is noticed; the deputy was reminded with the contact.
        MessageKind.RENEWED: (RecipientRole.CONTACT, RecipientRole.DEPUTY, RecipientRole.SIGNATORIES),
        MessageKind.REFUSED: (RecipientRole.CONTACT, RecipientRole.DEPUTY),
        MessageKind.REVOKED: (
            RecipientRole.CONTACT,
            RecipientRole.DEPUTY,
            RecipientRole.CONTACT_PERSON,
            RecipientRole.SIGNATORIES,
        ),
        MessageKind.CONTACT_CHANGED: (RecipientRole.NEW, RecipientRole.OLD),
    }
)
"""Everybody in these roles is told."""

FIRST_REACHED: Mapping[MessageKind, tuple[RecipientRole, ...]] = MappingProxyType(
    dict.fromkeys(
        (MessageKind.BOUNCED, MessageKind.CONTACT_GONE),
        (RecipientRole.SIGNATORIES, RecipientRole.CONTACT_PERSON, RecipientRole.OPERATORS),
    )
)
"""Only the first of these roles in which mail reaches anybody is told: somebody has to name another contact."""

TOO_OLD = timedelta(days=7)
"""Events of longer ago are told to nobody: a register that never sent anything must not flood people."""
