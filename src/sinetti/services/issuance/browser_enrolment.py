"""Enrolment in the browser for a pasted certificate signing request.

The use cases of SignNewCertificate and GetCertificate decide, in the same order and with the same counters
(docs/e-service/ordering.md). This module only parses the pasted text and adds the chain to the certificate.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from sinetti.database.issuance import transactions
from sinetti.domain.refusals import Rejection
from sinetti.domain.requests import EnrolRequest, RetrieveRequest
from sinetti.domain.values import Serial
from sinetti.pki.csr import LARGEST_PASTED, CsrUploadError, parse_csr_upload
from sinetti.pki.encoding import certificate_der, certificate_pem, load_certificate, serial_hex
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.retrieve import retrieve

__all__ = ["LARGEST_PASTED", "CsrUploadError"]


@dataclass(frozen=True)
class BrowserEnrolment:
    """The user's input and the certificate signing request in DER (`read`)."""

    customer_id: str
    transfer_id: str = field(repr=False)
    transfer_password: str = field(repr=False)
    request: bytes = field(repr=False)


@dataclass(frozen=True)
class EnrolledCertificate:
    """A retrieved certificate.

    `chain` is PEM: the issuing CA, then the CAs above it, without the root.
    """

    der: bytes = field(repr=False)
    pem: str = field(repr=False)
    chain: str = field(repr=False)
    serial: Serial
    not_after: datetime
    renewable_from: datetime
    retrieval_id: str = field(repr=False)


def parse_upload(octets: bytes) -> bytes | CsrUploadError:
    """Return the DER of a pasted or uploaded request, or the error that it contains."""
    return parse_csr_upload(octets)


def enrol_in_browser(ask: BrowserEnrolment, ctx: ServiceContext, request_id: str) -> EnrolledCertificate | Rejection:
    """Issue the certificate, or repeat an earlier answer, and return it.

    Returns NOT_READY while it is being issued; the same request then returns it later.
    """
    answer = enrol(
        EnrolRequest(ctx.environment, ask.customer_id, None, ask.transfer_id, ask.transfer_password, ask.request),
        ctx,
        request_id,
    )
    if isinstance(answer, Rejection):
        return answer
    return retrieve_again(ask.customer_id, answer.retrieval_id, ctx, request_id)


def retrieve_again(
    customer_id: str, retrieval_id: str, ctx: ServiceContext, request_id: str
) -> EnrolledCertificate | Rejection:
    """Return the certificate of a retrieval id; may be called repeatedly."""
    response = retrieve(RetrieveRequest(ctx.environment, customer_id, None, retrieval_id), ctx, request_id)
    if isinstance(response, Rejection):
        return response
    certificate = load_certificate(response.certificate)
    serial = serial_hex(certificate.serial_number)
    # A certificate called for early replacement can be renewed before its time, and retrieved again after that.
    opens = transactions.renewable_from(ctx.db, serial)
    return EnrolledCertificate(
        response.certificate,
        certificate_pem(response.certificate).decode(),
        _chain(certificate, ctx),
        serial,
        certificate.not_valid_after_utc,
        opens,
        retrieval_id,
    )


def _chain(certificate: x509.Certificate, ctx: ServiceContext) -> str:
    """Return the CAs above a certificate, the nearest first, without the root."""
    known = [load_certificate(der) for der in ctx.certificates.values()]
    chain: list[bytes] = []
    issuer = certificate.issuer
    while above := next(
        (
            certificate
            for certificate in known
            if certificate.subject == issuer and certificate.issuer != certificate.subject
        ),
        None,
    ):
        chain.append(certificate_pem(certificate_der(above)))
        issuer = above.issuer
    return b"".join(chain).decode()
