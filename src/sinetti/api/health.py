"""Health, for load balancers: /healthz says that the process lives, /readyz whether it can do its work."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Condition, Event, Lock, Thread

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.http import Request, Response, text_response

LIVES, READY = "/healthz", "/readyz"
PATHS = frozenset({LIVES, READY})

KEPT_FOR = 1.0
"""Seconds for which one look at everything serves all who ask."""

LOOKS_WITHIN = 5.0
"""Seconds that a look may take before whoever asks is told that it does not come to an end."""

WARNED_WITHIN = 0.25
"""Seconds that whoever asks waits for a warning that is looked for aside."""

Check = Callable[[], str | None]
_log = logging.getLogger(__name__)
_NO_STORE = {"cache-control": "no-store"}


class HealthEndpoint:
    """Asks each check: None when all is well, else one sentence that says what is wrong and what to do."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        warnings: Mapping[str, Check] | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the checks, those that make nothing unready, and what is to be done after each look."""
        self._checks, self._warnings, self._done = checks, warnings or {}, done
        self._turn = Condition()
        self._began: float | None = None
        self._seen = float("-inf")
        self._last: Response | None = None

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method, for one of the two paths."""
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "Health is asked for with GET.", allow="GET, HEAD")
        if request.path == LIVES:
            return replace(text_response(200, "It lives.", cache_control="no-store"), log_fields=None)
        return self._known() or self._look()

    def _known(self) -> Response | None:
        """What a look of before or of somebody else tells; None where the caller is to look, which is booked then."""
        with self._turn:
            now = monotonic_seconds()
            if self._last is not None and now - self._seen < KEPT_FOR:
                return self._last
            if self._began is None:
                self._began = now
                return None
            left = self._began + LOOKS_WITHIN - now
            if self._last is None:
                # The first look has only just begun, and there is nothing yet that could be told instead.
                return self._last if self._turn.wait_for(lambda: self._last is not None, left) else _told(_SLOW, {})
            # As long as a look takes no longer than it may, what was seen before is true.
            return self._last if left > 0 else _told(_SLOW, {})

    def _look(self) -> Response:
        seen = None
        try:
            seen = _told({name: _asked(name, check) for name, check in self._checks.items()}, self._warned())
            return seen
        finally:
            with self._turn:
                self._began = None
                if seen is not None:
                    self._last, self._seen = seen, monotonic_seconds()
                self._turn.notify_all()
            self._done()

    def _warned(self) -> Mapping[str, str | None]:
        return {name: _asked(name, check) for name, check in self._warnings.items()}


class BackgroundCheck:
    """A warning that takes its time: looked for in a thread of its own, while what was seen before is told."""

    def __init__(self, name: str, check: Check, done: Callable[[], None] = lambda: None) -> None:
        """Take the check, and what its thread is to do at its end, such as closing its connection."""
        self._name, self._check, self._done = name, check, done
        self._turn, self._ended = Lock(), Event()
        self._ended.set()
        self._last: str | None = None

    def __call__(self) -> str | None:
        """What the newest look told that has come to its end; None before the first."""
        with self._turn:
            if self._ended.is_set():
                self._ended = Event()
                Thread(target=self._look, args=(self._ended,), name="watching", daemon=True).start()
            ended = self._ended
        ended.wait(WARNED_WITHIN)
        return self._last

    def _look(self, ended: Event) -> None:
        try:
            self._last = _asked(self._name, self._check)
            self._done()
        finally:
            ended.set()


_SLOW = {"checks": "they do not come to an end: look at the database and the disks"}


def _asked(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception:  # noqa: BLE001 - whatever it is, the check did not go well, and the log has it
        _log.exception("the check %s failed", name)
        return "the check itself failed: see in the log why"


def _told(checks: Mapping[str, str | None], warnings: Mapping[str, str | None]) -> Response:
    ready = not any(checks.values())
    body = json.dumps({"ready": ready, "checks": checks, "warnings": warnings}, ensure_ascii=False).encode()
    # Asked every second: only what is wrong is worth a line in the log.
    return Response(200 if ready else 503, "application/json", body, _NO_STORE, None if ready else {})
