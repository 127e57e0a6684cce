"""Figures of the whole authority, for the clerks' first page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sinetti.domain.certificates.overview import MONTHS

COUNTED_EVERY = timedelta(minutes=10)
"""Time between two counts."""
STALE_AFTER = timedelta(hours=1)
"""Age from which the background work that counts has evidently stopped."""
FLEET = 10
"""Least number of certificates near their end that make a fleet in danger."""
FLEET_ENDS_WITHIN = timedelta(days=30)
REFUSALS_WITHIN = timedelta(days=30)
SHOWN = 100
"""Organisations of each list that are kept."""


class CaseKind(StrEnum):
    """Case that waits for a clerk's decision."""

    APPLICATIONS = "applications"
    REVOCATIONS = "revocations"
    LOADS = "loads"
    INVITATIONS = "invitations"


class WorkKind(StrEnum):
    """Work of clerks that is found by counting all certificates."""

    FLEETS = "fleets"
    RETURNED = "returned-mail"
    CONTACTLESS = "contactless"


class HealthKind(StrEnum):
    """Part of the service whose state clerks may know. A closed list."""

    LISTS = "lists"
    ANSWERS = "answers"
    MESSAGES = "messages"
    FAILED = "failed-messages"
    CLOCK = "clock"


@dataclass(frozen=True)
class WaitingWork:
    """Cases of one kind that wait for a clerk.

    `count` leaves out the clerk's `own` proposals, which another clerk decides. `oldest` is the first of `count`.
    """

    kind: CaseKind
    count: int
    own: int
    oldest: datetime | None


@dataclass(frozen=True)
class OrganisationWork:
    """Organisation with certificates that need work, and the first of their ends."""

    organisation_id: str
    count: int
    first_end: datetime


@dataclass(frozen=True)
class WorkList:
    """Certificates that need the same work, by organisation, the first end first.

    `certificates` and `organisations` count all of them, `rows` has the first hundred organisations.
    """

    certificates: int = 0
    organisations: int = 0
    rows: tuple[OrganisationWork, ...] = ()


@dataclass(frozen=True)
class AuthorityFigures:
    """Figures of one count.

    `issued` has the 24 months up to this one, `ends` the 24 months from this one on. `refusals` counts rejected
    requests of 30 days by reason, the most frequent first. `health` has the size of each problem: an age in hours, or
    a number of messages; a part without a problem is absent. `machine_at` is the time of the count on the machine's
    clock.
    """

    taken_at: datetime
    machine_at: datetime
    in_force: int = 0
    issued: tuple[int, ...] = (0,) * MONTHS
    ends: tuple[int, ...] = (0,) * MONTHS
    refusals: tuple[tuple[str, int], ...] = ()
    work: Mapping[WorkKind, WorkList] = field(default_factory=dict)
    health: Mapping[HealthKind, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the figures as values of JSON."""
        work = {
            kind: [
                work_list.certificates,
                work_list.organisations,
                [[row.organisation_id, row.count, _text(row.first_end)] for row in work_list.rows],
            ]
            for kind, work_list in self.work.items()
        }
        return {
            "taken_at": _text(self.taken_at),
            "machine_at": _text(self.machine_at),
            "in_force": self.in_force,
            "issued": self.issued,
            "ends": self.ends,
            "refusals": self.refusals,
            "work": work,
            "health": dict(self.health),
        }


def figures_of(stored: Mapping[str, Any]) -> AuthorityFigures:
    """Return the figures that `as_json` wrote."""
    work = {
        WorkKind(kind): WorkList(
            certificates, organisations, tuple(OrganisationWork(one, count, _instant(at)) for one, count, at in rows)
        )
        for kind, (certificates, organisations, rows) in stored["work"].items()
    }
    return AuthorityFigures(
        _instant(stored["taken_at"]),
        _instant(stored["machine_at"]),
        stored["in_force"],
        tuple(stored["issued"]),
        tuple(stored["ends"]),
        tuple((reason, count) for reason, count in stored["refusals"]),
        work,
        {HealthKind(kind): size for kind, size in stored["health"].items()},
    )


def _text(at: datetime) -> str:
    return at.isoformat()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
