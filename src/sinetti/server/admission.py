"""Who may come in: the caller's address, and whether it has room left, before anything of a request is read."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.rate_limits import ConcurrencyLimiter, RateLimiter, client_key

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
    """The limits per address of one worker. Without meter and crowd everybody is let in.

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
