"""WSGI middleware that passes only requests of accepted callers to an application.

    application = WsgiGateway(application, guard_of(load(Path("gateway.toml"))))

The application finds `HTTP_SINETTI_CUSTOMER_ID`, `…_CHANNEL`, `…_SERIAL`, `…_NOT_AFTER` and `…_DAYS_LEFT` in its
environ, and the whole verdict as `environ["sinetti.verdict"]`.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.gateway.web import responses
from sinetti.gateway.web.guard import RequestGuard, in_headers
from sinetti.gateway.web.trusted_proxies import (
    CERTIFICATE,
    CHAIN,
    SECRET,
    ClientCertificate,
    from_tls,
    is_presented,
    is_reserved_header,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

VERDICT = "sinetti.verdict"
"""Key of the verdict in the application's environ."""

TLS = "SSL_CLIENT_CERT"
"""Environ key of the caller's certificate (PEM) from a server with its own TLS.

mod_ssl and uWSGI set it. No header can set this key.
"""

_HEADER = "HTTP_"


class WsgiGateway:
    """WSGI application that asks a gateway before it calls another one."""

    def __init__(self, application: "WSGIApplication", guard: RequestGuard) -> None:
        """Store the application and its guard."""
        self._application = application
        self._guard = guard

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Pass a request to the application, or reject it here."""
        headers = [(name, environ[_key(name)]) for name in (CERTIFICATE, CHAIN, SECRET) if _key(name) in environ]
        # On a Unix socket, servers omit the address or leave it empty.
        believed = self._guard.trusts(environ.get("REMOTE_ADDR") or None, headers)
        verdict = self._guard.check(self._shown(environ, headers, believed=believed))
        if verdict is not None and verdict.accepted:
            return self._application(_application_environ(environ, verdict, believed=believed), start_response)
        answer = responses.rejected_response(verdict, environ.get("HTTP_ACCEPT_LANGUAGE"))
        known = {**answer.headers, "Content-Length": str(len(answer.body))}
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(known.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _shown(
        self, environ: "WSGIEnvironment", headers: Iterable[tuple[str, str]], *, believed: bool
    ) -> ClientCertificate | None:
        if self._guard.proxies is not None:
            return in_headers(headers) if believed else None
        pem = environ.get(TLS)
        return from_tls([pem] if pem else [])


def _application_environ(environ: "WSGIEnvironment", verdict: Verdict, *, believed: bool) -> "WSGIEnvironment":
    """Return the application's environ, with the identity headers of the verdict.

    All reserved headers that the caller sent are removed.
    """
    kept = {name: value for name, value in environ.items() if _stays(name, believed=believed)}
    ours = {_key(name): value for name, value in responses.identity_headers(verdict).items()}
    return {**kept, **ours, VERDICT: verdict}


def _stays(name: str, *, believed: bool) -> bool:
    if not name.startswith(_HEADER):
        return True
    header = name.removeprefix(_HEADER)
    return not is_reserved_header(header) and (believed or not is_presented(header))


def _key(header: str) -> str:
    return _HEADER + header.upper().replace("-", "_")
