"""Limits per caller over all workers of a node, in shared memory.

They limit rates and concurrent requests. Rates are exact. For concurrent requests, each worker that checks at the same
instant may admit one too many.

A table has a fixed number of places, and a keyed digest of the caller selects one. So memory is bounded, and old
entries need no removal. Two callers in the same place (one pair in 65,536) share its limit.

The admission check uses the caller's address, and precedes the reading of a request.
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


@dataclass(frozen=True)
class Rate:
    """Rate limit: requests per second in the long run, and the size of a burst."""

    per_second: float
    burst: int


SIGNER_RATE = Rate(100 / 60, 100)
"""Rate limit of one signing certificate: 100 calls a minute."""


def consume(empty_at: float, now: float, rate: Rate) -> tuple[float, float]:
    """Take one request out of a token bucket.

    `empty_at` is the instant at which the bucket is full again, in seconds of a monotonic clock. Returns the new such
    instant and 0.0. If there is no token, returns the old instant, and the seconds until there is one.
    """
    each = 1 / rate.per_second
    then = max(empty_at, now) + each
    over = then - now - rate.burst * each
    # A difference of 1 µs is a rounding error.
    return (empty_at, over) if over > 1e-6 else (then, 0.0)  # noqa: PLR2004


def client_key(address: str) -> bytes | None:
    """Return the key by which an address is counted; None for an invalid address.

    It is the address itself, and for IPv6 its /64, which belongs to one customer.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return parsed.ipv4_mapped.packed if parsed.ipv4_mapped else parsed.packed[:_NET_OCTETS]
    return parsed.packed


class RateLimiter:
    """Recent requests of each caller, in memory that forked workers share."""

    def __init__(self, rate: Rate) -> None:
        """Create an empty table."""
        self._rate, self._place = rate, _Placing()
        self._handle, memory = _shared(PLACES * _TIME)
        self._times = memory.cast("d")
        self._lock = Lock()

    def wait(self, caller: bytes, now: float) -> float:
        """Count one request and return 0.0, or return the seconds to wait.

        A request that has to wait is not counted.
        """
        place = self._place.of(caller)
        with self._lock, self._held(place):
            self._times[place], wait = consume(self._times[place], now, self._rate)
        return wait

    @contextmanager
    def _held(self, place: int) -> Iterator[None]:
        """Lock this place against other workers.

        The system releases the lock when its process ends.
        """
        fcntl.lockf(self._handle, fcntl.LOCK_EX, _TIME, place * _TIME)
        try:
            yield
        finally:
            fcntl.lockf(self._handle, fcntl.LOCK_UN, _TIME, place * _TIME)


class ConcurrencyLimiter:
    """Number of concurrent requests of each caller.

    Each process has its own row of counters, and writes no other.
    """

    def __init__(self, most: int, rows: int) -> None:
        """Store the limit of one caller, and create rows for all processes."""
        self._most, self._place = most, _Placing()
        _, memory = _shared(rows * PLACES * _COUNT)
        self._rows = [memory[row * PLACES * _COUNT : (row + 1) * PLACES * _COUNT].cast("H") for row in range(rows)]
        self._mine = self._rows[0]

    def take_row(self, row: int) -> None:
        """Use this row for this process, and reset the counters of a killed predecessor."""
        self._mine = self._rows[row]
        self._mine[:] = memoryview(bytes(PLACES * _COUNT)).cast("H")

    def enter(self, caller: bytes) -> bool:
        """Count one more request; return False if the limit is reached."""
        place = self._place.of(caller)
        if sum(row[place] for row in self._rows) >= min(self._most, _MOST_COUNTED):
            return False
        self._mine[place] += 1
        return True

    def leave(self, caller: bytes) -> None:
        """Count one request less."""
        place = self._place.of(caller)
        self._mine[place] = max(0, self._mine[place] - 1)


class _Placing:
    """Places of callers, selected by a secret key.

    So a caller cannot choose to share the place of another.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def of(self, caller: bytes) -> int:
        return int.from_bytes(blake2b(caller, key=self._key, digest_size=4).digest()) % PLACES


def _shared(octets: int) -> tuple[int, memoryview]:
    handle = os.memfd_create("sinetti-limits")
    os.ftruncate(handle, octets)
    return handle, memoryview(mmap.mmap(handle, octets))


Peer = tuple[str, int]
"""Peer of a connection: address and port."""

ReportedPeer = tuple[str, int | str]
"""Peer as reported by the HTTP server; granian reports the port as text."""

FORWARDED = b"x-forwarded-for"
RATE, AT_ONCE = "too-many-requests-from-address", "too-many-at-once-from-address"
"""Reasons of rejected requests in the log."""

_FULL_RETRY = 5.0
_SAID_EVERY = 10.0
_log = logging.getLogger(__name__)


class ProxyWatch:
    """Instant of the last request without the proxy's header.

    All processes of a node share it.
    """

    def __init__(self) -> None:
        """Create the shared value, in which there was none yet."""
        _, octets = _shared(8)
        self._last = octets.cast("d")

    def note(self, now: float) -> None:
        """Record a request without the header; `now` is on the monotonic clock."""
        self._last[0] = now

    def seen_within(self, seconds: float, now: float) -> bool:
        """Return whether there was such a request within this time."""
        return self._last[0] > 0 and now - self._last[0] < seconds


@dataclass(frozen=True)
class Rejected:
    """Rejection with its reason, and the seconds until a new request makes sense."""

    why: str
    wait: float


@dataclass
class Admission:
    """Limits per address of one worker.

    Without meter and crowd every request is admitted. Behind a proxy the caller is the last hop of X-Forwarded-For,
    which the proxy itself wrote; otherwise that header is ignored. Loopback is counted if an operator has set limits.
    """

    meter: RateLimiter | None = None
    crowd: ConcurrencyLimiter | None = None
    behind_proxy: bool = False
    counts_loopback: bool = False
    watch: ProxyWatch | None = None
    peers: set[Peer] = field(default_factory=set, init=False)
    _said: dict[str, float] = field(default_factory=dict[str, float], init=False)

    @contextmanager
    def admit(self, peer: ReportedPeer | None, headers: list[tuple[bytes, bytes]]) -> Iterator[Rejected | None]:
        """Admit a request during the block; yield None, or the rejection.

        In both cases its connection is in `peers` meanwhile, because it has a request and gets an answer.
        """
        with self.connected(peer), self._let_in(peer, headers) as away:
            yield away

    @contextmanager
    def connected(self, peer: ReportedPeer | None) -> Iterator[None]:
        """Have a connection in `peers` during the block, without counting its request."""
        known = (peer[0], int(peer[1])) if peer is not None else None
        if known is not None:
            self.peers.add(known)
        try:
            yield
        finally:
            if known is not None:
                self.peers.discard(known)

    @contextmanager
    def _let_in(self, peer: ReportedPeer | None, headers: list[tuple[bytes, bytes]]) -> Iterator[Rejected | None]:
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
        """Return whether requests from an address are counted."""
        return self.counts_loopback or not ip_address(address.partition("%")[0]).is_loopback

    def _caller(self, peer: ReportedPeer | None, headers: list[tuple[bytes, bytes]]) -> str | None:
        if not self.behind_proxy:
            return peer[0] if peer else None
        given = [value for name, value in headers if name.lower() == FORWARDED]
        address = given[-1].decode("latin-1").rpartition(",")[2].strip() if given else ""
        if client_key(address) is None:
            if self.watch is not None:
                self.watch.note(monotonic_seconds())
            if self.meter is not None or self.crowd is not None:
                self.say("the proxy does not send X-Forwarded-For: limits per address are not applied", {})
            return None
        return address

    def caller(self, peer: ReportedPeer | None, headers: list[tuple[bytes, bytes]]) -> str:
        """Return the caller's address, or an empty text if it is unknown."""
        return self._caller(peer, headers) or ""

    def say(self, sentence: str, facts: Mapping[str, str]) -> None:
        """Log a sentence, at most every ten seconds for each reason.

        So a flood of requests cannot fill a disk.
        """
        reason = facts.get("reason", "")
        if monotonic_seconds() - self._said.get(reason, -_SAID_EVERY) >= _SAID_EVERY:
            self._said[reason] = monotonic_seconds()
            _log.warning(sentence, extra={"facts": facts})


def unlimited() -> Admission:
    """Return an admission without limits, as on a test bench."""
    return Admission()
