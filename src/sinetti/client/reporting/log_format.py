"""Texts of `sinetti log`: events, and requests under way."""

import re
from collections.abc import Callable, Iterator, Mapping

from sinetti.client import decoder
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import DecisionReason
from sinetti.client.store.event_log import EventType, LogEvent
from sinetti.client.store.journal import RequestState
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.translate import gettext_noop

HAPPENED = {
    EventType.ADOPTED: gettext_noop("taken over into the store"),
    EventType.ENROLLED: gettext_noop("certificate retrieved and in place"),
    EventType.RENEWED: gettext_noop("renewed, the new certificate is in place"),
    EventType.REFUSED: gettext_noop("the service refused"),
    EventType.UNCERTAIN: gettext_noop("uncertain whether the request was done"),
    EventType.PENDING: gettext_noop("not ready yet"),
    EventType.FAILED: gettext_noop("did not succeed"),
    EventType.HOOK: gettext_noop("program of yours was run"),
    EventType.DEPLOYED: gettext_noop("brought into use by your programs"),
    EventType.DEPLOY_FAILED: gettext_noop("could not be brought into use by your programs"),
    EventType.HINT: gettext_noop("the service said when it wants to be asked"),
    EventType.REPLACEMENT_NEEDED: gettext_noop("cannot be renewed any more, a replacement is needed"),
    EventType.REVOKED: gettext_noop("Certificate revoked"),
    EventType.EXPORTED: gettext_noop("exported"),
    EventType.REPAIRED: gettext_noop("repaired, the certificate is in use as before"),
    EventType.SETTINGS_CHANGED: gettext_noop("settings changed"),
}
FACTS = {
    "serial": gettext_noop("certificate {value}"),
    "until": gettext_noop("valid until {value}"),
    "codes": gettext_noop("error codes {value}"),
    "stage": gettext_noop("stage {value}"),
    "exit_code": gettext_noop("exit code {value}"),
    "reason": gettext_noop("reason: {value}"),
    "changed": gettext_noop("changed: {value}"),
    "program": gettext_noop("program: {value}"),
    "start": gettext_noop("from {value}"),
    "end": gettext_noop("to {value}"),
    "format": gettext_noop("form {value}"),
    "path": gettext_noop("file: {value}"),
}
"""Labels of the facts of an event.

Facts of `_BARE` need no label. Facts without a label here are shown under their own name.
"""

_BARE = frozenset({"why", "result", "with_key", "explanation"})

WHY = {
    DecisionReason.EXPIRED: gettext_noop("it has ended"),
    DecisionReason.REVOKED: messages.NEVER_REVOKED,
    DecisionReason.REFUSED_FOR_GOOD: gettext_noop("the service refused it for good"),
}
"""Texts for the reasons of a replacement.

Any other value of `why` is shown as the agent reported it.
"""

WITH_KEY = {"yes": gettext_noop("with its key"), "no": gettext_noop("without its key")}

CHANGED = {
    "service": gettext_noop("address of the service"),
    "environment": gettext_noop("environment"),
    "customer_id": gettext_noop("customer ID"),
    "customer_name": gettext_noop("the organisation's name"),
    "key": gettext_noop("type of the next key"),
    "trust_services": gettext_noop("anchors for the service's answers"),
    "trust_holders": gettext_noop("anchors for certificates"),
    "tls_ca": gettext_noop("CA of the service's TLS"),
    "files": gettext_noop("how files look"),
}

NOT_STARTED = gettext_noop("it could not be started: {why}")

_ENDS: tuple[tuple[re.Pattern[str], Callable[[str], Message]], ...] = (
    (re.compile(r"exit code ([0-9]+)"), lambda code: make_message(messages.HOOK_EXIT, code=code)),
    (re.compile(r"signal (\S+)"), lambda name: make_message(messages.HOOK_SIGNAL, signal=name)),
    (
        re.compile(r"killed after ([0-9]+) s"),
        lambda seconds: make_message(messages.HOOK_TIMEOUT, seconds=seconds),
    ),
    (
        re.compile(r"could not be started: (.*)", re.DOTALL),
        lambda why: make_message(NOT_STARTED, why=messages.strip_control_chars(why)),
    ),
)
"""Ends of a holder's program, by the words that hooks.py writes to the log."""

UNDER_WAY = {
    RequestState.PREPARED: gettext_noop(
        "{kind}: the request is ready and has not been sent. Run the same command again."
    ),
    RequestState.SENT: gettext_noop(
        "{kind}: the request may have left, no answer was written down. Run the same command again."
    ),
    RequestState.UNCERTAIN: gettext_noop(
        "{kind}: it is uncertain whether the request was done. Run the same command again."
    ),
    RequestState.POSTPONED: gettext_noop(
        "{kind}: the service asked for the same request again later. Run the same command again."
    ),
    RequestState.REFUSED: gettext_noop(
        "{kind}: the service refused ({codes}). The same key is offered again with the next run."
    ),
    RequestState.ACCEPTED: gettext_noop("{kind}: accepted, the certificate can be retrieved. Run “sinetti retrieve”."),
    RequestState.COLLECTED: gettext_noop(
        "{kind}: the certificate is here and only has to be put in place. Run the same command again."
    ),
}
"""Texts for the states of an open request; the command's name comes first."""


def cells(one: LogEvent, language: Language) -> tuple[str, str, str]:
    """Return time in Finland, event, and facts or an empty text."""
    facts = "; ".join(_facts(one, language))
    return translate.format_short(one.at), translate.translate(HAPPENED[one.event], language), facts


def open_lines(seen: NameSnapshot, language: Language) -> Iterator[str]:
    """Yield a line for each request that is under way."""
    for held in seen.open:
        codes = ", ".join(map(messages.strip_control_chars, held.codes)) or "–"
        yield messages.render(make_message(UNDER_WAY[held.state], kind=held.folder.name, codes=codes), language)


def as_json(one: LogEvent) -> dict[str, object]:
    """Return an event as `sinetti log --json` prints it."""
    return {"at": decoder.format_instant(one.at), "event": one.event.value, "facts": one.facts}


def _facts(one: LogEvent, language: Language) -> Iterator[str]:
    for name, value in one.facts.items():
        displayed = _SHOWN[name](value, language) if name in _SHOWN else messages.strip_control_chars(value)
        if name in _BARE:
            yield from filter(None, (displayed,))
        elif name in FACTS:
            yield translate.translate(FACTS[name], language, value=displayed)
        else:
            yield f"{messages.strip_control_chars(name)}: {displayed}"


def _instant(value: str, language: Language) -> str:
    try:
        return translate.format_time(decoder.instant_of(value), language)
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
    return ", ".join(render_value(one, language) for one in value.split(", "))


def _end(value: str, language: Language) -> str:
    for pattern, build_message in _ENDS:
        found = pattern.fullmatch(value)
        if found is not None:
            return messages.render(build_message(found[1]), language)
    return messages.strip_control_chars(value)


_SHOWN: Mapping[str, Callable[[str, Language], str]] = {
    **dict.fromkeys(("until", "start", "end"), _instant),
    "why": _one_of({one.value: text for one, text in WHY.items()}),
    "reason": _one_of({one.value: text for one, text in REASONS.items()}),
    "with_key": _one_of(WITH_KEY),
    "changed": _changes,
    "result": _end,
}
"""Functions that render the values of facts; other values are shown unchanged."""
