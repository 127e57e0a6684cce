"""Health endpoints for load balancers.

/healthz reports that the process is alive, /readyz whether it can work.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Condition, Event, Lock, Thread

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.http import Request, Response, json_body, text_response

LIVES, READY = "/healthz", "/readyz"
PATHS = frozenset({LIVES, READY})

KEPT_FOR = 1.0
"""Seconds for which the results of all checks are cached for all callers."""

LOOKS_WITHIN = 5.0
"""Seconds until callers get the answer that the checks do not finish."""

WARNED_WITHIN = 0.25
"""Seconds that a caller waits for a warning from a background check."""

Check = Callable[[], str | None]
_log = logging.getLogger(__name__)
_NO_STORE = {"cache-control": "no-store"}


class HealthEndpoint:
    """Endpoint that runs all checks.

    Each returns None if all is well, else one sentence with the problem and the fix.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        warnings: Mapping[str, Check] | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Store the checks, the warnings, and a function to call after each run.

        Warnings do not affect readiness.
        """
        self._checks, self._warnings, self._done = checks, warnings or {}, done
        self._turn = Condition()
        self._began: float | None = None
        self._seen = float("-inf")
        self._last: Response | None = None

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method, for one of the two paths."""
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "Use GET for health checks.", allow="GET, HEAD")
        if request.path == LIVES:
            return replace(text_response(200, "It lives.", cache_control="no-store"), log_fields=None)
        return self._known() or self._look()

    def _known(self) -> Response | None:
        """Return a cached result, or the result of a run in another thread.

        Returns None if the caller has to run the checks, and marks them as running.
        """
        with self._turn:
            now = monotonic_seconds()
            if self._last is not None and now - self._seen < KEPT_FOR:
                return self._last
            if self._began is None:
                self._began = now
                return None
            left = self._began + LOOKS_WITHIN - now
            if self._last is None:
                # The first run is in progress, and there is no earlier result.
                return self._last if self._turn.wait_for(lambda: self._last is not None, left) else _response(_SLOW, {})
            # The previous result counts until a run exceeds its time limit.
            return self._last if left > 0 else _response(_SLOW, {})

    def _look(self) -> Response:
        response = None
        try:
            response = _response(
                {name: _asked(name, check) for name, check in self._checks.items()},
                {name: _asked(name, check) for name, check in self._warnings.items()},
            )
            return response
        finally:
            with self._turn:
                self._began = None
                if response is not None:
                    self._last, self._seen = response, monotonic_seconds()
                self._turn.notify_all()
            self._done()


class BackgroundCheck:
    """Slow warning, checked in a separate thread.

    Callers get the previous result meanwhile.
    """

    def __init__(self, name: str, check: Check, done: Callable[[], None] = lambda: None) -> None:
        """Store the check, and a function for the end of its thread.

        The function closes the thread's connection, for example.
        """
        self._name, self._check, self._done = name, check, done
        self._turn, self._ended = Lock(), Event()
        self._ended.set()
        self._last: str | None = None

    def __call__(self) -> str | None:
        """Return the result of the latest finished check; None before the first.

        Starts a new check if none is running.
        """
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


_SLOW = {"checks": "the checks do not finish: look at the database and the disks"}


def _asked(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception:  # noqa: BLE001 - any error is logged and fails the check
        _log.exception("the check %s failed", name)
        return "the check failed with an internal error: see the log"


def _response(checks: Mapping[str, str | None], warnings: Mapping[str, str | None]) -> Response:
    ready = not any(checks.values())
    body = json_body({"ready": ready, "checks": checks, "warnings": warnings})
    # Called every second, so only failures are logged.
    return Response(200 if ready else 503, "application/json", body, _NO_STORE, None if ready else {})
