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
    """One target of fuzzing.

    `check` raises an error only if a property does not hold, for any octets. `seeds` returns the first inputs, by
    names. `change` knows the form of the octets; if it is None, libFuzzer's own mutators are used. `longest` is the
    largest input in octets.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Mapping[str, bytes]]
    change: Changing | None = None
    longest: int = 16_384


class DoesNotHold(AssertionError):
    """Raised where a property does not hold for an input."""


def must(condition: object, sentence: str) -> None:
    """Raise DoesNotHold with the property's sentence unless the condition holds.

    `python -O` would leave out an `assert`.
    """
    if not condition:
        raise DoesNotHold(sentence)
