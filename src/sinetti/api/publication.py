"""Publication endpoint: CA certificates, CRLs and OCSP over plain http.

Their addresses are in the certificates.
"""

import hashlib
import logging
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from sinetti.api.log import KEPT_PARTS, LOG_PATH, answer_log, kept_part
from sinetti.api.ocsp import BRIDGE_PATH, OCSP_PATH, OnDemandSigningBudget, answer_ocsp
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.server.http import Request, Response, text_response
from sinetti.services.authorities.trust_lists import find_kept_list, newest_list
from sinetti.services.context import ServiceContext
from sinetti.services.status.crl import current_crl

_log = logging.getLogger(__name__)

_CERTIFICATE = re.compile(r"/ca/([A-Za-z0-9._-]+)\.cer")
_LIST = re.compile(r"/crl/([A-Za-z0-9._-]+)\.crl")
TRUST_API = "/api/v1/trust/"
"""Beginning of the addresses of trust lists for programs of holders."""

_TRUST = re.compile(r"/trust/(anchors|distrust)")
_SHARD = re.compile(r"(.+)-([1-9][0-9]{0,5})")
_HOUR = 3600
_LISTS_FOR = 60
"""Seconds for which a cache may serve a list; the longest delay of a revocation."""

_TRUST_FOR = 10
"""Seconds for which a cache may serve a trust list: readers ask every 20 seconds."""

_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True)
class PublicationEndpoint:
    """Endpoint for relying parties. Nothing here needs or contains a secret."""

    ctx: ServiceContext
    spot: OnDemandSigningBudget = field(default_factory=OnDemandSigningBudget)
    bridge: OnDemandSigningBudget = field(default_factory=OnDemandSigningBudget)
    """Budget of the bridges, without whose answers holders are refused."""

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method and path.

        Another node may use a CA up to two seconds before this process reads the register again. So the endpoint reads
        it, and looks once more, before it answers that there is no such file.
        """
        answer = self._answer(request)
        if answer.status == HTTPStatus.NOT_FOUND and self._has_read_the_register():
            return self._answer(request)
        return answer

    def _answer(self, request: Request) -> Response:
        if request.path.startswith((OCSP_PATH, BRIDGE_PATH)):
            return self._ocsp(request)
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "Use GET to retrieve CA certificates and revocation lists.", allow="GET, HEAD")
        try:
            return self._get(request)
        except SignerUnavailable:
            _log.exception(
                "request %s: a new revocation list is due, but the signer cannot be reached", request.request_id
            )
            return text_response(
                503, "The revocation list cannot be signed now. Retrieve it again in a minute.", retry_after="60"
            )
        except Exception:  # noqa: BLE001 - last handler; usually the database is unavailable for a while
            _log.exception("request %s failed", request.request_id)
            return text_response(
                503, "This file is not available now. Retrieve it again in a minute.", retry_after="60"
            )
        finally:
            self.ctx.db.refresh()

    def _has_read_the_register(self) -> bool:
        """Read the changes of CAs; return False while the database is away."""

        def read() -> bool:
            self.ctx.refresh_authorities()
            return True

        try:
            return self.ctx.last_signed.read_or(read, lambda: False)
        finally:
            self.ctx.db.refresh()

    def _ocsp(self, request: Request) -> Response:
        try:
            budget = self.bridge if request.path.startswith(BRIDGE_PATH) else self.spot
            return answer_ocsp(request, self.ctx, budget)
        finally:
            self.ctx.db.refresh()

    def _get(self, request: Request) -> Response:
        if request.path.startswith(LOG_PATH):
            return conditional_response(request, self._log_part(request))
        if asked := _CERTIFICATE.fullmatch(request.path):
            certificate = self.ctx.certificates.get(asked[1])
            if certificate is not None:
                since = load_certificate(certificate).not_valid_before_utc
                tag = hashlib.sha256(certificate).hexdigest()
                fresh = Response(200, "application/pkix-cert", certificate, cache_headers(tag, since, 24 * _HOUR))
                return conditional_response(request, fresh)
        if asked := _LIST.fullmatch(request.path):
            authority, shard = self._asked(asked[1])
            newest = current_crl(authority, shard, self.ctx, request.request_id)
            if newest is not None:
                # The number identifies the octets: only the complete list of a CA and its shards share one.
                headers = cache_headers(f"{newest.number}-{shard}", newest.this_update, _LISTS_FOR)
                return conditional_response(request, Response(200, "application/pkix-crl", newest.der, headers))
        if asked := _TRUST.fullmatch(request.path):
            return self._trust_list(request, TrustListKind(asked[1]))
        return text_response(
            404, "There is no such CA certificate or revocation list. Each certificate contains the addresses."
        )

    def trust_list(self, request: Request) -> Response:
        """Answer a request at the addresses of trust lists for programs of holders.

        These know the address of the service alone, and not the status address.
        """
        path = request.path.removeprefix(TRUST_API.removesuffix("/trust/"))
        return self(replace(request, path=path))

    def _log_part(self, request: Request) -> Response:
        """Return a part of the log; without the database the last checkpoint and key."""
        last_signed = self.ctx.last_signed

        def last() -> Response | None:
            octets = last_signed.find(request.path[1:]) if request.path in KEPT_PARTS else None
            return None if octets is None else kept_part(octets)

        return last_signed.read_or(lambda: answer_log(request, self.ctx), last)

    def _trust_list(self, request: Request, kind: TrustListKind) -> Response:
        """Return a trust list; without the database the last one."""
        ctx = self.ctx
        found = ctx.last_signed.read_or(lambda: newest_list(kind, ctx.db), lambda: find_kept_list(kind, ctx))
        if found is None:
            return text_response(404, f"There is no list of {kind} yet. Ask again later.")
        headers = {"cache-control": f"max-age={_TRUST_FOR}", "etag": f'"{found.number}"'}
        return conditional_response(request, Response(200, "application/json", found.octets, headers))

    def _asked(self, name: str) -> tuple[str, int]:
        """Return the CA and the shard of a list's name.

        A CA's own name means the complete list, even if the name ends in -1.
        """
        with_shard = _SHARD.fullmatch(name)
        if name in self.ctx.issuers or with_shard is None:
            return name, 0
        return with_shard[1], int(with_shard[2])


def cache_headers(tag: str, modified: datetime, seconds: int) -> dict[str, str]:
    """Return the headers of an answer that a cache may keep for `seconds`."""
    return {
        "cache-control": f"max-age={seconds}",
        "etag": f'"{tag}"',
        "last-modified": format_datetime(modified.astimezone(UTC), usegmt=True),
    }


def conditional_response(request: Request, fresh: Response) -> Response:
    """Return 304 if the caller has the current version.

    If-None-Match is compared weakly (RFC 9110, 13.1.2).
    """
    known = request.headers.get("if-none-match", "")
    tag = fresh.headers.get("etag")
    if tag is not None and (known.strip() == "*" or tag in _TAG.findall(known)):
        return Response(304, fresh.content_type, b"", fresh.headers)
    return fresh
