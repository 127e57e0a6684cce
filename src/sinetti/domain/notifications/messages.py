"""The messages of the service: the closed list of their kinds, how they travel, and the one id of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any


class MessageKind(StrEnum):
    """What a message is about (contracts, `GET control_url/messages`)."""

    TRANSFER_IDS = "transfer-ids"
    PIN = "pin"
    REMINDER = "reminder"
    TAKE_INTO_USE = "take-into-use"
    DIGEST = "digest"
    FETCHED = "fetched"
    RENEWED = "renewed"
    REFUSED = "refused"
    REVOKED = "revoked"
    BOUNCED = "bounced"
    CONTACT_GONE = "contact-gone"
    CONTACT_CHANGED = "contact-changed"
    AUTHORISATION = "authorisation"
    INVITATION_PENDING = "invitation-pending"
    ACCOUNT = "account"
    EARLY = "early"
    OPERATOR = "operator"


class MessageChannel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


OFFICE_HOURS_ONLY = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE, MessageKind.DIGEST})
"""What leaves on working days from 8 to 16, Finnish time; everything else leaves at once."""

_ID_DIGITS = 32


def message_id(kind: MessageKind, about: str, step: str, recipient: str, channel: MessageChannel) -> str:
    """The id of the one message of this kind about this object, at this step, to this recipient: 32 hex digits.

    Whoever plans the same message again, on another node or after a restart, finds its row there already. `about` and
    `recipient` are random ids of the register (a serial, an order's id, a person's), so that the id tells nothing.
    """
    return sha256(f"{kind}\0{about}\0{step}\0{recipient}\0{channel}".encode()).hexdigest()[:_ID_DIGITS]


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that is to leave, as its row says. Ids are the register's; `certificate` is the row's key.

    `step` is without the channel. `recipient` is a person's id; an operator has none, but an `address`.
    """

    message_id: str
    kind: MessageKind
    channel: MessageChannel
    step: str
    created: datetime
    due: datetime
    attempts: int
    recipient: str | None = None
    address: str | None = None
    holding: str | None = None
    certificate: int | None = None
    order: str | None = None
    facts: Mapping[str, Any] | None = None
