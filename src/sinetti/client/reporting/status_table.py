"""What a row of `sinetti status` says to people, cell by cell, and to programs that want details."""

from pathlib import Path

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.reporting import required_actions, status
from sinetti.client.reporting.required_actions import RequiredAction
from sinetti.client.reporting.status import NameStatus, StatusRow
from sinetti.client.store import event_log
from sinetti.client.store.event_log import LogEvent
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop

HEAD = (
    gettext_noop("name"),
    gettext_noop("organisation"),
    gettext_noop("state"),
    gettext_noop("valid until"),
    gettext_noop("days left"),
    gettext_noop("renewal"),
    gettext_noop("what to do"),
)
DAYS_LEFT = 4
"""The column of numbers."""

HOPELESS = gettext_noop("valid, cannot be renewed any more")
NOT_DEPLOYED = gettext_noop("{state}, not in use by your programs yet")
FAILING_ONCE = gettext_noop("{state}, one try failed")
FAILING = gettext_noop("{state}, {failures} tries failed")
FAILING_WITH = gettext_noop("{state}, {failures} tries failed ({codes})")
AGAIN_AT = gettext_noop("again {at}")
FROM = gettext_noop("from {at}")
OPEN = gettext_noop("open")
BY_HINT = gettext_noop("{start} – {end}")

_WITHOUT_RENEWAL = frozenset({NameStatus.DAMAGED, NameStatus.EXPIRED, NameStatus.REVOKED})


def row_cells(row: StatusRow, language: Language) -> tuple[str, ...]:
    """Give the cells of one line; instants on a Finnish clock."""
    seen, what = row.seen, required_actions.words(row)
    organisation = " ".join(messages.strip_control_chars(one) for one in (seen.customer_id, seen.customer_name) if one)
    return (
        row.name,
        organisation or "–",
        messages.render(status_text(row), language),
        "–" if seen.span is None else translate.format_time(seen.span.not_after, language),
        "–" if row.days_left is None else translate.number(row.days_left, language),
        _renewal(row, language),
        "" if what is None else messages.render(what, language),
    )


def header(language: Language) -> tuple[str, ...]:
    """Give the names of the columns."""
    return tuple(translate.translate(one, language) for one in HEAD)


def status_text(row: StatusRow) -> Message:
    """Put into words how a name stands, with what the agent has come to."""
    word = row.shown or make_message(status.SAID[row.state])
    memory = row.seen.memory
    if row.state not in _WITHOUT_RENEWAL and required_actions.is_hopeless(row):
        return make_message(HOPELESS)
    if memory is not None and memory.failures and row.state not in _WITHOUT_RENEWAL:
        if memory.failures == 1:
            return make_message(FAILING_ONCE, state=word)
        codes = ", ".join(map(messages.strip_control_chars, memory.codes))
        if codes:
            return make_message(FAILING_WITH, state=word, failures=memory.failures, codes=codes)
        return make_message(FAILING, state=word, failures=memory.failures)
    return (
        make_message(NOT_DEPLOYED, state=word)
        if required_actions.not_deployed(row) and row.state not in _WITHOUT_RENEWAL
        else word
    )


def details(row: StatusRow, folder: Path) -> dict[str, object]:
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
        "replacement_needed": required_actions.of(row) is RequiredAction.REPLACE,
        "hint": None if hint is None else {"start": status.instant(hint.start), "end": status.instant(hint.end)},
        "deployed": required_actions.is_deployed(row),
        "deploy_tries": 0 if deployment is None else deployment.tries,
        "deploy_next": None if deployment is None else status.instant(deployment.next_try),
        "last_event": None
        if last is None
        else {"at": status.instant(last.at), "event": last.event.value, **last.facts},
    }


def _last(folder: Path) -> LogEvent | None:
    try:
        return next(reversed(list(event_log.read(folder))), None)
    except OSError:
        return None


def _renewal(row: StatusRow, language: Language) -> str:
    memory = row.seen.memory
    if (
        row.seen.span is None
        or row.renew_from is None
        or row.state in _WITHOUT_RENEWAL
        or required_actions.is_hopeless(row)
    ):
        return "–"
    if memory is not None and memory.next_try is not None and memory.next_try > row.now:
        return translate.translate(AGAIN_AT, language, at=translate.format_time(memory.next_try, language))
    if memory is not None and memory.hint is not None:
        start, end = (translate.format_time(one, language) for one in (memory.hint.start, memory.hint.end))
        return translate.translate(BY_HINT, language, start=start, end=end)
    if row.state is NameStatus.VALID:
        return translate.translate(FROM, language, at=translate.format_time(row.renew_from, language))
    return translate.translate(OPEN, language)
