"""What a person has to do about a name, and how pressing it is: what `sinetti status` sorts by and `--check` tells."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from sinetti.client.messages.messages import Message, say
from sinetti.client.reporting.status import NameState, Row
from sinetti.client.results import ExitCode
from sinetti.client.store.journal import State
from sinetti.domain.certificates.renewal_info import in_proportion
from sinetti.i18n.translate import mark

URGENT = timedelta(days=14)
"""This near the end a certificate that was not renewed needs a person; less where it lives for less than 180 days."""

TRIES = 5
"""So often the agent tries by itself before a person is to look: two and a half hours."""


class Todo(StrEnum):
    """What is to be done, the most pressing first; the values stand in JSON."""

    REPAIR = "repair"
    REPLACE = "replace"
    RESOLVE = "resolve"
    ENROL = "enrol"
    RENEW = "renew"
    DEPLOY = "deploy"
    GO_ON = "go-on"
    ORDER = "order"
    WAIT = "wait"
    NOTHING = "nothing"


WORDS = {
    Todo.REPLACE: mark("Order a replacement, then run “sinetti enrol {name}”."),
    Todo.RESOLVE: mark("Run “sinetti renew {name}” again; if it stays uncertain, ask the service's support."),
    Todo.ENROL: mark("Run “sinetti enrol {name}” again."),
    Todo.RENEW: mark("Run “sinetti renew {name}” and see what it says."),
    Todo.DEPLOY: mark("Mend the program that brings it into use; “sinetti log {name}” says what went wrong."),
    Todo.GO_ON: mark("Run “sinetti retrieve {name}”."),
    Todo.ORDER: mark(
        "Order a certificate in the e-service, then run “sinetti enrol {name}” with its transfer IDs; or take the "
        "table away."
    ),
}
ENROL_OR_DELETE = mark("Run “sinetti enrol {name}” again, or delete its folder.")
ENROL_RESOLVE = mark("Run “sinetti enrol {name}” again; if it stays uncertain, ask the service's support.")

REPAIRABLE = mark("The store is damaged: {what}. Run “sinetti run”: it repairs this by itself.")

EXIT_CODES = {
    Todo.REPAIR: ExitCode.STORE,
    Todo.REPLACE: ExitCode.REFUSED,
    Todo.RESOLVE: ExitCode.UNCERTAIN,
    Todo.ENROL: ExitCode.REFUSED,
    Todo.RENEW: ExitCode.AGAIN,
    Todo.DEPLOY: ExitCode.AGAIN,
    Todo.GO_ON: ExitCode.AGAIN,
    Todo.ORDER: ExitCode.DONE,
    Todo.WAIT: ExitCode.DONE,
    Todo.NOTHING: ExitCode.DONE,
}

_STATES = {
    NameState.DAMAGED: Todo.REPAIR,
    NameState.REVOKED: Todo.REPLACE,
    NameState.EXPIRED: Todo.REPLACE,
    NameState.UNCERTAIN: Todo.RESOLVE,
    NameState.NOT_ENROLLED: Todo.ORDER,
}
_RANKS = {one: number for number, one in enumerate(Todo)}


def of(row: Row) -> Todo:
    """Tell what is to be done about a name. WAIT: the agent is at it, or it renews itself soon."""
    seen = row.seen
    by_state = _STATES.get(row.state)
    if by_state is not None:
        return by_state
    if seen.span is None:
        return Todo.GO_ON if row.shown is None else Todo.ENROL
    if is_hopeless(row):
        return Todo.REPLACE
    failures = 0 if seen.memory is None else seen.memory.failures
    near = seen.span.not_after - row.now < in_proportion(URGENT, seen.span)
    if failures >= TRIES or (near and row.state is not NameState.PENDING):
        return Todo.RENEW
    if not_deployed(row):
        return Todo.DEPLOY
    if row.state is NameState.PENDING:
        return Todo.GO_ON
    return Todo.WAIT if failures or row.state is NameState.RENEWAL_OPEN else Todo.NOTHING


def is_hopeless(row: Row) -> bool:
    """Whether the agent has found that this certificate cannot be renewed any more."""
    told = None if row.seen.memory is None else row.seen.memory.told
    return told is not None and told == row.seen.serial


def deployed(row: Row) -> bool | None:
    """Whether programs use the certificate; None where no hook brings it to them, or there is none."""
    deployment = row.seen.deployment
    return None if deployment is None or row.seen.serial is None else deployment.serial == row.seen.serial


def not_deployed(row: Row) -> bool:
    """Whether bringing into use was tried and failed."""
    return deployed(row) is False and row.seen.deployment is not None and row.seen.deployment.tries > 0


def words(row: Row) -> Message | None:
    """Put into words what is to be done; None for nothing."""
    todo = of(row)
    if todo is Todo.ENROL and row.seen.dispensable:
        return say(ENROL_OR_DELETE, name=row.name)
    if todo is Todo.RESOLVE and row.seen.span is None:
        return say(ENROL_RESOLVE, name=row.name)
    if todo is Todo.GO_ON and any(one.state is State.POSTPONED for one in row.seen.open):
        return say(WORDS[Todo.ENROL if row.seen.span is None else Todo.RENEW], name=row.name)
    if todo is Todo.REPAIR:
        found = row.seen.repairable
        return row.seen.trouble if found is None else say(REPAIRABLE, what=found)
    return say(WORDS[todo], name=row.name) if todo in WORDS else None


def sorted_by_need(rows: Iterable[Row]) -> list[Row]:
    """Sort by what needs a person first, then by what ends first, then by name."""
    return sorted(rows, key=lambda row: (_RANKS[of(row)], row.days_left is None, row.days_left or 0, row.name))


def exit_code(rows: Iterable[Row]) -> ExitCode:
    """Give the highest code of what is to be done: 0 where no person is needed."""
    return max((EXIT_CODES[of(row)] for row in rows), default=ExitCode.DONE)
