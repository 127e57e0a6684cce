"""What a row of `sinetti status` says to people, cell by cell, and to programs that want details."""

from pathlib import Path

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, say
from sinetti.client.reporting import required_actions, status
from sinetti.client.reporting.required_actions import Todo
from sinetti.client.reporting.status import NameState, Row
from sinetti.client.store import event_log
from sinetti.client.store.event_log import Happening
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import mark

HEAD = (
    mark("name"),
    mark("organisation"),
    mark("state"),
    mark("valid until"),
    mark("days left"),
    mark("renewal"),
    mark("what to do"),
)
DAYS_LEFT = 4
"""The column of numbers."""

HOPELESS = mark("valid, cannot be renewed any more")
NOT_DEPLOYED = mark("{state}, not in use by your programs yet")
FAILING_ONCE = mark("{state}, one try failed")
FAILING = mark("{state}, {failures} tries failed")
FAILING_WITH = mark("{state}, {failures} tries failed ({codes})")
AGAIN_AT = mark("again {at}")
FROM = mark("from {at}")
OPEN = mark("open")
BY_HINT = mark("{start} – {end}")

_WITHOUT_RENEWAL = frozenset({NameState.DAMAGED, NameState.EXPIRED, NameState.REVOKED})


def cells(row: Row, language: Language) -> tuple[str, ...]:
    """Give the cells of one line; instants on a Finnish clock."""
    seen, what = row.seen, required_actions.words(row)
    organisation = " ".join(messages.plain(one) for one in (seen.customer_id, seen.customer_name) if one)
    return (
        row.name,
        organisation or "–",
        messages.render(state(row), language),
        "–" if seen.span is None else translate.when_short(seen.span.not_after, language),
        "–" if row.days_left is None else translate.number(row.days_left, language),
        _renewal(row, language),
        "" if what is None else messages.render(what, language),
    )


def head(language: Language) -> tuple[str, ...]:
    """Give the names of the columns."""
    return tuple(translate.text(one, language) for one in HEAD)


def state(row: Row) -> Message:
    """Put into words how a name stands, with what the agent has come to."""
    word = row.shown or say(status.SAID[row.state])
    memory = row.seen.memory
    if row.state not in _WITHOUT_RENEWAL and required_actions.is_hopeless(row):
        return say(HOPELESS)
    if memory is not None and memory.failures and row.state not in _WITHOUT_RENEWAL:
        if memory.failures == 1:
            return say(FAILING_ONCE, state=word)
        codes = ", ".join(map(messages.plain, memory.codes))
        if codes:
            return say(FAILING_WITH, state=word, failures=memory.failures, codes=codes)
        return say(FAILING, state=word, failures=memory.failures)
    return (
        say(NOT_DEPLOYED, state=word)
        if required_actions.not_deployed(row) and row.state not in _WITHOUT_RENEWAL
        else word
    )


def details(row: Row, folder: Path) -> dict[str, object]:
    """Give the row with what `--details` adds. Reads the name's log; one without rights has no last event."""
    seen = row.seen
    memory, deployment = seen.memory, seen.deployment
    hint = None if memory is None else memory.hint
    last = _last(folder)
    return row.as_json() | {
        "customer_name": seen.customer_name,
        "environment": None if seen.environment is None else seen.environment.value,
        "not_before": status.instant(seen.not_before),
        "days_left": row.days_left,
        "todo": required_actions.of(row).value,
        "open": [{"kind": one.folder.name, "state": one.state.value, "codes": list(one.codes)} for one in seen.open],
        "failures": 0 if memory is None else memory.failures,
        "next_try": None if memory is None else status.instant(memory.next_try),
        "codes": [] if memory is None else list(memory.codes),
        "replacement_needed": required_actions.of(row) is Todo.REPLACE,
        "hint": None if hint is None else {"start": status.instant(hint.start), "end": status.instant(hint.end)},
        "deployed": required_actions.deployed(row),
        "deploy_tries": 0 if deployment is None else deployment.tries,
        "deploy_next": None if deployment is None else status.instant(deployment.next_try),
        "last_event": None
        if last is None
        else {"at": status.instant(last.at), "event": last.event.value, **last.facts},
    }


def _last(folder: Path) -> Happening | None:
    try:
        return next(reversed(list(event_log.read(folder))), None)
    except OSError:
        return None


def _renewal(row: Row, language: Language) -> str:
    memory = row.seen.memory
    if (
        row.seen.span is None
        or row.renew_from is None
        or row.state in _WITHOUT_RENEWAL
        or required_actions.is_hopeless(row)
    ):
        return "–"
    if memory is not None and memory.next_try is not None and memory.next_try > row.now:
        return translate.text(AGAIN_AT, language, at=translate.when_short(memory.next_try, language))
    if memory is not None and memory.hint is not None:
        start, end = (translate.when_short(one, language) for one in (memory.hint.start, memory.hint.end))
        return translate.text(BY_HINT, language, start=start, end=end)
    if row.state is NameState.VALID:
        return translate.text(FROM, language, at=translate.when_short(row.renew_from, language))
    return translate.text(OPEN, language)
