"""Renewal information: GET /api/v1/renewal-info/ID, in the format of RFC 9773."""

import logging
from dataclasses import dataclass

from sinetti.api.errors import problem_response, with_headers
from sinetti.domain.usage import TRUST_LISTS_HEADER, TrustListNumbers
from sinetti.i18n import api_errors
from sinetti.infra.clock import instant_or_none
from sinetti.pki.ari_id import parse_ari_cert_id
from sinetti.server.http import Request, Response, json_body
from sinetti.services.context import ServiceContext
from sinetti.services.status.renewal_info import HintProgram, RenewalInfo, hint_of, identified

PATH = "/api/v1/renewal-info"

_KEPT = 300
"""Seconds for which a proxy may cache a response.

A request for early replacement reaches callers that much later.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RenewalInfoEndpoint:
    """Endpoint for the suggested renewal window of a certificate.

    Callers are anonymous, because certificates are no secret.
    """

    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method at or below `PATH`."""
        if request.method not in {"GET", "HEAD"}:
            return with_headers(
                problem_response(request, 405, "method-not-allowed", api_errors.ONLY_GET), allow="GET, HEAD"
            )
        try:
            return self._get(request)
        except Exception:  # noqa: BLE001 - last handler; usually the database is unavailable for a while
            _log.exception("request %s failed", request.request_id)
            return with_headers(problem_response(request, 503, "unavailable", api_errors.AWAY), retry_after="60")
        finally:
            self.ctx.db.refresh()

    def _get(self, request: Request) -> Response:
        try:
            identifier, serial = parse_ari_cert_id(request.path.removeprefix(PATH).removeprefix("/"))
        except ValueError:
            return problem_response(request, 400, "malformed", api_errors.NO_ID)
        authorities = identified(self.ctx).get(identifier)
        numbers = TrustListNumbers.of_header(request.headers.get(TRUST_LISTS_HEADER.casefold(), ""))
        program = HintProgram(request.headers.get("user-agent", ""), numbers)
        hint = hint_of(authorities, serial, self.ctx, program) if authorities else None
        return (
            _hint_response(hint)
            if hint is not None
            else problem_response(request, 404, "unknown", api_errors.NOT_THERE)
        )


def _hint_response(hint: RenewalInfo) -> Response:
    """Return the members of RFC 9773, 4.2, and the additional member `explanation`.

    Absent values are omitted, as that RFC demands.
    """
    window = {"start": instant_or_none(hint.window.start), "end": instant_or_none(hint.window.end)}
    value: dict[str, object] = {"suggestedWindow": window}
    if hint.notice.url is not None:
        value["explanationURL"] = hint.notice.url
    if hint.notice.explanation is not None:
        value["explanation"] = {language.value: text for language, text in hint.notice.explanation.items()}
    headers = {
        "retry-after": str(int(hint.ask_again.total_seconds())),
        "cache-control": f"public, max-age={_KEPT}",
    }
    return Response(200, "application/json", json_body(value), headers)
