"""Endpoints for `security.txt` (RFC 9116), and for browsers' reports (CSP).

Both come before the application, so they need neither session nor database.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil

from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import POLICY_VIOLATIONS
from sinetti.infra.metrics.recorder import OTHER
from sinetti.infra.security_txt import PATH, SecurityTxt
from sinetti.server.http import Request, Response, text_response
from sinetti.server.rate_limits import Rate, RateLimiter

REPORTS = "/csp-reports"
"""Path of the reports below the address of the pages (eservice/ui/page.py)."""

LONGEST_REPORT = 8 * 1024
"""Largest report in octets; a report quotes at most a few addresses."""

DIRECTIVES = frozenset(
    {
        *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem"),
        *("style-src-attr", "img-src", "connect-src", "font-src", "frame-src", "media-src", "object-src"),
        *("worker-src", "form-action", "base-uri", "frame-ancestors"),
    }
)
"""Directives that are counted by name.

All others are OTHER, because any program may send reports.
"""

_KINDS = frozenset({"application/csp-report", "application/reports+json"})
_MOST = 20
"""Violations of one report that are counted."""

_KEY, _RATE = bytes(16), Rate(10, 100)
"""All senders share one rate, in reports per second."""

_log = logging.getLogger(__name__)

Door = Callable[[Request], Response]


@dataclass(frozen=True)
class SecurityTxtDoor:
    """Handler that serves `security.txt`, and passes all other requests on."""

    door: Door
    content: SecurityTxt | None
    now: Callable[[], datetime]

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        octets = self.content.render(self.now()) if self.content is not None and request.path == PATH else None
        if octets is None:
            return self.door(request)
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "Read security.txt with GET.", allow="GET, HEAD")
        return Response(200, "text/plain; charset=utf-8", octets, {"cache-control": "max-age=86400"})


@dataclass(frozen=True)
class PolicyReportsDoor:
    """Handler that counts reports of browsers, and passes all other requests on.

    `prefix` is the path of the pages' address. `count` gets the directive of each violation, one of DIRECTIVES or
    OTHER. Nothing else of a report is used: its addresses may have secrets.
    """

    door: Door
    prefix: str
    count: Callable[[str], None]
    rate: RateLimiter = field(default_factory=lambda: RateLimiter(_RATE))

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.path not in {REPORTS, f"{self.prefix}{REPORTS}"}:
            return self.door(request)
        return replace(self._answer(request), log_fields=None)  # anyone may send thousands

    def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return text_response(405, "Browsers send reports here with POST.", allow="POST")
        if wait := self.rate.wait(_KEY, monotonic_seconds()):
            return text_response(429, "Too many reports. Send no more for a while.", retry_after=str(ceil(wait)))
        if request.headers.get("content-type", "").partition(";")[0].strip().casefold() not in _KINDS:
            return text_response(415, "Only reports about a Content-Security-Policy are accepted.")
        if len(request.body) > LONGEST_REPORT:
            return text_response(413, f"A report may have at most {LONGEST_REPORT} octets.")
        try:
            found = _directives(json.loads(request.body))
        except (ValueError, RecursionError):
            found = []
        if not found:
            return text_response(400, "This is no report about a Content-Security-Policy.")
        for directive in found[:_MOST]:
            self.count(directive)
        return Response(204, "text/plain; charset=utf-8", b"")


class ViolationLog:
    """Log of what browsers blocked: one line for each directive in a process."""

    def __init__(self) -> None:
        """Begin without violations."""
        self.counts: Counter[str] = Counter()

    def count(self, directive: str) -> None:
        """Count a violation, and log it if it is the first of its directive."""
        recorder.count(POLICY_VIOLATIONS, directive)
        self.counts[directive] += 1
        if self.counts[directive] == 1:
            _log.warning("a browser blocked a part of a page", extra={"facts": {"directive": directive}})


def _directives(report: object) -> list[str]:
    """Return the directive of each violation in a report.

    There are two forms (CSP, level 3, 5.3 and 5.5).
    """
    if isinstance(report, dict) and isinstance(body := report.get("csp-report"), dict):
        return [_directive(body.get("effective-directive") or body.get("violated-directive"))]
    if not isinstance(report, list):
        return []
    bodies = [one.get("body") for one in report if isinstance(one, dict) and one.get("type") == "csp-violation"]
    return [_directive(body.get("effectiveDirective")) for body in bodies if isinstance(body, dict)]


def _directive(value: object) -> str:
    # Old browsers add the sources of the directive after a space.
    name = value.partition(" ")[0] if isinstance(value, str) else ""
    return name if name in DIRECTIVES else OTHER
