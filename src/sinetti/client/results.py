"""How a command ended: one result word, one exit code and what to tell the person.

What a trusted "no" of the service means for what is under way. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, IntEnum, StrEnum

from sinetti.client.messages.messages import Message
from sinetti.domain.refusals import RejectionReason, reason_for_code


class Result(StrEnum):
    """What became of one name; the values stand in JSON."""

    RENEWED = "renewed"
    ENROLLED = "enrolled"
    NOT_DUE = "not-due"
    REFUSED = "refused"
    PENDING = "pending"
    UNCERTAIN = "uncertain"
    FAILED = "failed"


class ExitCode(IntEnum):
    """The client's exit codes. Where several names are tried the highest wins."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    REFUSED = 3
    AGAIN = 4
    STORE = 5
    UNCERTAIN = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What became of one name; `codes` are the service's error codes, in its order.

    `retry_after`: how long the service asked to be left alone.
    """

    name: str
    result: Result
    exit_code: ExitCode
    messages: tuple[Message, ...]
    codes: tuple[str, ...] = ()
    retry_after: timedelta | None = None


class UsageError(Exception):
    """What was asked cannot be done as it was written; `message` says what to write instead."""

    def __init__(self, message: Message) -> None:
        """Keep the message for whoever prints it."""
        super().__init__(message.text)
        self.message = message


def highest_exit_code(outcomes: Iterable[CommandResult]) -> ExitCode:
    """Give the highest exit code; DONE where there was nothing to do."""
    return max((outcome.exit_code for outcome in outcomes), default=ExitCode.DONE)


LATER = frozenset(
    {
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }
)
"""Ask the same again later, with the same key."""

DOUBTFUL = frozenset({RejectionReason.UNAVAILABLE, RejectionReason.INTERNAL})
"""Of those, the ones that may come when the request was done all the same."""

HOPELESS = frozenset({RejectionReason.CSR_UNREADABLE, RejectionReason.KEY_NOT_ACCEPTED, RejectionReason.KEY_REUSED})
"""The same key will not be taken another time either."""


class NextStep(Enum):
    """What to do after a "no"."""

    LATER = "send the same again later"
    REFUSED = "keep the key and show the reason"
    REFUSED_FOR_GOOD = "set the key aside and show the reason"
    UNCERTAIN = "keep everything: it may have been done"


def after_request(codes: Sequence[str], *, doubt: bool) -> NextStep:
    """Judge the refusal of a request; `doubt`: it left before, and nobody here knows what became of that.

    With a doubt any refusal may only mean "done before": a service that takes transfer IDs once has many words for it.
    A code that our table lacks says nothing about whether they were spent, so it leaves the matter open too.
    """
    reasons = [reason_for_code(code) for code in codes]
    if not reasons or None in reasons:
        return NextStep.UNCERTAIN
    if LATER.issuperset(reasons):
        return NextStep.LATER
    if doubt:
        return NextStep.UNCERTAIN
    return NextStep.REFUSED_FOR_GOOD if is_permanent(codes) else NextStep.REFUSED


def may_have_been_processed(codes: Sequence[str]) -> bool:
    """Tell whether a "later" may hide that the request was done."""
    return not DOUBTFUL.isdisjoint(reason_for_code(code) for code in codes)


def is_permanent(codes: Sequence[str]) -> bool:
    """Tell whether the key itself was refused, so that the same one need not be offered again."""
    return not HOPELESS.isdisjoint(reason_for_code(code) for code in codes)


def after_retrieval(codes: Sequence[str]) -> NextStep:
    """Judge the refusal of a fetch.

    Fetching spends nothing, so an unknown code is waited out like "not ready".
    """
    reasons = [reason_for_code(code) for code in codes]
    if not reasons or None in reasons:
        return NextStep.UNCERTAIN
    return NextStep.LATER if LATER.issuperset(reasons) else NextStep.REFUSED_FOR_GOOD
