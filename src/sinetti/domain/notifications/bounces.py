"""What came back: which returned mail says that an address does not work for good (docs/returns.md).

Enhanced status codes are RFC 3463's: class, subject, detail. What they mean in the field is in the page's table.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LEAST_RETURNS = 10
"""From so many returned messages in a week on, their share counts."""
MOST_RETURNED = 0.05
"""A larger share than this of a week's messages is an alarm."""

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_ADDRESS_WORKS = frozenset({(1, 7), (1, 8), (2, 2), (2, 3), (2, 4), (4, 3), (4, 5), (4, 6), (4, 7)})
"""Details that are about the sender, a full mailbox, the message's length, a list, or the way there."""
_ADDRESS_WORKS_SUBJECTS = frozenset({3, 6, 7})
"""Subjects that are about a system, the content, or policy: none of them says that nobody is there."""
_PROTOCOL, _OTHER = 5, 0


class BounceType(StrEnum):
    """What a returned mail is."""

    HARD = "hard"
    SOFT = "soft"
    AUTOMATIC = "automatic"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """What a delivery status notification says of one recipient: its Action and Status fields (RFC 3464, 2.3)."""

    action: str
    status: str


def classify(told: Iterable[DeliveryStatus], *, automatic: bool) -> BounceType:
    """Judge a returned mail by what it says of its recipients; `automatic`: it answers by itself (RFC 3834)."""
    recipients = tuple(told)
    if any(_is_hard(one) for one in recipients):
        return BounceType.HARD
    if any(one.action.strip().lower() in {"failed", "delayed"} for one in recipients):
        return BounceType.SOFT
    return BounceType.AUTOMATIC if automatic and not recipients else BounceType.OTHER


def alarm(sent: int, returned: int) -> str | None:
    """Say that too much of what was sent in the last seven days came back, or None."""
    if returned < LEAST_RETURNS or returned <= sent * MOST_RETURNED:
        return None
    return (
        f"{returned} of {sent} e-mails of the last seven days came back: look at the addresses "
        "(sinetti authority notices bounces), and at whether others take mail from this server"
    )


def _is_hard(one: DeliveryStatus) -> bool:
    found = _STATUS.match(one.status.strip())
    if one.action.strip().lower() != "failed" or found is None or found[1] != "5":
        return False
    subject, detail = int(found[2]), int(found[3])
    if subject == _PROTOCOL:
        # Large providers give 5.5.0 for a mailbox that is not there; the other details are about commands.
        return detail == _OTHER
    return subject not in _ADDRESS_WORKS_SUBJECTS and (subject, detail) not in _ADDRESS_WORKS
