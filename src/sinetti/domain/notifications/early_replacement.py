"""Channels of a call for early replacement to programs and people.

Programs poll renewal information; people get messages, which are repeated daily to a growing audience.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from sinetti.domain.business_days import finnish_date, start_of_business
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.validation import international
from sinetti.domain.values import Language

ASKED_LATELY: Final = timedelta(days=1)
"""Time for which a request for renewal information counts as polling.

Programs ask four times a day.
"""
NOTED_EVERY: Final = timedelta(hours=5)
"""Interval at which requests for renewal information are recorded.

It is shorter than that of the requests, so that each request of a program that follows RFC 9773 is recorded.
"""
NEWS_NOTED_EVERY: Final = timedelta(minutes=1)
"""Interval at which requests with other numbers of trust lists are recorded."""

MEASURED_FOR: Final = timedelta(days=7)
"""Time for which a drill measures who hears of it."""

_QUIET: Final = timedelta(hours=12)
"""Shortest time between two messages about a call."""
_DAY: Final = timedelta(days=1)
_PRODUCT = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40})(/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,23})?(?= |$)")


class CallStage(StrEnum):
    """Stage of a call, which decides whom its messages go to and how.

    As with reminders, the audience grows, and the last stage adds text messages.
    """

    FIRST = "first"
    """Technical contact, deputy and signatories, each by one channel."""
    WIDER = "wider"
    """The organisation's contact person too."""
    TEXTED = "texted"
    """Text messages beside the e-mails."""


class DrillAudience(StrEnum):
    """Recipients of the messages of a drill."""

    NONE = "none"
    OPERATORS = "operators"
    HOLDERS = "holders"


class CallRecipient(Protocol):
    """Person that messages may concern, as in database/notifications/recipients.py."""

    @property
    def person_id(self) -> str:
        """Id of the person."""

    @property
    def name(self) -> str:
        """Name of the person."""

    @property
    def language(self) -> Language:
        """Language of the person."""

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


@dataclass(frozen=True)
class CallAudience:
    """Audience of one certificate: its people, and if its program polls."""

    program: bool
    people: tuple[CallRecipient, ...]
    organisation: str = ""
    customer_id: str = ""


@dataclass(frozen=True)
class PhoneCall:
    """Person whom no message reaches, with the number of their certificates.

    The organisation is one of them. The person's phone number may be empty.
    """

    person: CallRecipient = field(repr=False)
    organisation: str
    customer_id: str
    count: int


@dataclass(frozen=True)
class CallReach:
    """Counts of certificates that a call reaches, by channel, and of the others.

    A certificate may be reached in several ways. `telephone` are those among `unreached` with a person whom a clerk
    can call. `emails` and `texts` are messages, one for each person; `people_unreached` are people whom no message
    reaches.
    """

    program: int = 0
    email: int = 0
    sms: int = 0
    unreached: int = 0
    telephone: int = 0
    emails: int = 0
    texts: int = 0
    people_unreached: int = 0


def has_program(asked_at: datetime | None, now: datetime) -> bool:
    """Return True if a program polls renewal information, judged by its last request."""
    return asked_at is not None and asked_at > now - ASKED_LATELY


def needs_record(
    asked_at: datetime | None, now: datetime, called_at: datetime | None = None, *, has_news: bool = False
) -> bool:
    """Return True if a request for renewal information has to be recorded now.

    The first one since a call has, because the program hears of the call. One with other numbers of trust lists
    (`has_news`) has after a minute, since its caller is anonymous.
    """
    if asked_at is None or asked_at <= now - (NEWS_NOTED_EVERY if has_news else NOTED_EVERY):
        return True
    return called_at is not None and asked_at < called_at


def parse_product(user_agent: str) -> str:
    """Return the first product of a User-Agent, with its version (RFC 9110, 10.1.5).

    Comments, which may describe the machine, are left out. The result is empty for any other text.
    """
    match = _PRODUCT.match(user_agent)
    return match[0] if match else ""


def call_stage(begins: datetime, ends: datetime, now: datetime) -> CallStage:
    """Return the stage of a call.

    It is wider in the second half of the time, and texted in the last quarter.
    """
    left, whole = ends - now, ends - begins
    if left <= whole / 4:
        return CallStage.TEXTED
    return CallStage.WIDER if left <= whole / 2 else CallStage.FIRST


def next_repetition(last: datetime) -> datetime:
    """Return the time of the next message about a call.

    It is the first 8:00 that is twelve hours later. Weekends and holidays count, because an incident does not wait.
    """
    at = start_of_business(finnish_date(last))
    while at < last + _QUIET:
        at = start_of_business(finnish_date(at) + _DAY)
    return at


def channel_to(call_recipient: CallRecipient, *, has_sms: bool = True) -> MessageChannel | None:
    """Return the channel to a person: e-mail, or text message if mail fails.

    The result is None if there is no channel, or if the person opted out of mail. `has_sms` is False for an authority
    without an SMS provider.
    """
    if call_recipient.mailable:
        return MessageChannel.EMAIL
    return MessageChannel.SMS if has_sms and call_recipient.textable and not call_recipient.stopped else None


def list_recipients(people: Iterable[CallRecipient], *, has_sms: bool = True) -> dict[str, CallRecipient]:
    """Return the recipients of one message each, by e-mail address or number.

    People whom no channel reaches are included. The first person at an address counts.
    """
    call_recipients: dict[str, CallRecipient] = {}
    for person in people:
        by_phone = channel_to(person, has_sms=has_sms) is MessageChannel.SMS
        call_recipients.setdefault(_number(person) if by_phone else person.address or person.person_id, person)
    return call_recipients


def _number(call_recipient: CallRecipient) -> str:
    """Return a phone number in its international form if it has one, else as it is."""
    return international(call_recipient.phone) or call_recipient.phone


def list_copies(people: Iterable[CallRecipient], stage: CallStage) -> tuple[tuple[CallRecipient, MessageChannel], ...]:
    """Return the messages of a stage: each recipient with a channel.

    There is at most one for each address or number.
    """
    recipients = list_recipients(people).values()
    pairs = [(recipient, channel) for recipient in recipients if (channel := channel_to(recipient)) is not None]
    if stage is not CallStage.TEXTED:
        return tuple(pairs)
    numbers = {_number(call_recipient) for call_recipient, channel in pairs if channel is MessageChannel.SMS}
    for call_recipient, channel in tuple(pairs):
        number = _number(call_recipient)
        if channel is MessageChannel.EMAIL and call_recipient.textable and number not in numbers:
            numbers.add(number)
            pairs.append((call_recipient, MessageChannel.SMS))
    return tuple(pairs)


def count_reached(certificates: Iterable[CallAudience], *, has_sms: bool = True) -> CallReach:
    """Count the certificates and people that a call reaches."""
    program = email = sms = unreached = telephone = 0
    people: dict[str, CallRecipient] = {}
    for certificate in certificates:
        ways = {channel_to(person, has_sms=has_sms) for person in certificate.people}
        program += certificate.program
        email += MessageChannel.EMAIL in ways
        sms += MessageChannel.SMS in ways
        if not certificate.program and ways <= {None}:
            unreached += 1
            telephone += any(person.textable for person in certificate.people)
        people.update((person.person_id, person) for person in certificate.people)
    recipients = list_recipients(people.values(), has_sms=has_sms).values()
    ways_of_each = [channel_to(recipient, has_sms=has_sms) for recipient in recipients]
    emails, texts, none = (ways_of_each.count(way) for way in (MessageChannel.EMAIL, MessageChannel.SMS, None))
    return CallReach(program, email, sms, unreached, telephone, emails, texts, none)


def list_phone_calls(certificates: Iterable[CallAudience], *, has_sms: bool = True) -> tuple[PhoneCall, ...]:
    """Return the people of certificates that no program and no message reaches.

    Each address or number is listed once.
    """
    phone_calls: dict[str, PhoneCall] = {}
    for certificate in certificates:
        if certificate.program or any(channel_to(person, has_sms=has_sms) is not None for person in certificate.people):
            continue
        for person in certificate.people:
            key = person.address or person.phone or person.person_id
            before = phone_calls.get(key)
            count = 1 + (before.count if before is not None else 0)
            phone_calls[key] = PhoneCall(person, certificate.organisation, certificate.customer_id, count)
    return tuple(phone_calls.values())


@dataclass(frozen=True)
class ReachCurve:
    """Count of reached certificates or messages, and the times to shares of them.

    A time is None until that share is reached.
    """

    count: int
    reached: int
    half: timedelta | None
    nine_tenths: timedelta | None

    @property
    def percent(self) -> float:
        """Reached share in per cent, with one digit, rounded down so that 100 means all."""
        return self.reached * 1000 // self.count / 10 if self.count else 0.0


def reach_curve(count: int, instants: Sequence[datetime], begun: datetime) -> ReachCurve:
    """Return the curve of `count` objects that were reached at `instants`."""
    ordered = sorted(instants)

    def time_to(tenths: int) -> timedelta | None:
        needed = -(-count * tenths // 10)
        return ordered[needed - 1] - begun if 0 < needed <= len(ordered) else None

    return ReachCurve(count, len(ordered), time_to(5), time_to(9))
