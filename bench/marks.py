"""Marks on two cores, with everything on the machine, and their evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.running import Result
from bench.scene import IN_TOKEN

MOST_GROWTH = 0.10
"""Largest increase of a renewal's cost with a full database."""


LEAST_OF_TOKENS = 0.80
"""Least share of the rate with keys in files that keys in SoftHSM must reach."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: its subject, the goal, the measured value, and the evaluation."""

    about: str
    wanted: str
    measured: str
    reached: bool


_RATES = {("PostgreSQL", "P-384"): (400, 700), ("PostgreSQL", "RSA-4096"): (250, 450)}
"""Renewals a second: the mark, and the goal."""

_SLOWEST = 100.0
"""Limit in milliseconds for the slowest of a hundred."""


def marks(results: Sequence[Result]) -> list[Mark]:
    """Evaluate the results. A value that was not measured has no mark."""
    found = []
    for (database, kind), (least, aim) in _RATES.items():
        one = next((one for one in results if (one.database, one.kind, one.filler) == (database, kind, 0)), None)
        if one is not None:
            about = f"renewals/s on {database} with {kind}"
            found.append(_at_least(about, one.rate, least))
            found.append(_at_least(f"{about}, aimed at", one.rate, aim))
            found.append(
                Mark(f"p99 of these, ms, below {_SLOWEST:.0f}", f"{_SLOWEST:.0f}", f"{one.p99:.1f}", one.p99 < _SLOWEST)
            )
    return (
        found
        + _tokens(results)
        + _growth(results, "time", lambda one: 1 / one.rate)
        + _growth(results, "processor time of server and database", lambda one: one.cpu["server"] + one.cpu["database"])
    )


def _tokens(results: Sequence[Result]) -> list[Mark]:
    """Compare keys in a token with the same keys in files, in one run."""
    found = []
    for one in (one for one in results if one.kind.endswith(IN_TOKEN)):
        kind = one.kind.removesuffix(IN_TOKEN)
        files = next((other for other in results if (other.database, other.kind) == (one.database, kind)), None)
        if files is not None:
            about = f"renewals/s on {one.database} with {one.kind}, of those with files"
            share = one.rate / files.rate
            found.append(Mark(about, f"{LEAST_OF_TOKENS:.0%}", f"{share:.0%}", share >= LEAST_OF_TOKENS))
    return found


def _at_least(about: str, rate: float, least: int) -> Mark:
    return Mark(about, str(least), f"{rate:.0f}", rate >= least)


def _growth(results: Sequence[Result], what: str, cost: Callable[[Result], float]) -> list[Mark]:
    """Compare each wave over a full database with the same wave before it was filled."""
    found = []
    for filled in (one for one in results if one.filler):
        before = next(
            one
            for one in reversed(results)
            if (one.database, one.kind, one.renewals, one.filler) == (filled.database, filled.kind, filled.renewals, 0)
        )
        growth = cost(filled) / cost(before) - 1
        about = f"{what} per renewal with {filled.filler:,} certificates more, growth"
        found.append(Mark(about, f"{MOST_GROWTH:+.0%}", f"{growth:+.1%}", growth <= MOST_GROWTH))
    return found
