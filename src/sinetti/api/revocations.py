"""Revocation by holders: POST /api/v1/revocations.

The call is signed by the key of a certificate of the holder itself.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from sinetti.api.errors import problem_response, with_headers
from sinetti.domain.certificates.self_revocation import SelfRevocationResult
from sinetti.domain.values import Language, Sha256
from sinetti.i18n import api_errors
from sinetti.pki.ari_id import parse_ari_cert_id
from sinetti.pki.encoding import PublicKey, load_certificate
from sinetti.server.http import Request, Response, json_reply
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.self_revoke import ClaimedSigner, revoke_own, signer_of
from sinetti.services.status.renewal_info import identified
from sinetti.wire.http_signatures.certificate_keys import verify
from sinetti.wire.http_signatures.profile import MessageSignatureError, SignatureErrorReason, SignedComponents
from sinetti.wire.json_api.revocations import (
    CONTENT_TYPE,
    InvalidRevocation,
    RevocationBody,
    RevocationReply,
    parse,
    render_revoked,
)

_WANTED = 's=("@method" "@path" "content-type" "content-digest");created;keyid'
_STATUS: Mapping[SelfRevocationResult, int] = {
    SelfRevocationResult.OTHER: 403,
    SelfRevocationResult.REASON: 422,
    SelfRevocationResult.ALREADY: 409,
    SelfRevocationResult.ENDED: 409,
}
_HEX = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RevocationsEndpoint:
    """Endpoint that revokes the certificate whose key signed the call.

    Ages of signatures are computed by the machine's clock. `admits` gets the DER of a proven signer and returns
    whether its rate limit allows one more call.
    """

    ctx: ServiceContext
    admits: Callable[[bytes], bool] = lambda _signer: True

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method at `PATH`."""
        if request.method != "POST":
            return with_headers(
                problem_response(request, 405, "method-not-allowed", api_errors.ONLY_POST), allow="POST"
            )
        try:
            return self._post(request)
        except Exception:  # noqa: BLE001 - last handler; usually database or journal is unavailable
            _log.exception("request %s failed", request.request_id)
            return with_headers(problem_response(request, 503, "unavailable", api_errors.AWAY), retry_after="60")
        finally:
            self.ctx.db.refresh()

    def _post(self, request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().casefold() != CONTENT_TYPE:
            return problem_response(request, 415, "not-json", api_errors.NOT_JSON)
        parts = SignedComponents(request.method, request.path, content_type, request.body)
        claimed_signers: list[ClaimedSigner] = []
        try:
            verify(parts, request.headers, lambda key_id: self._key_of(key_id, claimed_signers), self.ctx.machine_now())
        except MessageSignatureError as refused:
            _log.info("request %s: signature refused: %s", request.request_id, refused)
            return _unsigned(request, refused.wrong)
        (signer,) = claimed_signers
        language = signer.certificate.lineage.language
        if not self.admits(signer.der):
            return with_headers(
                problem_response(request, 429, "too-many-requests", api_errors.TOO_MANY, language), retry_after="60"
            )
        try:
            asked = parse(request.body)
        except InvalidRevocation:
            return problem_response(request, 422, "bad-field", api_errors.BAD_BODY, language)
        return self._revoke(signer, asked, request, language)

    def _revoke(self, signer: ClaimedSigner, asked: RevocationBody, request: Request, language: Language) -> Response:
        ctx = replace(self.ctx, caller=request.caller)
        done = revoke_own(signer, asked.serial, asked.reason, ctx, request.request_id)
        if isinstance(done, SelfRevocationResult):
            return problem_response(request, _STATUS[done], done.value, api_errors.OWN[done], language)
        return json_reply(200, render_revoked(RevocationReply(done.serial, done.at, done.reason)))

    def _key_of(self, key_id: str, claimed_signers: list[ClaimedSigner]) -> PublicKey | None:
        """Return the key of the certificate that a call names as its signer.

        Appends the signer to `claimed_signers`.
        """
        signer = self._signer(key_id)
        if signer is None:
            return None
        claimed_signers.append(signer)
        # Issuance accepted RSA and EC keys only.
        return cast("PublicKey", load_certificate(signer.der).public_key())

    def _signer(self, key_id: str) -> ClaimedSigner | None:
        if len(key_id) == _HEX and "." not in key_id:
            return signer_of(Sha256(key_id), self.ctx)
        try:
            identifier, serial = parse_ari_cert_id(key_id)
        except ValueError:
            return None
        authorities = identified(self.ctx).get(identifier)
        return signer_of((authorities, serial), self.ctx) if authorities else None


def _unsigned(request: Request, wrong: SignatureErrorReason) -> Response:
    """Return 401 with the demanded signature (RFC 9110, 15.5.2; RFC 9421, 5.1)."""
    if wrong is SignatureErrorReason.MISSING:
        reply = problem_response(request, 401, "signature-missing", api_errors.NO_SIGNATURE)
    else:
        message_id = api_errors.WRONG_CLOCK if wrong is SignatureErrorReason.CREATED else api_errors.BAD_SIGNATURE
        reply = problem_response(request, 401, "signature-invalid", message_id)
    return with_headers(reply, www_authenticate="Signature", accept_signature=_WANTED)
