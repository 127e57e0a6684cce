"""Which certificates a gateway has seen, told to the authority now and then (docs/gateway-serve.md).

What is kept is one instant for each certificate, in memory, and bounded. Telling it never holds up a caller: `seen`
puts a value into a table, and a thread of its own sends. What cannot be sent is kept and sent later, after pauses that
grow; of more than fits, the oldest is dropped. The authority's answers are read for their status alone.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from sinetti.domain.usage import Observation
from sinetti.domain.values import Sha256
from sinetti.infra.clock import utc_now
from sinetti.infra.http_client import HttpError, HttpRequest, send_request, url_path
from sinetti.wire.http_signatures.profile import SignedComponents, SigningKey, sign
from sinetti.wire.json_api.usage_reports import CONTENT_TYPE, render

BATCH: Final = 500
"""Certificates in one message."""

EVERY: Final = 60.0
"""Seconds between messages, unless as many certificates as one message takes come earlier."""

KEPT_AT_MOST: Final = 50_000
"""Certificates that wait to be told: 10 MB."""

LONGEST_PAUSE: Final = 3600.0
"""Seconds; a pause is twice as long as the one before it."""

_WITHIN = 10.0
_TAKEN = range(200, 300)
_REFUSED = frozenset({400, 413, 422})
"""What is not taken now will not be taken later either: the batch is dropped."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """Where sightings go, and whose they are: the name and key that the authority knows this gateway by."""

    url: str
    name: str
    key: SigningKey = field(repr=False)
    within: float = _WITHIN

    def send(self, batch: dict[bytes, datetime], now: datetime) -> int | None:
        """Send one batch: last seen (UTC), by the SHA-256 of each certificate.

        The status; None where none came.
        """
        body = render(Observation(Sha256(digest.hex()), at) for digest, at in batch.items())
        parts = SignedComponents("POST", url_path(self.url), CONTENT_TYPE, body)
        headers = sign(parts, self.key, self.name, now)
        try:
            return send_request(HttpRequest(self.url, "POST", headers, body, within=self.within)).status
        except HttpError as why:
            _log.info("sightings were not told", extra={"facts": {"error": str(why)}})
            return None


class UsageReporter:
    """Keeps what was seen and has a thread tell it. `seen` is what a Guard takes."""

    def __init__(self, reporter: ReportTarget, *, every: float = EVERY, now: Callable[[], datetime] = utc_now) -> None:
        """Take where to tell it, and how often, in seconds."""
        self._reporter, self._every, self._now = reporter, every, now
        self._waiting: OrderedDict[bytes, datetime] = OrderedDict()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)

    def start(self) -> None:
        """Start telling."""
        self._thread.start()

    def stop(self, within: float = 2.0) -> None:
        """Tell once more what is there, and end; after `within` seconds without that."""
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
        """How many certificates wait to be told."""
        with self._lock:
            return len(self._waiting)

    def _run(self) -> None:
        pause = self._every
        while not self._stopped.is_set():
            # In trouble the full table wakes nobody: the pause is kept.
            (self._wake if pause == self._every else self._stopped).wait(pause)
            self._wake.clear()
            pause = self._every if self._tell() else min(2 * pause, max(self._every, LONGEST_PAUSE))

    def _tell(self) -> bool:
        """Send all that waits, batch by batch; whether that went well."""
        while batch := self._take():
            try:
                status = self._reporter.send(batch, self._now())
            except Exception as bad:  # noqa: BLE001 - whatever goes wrong here, callers are served, and it is tried again
                _log.error("sightings were not told", extra={"facts": {"error": type(bad).__name__}})
                status = None
            if status in _REFUSED:
                _log.error("the authority does not take these sightings", extra={"facts": {"status": status}})
            elif status not in _TAKEN:
                self._put_back(batch)
                return False
        return True

    def _take(self) -> dict[bytes, datetime]:
        with self._lock:
            return dict(self._waiting.popitem(last=False) for _ in range(min(BATCH, len(self._waiting))))

    def _put_back(self, batch: dict[bytes, datetime]) -> None:
        """Put a batch back before the rest, as the older part; what was seen anew meanwhile stays as it is."""
        with self._lock:
            for digest, at in reversed(batch.items()):
                if digest not in self._waiting:
                    self._waiting[digest] = at
                    self._waiting.move_to_end(digest, last=False)
            while len(self._waiting) > KEPT_AT_MOST:
                self._waiting.popitem(last=False)
