"""Classification of returned mail: which reports mean a permanent address failure.

The rules are in docs/operators/bounces.md. Enhanced status codes follow RFC 3463: class, subject, detail. The table on
that page says what they mean in practice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LEAST_RETURNS = 10
"""Number of returned messages in a week from which their share counts."""
MOST_RETURNED = 0.05
"""Share of a week's messages above which returned messages cause an alarm."""

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_ADDRESS_WORKS = frozenset({(1, 7), (1, 8), (2, 2), (2, 3), (2, 4), (4, 3), (4, 5), (4, 6), (4, 7)})
"""Subject and detail of status codes that do not concern the address.

They concern the sender, a full mailbox, the size of the message, a mailing list, or the route.
"""
_ADDRESS_WORKS_SUBJECTS = frozenset({3, 6, 7})
"""Subjects of status codes that concern a system, the content or a policy.

None of them means that the mailbox does not exist.
"""
_PROTOCOL, _OTHER = 5, 0


class BounceType(StrEnum):
    """Type of a returned mail."""

    HARD = "hard"
    SOFT = "soft"
    AUTOMATIC = "automatic"
    OTHER = "other"


@dataclass(frozen=True)
class DeliveryStatus:
    """Action and Status of one recipient in a delivery report (RFC 3464, 2.3)."""

    action: str
    status: str


def classify(statuses: Iterable[DeliveryStatus], *, automatic: bool) -> BounceType:
    """Classify a returned mail by the status of its recipients.

    `automatic` is True for an automatic reply (RFC 3834).
    """
    recipients = tuple(statuses)
    if any(_is_hard(recipient) for recipient in recipients):
        return BounceType.HARD
    if any(recipient.action.strip().lower() in {"failed", "delayed"} for recipient in recipients):
        return BounceType.SOFT
    return BounceType.AUTOMATIC if automatic and not recipients else BounceType.OTHER


def alarm(sent: int, returned: int) -> str | None:
    """Return an alarm if too much mail of the last seven days was returned, else None."""
    if returned < LEAST_RETURNS or returned <= sent * MOST_RETURNED:
        return None
    return (
        f"{returned} of {sent} e-mails of the last seven days came back: look at the addresses "
        "(sinetti authority notices bounces), and at whether others take mail from this server"
    )


def _is_hard(status: DeliveryStatus) -> bool:
    match = _STATUS.match(status.status.strip())
    if status.action.strip().lower() != "failed" or match is None or match[1] != "5":
        return False
    subject, detail = int(match[2]), int(match[3])
    if subject == _PROTOCOL:
        # Large providers return 5.5.0 for a missing mailbox; the other details concern SMTP commands.
        return detail == _OTHER
    return subject not in _ADDRESS_WORKS_SUBJECTS and (subject, detail) not in _ADDRESS_WORKS
