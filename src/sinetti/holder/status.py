"""How things stand in a store, one row per name, without calling anybody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from sinetti.holder import files, generations, journal, messages, settings, when
from sinetti.holder.generations import Held
from sinetti.holder.journal import Journal, Kind, State
from sinetti.holder.messages import Message, Value, say
from sinetti.holder.settings import Settings
from sinetti.holder.when import Phase


class NameState(StrEnum):
    """How a name stands; the values are JSON's."""

    PENDING = "pending"
    VALID = "valid"
    RENEWAL_OPEN = "renewal-open"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNCERTAIN = "uncertain"
    DAMAGED = "damaged"


SAID = {
    NameState.PENDING: messages.STATE_PENDING,
    NameState.VALID: messages.STATE_VALID,
    NameState.RENEWAL_OPEN: messages.STATE_RENEWAL_OPEN,
    NameState.EXPIRED: messages.STATE_EXPIRED,
    NameState.REVOKED: messages.STATE_REVOKED,
    NameState.UNCERTAIN: messages.STATE_UNCERTAIN,
    NameState.DAMAGED: messages.STATE_DAMAGED,
}

ENDED = {
    NameState.EXPIRED: messages.STATUS_LINE_EXPIRED,
    NameState.REVOKED: messages.STATUS_LINE_REVOKED,
}
"""Lines of those that no renewal helps."""

PHASES = {
    Phase.VALID: NameState.VALID,
    Phase.RENEWAL_OPEN: NameState.RENEWAL_OPEN,
    Phase.EXPIRED: NameState.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One name. Times UTC; what is not known is None. `trouble` says what is damaged."""

    name: str
    state: NameState
    customer_id: str | None = None
    serial: str | None = None
    not_after: datetime | None = None
    renew_from: datetime | None = None
    service: str | None = None
    trouble: Message | None = None
    shown: Message | None = None
    """What a person reads in place of the state's own word."""
    dispensable: bool = False
    """Nothing is lost if its folder is deleted."""

    def as_json(self) -> dict[str, object]:
        """Give the row as `status --json` prints it."""
        return {
            "name": self.name,
            "customer_id": self.customer_id,
            "serial": self.serial,
            "not_after": instant(self.not_after),
            "state": self.state.value,
            "renew_from": instant(self.renew_from),
            "service": self.service,
        }


def instant(at: datetime | None) -> str | None:
    """Write an instant as RFC 3339, UTC, whole seconds."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def row(store: Path, name: str, now: datetime) -> Row:
    """Tell how one name stands at `now`. Damage is a state, not an error."""
    folder = store / name
    kept: Settings | None = None
    try:
        kept = settings.load(folder)
        present = generations.live(folder)
        open_ones = [held for kind in Kind if (held := journal.load(journal.folder_of(folder, kind))) is not None]
        revoked = generations.notes(folder).revoked
    except files.StoreError as bad:
        customer, service = (kept.customer_id, kept.service) if kept is not None else (None, None)
        return Row(name, NameState.DAMAGED, customer, service=service, trouble=bad.message)
    except OSError as bad:
        told = say(messages.STORE_UNUSABLE, path=str(bad.filename or folder), why=bad.strerror or str(bad))
        return Row(name, NameState.DAMAGED, trouble=told)
    state = _state(present, open_ones, revoked, now)
    if present is None:
        shown, gone = _shown_open(open_ones), journal.dispensable(folder)
        return Row(name, state, kept.customer_id, service=kept.service, shown=shown, dispensable=gone)
    begins, until = present.span.not_before, present.span.not_after
    early = say(messages.STATE_NOT_YET, at=begins) if state is NameState.VALID and now < begins else None
    return Row(name, state, kept.customer_id, present.serial, until, when.renew_from(until), kept.service, shown=early)


def rows(store: Path, now_of: Callable[[str], datetime]) -> tuple[Row, ...]:
    """Tell how every name of a store stands at its now, sorted by name. OSError where the store cannot be read."""
    return tuple(row(store, name, now_of(name)) for name in files.names(store))


def line(one: Row) -> Message:
    """Put a row into words."""
    if one.trouble is not None:
        return say(messages.STATUS_LINE_DAMAGED, name=one.name, why=one.trouble)
    shown = one.shown or say(SAID[one.state])
    values: dict[str, Value] = {"name": one.name, "state": shown, "customer_id": one.customer_id or "-"}
    if one.serial is None or one.not_after is None or one.renew_from is None:
        return say(messages.STATUS_LINE_REFUSED if one.dispensable else messages.STATUS_LINE_OPEN, **values)
    ended = ENDED.get(one.state)
    if ended is not None:
        return say(ended, **values, serial=one.serial, until=one.not_after)
    return say(messages.STATUS_LINE, **values, serial=one.serial, until=one.not_after, at=one.renew_from)


def _shown_open(open_ones: list[Journal]) -> Message | None:
    """Say how a first enrolment stands that has given no certificate. One without a journal was refused for good."""
    if not open_ones:
        return say(messages.STATE_REFUSED)
    held = open_ones[0]
    if held.state is State.REFUSED:
        return say(messages.STATE_REFUSED_WITH, codes=", ".join(held.codes))
    return say(messages.STATE_NOT_SENT) if held.state is State.PREPARED else None


def _state(present: Held | None, open_ones: list[Journal], revoked: str | None, now: datetime) -> NameState:
    """Give what a person has to know first."""
    if present is not None and revoked == present.serial:
        return NameState.REVOKED
    phase = None if present is None else when.phase(present.span, now)
    if phase is Phase.EXPIRED:
        return NameState.EXPIRED
    if any(held.state in journal.OPEN_QUESTION for held in open_ones):
        return NameState.UNCERTAIN
    if phase is None or any(held.state in journal.UNDER_WAY for held in open_ones):
        return NameState.PENDING
    return PHASES[phase]
