"""Messages of the service: kinds, channels, audiences and message ids.

The lists of kinds are closed, also that of e-mails about accounts.

Repeated rejections of the same request alert the people of a lineage that its program does not succeed. Each kind of
event has an audience of roles, the nearest to the certificate first. Both rules are in docs/e-service/recipients.md.
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
    """Kind of a message (contracts, `GET control_url/messages`)."""

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
    INCIDENT = "incident"
    DRILL = "drill"
    OPERATOR = "operator"


class MessageChannel(StrEnum):
    """Channel of a message."""

    EMAIL = "email"
    SMS = "sms"


OFFICE_HOURS_ONLY = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE, MessageKind.DIGEST})
"""Kinds that are sent on working days from 8 to 16 only, Finnish time.

All other kinds are sent at once.
"""

URGENT = frozenset({MessageKind.PIN, MessageKind.EARLY, MessageKind.INCIDENT, MessageKind.DRILL})
"""Kinds that are sent before all others.

A drill is among them, since it measures how fast an incident reaches people.
"""

CALLS = frozenset({MessageKind.EARLY, MessageKind.INCIDENT})
"""Kinds about a call for early replacement."""

_ID_DIGITS = 32


def message_id(kind: MessageKind, about: str, step: str, recipient: str, channel: MessageChannel) -> str:
    """Return the id of the message with these properties: 32 hex digits.

    The id is unique for a kind, object, step, recipient and channel. A process that plans the same message again, on
    another node or after a restart, therefore finds the existing row. `about` and `recipient` are random ids of the
    database (a serial, an order's id, a person's id), so that the id discloses nothing.
    """
    return sha256(f"{kind}\0{about}\0{step}\0{recipient}\0{channel}".encode()).hexdigest()[:_ID_DIGITS]


@dataclass(frozen=True)
class QueuedMessage:
    """Queued message, as its row stores it.

    Ids are those of the database; `certificate` is the primary key. `step` excludes the channel. `recipient` is a
    person's id. An operator has no id, but an `address`.
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
    """Kind of an e-mail about an account.

    Those in LINKED contain a link; the others contain none.
    """

    CONFIRM = "confirm"
    """Confirmation of an address that was given at sign-up."""
    CONFIRM_NEW = "confirm-new"
    """Confirmation of an address that is to replace another one."""
    THERE_ALREADY = "there-already"
    """A sign-up named an address that already has an account."""
    RESET = "reset"
    NO_ACCOUNT = "no-account"
    """A password reset was requested for an address without an account."""
    WELCOME = "welcome"
    """The authority created an account for this address, without a password yet."""
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password-reset"  # noqa: S105 - no password
    ADDRESS_CHANGED = "address-changed"
    """Sent to the previous address."""
    CODES_ADDED = "codes-added"
    """An authenticator app was added as second factor."""
    CODES_REMOVED = "codes-removed"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    FACTORS_RESET = "factors-reset"
    """The authority removed every second factor, because the owner lost it."""
    RECOVERY_MADE = "recovery-made"
    RECOVERY_USED = "recovery-used"
    PROVIDER_ADDED = "provider-added"
    """An external sign-in provider was linked to this account."""
    PROVIDER_REMOVED = "provider-removed"


LINKED = frozenset({AccountEmail.CONFIRM, AccountEmail.CONFIRM_NEW, AccountEmail.RESET})
"""E-mails with a link that acts."""


TIMES = 3
"""Rejections of authenticated callers for one reason before people are alerted."""

WITHIN = timedelta(days=7)
"""Time in which rejections count together, and time without a further alert.

The second holds for the same lineage and reason. A program that sends a request every minute causes one message a
week.
"""

WITHOUT_ALERT = frozenset(
    {
        # A program may ask every day until the window opens. The answer says when, and nothing is wrong.
        RejectionReason.TOO_EARLY,
        # These end by themselves, or operators fix them, who get an alarm (docs/operators/monitoring.md).
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }
)
"""Reasons on which the holder cannot act, or need not act."""


def triggers_alert(reason: RejectionReason) -> bool:
    """Return True if rejections for this reason alert people."""
    return reason not in WITHOUT_ALERT


class RecipientRole(StrEnum):
    """Role in which a person gets a message.

    Roles are those of now, except the first, the last two and the operators.
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
        # The signatories too, so that they notice a stolen key; the deputy got the same reminders as the contact.
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
"""Roles that get a message, by kind; every person in them gets one."""

FIRST_REACHED: Mapping[MessageKind, tuple[RecipientRole, ...]] = MappingProxyType(
    dict.fromkeys(
        (MessageKind.BOUNCED, MessageKind.CONTACT_GONE),
        (RecipientRole.SIGNATORIES, RecipientRole.CONTACT_PERSON, RecipientRole.OPERATORS),
    )
)
"""Roles for kinds of which only the first role that mail reaches gets a message.

Its people have to name another contact.
"""

TOO_OLD = timedelta(days=7)
"""Age above which events cause no message.

Enabling messages on an old installation so does not send a backlog.
"""
