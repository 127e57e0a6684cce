"""Texts of `sinetti log`: events, and requests under way."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import DecisionReason
from sinetti.client.store import event_log
from sinetti.client.store.event_log import EventType, LogEvent
from sinetti.client.store.journal import RequestState
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import records
from sinetti.infra.clock import format_instant

HAPPENED = {
    EventType.ADOPTED: gettext_noop("Certificate adopted into the store"),
    EventType.ENROLLED: gettext_noop("Certificate retrieved and installed"),
    EventType.RENEWED: gettext_noop("Certificate renewed and installed"),
    EventType.REFUSED: gettext_noop("Request refused by the service"),
    EventType.UNCERTAIN: gettext_noop("Outcome of the request unknown"),
    EventType.PENDING: gettext_noop("Certificate not ready yet"),
    EventType.FAILED: gettext_noop("Attempt failed"),
    EventType.HOOK: gettext_noop("Hook run"),
    EventType.HOOK_TESTED: gettext_noop("Hook tested"),
    EventType.DEPLOYED: gettext_noop("Certificate put into use"),
    EventType.DEPLOY_FAILED: gettext_noop("Certificate could not be put into use"),
    EventType.HINT: gettext_noop("Renewal time suggested by the service"),
    EventType.REPLACEMENT_NEEDED: gettext_noop("Renewal no longer possible, replacement needed"),
    EventType.REVOKED: gettext_noop("Certificate revoked"),
    EventType.EXPORTED: gettext_noop("Certificate exported"),
    EventType.REPAIRED: gettext_noop("Store repaired, certificate unchanged"),
    EventType.SETTINGS_CHANGED: gettext_noop("Settings changed"),
}
FACTS = {
    "serial": gettext_noop("serial number {value}"),
    "until": gettext_noop("valid until {value}"),
    "codes": gettext_noop("error code {value}"),
    "stage": gettext_noop("stage {value}"),
    "exit_code": gettext_noop("exit code {value}"),
    "reason": gettext_noop("reason: {value}"),
    "changed": gettext_noop("changed: {value}"),
    "program": gettext_noop("program: {value}"),
    "start": gettext_noop("from {value}"),
    "end": gettext_noop("to {value}"),
    "format": gettext_noop("format {value}"),
    "path": gettext_noop("file: {value}"),
}
"""Labels of the facts of an event.

Facts of `_BARE` need no label. Facts without a label here are shown under their own name.
"""

_BARE = frozenset({"why", "result", "with_key", "explanation"})

WHY = {
    DecisionReason.EXPIRED: gettext_noop("the certificate has expired"),
    DecisionReason.REVOKED: messages.NEVER_REVOKED,
    DecisionReason.REFUSED_FOR_GOOD: gettext_noop("the service refused it permanently"),
}
"""Texts for the reasons of a replacement.

Any other value of `why` is shown as the agent reported it.
"""

WITH_KEY = {"yes": gettext_noop("with the private key"), "no": gettext_noop("without the private key")}

CHANGED = {
    "service": gettext_noop("service address"),
    "environment": gettext_noop("environment"),
    "customer_id": gettext_noop("customer ID"),
    "customer_name": gettext_noop("organisation name"),
    "key": gettext_noop("type of the next key"),
    "trust_services": gettext_noop("trusted CAs for the service's answers"),
    "trust_holders": gettext_noop("trusted CAs for certificates"),
    "tls_ca": gettext_noop("CA of the TLS connection"),
    "files": gettext_noop("file formats"),
}

NOT_STARTED = gettext_noop("could not be started: {why}")

_ENDS: tuple[tuple[re.Pattern[str], Callable[[str], Message]], ...] = (
    (re.compile(r"exit code ([0-9]+)"), lambda code: make_message(messages.HOOK_EXIT, code=code)),
    (re.compile(r"signal (\S+)"), lambda name: make_message(messages.HOOK_SIGNAL, signal=name)),
    (
        re.compile(r"killed after ([0-9]+) s"),
        lambda seconds: make_message(messages.HOOK_TIMEOUT, seconds=seconds),
    ),
    (
        re.compile(r"could not be started: \[Errno ([0-9]+)\].*", re.DOTALL),
        lambda number: make_message(NOT_STARTED, why=error_reasons.translate_reason(OSError(int(number), ""))),
    ),
    (
        re.compile(r"could not be started: (.*)", re.DOTALL),
        lambda why: make_message(NOT_STARTED, why=messages.strip_control_chars(why)),
    ),
)
"""Ends of a holder's program, by the words that hooks.py writes to the log."""

UNDER_WAY = {
    RequestState.PREPARED: gettext_noop("{kind}: the request is ready but was not sent. Run the same command again."),
    RequestState.SENT: gettext_noop(
        "{kind}: the request may have been sent, but no answer was recorded. Run the same command again."
    ),
    RequestState.UNCERTAIN: gettext_noop("{kind}: the outcome of the request is unknown. Run the same command again."),
    RequestState.POSTPONED: gettext_noop(
        "{kind}: the service asked to receive the same request later. Run the same command again."
    ),
    RequestState.REFUSED: gettext_noop(
        "{kind}: the service refused the request ({codes}). The next run sends the same key again."
    ),
    RequestState.ACCEPTED: gettext_noop("{kind}: accepted. Retrieve the certificate with “sinetti retrieve”."),
    RequestState.COLLECTED: gettext_noop(
        "{kind}: the certificate was retrieved but is not installed yet. Run the same command again."
    ),
}
"""Texts for the states of an open request; the command's name comes first."""


def cells(log_event: LogEvent, language: Language) -> tuple[str, str, str]:
    """Return time in Finland, event, and facts or an empty text.

    The output of a failed program stands on lines of its own below the other facts.
    """
    facts = "\n".join(("; ".join(_facts(log_event, language)), *quote_output(event_log.output_of(log_event))))
    return translate.format_short(log_event.at), translate.translate(HAPPENED[log_event.event], language), facts


def quote_output(output: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a program's output, marked as its own."""
    return (f"| {messages.strip_control_chars(line)}" for line in output)


def open_lines(name_snapshot: NameSnapshot, language: Language) -> Iterator[str]:
    """Yield a line for each request that is under way."""
    for held in name_snapshot.open:
        codes = ", ".join(map(messages.strip_control_chars, held.codes)) or "–"
        yield messages.render(make_message(UNDER_WAY[held.state], kind=held.folder.name, codes=codes), language)


def as_json(log_event: LogEvent) -> dict[str, object]:
    """Return an event as `sinetti log --json` prints it."""
    return {"at": format_instant(log_event.at), "event": log_event.event.value, "facts": log_event.facts}


def _facts(log_event: LogEvent, language: Language) -> Iterator[str]:
    for name, value in log_event.facts.items():
        if name == event_log.OUTPUT:
            continue
        displayed = _SHOWN[name](value, language) if name in _SHOWN else messages.strip_control_chars(value)
        if name in _BARE:
            yield from filter(None, (displayed,))
        elif name in FACTS:
            yield translate.translate(FACTS[name], language, value=displayed)
        else:
            yield f"{messages.strip_control_chars(name)}: {displayed}"


def _instant(value: str, language: Language) -> str:
    try:
        return translate.format_time(records.instant_of(value), language)
    except ValueError:
        return messages.strip_control_chars(value)


def _one_of(table: Mapping[str, str]) -> Callable[[str, Language], str]:
    """Return a function that translates the values of a closed list.

    Other values are shown unchanged.
    """

    def render_value(value: str, language: Language) -> str:
        return translate.translate(table[value], language) if value in table else messages.strip_control_chars(value)

    return render_value


def _changes(value: str, language: Language) -> str:
    render_value = _one_of(CHANGED)
    return ", ".join(render_value(text, language) for text in value.split(", "))


def _end(value: str, language: Language) -> str:
    for pattern, build_message in _ENDS:
        match = pattern.fullmatch(value)
        if match is not None:
            return messages.render(build_message(match[1]), language)
    return messages.strip_control_chars(value)


_SHOWN: Mapping[str, Callable[[str, Language], str]] = {
    **dict.fromkeys(("until", "start", "end"), _instant),
    "why": _one_of({reason.value: text for reason, text in WHY.items()}),
    "reason": _one_of({reason.value: text for reason, text in REASONS.items()}),
    "with_key": _one_of(WITH_KEY),
    "changed": _changes,
    "result": _end,
}
"""Functions that render the values of facts; other values are shown unchanged."""
