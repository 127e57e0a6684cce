"""Samples of reminders, and the type of all samples."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sinetti.domain.notifications.messages import MessageChannel, MessageKind


@dataclass(frozen=True)
class SampleMessage:
    """One sample message, before it is rendered.

    `about` is a key of `LINEAGES`. `to` and `others` are keys of `PEOPLE` of the scenario. `to` is None
    for an operator. Facts may be keys of `PEOPLE` as well, and `secure` or `pin` for the ids of the order.
    """

    kind: MessageKind
    title: str
    now: datetime
    about: str | None = None
    to: str | None = "contact"
    others: tuple[str, ...] = ()
    channel: MessageChannel = MessageChannel.EMAIL
    step: str = "once"
    facts: dict[str, Any] = field(default_factory=dict)
    first: bool = False
    """True for the first message to its recipient."""
    production: bool = False


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """Return an instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


_K, _SMS = MessageKind, MessageChannel.SMS
_WIDER = ("contact", "deputy", "signatory", "contact_person")
_OPENED = at(2027, 3, 3, 11, 3)
_A_WEEK = at(2027, 4, 23, 5)
_TWO_WEEKS = at(2027, 4, 16, 11, 3)
_LAST_DAY = at(2027, 4, 30, 5)
_ENDED = at(2027, 5, 3, 5)

REMINDERS = (
    SampleMessage(
        _K.REMINDER, "60 days before, to the technical contact person", _OPENED, "sunday", others=("deputy",), step="60"
    ),
    SampleMessage(
        _K.REMINDER,
        "60 days before, the first message to this person, production",
        _OPENED,
        "sunday",
        others=("deputy",),
        step="60",
        first=True,
        production=True,
    ),
    SampleMessage(
        _K.REMINDER,
        "30 days before an end on a working day, to the deputy",
        at(2027, 4, 1, 11, 3),
        "tuesday",
        "deputy",
        ("contact",),
        step="30",
    ),
    SampleMessage(
        _K.REMINDER, "14 days before, to a representative", _TWO_WEEKS, "sunday", "signatory", _WIDER, step="14"
    ),
    SampleMessage(
        _K.REMINDER,
        "14 days before, to the organisation's contact person",
        _TWO_WEEKS,
        "sunday",
        "contact_person",
        _WIDER,
        step="14",
    ),
    SampleMessage(
        _K.REMINDER, "7 days before, to the technical contact person", _A_WEEK, "sunday", others=_WIDER, step="7"
    ),
    SampleMessage(
        _K.REMINDER,
        "7 days before, as a text message to the technical contact person",
        _A_WEEK,
        "sunday",
        channel=_SMS,
        step="7",
    ),
    SampleMessage(
        _K.REMINDER,
        "7 days before, as a text message to the organisation's contact person",
        _A_WEEK,
        "sunday",
        "contact_person",
        channel=_SMS,
        step="7",
    ),
    SampleMessage(
        _K.REMINDER,
        "renewed but not retrieved, to the technical contact person",
        _A_WEEK,
        "unfetched",
        others=_WIDER,
        step="7",
    ),
    SampleMessage(
        _K.REMINDER,
        "renewed but not retrieved, to the organisation's contact person",
        _A_WEEK,
        "unfetched",
        "contact_person",
        _WIDER,
        step="7",
    ),
    SampleMessage(
        _K.REMINDER, "renewed but not retrieved, as a text message", _A_WEEK, "unfetched", channel=_SMS, step="7"
    ),
    SampleMessage(
        _K.REMINDER, "a replacement is ordered, to the technical contact person", _A_WEEK, "replaced", step="7"
    ),
    SampleMessage(
        _K.REMINDER, "a replacement is ordered, to a representative", _A_WEEK, "replaced", "signatory", step="7"
    ),
    SampleMessage(
        _K.REMINDER,
        "the end falls on a day off, reminded on the last working day before",
        _LAST_DAY,
        "sunday",
        others=_WIDER,
        step="0",
    ),
    SampleMessage(
        _K.REMINDER, "it has ended, to the technical contact person", _ENDED, "sunday", others=_WIDER, step="0"
    ),
    SampleMessage(_K.REMINDER, "it has ended, to a representative", _ENDED, "sunday", "signatory", _WIDER, step="0"),
    SampleMessage(
        _K.REMINDER, "it has ended, and the renewed one was not retrieved", _ENDED, "unfetched", others=_WIDER, step="0"
    ),
    SampleMessage(
        _K.REMINDER,
        "it has ended, and the renewed one was not retrieved, to a representative",
        _ENDED,
        "unfetched",
        "signatory",
        _WIDER,
        step="0",
    ),
    SampleMessage(_K.REMINDER, "it has ended, and the replacement was not retrieved", _ENDED, "replaced", step="0"),
    SampleMessage(
        _K.REMINDER,
        "it has ended, and the replacement was not retrieved, to a representative",
        _ENDED,
        "replaced",
        "signatory",
        step="0",
    ),
    SampleMessage(_K.REMINDER, "it has ended, as a text message", _ENDED, "sunday", channel=_SMS, step="0"),
)
