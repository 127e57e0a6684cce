"""The bench as a receiver of signed documents (docs/holders/deliveries.md).

POST /deliveries answers with receipts.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import assert_never

from cryptography import x509

from sinetti.client.store import files
from sinetti.database.authorities import distrust
from sinetti.database.authorities.register import list_authorities
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database
from sinetti.domain.authorities.distrust import bridge_status
from sinetti.domain.certificates.ocsp_status import CertStatus
from sinetti.domain.values import Channel, Language, Serial, Sha256
from sinetti.gateway.gateway import Gateway, VerifiedDelivery
from sinetti.gateway.revocation.source import GOOD, MISSING, REVOKED, RevocationState, RevocationStatus
from sinetti.gateway.verdicts.verdict import Verdict, VerdictReason
from sinetti.gateway.x509.path_validation import CaCertificate
from sinetti.i18n.translate import gettext_noop, preferred_language, translate
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex, sha256_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.http import Request, Response, problem_response
from sinetti.services.context import ServiceContext
from sinetti.wire import receipts
from sinetti.wire.receipts import Receipt
from sinetti.wire.xmldsig.signers import DocumentSigner

PATH = "/deliveries"
LONGEST = 20 * 1024 * 1024
"""Octets of the largest document that is accepted."""

FOLDER = "deliveries"

_RECEIPT = "receipt.xml"
_log = logging.getLogger(__name__)

_ONLY_POST = gettext_noop("Use POST to deliver documents here.")
_NO_ID = gettext_noop("Give each delivery its own ID in the header {header}: 1 to 64 letters, digits and hyphens.")
_ID_USED = gettext_noop(
    "Another document has already been delivered with this delivery ID. It has not changed. Deliver this "
    "document with a new ID."
)
_NOT_KNOWN = RevocationStatus(RevocationState.UNKNOWN, gettext_noop("the test bench's register has no status for it"))
_UNAVAILABLE = gettext_noop(
    "The service cannot receive the delivery now and has saved none of it. Send the same delivery again."
)


@dataclass(frozen=True)
class RegisterSource:
    """Certificate statuses from the database itself.

    A revocation counts at once, without a CRL or an OCSP response in between. So does a declared compromise, whose
    bridge is that of docs/operators/succession.md.
    """

    db: Database

    def status(
        self, certificate: x509.Certificate, issuer: CaCertificate, now: datetime, _freshness: timedelta
    ) -> RevocationStatus:
        """Return the status of a certificate that the database has, octet for octet.

        For any other certificate the status is unknown.
        """
        try:
            rows = {one.name: one for one in distrust.list_distrust(self.db)}
            digest = sha256_hex(certificate_der(issuer.certificate))
            name = next((row.name for row in rows.values() if row.sha256 == digest), "")
            found = distrust.find_recorded(self.db, name, Serial(serial_hex(certificate.serial_number)))
        except DATABASE_UNAVAILABLE:
            _log.exception("the database cannot be reached, so the certificate's status is unknown")
            return _NOT_KNOWN
        if found is None or found.sha256 != sha256_hex(certificate_der(certificate)):
            return _NOT_KNOWN
        period = distrust.find_period(rows, name)
        if period is None:
            return GOOD if found.revoked_at is None else REVOKED
        return GOOD if bridge_status(found, period, now).cert_status is CertStatus.GOOD else REVOKED

    def above(self, *_asked: object) -> RevocationStatus:
        """Return MISSING: the database has no status of CAs, and no CRLs."""
        return MISSING


@dataclass
class BenchGateway:
    """Gateway of the bench, built anew when an issuing CA is added."""

    ctx: ServiceContext
    _built: tuple[frozenset[str], Gateway] | None = field(default=None, init=False, repr=False)

    def verify(self, document: bytes, now: datetime) -> VerifiedDelivery:
        """Verify a signed document for the channel WS.

        The anchors are all issuing CAs of the register.
        """
        issuing = {ca.sha256: ca.certificate for ca in list_authorities(self.ctx.db) if ca.channel is not None}
        if self._built is None or self._built[0] != issuing.keys():
            anchors = [load_certificate(octets) for octets in issuing.values()]
            source, environment = RegisterSource(self.ctx.db), self.ctx.environment
            self._built = (
                frozenset(issuing),
                Gateway(anchors, source=source, channel=Channel.WS, environment=environment),
            )
        return self._built[1].verify(document, now)


@dataclass(frozen=True)
class DeliveryEndpoint:
    """Accepts deliveries.

    `seal` returns the current signer of receipts. `folder` stores documents and receipts.
    """

    ctx: ServiceContext
    gateway: BenchGateway
    seal: Callable[[], DocumentSigner]
    folder: Path
    _taking: Lock = field(default_factory=Lock, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method."""
        language = preferred_language(request.headers.get("accept-language")) or Language.EN
        if request.method != "POST":
            return _refusal(405, "method-not-allowed", translate(_ONLY_POST, language), language, allow="POST")
        delivery_id = request.headers.get(receipts.HEADER.lower(), "")
        if not receipts.is_delivery_id(delivery_id):
            detail = translate(_NO_ID, language, header=receipts.HEADER)
            return _refusal(422, "bad-field", detail, language)
        try:
            with self._taking:
                return self._take(delivery_id, request, language)
        except (*DATABASE_UNAVAILABLE, SignerUnavailable, OSError, files.StoreError):
            _log.exception("request %s: a delivery could not be received", request.request_id)
            return _refusal(503, "unavailable", translate(_UNAVAILABLE, language), language, retry_after="5")
        finally:
            self.ctx.db.refresh()

    def _take(self, delivery_id: str, request: Request, language: Language) -> Response:
        digest, place = sha256_hex(request.body), self.folder / delivery_id
        # 1 A document accepted before gets the same answer as then, also if its certificate was revoked since.
        if place.exists():
            if (place / _document(digest)).exists():
                return _receipt(files.read(place / _RECEIPT))
            return _refusal(409, "delivery-id-used", translate(_ID_USED, language), language)
        # 2 Verify the signature and identify the signer.
        now = self.ctx.now()
        verdict = self.gateway.verify(request.body, now).verdict
        if verdict.reason is not None:
            _log.info("request %s: delivery refused, %s", request.request_id, verdict.reason)
            return _refusal(_status_of(verdict.reason), verdict.reason, verdict.text(language), language)
        # 3 Document and receipt are stored together, before the answer is sent: an answer never changes.
        receipt = receipts.render_receipt(_build_receipt(delivery_id, digest, verdict, self.ctx), self.seal())
        files.write_folder(place, {_document(digest): request.body, _RECEIPT: receipt})
        self.ctx.step("delivery-kept")
        return _receipt(receipt)


def _build_receipt(delivery_id: str, digest: Sha256, verdict: Verdict, ctx: ServiceContext) -> Receipt:
    name = "".join(sign if sign.isprintable() else " " for sign in verdict.name or "")
    serial = verdict.serial or Serial("")
    return Receipt(delivery_id, digest, ctx.now(), verdict.customer_id or "", name, serial)


def _document(digest: Sha256) -> str:
    return f"{digest}.xml"


def _receipt(octets: bytes) -> Response:
    return Response(200, "application/xml", octets)


def _refusal(status: int, reason: str, detail: str, language: Language, **headers: str) -> Response:
    reply = problem_response(status, reason, detail)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(reply.status, reply.content_type, reply.body, {"content-language": language.value, **named})


def _status_of(reason: VerdictReason) -> int:
    """Return the HTTP status for a verdict.

    It is 403 if the caller's certificate is not valid for this, and 422 if the document is wrong. It is 503 if the
    certificate's status is unknown.
    """
    match reason:
        case (
            VerdictReason.MALFORMED
            | VerdictReason.SIGNATURE_MISSING
            | VerdictReason.SIGNATURE_INVALID
            | VerdictReason.COVERS_SOMETHING_ELSE
        ):
            return 422
        case (
            VerdictReason.EXPIRED
            | VerdictReason.NOT_YET_VALID
            | VerdictReason.UNTRUSTED
            | VerdictReason.WRONG_PURPOSE
            | VerdictReason.WRONG_CHANNEL
            | VerdictReason.REVOKED
        ):
            return 403
        case VerdictReason.STATUS_UNKNOWN:
            return 503
        case never:
            assert_never(never)
