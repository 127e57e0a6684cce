"""Marks on two cores, with everything on the machine, and their evaluation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.running import CFSSL, DJANGO_CA, Result
from bench.scene import IN_SIGNER, IN_TOKEN

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


@dataclass(frozen=True, slots=True)
class _Goal:
    """Marks of one kind of CA and number of connections on PostgreSQL.

    They are renewals a second and milliseconds. `cfssl` and `django_ca` are shares of their rates in the same run.
    None: there is no such mark.
    """

    kind: str
    connections: int
    rate: int | None = None
    aim: int | None = None
    p99: float | None = None
    p50: float | None = None
    cfssl: float | None = None
    django_ca: float | None = None


_GOALS = (
    _Goal("P-384", 32, rate=700, aim=900, p99=100.0, cfssl=1.0, django_ca=0.9),
    _Goal("P-384", 8, rate=500, p99=40.0),
    _Goal("P-384", 1, p50=4.5),
    _Goal("RSA-4096", 32, rate=400),
)
"""Marks with the keys in files or in the separate signer, as `serve` ships.

One connection had a p50 of 4.1 ms before there were waves; it may be a tenth more.
"""


def marks(results: Sequence[Result]) -> list[Mark]:
    """Evaluate the results. A value that was not measured has no mark."""
    peers = {(one.kind, one.connections): one.peers for one in results if one.peers}
    found = []
    for goal in _GOALS:
        for one in results:
            measured = (one.database, one.kind.removesuffix(IN_SIGNER), one.connections, one.filler)
            if measured == ("PostgreSQL", goal.kind, goal.connections, 0):
                found += _reached(goal, one, peers.get((goal.kind, goal.connections), {}))
    return (
        found
        + _tokens(results)
        + _growth(results, "time", lambda one: 1 / one.rate)
        + _growth(results, "processor time of server and database", lambda one: one.cpu["server"] + one.cpu["database"])
    )


def _reached(goal: _Goal, one: Result, peers: Mapping[str, float]) -> list[Mark]:
    """Evaluate one result; the separate signer has the peers of the same run."""
    about = f"{one.kind}, {one.connections} connection{'s' if one.connections > 1 else ''}"
    found = []
    if goal.rate is not None:
        found.append(_at_least(f"{about}: renewals/s", one.rate, goal.rate))
    if goal.aim is not None:
        found.append(_at_least(f"{about}: renewals/s, aimed at", one.rate, goal.aim))
    for name, most, value in (("p50", goal.p50, one.p50), ("p99", goal.p99, one.p99)):
        if most is not None:
            found.append(Mark(f"{about}: {name}, ms, below", f"{most:.1f}", f"{value:.1f}", value < most))
    for name, least in ((CFSSL, goal.cfssl), (DJANGO_CA, goal.django_ca)):
        if least is not None and name in peers:
            share = one.rate / peers[name]
            found.append(Mark(f"{about}: share of {name}", f"{least:.1f}", f"{share:.2f}", share >= least))
    return found


def _tokens(results: Sequence[Result]) -> list[Mark]:
    """Compare keys in a token with the same keys in files, in one run."""
    found = []
    for one in (one for one in results if one.kind.endswith(IN_TOKEN)):
        kind = one.kind.removesuffix(IN_TOKEN)
        alike = (one.database, kind, one.connections, one.filler)
        files = next((o for o in results if (o.database, o.kind, o.connections, o.filler) == alike), None)
        if files is not None:
            about = f"{one.kind}, {one.connections} connections: share of the rate with files"
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
            if (one.database, one.kind, one.connections, one.renewals, one.filler)
            == (filled.database, filled.kind, filled.connections, filled.renewals, 0)
        )
        growth = cost(filled) / cost(before) - 1
        about = f"{what} per renewal with {filled.filler:,} certificates more, growth"
        found.append(Mark(about, f"{MOST_GROWTH:+.0%}", f"{growth:+.1%}", growth <= MOST_GROWTH))
    return found
