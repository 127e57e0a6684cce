"""The status door, plain http: CA certificates, CRLs and OCSP, at the addresses that stand in certificates."""

import logging
import re
from dataclasses import dataclass, field

from sinetti.actions.office import Office
from sinetti.actions.publish import current_list
from sinetti.pki.signers import SignerUnavailable
from sinetti.protocols.http import Reply, Request, plain
from sinetti.protocols.ocsp import OCSP_PATH, Spot, answer_ocsp

_log = logging.getLogger(__name__)

_CERTIFICATE = re.compile(r"/ca/([A-Za-z0-9._-]+)\.cer")
_LIST = re.compile(r"/crl/([A-Za-z0-9._-]+)-(0|[1-9][0-9]{0,5})\.crl")
_HOUR = 3600


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
                return Reply(200, "application/pkix-cert", certificate, {"cache-control": f"max-age={24 * _HOUR}"})
        if asked := _LIST.fullmatch(request.path):
            newest = current_list(asked[1], int(asked[2]), self.office, request.request_id)
            if newest is not None:
                return Reply(200, "application/pkix-crl", newest.der, {"cache-control": "max-age=60"})
        return plain(
            404, "There is no such CA certificate or revocation list. Their addresses stand in each certificate."
        )
