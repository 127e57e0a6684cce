"""Limits per caller over all workers of a node: rates and requests at once, kept in memory that they share.

Rates are exact; of requests at once, workers that look at the same instant may each let one more in.

A table has a fixed number of places, and a caller's is found by a keyed digest: memory is bounded, what is long past
needs no forgetting, and two callers who meet in one place (one pair in 65,536) share what one of them has.

Who may come in: the caller's address, and whether it has room left, before anything of a request is read.
"""

import fcntl
import logging
import mmap
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from threading import Lock

from sinetti.infra.clock import monotonic_seconds

PLACES = 65_536
_NET_OCTETS = 8
_TIME, _COUNT = 8, 2
_MOST_COUNTED = 65_535


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests per second in the long run, and so many at once."""

    per_second: float
    burst: int


SIGNER_RATE = Rate(100 / 60, 100)
"""What one signing certificate may ask: room for 100 calls a minute."""


def consume(empty_at: float, now: float, rate: Rate) -> tuple[float, float]:
    """Take one request out of a bucket that is full again at `empty_at` (seconds of a clock that never jumps).

    Gives the new such instant, and 0.0; or the old one, and the seconds until there is room.
    """
    each = 1 / rate.per_second
    then = max(empty_at, now) + each
    over = then - now - rate.burst * each
    # A millionth of a second is rounding, no request.
    return (empty_at, over) if over > 1e-6 else (then, 0.0)  # noqa: PLR2004


def client_key(address: str) -> bytes | None:
    """Whom an address is counted as: itself, and for IPv6 its /64, which is one customer's; None for no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return parsed.ipv4_mapped.packed if parsed.ipv4_mapped else parsed.packed[:_NET_OCTETS]
    return parsed.packed


class RateLimiter:
    """How much each caller has asked lately; made before the workers are forked, shared by them."""

    def __init__(self, rate: Rate) -> None:
        """Make the table, empty."""
        self._rate, self._place = rate, _Placing()
        self._handle, memory = _shared(PLACES * _TIME)
        self._times = memory.cast("d")
        self._lock = Lock()

    def wait(self, caller: bytes, now: float) -> float:
        """Count one request: 0.0 if there is room, else the seconds until there is, and nothing is counted."""
        place = self._place.of(caller)
        with self._lock, self._held(place):
            self._times[place], wait = consume(self._times[place], now, self._rate)
        return wait

    @contextmanager
    def _held(self, place: int) -> Iterator[None]:
        """Keep other workers from this place; the system ends such a lock with its process."""
        fcntl.lockf(self._handle, fcntl.LOCK_EX, _TIME, place * _TIME)
        try:
            yield
        finally:
            fcntl.lockf(self._handle, fcntl.LOCK_UN, _TIME, place * _TIME)


class ConcurrencyLimiter:
    """How many requests of each caller are inside now; a row of counts for each process, which it alone writes."""

    def __init__(self, most: int, rows: int) -> None:
        """Take the most that one caller may have inside, and the number of processes."""
        self._most, self._place = most, _Placing()
        _, memory = _shared(rows * PLACES * _COUNT)
        self._rows = [memory[row * PLACES * _COUNT : (row + 1) * PLACES * _COUNT].cast("H") for row in range(rows)]
        self._mine = self._rows[0]

    def take_row(self, row: int) -> None:
        """Be the process of this row: what one that was killed had inside is gone."""
        self._mine = self._rows[row]
        self._mine[:] = memoryview(bytes(PLACES * _COUNT)).cast("H")

    def enter(self, caller: bytes) -> bool:
        """Count one more inside; False where there is no room."""
        place = self._place.of(caller)
        if sum(row[place] for row in self._rows) >= min(self._most, _MOST_COUNTED):
            return False
        self._mine[place] += 1
        return True

    def leave(self, caller: bytes) -> None:
        """Count one less."""
        place = self._place.of(caller)
        self._mine[place] = max(0, self._mine[place] - 1)


class _Placing:
    """Which place is whose, told by a key that nobody knows: nobody can choose to meet another."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def of(self, caller: bytes) -> int:
        return int.from_bytes(blake2b(caller, key=self._key, digest_size=4).digest()) % PLACES


def _shared(octets: int) -> tuple[int, memoryview]:
    handle = os.memfd_create("sinetti-limits")
    os.ftruncate(handle, octets)
    return handle, memoryview(mmap.mmap(handle, octets))


Peer = tuple[str, int]
"""The other end of a connection: address and port."""

Told = tuple[str, int | str]
"""The same as the HTTP server tells it: granian writes the port in letters."""

FORWARDED = b"x-forwarded-for"
RATE, AT_ONCE = "too-many-requests-from-address", "too-many-at-once-from-address"
"""Why a request was not let in, as the log calls it."""

_FULL_RETRY = 5.0
_SAID_EVERY = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rejected:
    """No room: why, and after how many seconds to come again."""

    why: str
    wait: float


@dataclass(slots=True)
class Admission:
    """The limits per address of one worker.

    Without meter and crowd everybody is let in.

    Behind a proxy the caller is the last hop of X-Forwarded-For, which the proxy itself wrote; else that header counts
    for nothing. Loopback is counted where an operator has set limits.
    """

    meter: RateLimiter | None = None
    crowd: ConcurrencyLimiter | None = None
    behind_proxy: bool = False
    counts_loopback: bool = False
    peers: set[Peer] = field(default_factory=set, init=False)
    _said: dict[str, float] = field(default_factory=dict[str, float], init=False)

    @contextmanager
    def admit(self, peer: Told | None, headers: list[tuple[bytes, bytes]]) -> Iterator[Rejected | None]:
        """Let a request in while the block lasts; gives None, or why it is turned away.

        Meanwhile its connection is among `peers`, let in or not: it has a request, and gets an answer.
        """
        if peer is None:
            with self._let_in(peer, headers) as away:
                yield away
            return
        known = (peer[0], int(peer[1]))
        self.peers.add(known)
        try:
            with self._let_in(peer, headers) as away:
                yield away
        finally:
            self.peers.discard(known)

    @contextmanager
    def _let_in(self, peer: Told | None, headers: list[tuple[bytes, bytes]]) -> Iterator[Rejected | None]:
        if self.meter is None and self.crowd is None:
            yield None
            return
        address = self._caller(peer, headers)
        caller = client_key(address) if address is not None else None
        if address is None or caller is None or not self.counts(address):
            yield None
            return
        away = self._turned_away(caller)
        if away is not None:
            self.say(f"{address}: {away.why}", {"reason": away.why, "address": address})
        try:
            yield away
        finally:
            if away is None and self.crowd is not None:
                self.crowd.leave(caller)

    def _turned_away(self, caller: bytes) -> Rejected | None:
        if self.crowd is not None and not self.crowd.enter(caller):
            return Rejected(AT_ONCE, _FULL_RETRY)
        wait = self.meter.wait(caller, monotonic_seconds()) if self.meter is not None else 0.0
        if wait:
            if self.crowd is not None:
                self.crowd.leave(caller)
            return Rejected(RATE, wait)
        return None

    def counts(self, address: str) -> bool:
        """Whether what comes from an address is counted."""
        return self.counts_loopback or not ip_address(address.partition("%")[0]).is_loopback

    def _caller(self, peer: Told | None, headers: list[tuple[bytes, bytes]]) -> str | None:
        if not self.behind_proxy:
            return peer[0] if peer else None
        given = [value for name, value in headers if name.lower() == FORWARDED]
        address = given[-1].decode("latin-1").rpartition(",")[2].strip() if given else ""
        if client_key(address) is None:
            self.say("the proxy names no caller in X-Forwarded-For: limits per address count nobody", {})
            return None
        return address

    def caller(self, peer: Told | None, headers: list[tuple[bytes, bytes]]) -> str:
        """The caller's address; empty where nobody tells."""
        return self._caller(peer, headers) or ""

    def say(self, sentence: str, facts: Mapping[str, str]) -> None:
        """Say it in the log, at most every ten seconds for each reason: whoever sends much shall not fill a disk."""
        reason = facts.get("reason", "")
        if monotonic_seconds() - self._said.get(reason, -_SAID_EVERY) >= _SAID_EVERY:
            self._said[reason] = monotonic_seconds()
            _log.warning(sentence, extra={"facts": facts})


def unlimited() -> Admission:
    """No limits, as on a test bench."""
    return Admission()
