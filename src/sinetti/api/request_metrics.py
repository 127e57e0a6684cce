"""Counts of answered requests by door, operation and outcome.

docs/operators/metrics.md lists their labels. Values come from closed lists: a path or a method of a caller never
becomes a label.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sinetti.api import ca_certificates, renewal_info
from sinetti.api.health import LIVES, READY
from sinetti.api.log import LOG_PATH
from sinetti.api.ocsp import BRIDGE_PATH, OCSP_PATH
from sinetti.api.publication import TRUST_API
from sinetti.domain.refusals import ERROR_CODES
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import REFUSALS, REQUEST_SECONDS, REQUESTS
from sinetti.infra.metrics.recorder import OTHER, status_class
from sinetti.server.http import SOAP_PATH, Response
from sinetti.wire.json_api import revocations, usage_reports

_CODES: Mapping[str, str] = MappingProxyType({reason.value: code for reason, code in ERROR_CODES.items()})
_EXACT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ca_certificates.PATH: ("rest", "ca-certificates"),
        usage_reports.PATH: ("rest", "sightings"),
        revocations.PATH: ("rest", "revocations"),
        LIVES: ("health", "healthz"),
        READY: ("health", "readyz"),
    }
)
_BEGINNINGS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("trust", "list"): "/trust/",
        ("rest", "trust-list"): TRUST_API,
        ("rest", "renewal-info"): f"{renewal_info.PATH}/",
        ("rest", OTHER): "/api/v1/",
    }
)
_LOG_PARTS = frozenset({"checkpoint", "tile", "key", "proof"})
_OCSP_METHODS: Mapping[str, str] = MappingProxyType({"GET": "get", "HEAD": "get", "POST": "post"})
_READING = frozenset({"GET", "HEAD"})
_REFUSED = 400


def observe_request(method: str, path: str, reply: Response, seconds: float) -> None:
    """Count one answer of the machine endpoints."""
    fields = reply.log_fields or {}
    door, operation = _place(method, path, fields)
    reason = fields.get("reason")
    code = _CODES.get(reason) if door == "soap" and reason is not None else None
    _observe(door, operation, code or status_class(reply.status), seconds)
    if reason is not None:
        recorder.count(REFUSALS, operation, reason)


def observe_page(_method: str, _path: str, reply: Response, seconds: float) -> None:
    """Count one answer of the e-service by the first part of its path, if known."""
    fields = reply.log_fields or {}
    known = fields.get("path", "/…") if reply.status < _REFUSED else "/…"
    _observe("pages", OTHER if known == "/…" else known, status_class(reply.status), seconds)
    if (reason := fields.get("reason")) is not None:
        recorder.count(REFUSALS, OTHER, reason)


def _observe(door: str, operation: str, outcome: str, seconds: float) -> None:
    recorder.count(REQUESTS, door, operation, outcome)
    recorder.observe(REQUEST_SECONDS, seconds, door, operation)


def _place(method: str, path: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """Return door and operation of a request."""
    if path.rstrip("/") == SOAP_PATH:
        return "soap", fields.get("operation", "page" if method in _READING else OTHER)
    if (found := _EXACT.get(path)) is not None:
        return found
    for door, start in (("ocsp", OCSP_PATH), ("bridge", BRIDGE_PATH)):
        if path.startswith(start):
            return door, _OCSP_METHODS.get(method, OTHER)
    if path.startswith(LOG_PATH):
        part = path.removeprefix(LOG_PATH).partition("/")[0]
        return "log", part if part in _LOG_PARTS else OTHER
    for door, start, end in (("crl", "/crl/", ".crl"), ("ca", "/ca/", ".cer")):
        if path.startswith(start):
            return door, "file" if path.endswith(end) else OTHER
    for (door, operation), start in _BEGINNINGS.items():
        if path.startswith(start):
            return door, operation
    return OTHER, OTHER
