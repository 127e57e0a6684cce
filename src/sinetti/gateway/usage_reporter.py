"""Reports to the authority of the certificates that a gateway has seen.

See docs/relying/gateway-serve.md. One instant for each certificate is kept in memory; the table is bounded. Reporting
never delays a caller: `seen` stores a value in a table, and a separate thread sends. A failed report is sent again
later, after growing pauses. If the table is full, the oldest entry is dropped. Only the status of the authority's
response is read.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from sinetti.domain.usage import Observation, TrustListNumbers
from sinetti.domain.values import Sha256
from sinetti.infra.clock import utc_now
from sinetti.infra.http_client import HttpError, HttpRequest, send_request
from sinetti.infra.urls import url_path
from sinetti.wire.http_signatures.profile import SignedComponents, SigningKey, sign
from sinetti.wire.json_api.usage_reports import CONTENT_TYPE, render

BATCH: Final = 500
"""Largest number of certificates in one report."""

EVERY: Final = 60.0
"""Seconds between reports; a full batch is sent earlier."""

KEPT_AT_MOST: Final = 50_000
"""Largest number of unreported certificates; they take 10 MB."""

LONGEST_PAUSE: Final = 3600.0
"""Longest pause in seconds; each pause is twice as long as the one before."""

_WITHIN = 10.0
_TAKEN = range(200, 300)
_REFUSED = frozenset({400, 413, 422})
"""Statuses of a permanent rejection: the batch is dropped."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportTarget:
    """Address for reports, with the name and key of this gateway at the authority."""

    url: str
    name: str
    key: SigningKey = field(repr=False)
    within: float = _WITHIN

    def send(self, batch: dict[bytes, datetime], now: datetime, numbers: TrustListNumbers | None = None) -> int | None:
        """Send one report and return the status, or None without a response.

        `batch` has the instant of the last use (UTC) by the SHA-256 of each certificate. `numbers` are those of the
        trust lists that the gateway uses.
        """
        body = render((Observation(Sha256(digest.hex()), at) for digest, at in batch.items()), numbers)
        parts = SignedComponents("POST", url_path(self.url), CONTENT_TYPE, body)
        headers = sign(parts, self.key, self.name, now)
        try:
            return send_request(HttpRequest(self.url, "POST", headers, body, within=self.within)).status
        except HttpError as why:
            _log.info("sightings were not reported", extra={"facts": {"error": str(why)}})
            return None


def no_numbers() -> None:
    """Return nothing, as a gateway without trust lists does."""


class UsageReporter:
    """Thread that reports seen certificates. `seen` fits the guard's argument."""

    def __init__(self, reporter: ReportTarget, *, every: float = EVERY, now: Callable[[], datetime] = utc_now) -> None:
        """Store the target, and the interval in seconds."""
        self._reporter, self._every, self._now = reporter, every, now
        self.numbers: Callable[[], TrustListNumbers | None] = no_numbers
        self._reported: TrustListNumbers | None = None
        self._waiting: OrderedDict[bytes, datetime] = OrderedDict()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, within: float = 2.0) -> None:
        """Send a last report, and end the thread within `within` seconds in any case."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(within)

    def seen(self, certificate: bytes, at: datetime) -> None:
        """Note an accepted certificate (DER), seen at an instant (UTC)."""
        digest = sha256(certificate).digest()
        with self._lock:
            self._waiting[digest] = at
            self._waiting.move_to_end(digest)
            if len(self._waiting) > KEPT_AT_MOST:
                self._waiting.popitem(last=False)
            full = len(self._waiting) >= BATCH
        if full:
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Number of certificates that have not been reported yet."""
        with self._lock:
            return len(self._waiting)

    def _run(self) -> None:
        pause = self._every
        while not self._stopped.is_set():
            # After a failed report a full table does not shorten the pause.
            (self._wake if pause == self._every else self._stopped).wait(pause)
            self._wake.clear()
            pause = self._every if self._tell() else min(2 * pause, max(self._every, LONGEST_PAUSE))

    def _tell(self) -> bool:
        """Send all waiting entries in batches; return False after a failure.

        Other numbers of the trust lists are sent even if no certificate was seen.
        """
        numbers = self.numbers()
        while (batch := self._take()) or numbers != self._reported:
            try:
                status = self._reporter.send(batch, self._now(), numbers)
            except Exception as bad:  # noqa: BLE001 - reports are sent again after any error
                _log.error("sightings were not reported", extra={"facts": {"error": type(bad).__name__}})
                status = None
            if status in _REFUSED or status in _TAKEN:
                self._reported = numbers
            if status in _REFUSED:
                _log.error("the authority does not accept these sightings", extra={"facts": {"status": status}})
            elif status not in _TAKEN:
                self._put_back(batch)
                return False
        return True

    def _take(self) -> dict[bytes, datetime]:
        with self._lock:
            return dict(self._waiting.popitem(last=False) for _ in range(min(BATCH, len(self._waiting))))

    def _put_back(self, batch: dict[bytes, datetime]) -> None:
        """Put a batch back before the other entries, because it is older.

        Entries that were seen again meanwhile keep their newer instant.
        """
        with self._lock:
            for digest, at in reversed(batch.items()):
                if digest not in self._waiting:
                    self._waiting[digest] = at
                    self._waiting.move_to_end(digest, last=False)
            while len(self._waiting) > KEPT_AT_MOST:
                self._waiting.popitem(last=False)
