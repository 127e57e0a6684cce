"""Usage reports of gateways: POST /api/v1/sightings.

The message is signed, and lists certificates with the instants of their last use.
"""

import logging
from dataclasses import dataclass, replace

from sinetti.api.errors import with_headers
from sinetti.server.http import Request, Response, json_reply, problem_response
from sinetti.services.context import ServiceContext
from sinetti.services.status.usage_reports import gateway_key, record_report
from sinetti.wire.http_signatures.profile import (
    MessageSignatureError,
    PublicKey,
    SignatureErrorReason,
    SignedComponents,
    load_public_key,
    verify,
)
from sinetti.wire.json_api import usage_reports
from sinetti.wire.json_api.usage_reports import CONTENT_TYPE, InvalidUsageReport

_WANTED = '("@method" "@path" "content-type" "content-digest");created;keyid'
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UsageReportsEndpoint:
    """Endpoint for usage reports.

    Ages of signatures are computed by the machine's clock, instants of use by the service's clock.
    """

    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method at `PATH`."""
        if request.method != "POST":
            return with_headers(
                problem_response(405, "method-not-allowed", "Use POST to send usage reports."), allow="POST"
            )
        try:
            return self._post(request)
        except Exception:  # noqa: BLE001 - last handler; usually the database is unavailable for a while
            _log.exception("request %s failed", request.request_id)
            detail = (
                "The service cannot receive the report now. Send it again in a minute. Repeated reports count once."
            )
            return with_headers(problem_response(503, "unavailable", detail), retry_after="60")
        finally:
            self.ctx.db.refresh()

    def _post(self, request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().casefold() != CONTENT_TYPE:
            return problem_response(415, "not-json", f"Usage reports must have Content-Type: {CONTENT_TYPE}.")
        parts = SignedComponents(request.method, request.path, content_type, request.body)
        try:
            name = verify(parts, request.headers, self._key_of, self.ctx.machine_now())
        except MessageSignatureError as refused:
            return _refused(refused.wrong)
        try:
            sent = usage_reports.parse(request.body)
        except InvalidUsageReport as bad:
            return problem_response(422, "bad-field", f"{bad}.")
        taken = record_report(name, sent.sightings, self.ctx, sent.trust_lists)
        return json_reply(202, {"taken": taken.taken, "unknown": taken.unknown})

    def _key_of(self, name: str) -> PublicKey | None:
        pem = gateway_key(name, self.ctx)
        return load_public_key(pem.encode("ascii")) if pem is not None else None


def _refused(wrong: SignatureErrorReason) -> Response:
    """Return 401 with the demanded signature (RFC 9110, 15.5.2; RFC 9421, 5.1)."""
    reason = "signature-missing" if wrong is SignatureErrorReason.MISSING else "signature-invalid"
    sentence = f"{wrong.value[0].upper()}{wrong.value[1:]}."
    reply = problem_response(401, reason, sentence)
    return with_headers(
        replace(reply, log_fields={"reason": reason}), www_authenticate="Signature", accept_signature=f"s={_WANTED}"
    )
