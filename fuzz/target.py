"""Definition of a target: a function over octets, its seeds, and a mutator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

Changing = Callable[[bytes, Random], bytes]
"""Mutator: changes octets with the given random generator.

The same seed changes them in the same way.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to be fuzzed.

    `check` raises nothing for any octets, unless something does not hold. `seeds` gives octets to begin with, by names.
    `change` knows the form of the octets; None: libFuzzer's own ways do. `longest`: octets that are tried at most.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Mapping[str, bytes]]
    change: Changing | None = None
    longest: int = 16_384


class DoesNotHold(AssertionError):
    """Something that must hold of every input does not hold of this one."""


def must(condition: object, sentence: str) -> None:
    """Raise DoesNotHold with what should be so.

    An `assert` would be left out by `python -O`.
    """
    if not condition:
        raise DoesNotHold(sentence)
