"""Context of notifications, passed down as an argument like the ServiceContext.

Office hours and days off in Finland.

Days off are public holidays, from a maintained library, and the two eves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Protocol

from sinetti.database.connection import Database
from sinetti.domain.business_days import is_business_hours
from sinetti.domain.business_days import next_business_time as next_time_of_business
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageChannel, MessageKind
from sinetti.domain.secret_keys import Keyring, KeySource
from sinetti.domain.values import Environment, Language

LADDER = tuple(timedelta(days=days) for days in (60, 30, 14, 7, 3, 1, 0))
"""Default times before a certificate's end at which reminders are due.

The first opens the period.
"""


WAVE_FROM, WAVE_DAYS = 1000, 5
"""Certificates ending on one day from which first reminders are spread, and days."""


class TemporaryFailure(Exception):
    """A message that was not sent for a temporary reason.

    The text contains no address.
    """


class ConnectionLost(TemporaryFailure):
    """Raised if the server goes silent or disconnects in the middle of a message.

    The cause may be this recipient, or affect all.
    """


class TransportUnavailable(TemporaryFailure):
    """Raised if the transport takes no message at all now; this one was not begun."""


class PermanentFailure(Exception):
    """A message that was rejected permanently. The text contains no address.

    `address_fails` says that the address does not exist, so later messages would fail too.
    """

    def __init__(self, why: str, *, address_fails: bool = False) -> None:
        """Create the exception with a sentence for operators."""
        super().__init__(why)
        self.address_fails = address_fails


@dataclass(frozen=True)
class RenderedMessage:
    """A rendered message to one recipient.

    `to` is an e-mail address or a phone number; SMS have no subject. `text` is complete by itself; `html` has the same
    content, for e-mail only. `message_id` is the id of its row, the same at each attempt.
    """

    message_id: str
    kind: MessageKind
    channel: MessageChannel
    to: str
    language: Language
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)


class MessageTransport(Protocol):
    """Transport of messages: SMTP, an SMS provider, or the mailbox of a test bench.

    `deliver` returns once the receiver has accepted the message. It raises only TemporaryFailure or PermanentFailure.
    """

    def deliver(self, letter: RenderedMessage) -> None:
        """Hand one message over."""

    def close(self) -> None:
        """Close connections."""


@dataclass(frozen=True)
class NotificationSettings:
    """The operator's settings of messages.

    `people_address` is the address of the pages, without a slash at the end.

    `help` says in each language how to reach help. `service` is the authority's name, which is also the controller of
    personal data. `operators` are e-mail addresses. From `wave_from` certificates that end on one day on, their first
    reminders are spread over `wave_days` working days. `people_kept` is the time for which personal data is kept after
    a person's last task has ended (docs/operators/retention.md).
    """

    people_address: str
    service: str
    help: Mapping[Language, str]
    operators: tuple[str, ...] = ()
    ladder: tuple[timedelta, ...] = LADDER
    wave_from: int = WAVE_FROM
    wave_days: int = WAVE_DAYS
    people_kept: timedelta = timedelta(days=730)


@dataclass(frozen=True)
class NotificationContext:
    """Database, clocks, secret keys, and transports.

    `now` is the service's clock, by which messages are due. `machine_now` measures locks and the time between two
    attempts. `keys` returns the secret keys in force, from which links and PIN codes are computed. `unseal` decrypts
    secrets of a row, such as the path of a page; its holder can act there. `step` is called at named points where a
    test may end the process (docs/operators/notifications.md); in production it does nothing.
    """

    db: Database
    environment: Environment
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    terms: NotificationSettings
    deliverers: Mapping[MessageChannel, MessageTransport]
    keys: KeySource = field(repr=False)
    step: Callable[[str], None] = lambda _name: None
    unseal: Callable[[str], str] = field(default=lambda sealed: sealed, repr=False)

    @property
    def ring(self) -> Keyring:
        """Secret keys that are in force now."""
        return self.keys()


def is_holiday(day: date) -> bool:
    """Return True for a public holiday in Finland, Midsummer Eve or Christmas Eve.

    Source: Act 105/1989 and custom.
    """
    return day in _days_off(day.year)


def may_send(kind: MessageKind, now: datetime) -> bool:
    """Return True if a message of this kind may be sent at this instant."""
    return kind not in OFFICE_HOURS_ONLY or is_business_hours(now, is_holiday)


def deferred_kinds(now: datetime, lately: timedelta) -> frozenset[MessageKind]:
    """Return the kinds that cannot be sent now, or could not be `lately` ago.

    Waiting messages of these kinds are not late.
    """
    return frozenset(kind for kind in OFFICE_HOURS_ONLY if not (may_send(kind, now) and may_send(kind, now - lately)))


def next_business_time(now: datetime) -> datetime:
    """Return this instant if it is in office hours, else the next start of them."""
    return next_time_of_business(now, is_holiday)


@cache
def _days_off(year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - a tenth of a second, which most commands need not take

    # The library's table has both eves. Working time law does not name them, but no clerk is in the office.
    return frozenset(country_holidays("FI", years=year))
