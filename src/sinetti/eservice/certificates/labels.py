"""What is said of a certificate or an order: state, what is left, use, and who can act, in the reader's words."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.display_status import (
    CertificateFacts,
    Hand,
    OrderFacts,
    Rank,
    State,
    days_left,
    hand_of,
    order_state,
    rank_of,
    state_of,
)
from sinetti.domain.certificates.listing import Listed
from sinetti.domain.usage import InUse, Use, use_of
from sinetti.domain.values import Channel, Language
from sinetti.eservice.ui.components import Tone
from sinetti.i18n.translate import mark, text, when, when_short
from sinetti.services.access.permissions import Standing

CHANNELS: Mapping[Channel, str] = {Channel.WS: mark("Web service"), Channel.SFTP: mark("SFTP")}

STATES: Mapping[State, str] = {
    State.REVOKED: mark("Revoked"),
    State.EXPIRED: mark("Expired"),
    State.ISSUING: mark("Being issued"),
    State.OLD_IN_USE: mark("Renewed, but the old one is still in use"),
    State.RENEWED: mark("Renewed"),
    State.NEW_WAITS: mark("The new one waits to be retrieved"),
    State.NOT_FETCHED: mark("Not retrieved yet"),
    State.LET_END: mark("Is to end without renewal"),
    State.ENDS_SOON: mark("Ends soon"),
    State.RENEWAL_OPEN: mark("Renewal open"),
    State.VALID: mark("Valid"),
    State.IDS_LAPSED: mark("Ordered: the transfer IDs have lapsed"),
    State.IDS_OPENED: mark("Ordered: the transfer IDs were opened"),
    State.IDS_SENT: mark("Ordered: the transfer IDs were sent"),
}
_REVOKED_ON, _EXPIRED_ON = mark("Revoked on {at}"), mark("Expired on {at}")
_OPEN_SINCE = mark("Renewal open since {at}")
_ENDS_IN, _ENDS_IN_ONE, _ENDS_TODAY = (
    mark("Ends in {days} days"),
    mark("Ends in 1 day"),
    mark("Ends in less than a day"),
)
_LEFT, _LEFT_ONE, _LEFT_NONE = mark("{days} days left"), mark("1 day left"), mark("Less than a day left")
_NOTHING_LEFT = mark("Nothing left")

_TONES: Mapping[State, Tone] = {
    State.REVOKED: Tone.ERROR,
    State.EXPIRED: Tone.ERROR,
    State.OLD_IN_USE: Tone.WARNING,
    State.NEW_WAITS: Tone.WARNING,
    State.NOT_FETCHED: Tone.WARNING,
    State.ENDS_SOON: Tone.ERROR,
    State.RENEWAL_OPEN: Tone.WARNING,
    State.VALID: Tone.GOOD,
    State.RENEWED: Tone.GOOD,
    State.IDS_LAPSED: Tone.ERROR,
}

_SEEN, _NOT_SEEN, _NOT_KNOWN = mark("Last seen {at}"), mark("Not seen since {at}"), mark("Not known")

_NOBODY = mark("Nothing to do now")
_YOU, _CLIENT, _REPRESENTATIVE = mark("You"), mark("Your client"), mark("Your organisation's representative")
_FIRM, _CONTACT = mark("Your accounting firm {name}"), mark("Your contact person {name}")
_SOMEBODY = mark("Your organisation: no contact person is named")
_PROGRAM, _CLIENTS_PROGRAM = mark("Your program"), mark("Your client's program")
_SERVES, _SERVES_ONE = mark("Also for about {count} others"), mark("Also for one other")


def state_in(row: Listed, now: datetime) -> State:
    """The state of a row, whichever it is."""
    return order_state(row.facts, now) if isinstance(row.facts, OrderFacts) else state_of(row.facts, now)


def state_words(row: Listed, now: datetime, language: Language) -> str:
    """A state with its instant or its days. The instant is on a Finnish clock; what stands around says so."""
    state, facts = state_in(row, now), row.facts
    if isinstance(facts, OrderFacts):
        return text(STATES[state], language)
    match state:
        case State.REVOKED:
            return text(_REVOKED_ON, language, at=when_short(facts.revoked_at or now, language))
        case State.EXPIRED:
            return text(_EXPIRED_ON, language, at=when_short(facts.span.not_after, language))
        case State.RENEWAL_OPEN:
            return text(_OPEN_SINCE, language, at=when_short(facts.renewable_from, language))
        case State.ENDS_SOON:
            return _counted(facts.span.not_after, now, language, (_ENDS_IN, _ENDS_IN_ONE, _ENDS_TODAY))
        case _:
            return text(STATES[state], language)


def tone(row: Listed, now: datetime) -> Tone:
    """How a state is told; what is over is told plainly."""
    if isinstance(row.facts, CertificateFacts) and rank_of(row.facts, now) is Rank.OVER:
        return Tone.PLAIN
    return _TONES.get(state_in(row, now), Tone.PLAIN)


def left_words(not_after: datetime, now: datetime, language: Language) -> str:
    """How many days are left."""
    if now > not_after:
        return text(_NOTHING_LEFT, language)
    return _counted(not_after, now, language, (_LEFT, _LEFT_ONE, _LEFT_NONE))


def use_words(use: InUse, language: Language) -> str:
    """Whether it is in use, as far as gateways tell."""
    if use.since is None:
        return text(_NOT_KNOWN, language)
    return text(_SEEN if use.use is Use.SEEN else _NOT_SEEN, language, at=when_short(use.since, language))


def use_in(row: Listed, now: datetime) -> InUse:
    """What gateways tell of a row; of an order nothing is known."""
    if isinstance(row.facts, OrderFacts):
        return InUse(Use.NOT_KNOWN)
    looking = [row.looking] if row.looking is not None else []
    return use_of(row.facts.span.not_before, row.facts.seen, looking, now)


def acts_words(row: Listed, standing: Standing, now: datetime, language: Language) -> str:
    """Who can act now, as its reader calls them."""
    if isinstance(row.facts, OrderFacts):
        state = order_state(row.facts, now)
        hand = Hand.REPRESENTATIVE if state is State.IDS_LAPSED else Hand.CONTACT
    else:
        hand = hand_of(row.facts, now)
    held = standing.held.get(row.organisation_id)
    via = held.via if held is not None else None
    match hand:
        case Hand.NOBODY:
            return text(_NOBODY, language)
        case Hand.REPRESENTATIVE:
            if standing.may(Right.ORDER, row.organisation_id):
                return text(_YOU, language)
            return text(_REPRESENTATIVE if via is None else _CLIENT, language)
        case Hand.CONTACT:
            return _contact(row, via, language)
        case Hand.PROGRAM:
            ours = via is None or (row.firm is not None and row.firm.organisation_id == via)
            return text(_PROGRAM if ours else _CLIENTS_PROGRAM, language)
        case never:
            assert_never(never)


def serves_words(serves: int | None, language: Language) -> str:
    """What stops beside the organisation's own reports; empty where nothing does, or where it was never told."""
    if not serves:
        return ""
    return text(_SERVES_ONE, language) if serves == 1 else text(_SERVES, language, count=number(serves, language))


def number(count: int, language: Language) -> str:
    """A number with its thousands set apart: "1 000" in Finnish and Swedish, "1,000" in English."""
    return f"{count:,}" if language is Language.EN else f"{count:,}".replace(",", "\u00a0")


def channel_words(channel: Channel, language: Language) -> str:
    """A channel as people call it."""
    return text(CHANNELS[channel], language)


def at_words(at: datetime | None, language: Language) -> str:
    """An instant on a Finnish clock, which is named; empty where there is none."""
    return "" if at is None else when(at, language)


def _contact(row: Listed, via: str | None, language: Language) -> str:
    if via is not None:
        ours = row.firm is not None and row.firm.organisation_id == via
        return text(_YOU if ours else _CLIENT, language)
    if row.firm is not None:
        return text(_FIRM, language, name=row.firm.name)
    return text(_CONTACT, language, name=row.contact) if row.contact else text(_SOMEBODY, language)


def _counted(not_after: datetime, now: datetime, language: Language, words: tuple[str, str, str]) -> str:
    many, one, none = words
    days = days_left(not_after, now)
    if days == 0:
        return text(none, language)
    return text(one, language) if days == 1 else text(many, language, days=days)
