"""Who looks after a CA's lists in one process: one at a time, and what one finds counts for all who wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

PATIENCE = 15.0
"""Seconds that one waits for another before it looks itself: a list of a million entries takes ten to be made anew."""


class SingleFlight:
    """The turns of one process. A list of a million entries takes 150 MB and a second: a crowd makes it once."""

    def __init__(self) -> None:
        self._locks: dict[str, RLock] = {}
        self._found: dict[tuple[str, int], tuple[int, float]] = {}

    @contextmanager
    def one(self, authority: str) -> Iterator[None]:
        """Have the turn for a CA's lists while the block runs, or go on without it after some time."""
        lock = self._locks.setdefault(authority, RLock())
        mine = lock.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                lock.release()

    def found(self, authority: str, shard: int, number: int, begun: float) -> None:
        """The list with this number has all that was revoked before `begun` (ticks)."""
        self._found[authority, shard] = (number, begun)

    def is_covered(self, authority: str, shard: int, number: int, asked: float) -> bool:
        """Whether somebody has looked since it was asked (ticks), and found that this list has everything."""
        looked_at, begun = self._found.get((authority, shard), (None, 0.0))
        return looked_at == number and begun >= asked
