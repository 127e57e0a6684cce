"""What the room of messages works with: one value that is handed down, as the Office is to actions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sinetti.database.connection import Database
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Environment, Language

LADDER = tuple(timedelta(days=days) for days in (60, 30, 14, 7, 3, 1, 0))
"""How long before a certificate's end its reminders are due, unless told otherwise; the first is the opening."""


WAVE_FROM, WAVE_DAYS = 1000, 5
"""From how many certificates that end on one day on their first reminders are spread, and over how many days."""


class TemporaryFailure(Exception):
    """A message that did not get away for a reason that may pass.

    What is told has no address in it.
    """


class ConnectionLost(TemporaryFailure):
    """The other side went silent or hung up in the middle of a letter: perhaps for this recipient, perhaps for all."""


class TransportUnavailable(TemporaryFailure):
    """Nothing can be handed over at all just now, to whomever: this letter was not even begun."""


class PermanentFailure(Exception):
    """A message that was refused for good. What is told has no address in it.

    `address_fails`: it was said that nobody is there, so that later messages would not arrive either.
    """

    def __init__(self, why: str, *, address_fails: bool = False) -> None:
        """Take a sentence for operators."""
        super().__init__(why)
        self.address_fails = address_fails


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """One written message to one recipient.

    `to` is an e-mail address or a phone number; SMS have no subject.

    `text` is whole by itself; `html` says the same (e-mail alone). `message_id` is its row's, the same at each try.
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
    """What takes letters out of the house: SMTP, a provider of text messages, a bench's mailbox.

    `deliver` returns once somebody else has taken the letter on; it raises NotNow or NotDeliverable, and nothing else.
    """

    def deliver(self, letter: RenderedMessage) -> None:
        """Hand one letter over."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What an operator decides about messages.

    `people_address` is that of the pages, without a slash at the end.

    `help` says in each language how to reach help; `service` is the authority's name, which is also the controller of
    people's data. `operators` are e-mail addresses. From `wave_from` certificates that end on one day on, their first
    reminders are spread over `wave_days` working days. `people_kept` is how long people's data is kept after their last
    task has ended (docs/retention.md).
    """

    people_address: str
    service: str
    help: Mapping[Language, str]
    operators: tuple[str, ...] = ()
    ladder: tuple[timedelta, ...] = LADDER
    wave_from: int = WAVE_FROM
    wave_days: int = WAVE_DAYS
    people_kept: timedelta = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """Register, clocks, the key of links and PIN codes, and who delivers.

    `now` is the office's clock, on which messages are due; `machine_now` measures locks and the time between two tries.
    `unseal` opens what is sealed in a row: the way to a page, for whoever has it may act there.
    `step` is called at named points where a test may end the process (docs/notices.md); production takes no step.
    """

    db: Database
    environment: Environment
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    terms: NotificationSettings
    deliverers: Mapping[MessageChannel, MessageTransport]
    key: bytes = field(repr=False)
    step: Callable[[str], None] = lambda _name: None
    unseal: Callable[[str], str] = field(default=lambda sealed: sealed, repr=False)
