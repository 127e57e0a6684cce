"""Ordering: what stands in the way of an order or a replacement, and the one id of an order that a form makes."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

MOST_AT_ONCE = 300
"""Certificates that are replaced, or handed over, by one press of a button."""
MOST_SERVED = 1_000_000
"""Other organisations that reports are sent for with one certificate: more than there are."""
LONGEST_AHEAD = 730
"""Days ahead in which ends are looked for: no certificate lives longer."""

_FORM = re.compile(r"[0-9a-f]{32}")
_ID_DIGITS = 32


class OrderErrorReason(StrEnum):
    """Why an order is not taken, or no transfer ids are made for it."""

    NO_ORGANISATION = "no-organisation"
    CLOSED = "closed"
    NOT_APPROVED = "not-approved"
    NOT_OURS = "not-ours"
    OTHER_CHANNEL = "other-channel"
    SPENT = "spent"
    UNKNOWN = "unknown"
    NO_CONTACT = "no-contact"


class ExclusionReason(StrEnum):
    """Why a certificate is left out when many are replaced at once: the first of these that holds."""

    CLOSED = "closed"
    NOT_APPROVED = "not-approved"
    ORDERED = "ordered"
    SUCCEEDED = "succeeded"
    LET_END = "let-end"
    NO_CONTACT = "no-contact"
    NO_MESSAGES = "no-messages"
    """Its contact has a phone number, and no text message can be sent: nothing of its own tells that."""
    LINKED = "linked"
    """Its description, or a person's name, has an address in it that letters must not carry."""
    LIMIT = "limit"
    """A limit of 24 hours is reached before it."""


@dataclass(frozen=True, slots=True)
class Replaceable:
    """What is known of a certificate that may be replaced.

    `ordered`: an order in its place is open. `succeeded`: a renewal or a replacement of it stands. `let_end`: it is to
    end without a successor. `contact`: its contact can be written to.
    """

    open: bool
    approved: bool
    ordered: bool
    succeeded: bool
    let_end: bool
    contact: bool


def left_out(one: Replaceable, *, by_name: bool) -> ExclusionReason | None:
    """Why this one is not replaced among many, or None; chosen `by_name`, even one that was to end is."""
    holds = {
        ExclusionReason.CLOSED: not one.open,
        ExclusionReason.NOT_APPROVED: not one.approved,
        ExclusionReason.ORDERED: one.ordered,
        ExclusionReason.SUCCEEDED: one.succeeded,
        ExclusionReason.LET_END: one.let_end and not by_name,
        ExclusionReason.NO_CONTACT: not one.contact,
    }
    return next((why for why, held in holds.items() if held), None)


def is_idempotency_key(form: str) -> bool:
    """Whether this is the id of a form: 32 small hex digits, as the page that shows the form makes them at random."""
    return _FORM.fullmatch(form) is not None


def order_id_for(user_id: str, form: str, serial: str = "") -> str:
    """The id of the one order that this form of this user makes, in the place of this certificate: 32 hex digits.

    The same form sent again finds its order there. Of nobody else's form it is the id.
    """
    return sha256(f"order\0{user_id}\0{form}\0{serial}".encode()).hexdigest()[:_ID_DIGITS]


def is_link_expired(expires: datetime, now: datetime) -> bool:
    """Whether the time of a link to transfer ids has passed; its last second is in time."""
    return now > expires
