"""SOAP exchange with the service: one message, one answer, its signature verified."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.client import renewal_window, service_address
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, SoapPost
from sinetti.client.service_address import ServiceUrl
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import KeyPolicy, Language
from sinetti.pki import chain, key_policy, policy_oids
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapResponse


@dataclass(frozen=True)
class SoapService:
    """A service as this run calls it.

    `anchors` are the CAs that issue to the signers of answers, and the CAs above them. `holders` are those that may
    issue certificates for holders: their certificates cannot sign for a service.
    """

    address: ServiceUrl
    tls_ca: str | None
    anchors: tuple[x509.Certificate, ...]
    holders: tuple[x509.Certificate, ...]
    language: Language
    now: datetime


def service_of(settings: NameSettings, language: Language, now: datetime) -> SoapService:
    """Return the service that the settings describe."""
    anchors, holders = (
        chain.load_bundle(bundle.encode()) for bundle in (settings.trust_services, settings.trust_holders)
    )
    return SoapService(
        service_address.parse_service_url(settings.service), settings.tls_ca, anchors, holders, language, now
    )


def call(service: SoapService, operation: Operation, message: bytes) -> SoapResponse:
    """Send one message and return its verified answer.

    Raises ServiceError if there is no trusted answer.
    """
    body = transport.call(SoapPost(service.address, operation.value, message, service.language, service.tls_ca))
    objections: list[Message] = []

    def accepts(signer: x509.Certificate) -> bool:
        objections.extend(found := distrust_reason(signer, service.anchors, service.now, service.holders))
        return not found

    try:
        return operations.read_response(body, operation, accepts)
    except operations.UntrustedResponse as bad:
        raise ServiceError(
            ServiceErrorKind.NOT_TRUSTED,
            objections[0]
            if objections
            else make_message(messages.ANSWER_INVALID, why=error_reasons.translate_reason(bad)),
        ) from bad
    except operations.SoapFault as fault:
        raise ServiceError(
            ServiceErrorKind.NOT_TRUSTED,
            make_message(messages.SOAP_FAULT, text=messages.strip_control_chars(str(fault))),
        ) from fault
    except operations.UnreadableResponse as bad:
        raise ServiceError(
            ServiceErrorKind.NOT_TRUSTED,
            make_message(messages.ANSWER_UNREADABLE, why=error_reasons.translate_reason(bad)),
        ) from bad


def distrust_reason(
    signer: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    holders: Sequence[x509.Certificate] = (),
) -> tuple[Message, ...]:
    """Return the objection to a certificate that signs answers: none, or one message.

    It is no CA itself and was issued directly by a CA of the bundle. From there a path in the bundle leads up to an
    anchor, and all of them are valid now. Dates are judged last, so that a wrong clock is reported as one. A CA that
    is not in the bundle does not count: an anchor high up would let every certificate below it sign for the service. A
    holder's certificate does not count, even if its CA was put into both bundles.
    """
    ways = chain.trusted_ways(signer, anchors) if _is_a_signer(signer) else ()
    if policy_oids.is_holder_certificate(signer) and chain.issuers_of(signer, holders):
        ways = ()
    if not ways:
        return (make_message(messages.ANSWER_NOT_TRUSTED),)
    validity_error = renewal_window.check_validity(signer, ways, now)
    return (
        ()
        if validity_error is None
        else (renewal_window.validity_message(validity_error, messages.THE_SIGNERS, messages.THE_SIGNERS_CA, now),)
    )


def _is_a_signer(certificate: x509.Certificate) -> bool:
    try:
        basic = chain.extension_value(certificate, x509.BasicConstraints)
        # An OCSP responder of the same CA does not sign answers of the service.
        answers_status = policy_oids.is_ocsp_responder(certificate)
    except ValueError:
        return False
    if answers_status or (basic is not None and basic.ca):
        return False
    return isinstance(key_policy.check_key_policy(certificate.public_key(), KeyPolicy()), str)
