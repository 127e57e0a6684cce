"""The messages of the service: the closed list of their kinds, how they travel, and the one id of each.

What is told by mail about an account: the closed list.

Refused again and again: when the people of a lineage are told that its program gets no further (docs/people.md).

Whom an event concerns: the roles that are told, by kind, the nearest to the certificate first (docs/people.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sinetti.domain.refusals import RejectionReason


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
    """A message that is to leave, as its row says.

    Ids are the register's; `certificate` is the row's key.

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
    lineage: str | None = None
    certificate: int | None = None
    order: str | None = None
    facts: Mapping[str, Any] | None = None


class AccountEmail(StrEnum):
    """One letter about an account.

    Those of LINKED lead to a page; the rest lead nowhere.
    """

    CONFIRM = "confirm"
    """The address was given at sign-up: is it yours?"""
    CONFIRM_NEW = "confirm-new"
    """The address is to take the place of another one: is it yours?"""
    THERE_ALREADY = "there-already"
    """Somebody wanted to sign up with an address that has an account."""
    RESET = "reset"
    NO_ACCOUNT = "no-account"
    """Somebody asked for a new password for an address without an account."""
    WELCOME = "welcome"
    """The authority made an account for this address: it has no password yet."""
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password-reset"  # noqa: S105 - no password
    ADDRESS_CHANGED = "address-changed"
    """To the address before."""
    CODES_ADDED = "codes-added"
    """One-time codes of an app are the second factor from now on."""
    CODES_REMOVED = "codes-removed"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    RECOVERY_MADE = "recovery-made"
    RECOVERY_USED = "recovery-used"
    PROVIDER_ADDED = "provider-added"
    """Another service's sign-in opens this account from now on."""
    PROVIDER_REMOVED = "provider-removed"


LINKED = frozenset({AccountEmail.CONFIRM, AccountEmail.CONFIRM_NEW, AccountEmail.RESET})
"""Letters with a link that acts."""


TIMES = 3
"""How often the same reason is given, to callers who have proven who they are, before people are told."""

WITHIN = timedelta(days=7)
"""How long refusals count together; and how long it stays quiet about a lineage and a reason that people were told of.

A program that asks every minute makes one message a week.
"""

NOT_TOLD = frozenset(
    {
        # A program that asks every day until the window opens: it is told when, and nothing is wrong.
        RejectionReason.TOO_EARLY,
        # These pass by themselves, or are ours to mend: operators are told (docs/watch.md).
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }
)
"""Reasons that nobody at the holder's can do anything about, or need not."""


def triggers_alert(reason: RejectionReason) -> bool:
    """Whether people are told of this reason at all."""
    return reason not in NOT_TOLD


class RecipientRole(StrEnum):
    """A role that people are told in.

    All are those of now, but for the first, the last two and the operators.
    """

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
