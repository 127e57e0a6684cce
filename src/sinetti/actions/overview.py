"""What somebody has to see to now, in numbers: certificates, orders, requests, and applications for clerks."""

from collections.abc import Mapping
from dataclasses import dataclass

from sinetti.actions.authority import Actor, Standing
from sinetti.actions.office import Office
from sinetti.domain.listing import State
from sinetti.domain.mandates import Right
from sinetti.registry import applications, browsing, overviews


@dataclass(frozen=True, slots=True)
class Overview:
    """How many of each. `states` leaves out what is valid; `organisations` is for how many one may see anything."""

    organisations: int
    states: Mapping[State, int]
    requests: int = 0
    applications: int = 0


def overview(actor: Actor, who: Standing, office: Office) -> Overview:
    """Count it: at most three statements, each for the organisations for which somebody has the right."""
    now, seen, granting = office.now(), who.organisations(Right.SEE), who.organisations(Right.GRANT)
    states = browsing.counts(office.register, seen, now) if seen else {}
    states.pop(State.VALID, None)
    return Overview(
        len(seen),
        states,
        overviews.requests(office.register, granting, now) if granting else 0,
        applications.count_open(office.register) if actor.staff and actor.second_factor else 0,
    )
