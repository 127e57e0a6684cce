"""The status door, plain http: CA certificates, CRLs and OCSP, at the addresses that stand in certificates."""

import hashlib
import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from sinetti.api.ocsp import OCSP_PATH, Spot, answer_ocsp
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.http import Reply, Request, plain
from sinetti.services.context import Office
from sinetti.services.status.crl import current_list

_log = logging.getLogger(__name__)

_CERTIFICATE = re.compile(r"/ca/([A-Za-z0-9._-]+)\.cer")
_LIST = re.compile(r"/crl/([A-Za-z0-9._-]+)\.crl")
_SHARD = re.compile(r"(.+)-([1-9][0-9]{0,5})")
_HOUR = 3600
_LISTS_FOR = 60
"""Seconds for which a list may be taken from a cache: a revocation is seen everywhere after that."""

_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True, slots=True)
class StatusDoor:
    """Serves what relying parties fetch. Nothing here needs a secret or tells one."""

    office: Office
    spot: Spot = field(default_factory=Spot)

    def __call__(self, request: Request) -> Reply:
        """Answer one request of any method and path."""
        if request.path.startswith(OCSP_PATH):
            return self._ocsp(request)
        if request.method not in {"GET", "HEAD"}:
            return plain(405, "CA certificates and revocation lists are fetched with GET.", allow="GET, HEAD")
        try:
            return self._get(request)
        except SignerUnavailable:
            _log.exception("request %s: the list is due, and the signer is away", request.request_id)
            return plain(503, "The list cannot be signed now. Fetch it again in a minute.", retry_after="60")
        except Exception:  # noqa: BLE001 - the last door; as a rule the database is away, which passes
            _log.exception("request %s failed", request.request_id)
            return plain(503, "This cannot be fetched now. Fetch it again in a minute.", retry_after="60")
        finally:
            self.office.register.refresh()

    def _ocsp(self, request: Request) -> Reply:
        try:
            return answer_ocsp(request, self.office, self.spot)
        finally:
            self.office.register.refresh()

    def _get(self, request: Request) -> Reply:
        if asked := _CERTIFICATE.fullmatch(request.path):
            certificate = self.office.certificates.get(asked[1])
            if certificate is not None:
                since = load_certificate(certificate).not_valid_before_utc
                tag = hashlib.sha256(certificate).hexdigest()
                fresh = Reply(200, "application/pkix-cert", certificate, _headers(tag, since, 24 * _HOUR))
                return _conditional(request, fresh)
        if asked := _LIST.fullmatch(request.path):
            authority, shard = self._asked(asked[1])
            newest = current_list(authority, shard, self.office, request.request_id)
            if newest is not None:
                # The number names the octets: no two lists of a CA have it but the whole one and its shards'.
                headers = _headers(f"{newest.number}-{shard}", newest.this_update, _LISTS_FOR)
                return _conditional(request, Reply(200, "application/pkix-crl", newest.der, headers))
        return plain(
            404, "There is no such CA certificate or revocation list. Their addresses stand in each certificate."
        )

    def _asked(self, name: str) -> tuple[str, int]:
        """Which CA's list is meant, and which shard: NAME is the whole one, also of a CA whose name ends in -1."""
        with_shard = _SHARD.fullmatch(name)
        if name in self.office.issuers or with_shard is None:
            return name, 0
        return with_shard[1], int(with_shard[2])


def _headers(tag: str, modified: datetime, seconds: int) -> dict[str, str]:
    return {
        "cache-control": f"max-age={seconds}",
        "etag": f'"{tag}"',
        "last-modified": format_datetime(modified.astimezone(UTC), usegmt=True),
    }


def _conditional(request: Request, fresh: Reply) -> Reply:
    """Say 304 to who has it already (RFC 9110, 13.1.2: If-None-Match, compared weakly)."""
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or fresh.headers["etag"] in _TAG.findall(known):
        return Reply(304, fresh.content_type, b"", fresh.headers)
    return fresh
