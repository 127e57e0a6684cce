"""How a command ended: one result word, one exit code and what to tell the person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum

from sinetti.client.messages.messages import Message


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
