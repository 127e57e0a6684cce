"""What `sinetti log` says: events and what is under way, in words."""

from collections.abc import Iterator

from sinetti.domain.values import Language
from sinetti.holder import decoding, log, messages
from sinetti.holder.glance import Glance
from sinetti.holder.journal import State
from sinetti.holder.log import Event, Happening
from sinetti.holder.messages import say
from sinetti.texts import reader
from sinetti.texts.reader import mark

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
    Event.SETTINGS_CHANGED: mark("settings changed"),
}
FACTS = {
    "serial": mark("certificate {value}"),
    "until": mark("valid until {value}"),
    "codes": mark("error codes {value}"),
    "stage": mark("stage {value}"),
    "exit_code": mark("exit code {value}"),
    "reason": mark("reason {value}"),
    "changed": mark("changed: {value}"),
}
"""How a fact is named; others are shown as they are, `why` bare."""

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
    told = reader.text(HAPPENED[one.event], language)
    facts = "; ".join(_facts(one, language))
    at = reader.when_short(one.at, language)
    return f"{at}  {told}: {facts}" if facts else f"{at}  {told}"


def open_lines(seen: Glance, language: Language) -> Iterator[str]:
    """Say what is under way."""
    for held in seen.open:
        codes = ", ".join(map(messages.plain, held.codes)) or "–"
        yield messages.render(say(UNDER_WAY[held.state], kind=held.folder.name, codes=codes), language)


def as_json(one: Happening) -> dict[str, object]:
    """Give an event as `sinetti log --json` prints it."""
    return {"at": log.instant(one.at), "event": one.event.value, "facts": one.facts}


def _facts(one: Happening, language: Language) -> Iterator[str]:
    for name, value in one.facts.items():
        shown = _instant(value, language) if name == "until" else messages.plain(value)
        if name == "why":
            yield shown
        elif name in FACTS:
            yield reader.text(FACTS[name], language, value=shown)
        else:
            yield f"{messages.plain(name)}: {shown}"


def _instant(value: str, language: Language) -> str:
    try:
        return reader.when_short(decoding.instant_of(value), language)
    except ValueError:
        return messages.plain(value)
