"""The organisations of a fleet: names in the store, and ids that belong to nobody."""

from dataclasses import dataclass

from sinetti.domain.identifiers import is_business_id

MOST = 2_000
"""More than that take longer than anybody watches."""

_FIRST = 9_000_000


@dataclass(frozen=True, slots=True)
class FleetOrganisation:
    """One organisation: `name` is that of its certificate in the store."""

    name: str
    customer_id: str
    customer_name: str


def organisations(count: int) -> tuple[FleetOrganisation, ...]:
    """Give so many, 1 to MOST. Their ids look like Business IDs, but their check digits are wrong."""
    return tuple(
        FleetOrganisation(f"org-{number:04}", _id_of_nobody(number), f"Malliyritys {number} Oy")
        for number in range(1, count + 1)
    )


def _id_of_nobody(number: int) -> str:
    candidates = (f"{_FIRST + number}-{digit}" for digit in range(10))
    return next(one for one in candidates if not is_business_id(one))
