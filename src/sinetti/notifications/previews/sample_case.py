"""One sample of a message, before it is written."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sinetti.domain.notifications.messages import MessageChannel, MessageKind


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """One sample. `about` names a sample of the stage, `to` and `others` people of it; `to` None is an operator."""

    kind: MessageKind
    title: str
    now: datetime
    about: str | None = None
    to: str | None = "contact"
    others: tuple[str, ...] = ()
    channel: MessageChannel = MessageChannel.EMAIL
    step: str = "once"
    facts: dict[str, str | list[str]] = field(default_factory=dict)
    first: bool = False
    """Whether nothing was written to its recipient before."""
    production: bool = False


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """An instant, UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
