"""Ordering rules: reasons not to order or replace, and the order id of a form."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

MOST_AT_ONCE = 300
"""Certificates that one request may replace or hand over."""
MOST_SERVED = 1_000_000
"""Limit of other organisations for which reports are sent with one certificate.

It exceeds the number of existing organisations.
"""
LONGEST_AHEAD = 730
"""Days ahead for which a list of ends may be requested.

No certificate lives longer.
"""

ORDER_LAPSES_AFTER = timedelta(days=90)
"""Time from the end of an order's last transfer IDs or link until it lapses.

An organisation that still wants the certificate sends a new link before.
"""

_FORM = re.compile(r"[0-9a-f]{32}")
_ID_DIGITS = 32


class OrderErrorReason(StrEnum):
    """Reason why an order is rejected, or why no transfer ids are created for it."""

    NO_ORGANISATION = "no-organisation"
    CLOSED = "closed"
    NOT_APPROVED = "not-approved"
    NOT_OURS = "not-ours"
    OTHER_CHANNEL = "other-channel"
    SPENT = "spent"
    UNKNOWN = "unknown"
    NO_CONTACT = "no-contact"


class ExclusionReason(StrEnum):
    """Reason to exclude a certificate from a bulk replacement.

    The first that applies counts.
    """

    CLOSED = "closed"
    NOT_APPROVED = "not-approved"
    ORDERED = "ordered"
    SUCCEEDED = "succeeded"
    LET_END = "let-end"
    NO_CONTACT = "no-contact"
    NO_MESSAGES = "no-messages"
    """Its contact has a phone number, and text messages are not available.

    No other field shows this.
    """
    LINKED = "linked"
    """Its description, or a person's name, contains an address.

    Messages must not carry one.
    """
    LIMIT = "limit"
    """A limit of 24 hours is reached before this certificate."""


@dataclass(frozen=True)
class Replaceable:
    """Data of a certificate that may be replaced.

    - `ordered`: a replacement order is open.
    - `succeeded`: a renewal or a replacement of it is valid.
    - `let_end`: it is to end without a successor.
    - `contact`: its contact can receive messages.
    """

    open: bool
    approved: bool
    ordered: bool
    succeeded: bool
    let_end: bool
    contact: bool


def left_out(one: Replaceable, *, by_name: bool) -> ExclusionReason | None:
    """Return why a bulk replacement excludes this certificate, or None.

    If it was chosen `by_name`, it is replaced even if it was to end.
    """
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
    """Return True for the id of a form: 32 lower-case hex digits.

    The page that shows the form creates it at random.
    """
    return _FORM.fullmatch(form) is not None


def order_id_for(user_id: str, form: str, serial: str = "") -> str:
    """Return the id of the order that this form of this user creates: 32 hex digits.

    `serial` is the certificate that the order replaces. A repeated submission of the form therefore finds its order.
    The form of another user never has the same id.
    """
    return sha256(f"order\0{user_id}\0{form}\0{serial}".encode()).hexdigest()[:_ID_DIGITS]


def is_link_expired(expires: datetime, now: datetime) -> bool:
    """Return True if a link to transfer ids has expired; its last second is valid."""
    return now > expires


def lapses_at(usable_until: datetime) -> datetime:
    """Return the instant after which an order lapses by itself.

    `usable_until` is the end of its last transfer IDs or link.
    """
    return usable_until + ORDER_LAPSES_AFTER
