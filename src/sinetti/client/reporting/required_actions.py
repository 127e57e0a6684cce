"""What a person has to do about a name, and how pressing it is: what `sinetti status` sorts by and `--check` tells."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from sinetti.client.messages.messages import Message, make_message
from sinetti.client.reporting.status import NameStatus, StatusRow
from sinetti.client.results import ExitCode
from sinetti.client.store.journal import RequestState
from sinetti.domain.certificates.renewal_info import in_proportion
from sinetti.i18n.translate import gettext_noop

URGENT = timedelta(days=14)
"""This near the end a certificate that was not renewed needs a person; less where it lives for less than 180 days."""

TRIES = 5
"""So often the agent tries by itself before a person is to look: two and a half hours."""


class RequiredAction(StrEnum):
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
    RequiredAction.REPLACE: gettext_noop("Order a replacement, then run “sinetti enrol {name}”."),
    RequiredAction.RESOLVE: gettext_noop(
        "Run “sinetti renew {name}” again; if it stays uncertain, ask the service's support."
    ),
    RequiredAction.ENROL: gettext_noop("Run “sinetti enrol {name}” again."),
    RequiredAction.RENEW: gettext_noop("Run “sinetti renew {name}” and see what it says."),
    RequiredAction.DEPLOY: gettext_noop(
        "Mend the program that brings it into use; “sinetti log {name}” says what went wrong."
    ),
    RequiredAction.GO_ON: gettext_noop("Run “sinetti retrieve {name}”."),
    RequiredAction.ORDER: gettext_noop(
        "Order a certificate in the e-service, then run “sinetti enrol {name}” with its transfer IDs; or take the "
        "table away."
    ),
}
ENROL_OR_DELETE = gettext_noop("Run “sinetti enrol {name}” again, or delete its folder.")
ENROL_RESOLVE = gettext_noop("Run “sinetti enrol {name}” again; if it stays uncertain, ask the service's support.")

REPAIRABLE = gettext_noop("The store is damaged: {what}. Run “sinetti run”: it repairs this by itself.")

EXIT_CODES = {
    RequiredAction.REPAIR: ExitCode.STORE,
    RequiredAction.REPLACE: ExitCode.REFUSED,
    RequiredAction.RESOLVE: ExitCode.UNCERTAIN,
    RequiredAction.ENROL: ExitCode.REFUSED,
    RequiredAction.RENEW: ExitCode.AGAIN,
    RequiredAction.DEPLOY: ExitCode.AGAIN,
    RequiredAction.GO_ON: ExitCode.AGAIN,
    RequiredAction.ORDER: ExitCode.DONE,
    RequiredAction.WAIT: ExitCode.DONE,
    RequiredAction.NOTHING: ExitCode.DONE,
}

_STATES = {
    NameStatus.DAMAGED: RequiredAction.REPAIR,
    NameStatus.REVOKED: RequiredAction.REPLACE,
    NameStatus.EXPIRED: RequiredAction.REPLACE,
    NameStatus.UNCERTAIN: RequiredAction.RESOLVE,
    NameStatus.NOT_ENROLLED: RequiredAction.ORDER,
}
_RANKS = {one: number for number, one in enumerate(RequiredAction)}


def of(row: StatusRow) -> RequiredAction:
    """Tell what is to be done about a name. WAIT: the agent is at it, or it renews itself soon."""
    seen = row.seen
    by_state = _STATES.get(row.state)
    if by_state is not None:
        return by_state
    if seen.span is None:
        return RequiredAction.GO_ON if row.shown is None else RequiredAction.ENROL
    if is_hopeless(row):
        return RequiredAction.REPLACE
    failures = 0 if seen.memory is None else seen.memory.failures
    near = seen.span.not_after - row.now < in_proportion(URGENT, seen.span)
    if failures >= TRIES or (near and row.state is not NameStatus.PENDING):
        return RequiredAction.RENEW
    if not_deployed(row):
        return RequiredAction.DEPLOY
    if row.state is NameStatus.PENDING:
        return RequiredAction.GO_ON
    return RequiredAction.WAIT if failures or row.state is NameStatus.RENEWAL_OPEN else RequiredAction.NOTHING


def is_hopeless(row: StatusRow) -> bool:
    """Whether the agent has found that this certificate cannot be renewed any more."""
    told = None if row.seen.memory is None else row.seen.memory.told
    return told is not None and told == row.seen.serial


def is_deployed(row: StatusRow) -> bool | None:
    """Whether programs use the certificate; None where no hook brings it to them, or there is none."""
    deployment = row.seen.deployment
    return None if deployment is None or row.seen.serial is None else deployment.serial == row.seen.serial


def not_deployed(row: StatusRow) -> bool:
    """Whether bringing into use was tried and failed."""
    return is_deployed(row) is False and row.seen.deployment is not None and row.seen.deployment.tries > 0


def words(row: StatusRow) -> Message | None:
    """Put into words what is to be done; None for nothing."""
    todo = of(row)
    if todo is RequiredAction.ENROL and row.seen.dispensable:
        return make_message(ENROL_OR_DELETE, name=row.name)
    if todo is RequiredAction.RESOLVE and row.seen.span is None:
        return make_message(ENROL_RESOLVE, name=row.name)
    if todo is RequiredAction.GO_ON and any(one.state is RequestState.POSTPONED for one in row.seen.open):
        return make_message(
            WORDS[RequiredAction.ENROL if row.seen.span is None else RequiredAction.RENEW], name=row.name
        )
    if todo is RequiredAction.REPAIR:
        found = row.seen.repairable
        return row.seen.trouble if found is None else make_message(REPAIRABLE, what=found)
    return make_message(WORDS[todo], name=row.name) if todo in WORDS else None


def sort_by_urgency(rows: Iterable[StatusRow]) -> list[StatusRow]:
    """Sort by what needs a person first, then by what ends first, then by name."""
    return sorted(rows, key=lambda row: (_RANKS[of(row)], row.days_left is None, row.days_left or 0, row.name))


def exit_code(rows: Iterable[StatusRow]) -> ExitCode:
    """Give the highest code of what is to be done: 0 where no person is needed."""
    return max((EXIT_CODES[of(row)] for row in rows), default=ExitCode.DONE)
