"""Timetable of the successions of all CAs: alarm, steps, latest dates.

See docs/operators/succession.md. Dates are counted back from the last instant at which a successor must sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.authorities.lifecycle import CaState, count_above
from sinetti.domain.values import Channel

ALARM_BEFORE_END = timedelta(days=3 * 365)
"""Time before the end of a CA at which operators hear that it needs a successor."""

RESERVE = timedelta(days=90)
"""Time from the latest activation to the predecessor's last whole certificate."""

KNOWN_BEFORE_ACTIVATION = timedelta(days=90)
"""Time for which gateways and clients know a successor before it signs for them."""

CEREMONY_BEFORE_INSTALL = timedelta(days=7)
BEGIN_BEFORE_CEREMONY = timedelta(days=60)

FULL_LIFE = timedelta(days=2922)
"""Life of a CA from which on these times count in full.

For a shorter one they shrink with it.
"""

LEAST_LIFE = 0.5
"""Least life of a successor, in lives of its predecessor.

Otherwise the CA above needs a successor first.
"""


class SuccessionStep(StrEnum):
    """Steps of a succession, in their order."""

    ALARM = "alarm"
    BEGIN = "begin"
    CEREMONY = "ceremony"
    INSTALL = "install"
    ACTIVATE = "activate"
    RETIRE = "retire"


_UNINSTALLED = frozenset({SuccessionStep.BEGIN, SuccessionStep.CEREMONY, SuccessionStep.INSTALL})
_ADVANCE = (CaState.PENDING, CaState.STANDBY, CaState.ISSUING)
"""States of a successor, the most advanced last."""

_LEADS = {
    SuccessionStep.ACTIVATE: timedelta(),
    SuccessionStep.INSTALL: KNOWN_BEFORE_ACTIVATION,
    SuccessionStep.CEREMONY: KNOWN_BEFORE_ACTIVATION + CEREMONY_BEFORE_INSTALL,
    SuccessionStep.BEGIN: KNOWN_BEFORE_ACTIVATION + CEREMONY_BEFORE_INSTALL + BEGIN_BEFORE_CEREMONY,
}
"""Time from the latest date of each step to the activation."""


@dataclass(frozen=True)
class PlannedCa:
    """A CA as the timetable needs it.

    `validity` is that of the certificates which it must still issue whole at the end: those of holders for an issuing
    CA, and nothing for others. `replaces` is the name of its predecessor. `begins_at` and `ends_at` are those of its
    certificate, None while it is pending. `last_leaf_ends_at` is the end of its last certificate, if one was issued.
    """

    name: str
    role: str
    parent: str | None
    channel: Channel | None
    state: CaState
    validity: timedelta = timedelta()
    replaces: str | None = None
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    last_leaf_ends_at: datetime | None = None


@dataclass(frozen=True)
class DatedStep:
    """Step with its latest date; `is_done` says that the register shows it as done."""

    step: SuccessionStep
    at: datetime
    is_done: bool


@dataclass(frozen=True)
class Timetable:
    """Steps of the succession of one CA, the earliest first.

    `successor` is the name of the CA that follows and outlives it, None before its beginning. `waits_for` is the CA
    above, if that needs a successor first because a new CA below it would not live half as long.
    """

    ca: PlannedCa
    ends_at: datetime
    successor: str | None
    waits_for: str | None
    steps: tuple[DatedStep, ...]

    @property
    def next_step(self) -> DatedStep | None:
        """The first step that is not done; None if the succession is complete."""
        return next((step for step in self.steps if not step.is_done), None)

    def is_due(self, now: datetime) -> bool:
        """Return True from the alarm to the installation, and if a step is late."""
        after = self.next_step
        is_alarmed = any(step.step is SuccessionStep.ALARM and now >= step.at for step in self.steps)
        return self.is_late(now) or (is_alarmed and after is not None and after.step in _UNINSTALLED)

    def is_late(self, now: datetime) -> bool:
        """Return True if the latest date of the next step has passed.

        The date of `retire` is the earliest, so that step is never late. Neither is the alarm.
        """
        after = self.next_step
        return after is not None and after.step in {*_UNINSTALLED, SuccessionStep.ACTIVATE} and now > after.at


def plan_successions(authorities: Sequence[PlannedCa], now: datetime) -> tuple[Timetable, ...]:
    """Return the timetables of all CAs that need a successor, or have to be retired.

    Parents come before their children. CAs that are pending, standby, retired or revoked have none.
    """
    by_name = {authority.name: authority for authority in authorities}
    latest, waiting = _latest_activations(authorities, by_name)
    issuers = {authority.name: authority.parent for authority in authorities}
    ordered = sorted(authorities, key=lambda ca: (count_above(ca.name, issuers), ca.name))
    timetables = (
        _timetable(planned_ca, authorities, waiting.get(planned_ca.name), latest.get(planned_ca.name), now)
        for planned_ca in ordered
    )
    return tuple(timetable for timetable in timetables if timetable is not None)


def _life(planned_ca: PlannedCa) -> timedelta:
    return (
        planned_ca.ends_at - planned_ca.begins_at
        if planned_ca.ends_at is not None and planned_ca.begins_at is not None
        else timedelta()
    )


def _scaled(time: timedelta, planned_ca: PlannedCa) -> timedelta:
    return time * min(1.0, _life(planned_ca) / FULL_LIFE)


def _latest_activations(
    authorities: Sequence[PlannedCa], by_name: Mapping[str, PlannedCa]
) -> tuple[dict[str, datetime], dict[str, str]]:
    """Return the latest activation of each successor, and which CA waits for which.

    A successor ends with the CA above it at the latest. Where that leaves it less than half of its predecessor's life,
    the successor of the CA above must sign before it begins.
    """
    latest: dict[str, datetime] = {}
    waiting: dict[str, str] = {}
    issuers = {authority.name: authority.parent for authority in authorities}
    for authority in sorted(authorities, key=lambda ca: -count_above(ca.name, issuers)):
        if authority.state is not CaState.ISSUING or authority.ends_at is None:
            continue
        own = authority.ends_at - authority.validity - _scaled(RESERVE, authority)
        latest[authority.name] = min(own, latest.get(authority.name, own))
        parent = by_name.get(authority.parent or "")
        if parent is None or parent.ends_at is None or parent.state is not CaState.ISSUING:
            continue
        begin = _before(authority, latest[authority.name], SuccessionStep.BEGIN)
        certified = _before(authority, latest[authority.name], SuccessionStep.CEREMONY)
        if _successor(authority, authorities) is None and certified + _life(authority) * LEAST_LIFE > parent.ends_at:
            waiting[authority.name] = parent.name
            latest[parent.name] = min(begin, latest.get(parent.name, begin))
    return latest, waiting


def _before(planned_ca: PlannedCa, activation: datetime, step: SuccessionStep) -> datetime:
    """Return the latest date of a step before this activation."""
    return activation - _scaled(_LEADS[step], planned_ca)


def _successor(planned_ca: PlannedCa, authorities: Sequence[PlannedCa]) -> PlannedCa | None:
    """Return the CA that follows and outlives this one, the most advanced of several."""
    planned_cas = [other for other in authorities if other.state in _ADVANCE and _follows(other, planned_ca)]
    return max(planned_cas, key=lambda other: _ADVANCE.index(other.state), default=None)


def _follows(other: PlannedCa, planned_ca: PlannedCa) -> bool:
    """Return True for a successor or standby that ends after this CA."""
    is_standby = (
        other.state is CaState.STANDBY and planned_ca.channel is not None and other.channel is planned_ca.channel
    )
    outlives = other.ends_at is None or planned_ca.ends_at is None or other.ends_at > planned_ca.ends_at
    return outlives and (other.replaces == planned_ca.name or is_standby)


def _timetable(
    planned_ca: PlannedCa,
    authorities: Sequence[PlannedCa],
    waits_for: str | None,
    activation: datetime | None,
    now: datetime,
) -> Timetable | None:
    if planned_ca.ends_at is None:
        return None
    after = _successor(planned_ca, authorities)
    name = after.name if after is not None else None
    if planned_ca.state is CaState.PUBLISHING:
        ends = planned_ca.last_leaf_ends_at or now
        return Timetable(
            planned_ca, planned_ca.ends_at, name, None, (DatedStep(SuccessionStep.RETIRE, ends, is_done=False),)
        )
    if activation is None:
        return None
    is_installed = after is not None and after.state is not CaState.PENDING
    done = {
        SuccessionStep.BEGIN: after is not None,
        SuccessionStep.CEREMONY: is_installed,
        SuccessionStep.INSTALL: is_installed,
    }
    alarm = min(
        planned_ca.ends_at - min(ALARM_BEFORE_END, _life(planned_ca) / 2),
        _before(planned_ca, activation, SuccessionStep.BEGIN),
    )
    steps = [DatedStep(SuccessionStep.ALARM, alarm, is_done=now >= alarm or is_installed)]
    steps += [
        DatedStep(step, _before(planned_ca, activation, step), is_done=done.get(step, False))
        for step in (SuccessionStep.BEGIN, SuccessionStep.CEREMONY, SuccessionStep.INSTALL, SuccessionStep.ACTIVATE)
    ]
    retire = activation + planned_ca.validity if planned_ca.validity else planned_ca.ends_at
    steps.append(DatedStep(SuccessionStep.RETIRE, retire, is_done=False))
    return Timetable(planned_ca, planned_ca.ends_at, name, waits_for, tuple(steps))
