"""OCSP over HTTP (RFC 6960, appendix A; RFC 5019, 5 and 6).

GET and POST at /ocsp/NAME and /status/bridge/NAME, plain http.
"""

import binascii
import hashlib
import logging
import re
from base64 import b64decode
from datetime import timedelta
from email.utils import format_datetime
from threading import Lock

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.http import Request, Response, text_response
from sinetti.server.rate_limits import Rate, consume
from sinetti.services.authorities.bridge import respond_for_bridge
from sinetti.services.context import ServiceContext
from sinetti.services.status.ocsp import INTERNAL_ERROR, OcspReply, recall, respond

OCSP_PATH, BRIDGE_PATH = "/ocsp/", "/status/bridge/"
REQUEST_TYPE, RESPONSE_TYPE = "application/ocsp-request", "application/ocsp-response"

LARGEST_REQUEST = 2048
"""Largest request in octets.

A request about one certificate, with a nonce, has fewer than 150; a signed one has more.
"""

SIGNED_ON_THE_SPOT = Rate(300, 600)
"""Rate of uncacheable responses per worker: with a nonce or an unknown serial.

Signing them takes a tenth of a worker's time at most (measured).
"""

MAX_AGE = timedelta(seconds=60)
"""Largest age of a response from a cache; the longest delay of a revocation."""

_PATH = re.compile(r"(/ocsp/|/status/bridge/)([A-Za-z0-9._-]+)(?:/(.*))?", re.DOTALL)
_LONGEST_PATH = LARGEST_REQUEST * 2
_log = logging.getLogger(__name__)


class OnDemandSigningBudget:
    """Budget of one worker for responses that are signed on demand, per second."""

    def __init__(self, rate: Rate = SIGNED_ON_THE_SPOT) -> None:
        self._rate, self._empty_at, self._lock = rate, 0.0, Lock()

    def __call__(self) -> bool:
        """Count one response; return False if the budget is used up."""
        with self._lock:
            self._empty_at, wait = consume(self._empty_at, monotonic_seconds(), self._rate)
        return not wait


def answer_ocsp(request: Request, ctx: ServiceContext, spot: OnDemandSigningBudget) -> Response:
    """Answer one request of any method below /ocsp/ or /status/bridge/."""
    named = _PATH.fullmatch(request.path) if len(request.path) <= _LONGEST_PATH else None
    if named is None:
        return _unknown_ca()
    if request.method not in {"GET", "HEAD", "POST"}:
        return text_response(405, "Use GET or POST for OCSP requests.", allow="GET, HEAD, POST")
    refused = _refused(request) if request.method == "POST" else None
    if refused is not None:
        return refused
    octets = request.body if request.method == "POST" else _from_path(named[3] or "")
    try:
        answers = respond if named[1] == OCSP_PATH else respond_for_bridge
        answered = answers(octets, named[2], ctx, spot)
    except Exception:  # noqa: BLE001 - last handler: the caller expects an OCSP response
        _log.exception("request %s failed", request.request_id)
        return _not_kept(INTERNAL_ERROR)
    if answered is None:
        return _unknown_ca()
    return _not_kept(answered.der) if request.method == "POST" else _cached(answered, ctx)


def recall_ocsp(request: Request, ctx: ServiceContext) -> Response | None:
    """Return the response to a GET below /ocsp/ from memory, or None.

    It does not wait, so the event loop may call it.
    """
    if request.method not in {"GET", "HEAD"} or len(request.path) > _LONGEST_PATH:
        return None
    named = _PATH.fullmatch(request.path)
    if named is None or named[1] != OCSP_PATH:
        return None
    ocsp_reply = recall(_from_path(named[3] or ""), named[2], ctx)
    return None if ocsp_reply is None else _cached(ocsp_reply, ctx)


def _refused(request: Request) -> Response | None:
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != REQUEST_TYPE:
        return text_response(415, f"OCSP requests must have Content-Type: {REQUEST_TYPE}.")
    if len(request.body) > LARGEST_REQUEST:
        return text_response(413, f"OCSP requests must not exceed {LARGEST_REQUEST} octets.")
    return None


def _from_path(text: str) -> bytes:
    """Return the request of a GET from base64, after percent-decoding.

    Returns no octets for invalid base64; a request is never empty. Some programs put an additional slash before it,
    write a blank for a plus sign, break lines or omit the padding.
    """
    written = text.lstrip("/").replace(" ", "+").replace("\r", "").replace("\n", "").rstrip("=")
    try:
        return b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unknown_ca() -> Response:
    return text_response(404, "There is no CA with this name here. Each certificate contains the OCSP address.")


def _cached(answered: OcspReply, ctx: ServiceContext) -> Response:
    """Return a response with its caching headers (RFC 5019, 6.2).

    They use the machine's clock, as caches do.
    """
    if answered.response is None or not answered.kept:
        return _not_kept(answered.der)
    left, now = answered.response.next_update - ctx.now(), ctx.machine_now()
    age = max(timedelta(0), min(MAX_AGE, left))
    headers = {
        "cache-control": f"max-age={age.seconds}, public, no-transform, must-revalidate",
        "etag": f'"{hashlib.sha256(answered.der).hexdigest()[:32]}"',
        # Not later than Date (RFC 9110, 8.8.2.1), because a bench's clock may be ahead.
        "last-modified": format_datetime(min(answered.response.this_update, now), usegmt=True),
        "expires": format_datetime(now + age, usegmt=True),
    }
    return Response(200, RESPONSE_TYPE, answered.der, headers, log_fields=None)


def _not_kept(der: bytes) -> Response:
    # Not logged: callers and the certificates they ask about are private.
    return Response(200, RESPONSE_TYPE, der, {"cache-control": "no-store"}, log_fields=None)
