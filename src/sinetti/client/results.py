"""Results of a command: result word, exit code and messages.

Also the meaning of a trusted refusal for a request under way. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, IntEnum, StrEnum

from sinetti.client.messages.messages import Message, MessageError
from sinetti.domain.refusals import RejectionReason, reason_for_code


class Result(StrEnum):
    """Result of one name; the values stand in JSON."""

    RENEWED = "renewed"
    ENROLLED = "enrolled"
    NOT_DUE = "not-due"
    REFUSED = "refused"
    PENDING = "pending"
    UNCERTAIN = "uncertain"
    FAILED = "failed"


class ExitCode(IntEnum):
    """Exit codes of the client. With several names, the highest is used."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    REFUSED = 3
    AGAIN = 4
    STORE = 5
    UNCERTAIN = 6
    INTERRUPTED = 130


@dataclass(frozen=True)
class CommandResult:
    """Result of a command for one name.

    `codes` are the service's error codes, in its order. `retry_after`: delay that the service asked for.
    """

    name: str
    result: Result
    exit_code: ExitCode
    messages: tuple[Message, ...]
    codes: tuple[str, ...] = ()
    retry_after: timedelta | None = None


class UsageError(MessageError):
    """Command that cannot be carried out as written.

    `message` says what to write instead.
    """


def highest_exit_code(outcomes: Iterable[CommandResult]) -> ExitCode:
    """Return the highest exit code; DONE if there was nothing to do."""
    return max((outcome.exit_code for outcome in outcomes), default=ExitCode.DONE)


LATER = frozenset(
    {
        RejectionReason.NOT_READY,
        RejectionReason.UNAVAILABLE,
        RejectionReason.TOO_MANY_REQUESTS,
        RejectionReason.INTERNAL,
    }
)
"""Refusals after which the same request is sent again later, with the same key."""

DOUBTFUL = frozenset({RejectionReason.UNAVAILABLE, RejectionReason.INTERNAL})
"""Those of LATER that may come although the request was processed."""

HOPELESS = frozenset({RejectionReason.CSR_UNREADABLE, RejectionReason.KEY_NOT_ACCEPTED, RejectionReason.KEY_REUSED})
"""Refusals after which the same key will not be accepted later either."""


class NextStep(Enum):
    """Next step after a refusal."""

    LATER = "send the same again later"
    REFUSED = "keep the key and show the reason"
    REFUSED_FOR_GOOD = "set the key aside and show the reason"
    UNCERTAIN = "keep everything: it may have been done"


def after_request(codes: Sequence[str], *, doubt: bool) -> NextStep:
    """Return the next step after the refusal of a request.

    `doubt`: the request was sent before with unknown outcome. Then any refusal may only mean "processed before", since
    services have many codes for used transfer IDs. A code that is missing in the table does not show whether they were
    used, so it leaves the outcome uncertain too.
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
    """Return whether a temporary refusal may hide that the request was processed."""
    return not DOUBTFUL.isdisjoint(reason_for_code(code) for code in codes)


def is_permanent(codes: Sequence[str]) -> bool:
    """Return whether the key itself was refused, so that it is not offered again."""
    return not HOPELESS.isdisjoint(reason_for_code(code) for code in codes)


def after_retrieval(codes: Sequence[str]) -> NextStep:
    """Return the next step after the refusal of a retrieval.

    Retrieval uses nothing up, so an unknown code is treated like "not ready".
    """
    reasons = [reason_for_code(code) for code in codes]
    if not reasons or None in reasons:
        return NextStep.UNCERTAIN
    return NextStep.LATER if LATER.issuperset(reasons) else NextStep.REFUSED_FOR_GOOD
