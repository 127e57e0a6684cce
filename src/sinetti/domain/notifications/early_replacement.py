"""Channels of a call for early replacement to programs and people.

Programs poll renewal information; people get messages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.validation import international

ASKED_LATELY: Final = timedelta(days=2)
"""Time for which a request for renewal information counts as polling.

Programs ask four times a day.
"""
NOTED_EVERY: Final = timedelta(days=1)
"""Interval at which requests for renewal information are recorded."""


class CallRecipient(Protocol):
    """Person that messages may concern, as in database/notifications/recipients.py."""

    @property
    def person_id(self) -> str:
        """Id of the person."""

    @property
    def address(self) -> str:
        """E-mail address in the form for comparison."""

    @property
    def phone(self) -> str:
        """Phone number."""

    @property
    def mailable(self) -> bool:
        """True if mail reaches this person."""

    @property
    def textable(self) -> bool:
        """True if there is a phone number."""

    @property
    def stopped(self) -> bool:
        """True if this person wants no more mail."""


@dataclass(frozen=True, slots=True)
class CallAudience:
    """Audience of one certificate: its people, and if its program polls."""

    program: bool
    people: tuple[CallRecipient, ...]


@dataclass(frozen=True, slots=True)
class CallReach:
    """Counts of certificates that a call reaches, by channel, and of the others.

    A certificate may be reached in several ways. `emails` and `texts` are messages, one for each person;
    `people_unreached` are people whom no message reaches.
    """

    program: int = 0
    email: int = 0
    sms: int = 0
    unreached: int = 0
    emails: int = 0
    texts: int = 0
    people_unreached: int = 0


def has_program(asked_at: datetime | None, now: datetime) -> bool:
    """Return True if a program polls renewal information, judged by its last request."""
    return asked_at is not None and asked_at > now - ASKED_LATELY


def needs_record(asked_at: datetime | None, now: datetime) -> bool:
    """Return True if a request for renewal information has to be recorded now."""
    return asked_at is None or asked_at <= now - NOTED_EVERY


def channel_to(one: CallRecipient) -> MessageChannel | None:
    """Return the channel to a person: e-mail, or text message if mail fails.

    The result is None if there is no channel, or if the person opted out of mail.
    """
    if one.mailable:
        return MessageChannel.EMAIL
    return MessageChannel.SMS if one.textable and not one.stopped else None


def list_recipients(people: Iterable[CallRecipient]) -> dict[str, CallRecipient]:
    """Return the recipients of one message each, by e-mail address or number.

    People whom no channel reaches are included. The first person at an address counts.
    """
    found: dict[str, CallRecipient] = {}
    for one in people:
        by_phone = channel_to(one) is MessageChannel.SMS
        found.setdefault((international(one.phone) or one.phone) if by_phone else one.address or one.person_id, one)
    return found


def count_reached(certificates: Iterable[CallAudience]) -> CallReach:
    """Count the certificates and people that a call reaches."""
    program = email = sms = unreached = 0
    people: list[CallRecipient] = []
    for one in certificates:
        ways = {channel_to(person) for person in one.people}
        program += one.program
        email += MessageChannel.EMAIL in ways
        sms += MessageChannel.SMS in ways
        unreached += not one.program and ways <= {None}
        people.extend(one.people)
    ways_of_each = [channel_to(one) for one in list_recipients(people).values()]
    return CallReach(
        program,
        email,
        sms,
        unreached,
        ways_of_each.count(MessageChannel.EMAIL),
        ways_of_each.count(MessageChannel.SMS),
        ways_of_each.count(None),
    )
