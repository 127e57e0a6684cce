"""Table of the kinds of kills.

A kill is at a step that concerns its kind, or at a moment that a seed draws.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.kills import steps

CLIENT_STEPS = ("prepared", "request-leaves", "answered", "accepted", "collected", "in-place")
DELIVERY_STEPS = ("delivery-prepared", "delivery-answered", "receipt-kept")
"""Steps struck one by one in test_client.py.

A delivery leaves no trace in the database.
"""

ADOPTION_STEPS = ("settled",)
"""Likewise, between changes to the disk by an adoption, which calls no service."""


class Kind(StrEnum):
    """Object of a kill."""

    SERVER = "server"
    WAVE = "wave of requests"
    START = "server that starts"
    WORKER = "process that answers"
    PARENT = "parent process"
    NODE = "one of two nodes"
    CLIENT = "client"
    OPERATOR = "operator's command"
    CONNECTION = "database connections"
    DATABASE = "database server"
    DISK = "disk full"
    CLOCK = "clock"
    RESTORE = "older register restored"
    ROLLOVER = "rollover of the issuing CA"


@dataclass(frozen=True, slots=True)
class Extent:
    """Number of kills of a kind on each database in a full run.

    `each` is the number at each of its steps, `random` that at random moments.
    """

    steps: tuple[str, ...]
    each: int
    random: int
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    nodes: int = 1


PG = ("postgresql",)
TABLE = {
    Kind.SERVER: Extent(steps.of_the_server(), 8, 60),
    Kind.WAVE: Extent(steps.OF_WAVES, 20, 0, PG),
    Kind.START: Extent((), 0, 20),
    Kind.WORKER: Extent(steps.of_the_server(), 4, 40),
    Kind.PARENT: Extent((), 0, 30),
    Kind.NODE: Extent(steps.of_the_server(), 6, 60, PG, nodes=2),
    Kind.CLIENT: Extent(CLIENT_STEPS, 6, 50),
    Kind.OPERATOR: Extent(steps.OF_COMMANDS, 10, 10),
    Kind.CONNECTION: Extent(steps.of_the_server(), 4, 40, PG),
    Kind.DATABASE: Extent(steps.of_the_server(), 1, 10, PG),
    Kind.DISK: Extent(steps.of_the_server(), 2, 20),
    Kind.CLOCK: Extent(steps.of_the_server(), 2, 10),
    Kind.RESTORE: Extent((), 0, 8),
    Kind.ROLLOVER: Extent(steps.ROLLOVER, 10, 90, PG, nodes=2),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One kill, at a step or at a random moment."""

    kind: Kind
    step: str | None


SERIES = tuple((kind, database) for kind, extent in TABLE.items() for database in extent.databases)


def full(kind: Kind, seed: int) -> list[Case]:
    """Return all kills of a kind, in an order that the seed draws."""
    extent = TABLE[kind]
    cases = [Case(kind, step) for step in extent.steps for _ in range(extent.each)]
    cases += [Case(kind, None)] * extent.random
    random.Random(f"{seed}-{kind}").shuffle(cases)  # noqa: S311 - played again from a seed
    return cases


def few(database: str, seed: int) -> list[Case]:
    """Return a few kills of every kind that needs one node, in random order.

    Each kill is at a step or at a random moment. The server is struck at half of its steps. Kinds that run on both
    databases are shared out. Each database has half of those kinds, and half of the server's steps. The seed selects
    the halves.
    """
    drawn = random.Random(f"{seed}-{database}")  # noqa: S311 - as above
    both = TABLE[Kind.SERVER].databases
    first = (seed + both.index(database)) % 2
    cases = [Case(Kind.SERVER, step) for step in TABLE[Kind.SERVER].steps[first::2]]
    ones = {kind: extent for kind, extent in TABLE.items() if extent.nodes == 1 and kind is not Kind.SERVER}
    shared = [kind for kind, extent in ones.items() if extent.databases == both]
    for kind, extent in ones.items():
        if kind in shared[first::2] or (extent.databases != both and database in extent.databases):
            moments = (None,) if extent.random else ()
            cases.append(Case(kind, drawn.choice((*extent.steps, *moments))))
    drawn.shuffle(cases)
    return cases
