"""The conversation with the service: one message out, one answer in, and only a trusted answer counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.client import service_address, validity
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, say
from sinetti.client.requests import transport
from sinetti.client.requests.transport import Post, Trouble, TroubleKind
from sinetti.client.service_address import Address
from sinetti.client.store.settings import Settings
from sinetti.domain.values import KeyPolicy, Language
from sinetti.pki import chain, key_policy, policy_oids
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, Response
from sinetti.wire.xmldsig.errors import Flaw


@dataclass(frozen=True, slots=True)
class Service:
    """A service as this run sees it.

    `anchors` are the CAs that issue to the signers of answers, and those above them. `holders` are those that may issue
    certificates for holders: what they issue speaks for no service.
    """

    address: Address
    tls_ca: str | None
    anchors: tuple[x509.Certificate, ...]
    holders: tuple[x509.Certificate, ...]
    language: Language
    now: datetime


def service_of(settings: Settings, language: Language, now: datetime) -> Service:
    """Take from the settings what a call needs."""
    anchors, holders = (
        chain.load_bundle(bundle.encode()) for bundle in (settings.trust_services, settings.trust_holders)
    )
    return Service(service_address.parse_address(settings.service), settings.tls_ca, anchors, holders, language, now)


def ask(service: Service, operation: Operation, message: bytes) -> Response:
    """Send one message and read its answer. Raises Trouble where there is none that counts."""
    body = transport.call(Post(service.address, operation.value, message, service.language, service.tls_ca))
    objections: list[Message] = []

    def accepts(signer: x509.Certificate) -> bool:
        objections.extend(found := objection(signer, service.anchors, service.now, service.holders))
        return not found

    try:
        return operations.read_response(body, operation, accepts)
    except operations.AnswerNotTrusted as bad:
        told = objections[0] if objections else say(messages.ANSWER_NOT_TRUSTED, why=error_reasons.of(bad))
        raise Trouble(TroubleKind.NOT_TRUSTED, told) from bad
    except operations.AnswerFault as fault:
        raise Trouble(TroubleKind.NOT_TRUSTED, say(messages.SOAP_FAULT, text=messages.plain(str(fault)))) from fault
    except operations.AnswerUnreadable as bad:
        raise Trouble(TroubleKind.NOT_TRUSTED, say(messages.ANSWER_UNREADABLE, why=error_reasons.of(bad))) from bad


def objection(
    signer: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    holders: Sequence[x509.Certificate] = (),
) -> tuple[Message, ...]:
    """Say what speaks against a certificate signing answers: nothing, or one message.

    It is no CA itself and was issued directly by a CA of the bundle. From there a path in the bundle leads up to an
    anchor, and all of them are valid now. Dates are judged last, so that a wrong clock is reported as one. A CA that is
    not in the bundle does not count: an anchor high up would let every certificate below it speak for the service. A
    holder's certificate does not count, though its CA was put into both bundles.
    """
    ways = chain.trusted_ways(signer, anchors) if _is_a_signer(signer) else ()
    if policy_oids.is_holders(signer) and chain.issuers_of(signer, holders):
        ways = ()
    if not ways:
        return (say(messages.ANSWER_NOT_TRUSTED, why=error_reasons.of(Flaw.KEY_NOT_ACCEPTED)),)
    found = validity.out_of_time(signer, ways, now)
    return () if found is None else (validity.told(found, messages.THE_SIGNERS, messages.THE_SIGNERS_CA, now),)


def _is_a_signer(certificate: x509.Certificate) -> bool:
    try:
        basic = chain.extension_value(certificate, x509.BasicConstraints)
        # Whoever answers OCSP requests for the same CA signs no answers of ours.
        answers_status = policy_oids.is_responders(certificate)
    except ValueError:
        return False
    if answers_status or (basic is not None and basic.ca):
        return False
    return isinstance(key_policy.check_key(certificate.public_key(), KeyPolicy()), str)
