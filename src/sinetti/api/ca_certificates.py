"""CA certificates of the service: GET /api/v1/ca-certificates.

Clients fetch their trusted CAs here. They compare the root with a fingerprint that came by another route
(docs/holders/inspect.md), so the answer needs no signature.
"""

import hashlib
from dataclasses import dataclass

from sinetti.api.publication import cache_headers, conditional_response
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.pki.chain import is_valid_at
from sinetti.pki.encoding import certificate_der, certificate_pem, load_certificate
from sinetti.server.http import Request, Response, text_response
from sinetti.services.context import ServiceContext

PATH = "/api/v1/ca-certificates"

_KEPT = 300
"""Seconds for which a proxy may cache the answer.

A new CA reaches callers that much later.
"""


@dataclass(frozen=True)
class CaCertificatesEndpoint:
    """Endpoint for the certificates of all CAs in force, those of the founding first.

    Standbys are in force, and revoked CAs are not.
    """

    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method."""
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "Use GET to retrieve the CA certificates.", allow="GET, HEAD")
        ctx, now = self.ctx, self.ctx.now()
        held = (
            load_certificate(der)
            for name, der in ctx.certificates.items()
            if ctx.states.get(name) is not CaState.REVOKED
        )
        in_force = [certificate for certificate in held if is_valid_at(certificate, now)]
        body = b"".join(certificate_pem(certificate_der(certificate)) for certificate in in_force)
        newest = max((one.not_valid_before_utc for one in in_force), default=now)
        headers = cache_headers(hashlib.sha256(body).hexdigest(), newest, _KEPT)
        # Media type of a list of certificates in PEM (RFC 8555, 9.1).
        return conditional_response(request, Response(200, "application/pem-certificate-chain", body, headers))
