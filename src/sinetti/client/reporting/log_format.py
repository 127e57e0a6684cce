"""What `sinetti log` says: events and what is under way, in words."""

import re
from collections.abc import Callable, Iterator, Mapping

from sinetti.client import decoder
from sinetti.client.messages import messages, words
from sinetti.client.messages.messages import Message, say
from sinetti.client.model import Because
from sinetti.client.store import event_log
from sinetti.client.store.event_log import Event, Happening
from sinetti.client.store.journal import State
from sinetti.client.store.snapshot import Glance
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.revocation_reasons import REASONS
from sinetti.i18n.translate import mark

HAPPENED = {
    Event.ADOPTED: mark("taken over into the store"),
    Event.ENROLLED: mark("certificate retrieved and in place"),
    Event.RENEWED: mark("renewed, the new certificate is in place"),
    Event.REFUSED: mark("the service refused"),
    Event.UNCERTAIN: mark("uncertain whether the request was done"),
    Event.PENDING: mark("not ready yet"),
    Event.FAILED: mark("did not succeed"),
    Event.HOOK: mark("program of yours was run"),
    Event.DEPLOYED: mark("brought into use by your programs"),
    Event.DEPLOY_FAILED: mark("could not be brought into use by your programs"),
    Event.HINT: mark("the service said when it wants to be asked"),
    Event.REPLACEMENT_NEEDED: mark("cannot be renewed any more, a replacement is needed"),
    Event.REVOKED: mark("revoked"),
    Event.EXPORTED: mark("exported"),
    Event.REPAIRED: mark("repaired, the certificate is in use as before"),
    Event.SETTINGS_CHANGED: mark("settings changed"),
}
FACTS = {
    "serial": mark("certificate {value}"),
    "until": mark("valid until {value}"),
    "codes": mark("error codes {value}"),
    "stage": mark("stage {value}"),
    "exit_code": mark("exit code {value}"),
    "reason": mark("reason: {value}"),
    "changed": mark("changed: {value}"),
    "program": mark("program: {value}"),
    "start": mark("from {value}"),
    "end": mark("to {value}"),
    "format": mark("form {value}"),
    "path": mark("file: {value}"),
}
"""How a fact is named; those of `_BARE` say themselves what they are, and others are shown as they are."""

_BARE = frozenset({"why", "result", "with_key", "explanation"})

WHY = {
    Because.EXPIRED: mark("it has ended"),
    Because.REVOKED: messages.NEVER_REVOKED,
    Because.REFUSED_FOR_GOOD: mark("the service refused it for good"),
}
"""Why a replacement is needed; whatever else stands under `why` was told to a person in these words."""

WITH_KEY = {"yes": mark("with its key"), "no": mark("without its key")}

CHANGED = {
    "service": mark("address of the service"),
    "environment": mark("environment"),
    "customer_id": mark("customer ID"),
    "customer_name": mark("the organisation's name"),
    "key": mark("type of the next key"),
    "trust_services": mark("anchors for the service's answers"),
    "trust_holders": mark("anchors for certificates"),
    "tls_ca": mark("CA of the service's TLS"),
    "files": mark("how files look"),
}

NOT_STARTED = mark("it could not be started: {why}")

_ENDS: tuple[tuple[re.Pattern[str], Callable[[str], Message]], ...] = (
    (re.compile(r"exit code ([0-9]+)"), lambda code: say(words.HOOK_EXIT, code=code)),
    (re.compile(r"signal (\S+)"), lambda name: say(words.HOOK_SIGNAL, signal=name)),
    (re.compile(r"killed after ([0-9]+) s"), lambda seconds: say(words.HOOK_TIMEOUT, seconds=seconds)),
    (re.compile(r"could not be started: (.*)", re.DOTALL), lambda why: say(NOT_STARTED, why=messages.plain(why))),
)
"""How a program of the holder's ended, by the words that hooks.py writes down."""

UNDER_WAY = {
    State.PREPARED: mark("{kind}: the request is ready and has not been sent. Run the same command again."),
    State.SENT: mark("{kind}: the request may have left, no answer was written down. Run the same command again."),
    State.UNCERTAIN: mark("{kind}: it is uncertain whether the request was done. Run the same command again."),
    State.POSTPONED: mark("{kind}: the service asked for the same request again later. Run the same command again."),
    State.REFUSED: mark("{kind}: the service refused ({codes}). The same key is offered again with the next run."),
    State.ACCEPTED: mark("{kind}: accepted, the certificate can be retrieved. Run “sinetti retrieve”."),
    State.COLLECTED: mark(
        "{kind}: the certificate is here and only has to be put in place. Run the same command again."
    ),
}
"""What the journal says of what is open; the command's name stands before it."""


def line(one: Happening, language: Language) -> str:
    """Put an event into one line: when on a Finnish clock, what, and the facts."""
    told = translate.text(HAPPENED[one.event], language)
    facts = "; ".join(_facts(one, language))
    at = translate.when_short(one.at, language)
    return f"{at}  {told}: {facts}" if facts else f"{at}  {told}"


def open_lines(seen: Glance, language: Language) -> Iterator[str]:
    """Say what is under way."""
    for held in seen.open:
        codes = ", ".join(map(messages.plain, held.codes)) or "–"
        yield messages.render(say(UNDER_WAY[held.state], kind=held.folder.name, codes=codes), language)


def as_json(one: Happening) -> dict[str, object]:
    """Give an event as `sinetti log --json` prints it."""
    return {"at": event_log.instant(one.at), "event": one.event.value, "facts": one.facts}


def _facts(one: Happening, language: Language) -> Iterator[str]:
    for name, value in one.facts.items():
        shown = _SHOWN[name](value, language) if name in _SHOWN else messages.plain(value)
        if name in _BARE:
            yield from filter(None, (shown,))
        elif name in FACTS:
            yield translate.text(FACTS[name], language, value=shown)
        else:
            yield f"{messages.plain(name)}: {shown}"


def _instant(value: str, language: Language) -> str:
    try:
        return translate.when_short(decoder.instant_of(value), language)
    except ValueError:
        return messages.plain(value)


def _one_of(table: Mapping[str, str]) -> Callable[[str, Language], str]:
    """Give what puts a value of a closed list into words; what is not in it is shown as it is."""

    def shown(value: str, language: Language) -> str:
        return translate.text(table[value], language) if value in table else messages.plain(value)

    return shown


def _changes(value: str, language: Language) -> str:
    shown = _one_of(CHANGED)
    return ", ".join(shown(one, language) for one in value.split(", "))


def _end(value: str, language: Language) -> str:
    for pattern, told in _ENDS:
        found = pattern.fullmatch(value)
        if found is not None:
            return messages.render(told(found[1]), language)
    return messages.plain(value)


_SHOWN: Mapping[str, Callable[[str, Language], str]] = {
    **dict.fromkeys(("until", "start", "end"), _instant),
    "why": _one_of({one.value: told for one, told in WHY.items()}),
    "reason": _one_of({one.value: told for one, told in REASONS.items()}),
    "with_key": _one_of(WITH_KEY),
    "changed": _changes,
    "result": _end,
}
"""How values are put into words; others are shown as they are."""
