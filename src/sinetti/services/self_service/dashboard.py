"""What somebody has to see to now, in numbers: certificates, orders, requests, and applications for clerks."""

from collections.abc import Mapping
from dataclasses import dataclass

from sinetti.database.access import overviews
from sinetti.database.certificates import list_query
from sinetti.database.organisations import applications as organisations_applications
from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.display_status import State
from sinetti.services.access.permissions import Actor, Standing
from sinetti.services.context import Office


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
    states = list_query.counts(office.register, seen, now) if seen else {}
    states.pop(State.VALID, None)
    return Overview(
        len(seen),
        states,
        overviews.requests(office.register, granting, now) if granting else 0,
        organisations_applications.count_open(office.register) if actor.staff and actor.second_factor else 0,
    )
