"""How things stand in a store, one row per name, without calling anybody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.client import renewal_window
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.renewal_window import ValidityPhase
from sinetti.client.store import journal, snapshot
from sinetti.client.store.journal import RequestState
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import ValidityPeriod

if TYPE_CHECKING:
    from sinetti.client.model import CertificateEntry, ServiceEntry


class NameStatus(StrEnum):
    """How a name stands; the values are JSON's."""

    PENDING = "pending"
    VALID = "valid"
    RENEWAL_OPEN = "renewal-open"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNCERTAIN = "uncertain"
    DAMAGED = "damaged"
    NOT_ENROLLED = "not-enrolled"
    """sinetti.toml has a table for it, and the store has nothing."""


SAID = {
    NameStatus.PENDING: messages.STATE_PENDING,
    NameStatus.VALID: messages.STATE_VALID,
    NameStatus.RENEWAL_OPEN: messages.STATE_RENEWAL_OPEN,
    NameStatus.EXPIRED: messages.STATE_EXPIRED,
    NameStatus.REVOKED: messages.STATE_REVOKED,
    NameStatus.UNCERTAIN: messages.STATE_UNCERTAIN,
    NameStatus.DAMAGED: messages.STATE_DAMAGED,
    NameStatus.NOT_ENROLLED: messages.STATE_NOT_ENROLLED,
}

PHASES = {
    ValidityPhase.VALID: NameStatus.VALID,
    ValidityPhase.RENEWAL_OPEN: NameStatus.RENEWAL_OPEN,
    ValidityPhase.EXPIRED: NameStatus.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One name at `now`. Times UTC; what is not known is None. `seen` has what the row was made of."""

    name: str
    state: NameStatus
    seen: NameSnapshot
    now: datetime
    shown: Message | None = None
    """What a person reads in place of the state's own word."""

    @property
    def renew_from(self) -> datetime | None:
        """The first instant at which the service renews as a rule (`when.renew_from`)."""
        return None if self.seen.span is None else renewal_window.renewal_opens_at(self.seen.span)

    @property
    def days_left(self) -> int | None:
        """Whole days of 24 hours until the end, negative after it."""
        return None if self.seen.span is None else (self.seen.span.not_after - self.now).days

    def as_json(self) -> dict[str, object]:
        """Give the row as `status --json` prints it."""
        return {
            "name": self.name,
            "customer_id": self.seen.customer_id,
            "serial": self.seen.serial,
            "not_after": instant(self.seen.not_after),
            "state": self.state.value,
            "renew_from": instant(self.renew_from),
            "service": self.seen.service,
        }


def instant(at: datetime | None) -> str | None:
    """Write an instant as RFC 3339, UTC, whole seconds."""
    if at is None:
        return None
    # strftime takes three times as long, and ten thousand rows have two of these.
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def row(store: Path, name: str, now: datetime) -> StatusRow:
    """Tell how one name stands at `now`. Damage is a state, not an error."""
    return status_of(snapshot.look(store / name), now)


def rows(store: Path, now_of: Callable[[NameSnapshot], datetime]) -> tuple[StatusRow, ...]:
    """Tell how every name of a store stands at its now, sorted by name. OSError where the store cannot be read."""
    return tuple(status_of(seen, now_of(seen)) for seen in snapshot.glance(store))


def not_enrolled(entry: "CertificateEntry", service: "ServiceEntry | None", now: datetime) -> StatusRow:
    """Give the row of a table of sinetti.toml that has nothing in the store; `service` is the table's, if known."""
    address = None if service is None else service.address
    environment = None if service is None else service.environment
    seen = NameSnapshot(entry.name, entry.customer_id, entry.customer_name, address, environment)
    return StatusRow(entry.name, NameStatus.NOT_ENROLLED, seen, now)


def status_of(seen: NameSnapshot, now: datetime) -> StatusRow:
    """Tell how a name stands at `now`, as far as a glance shows."""
    if seen.trouble is not None:
        return StatusRow(seen.name, NameStatus.DAMAGED, seen, now)
    state = _state(seen, now)
    if seen.span is None:
        return StatusRow(seen.name, state, seen, now, _shown_open(seen))
    begins = seen.span.not_before
    early = make_message(messages.STATE_NOT_YET, at=begins) if state is NameStatus.VALID and now < begins else None
    return StatusRow(seen.name, state, seen, now, early)


def _shown_open(seen: NameSnapshot) -> Message | None:
    """Say how a first enrolment stands that has given no certificate. One without a journal was refused for good."""
    if not seen.open:
        return make_message(messages.STATE_REFUSED)
    held = seen.open[0]
    if held.state is RequestState.REFUSED:
        return make_message(messages.STATE_REFUSED_WITH, codes=", ".join(held.codes))
    return make_message(messages.STATE_NOT_SENT) if held.state is RequestState.PREPARED else None


def _state(seen: NameSnapshot, now: datetime) -> NameStatus:
    """Give what a person has to know first."""
    if seen.serial is not None and seen.notes.revoked == seen.serial:
        return NameStatus.REVOKED
    phase = _phase(seen.span, now)
    if phase is ValidityPhase.EXPIRED:
        return NameStatus.EXPIRED
    if any(held.state in journal.OPEN_QUESTION for held in seen.open):
        return NameStatus.UNCERTAIN
    if phase is None or any(held.state in journal.UNDER_WAY for held in seen.open):
        return NameStatus.PENDING
    return PHASES[phase]


def _phase(span: ValidityPeriod | None, now: datetime) -> ValidityPhase | None:
    return None if span is None else renewal_window.phase(span, now)
