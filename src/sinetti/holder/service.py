"""The conversation with the service: one message out, one answer in, and only a trusted answer counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.domain.values import KeyPolicy, Language
from sinetti.holder import messages, transport
from sinetti.holder.messages import say
from sinetti.holder.settings import Settings
from sinetti.holder.transport import Address, Post, Trouble, TroubleKind
from sinetti.pki import chain, keycheck
from sinetti.wire import soap
from sinetti.wire.soap import Operation, Response


@dataclass(frozen=True, slots=True)
class Service:
    """A service as this run sees it. `anchors` are the CAs whose certificates may sign answers, and no others."""

    address: Address
    tls_ca: str | None
    anchors: tuple[x509.Certificate, ...]
    language: Language
    now: datetime


def service_of(settings: Settings, language: Language, now: datetime) -> Service:
    """Take from the settings what a call needs."""
    anchors = chain.load_bundle(settings.trust_services.encode())
    return Service(transport.parse_address(settings.service), settings.tls_ca, anchors, language, now)


def ask(service: Service, operation: Operation, message: bytes) -> Response:
    """Send one message and read its answer. Raises Trouble where there is none that counts."""
    body = transport.call(Post(service.address, operation.value, message, service.language, service.tls_ca))
    try:
        return soap.read_response(body, operation, lambda signer: may_answer(signer, service.anchors, service.now))
    except soap.AnswerNotTrusted as bad:
        raise Trouble(TroubleKind.NOT_TRUSTED, say(messages.ANSWER_NOT_TRUSTED, why=str(bad))) from bad
    except soap.AnswerFault as fault:
        raise Trouble(TroubleKind.NOT_TRUSTED, say(messages.SOAP_FAULT, text=messages.plain(str(fault)))) from fault
    except soap.AnswerUnreadable as bad:
        raise Trouble(TroubleKind.NOT_TRUSTED, say(messages.ANSWER_UNREADABLE, why=str(bad))) from bad


def may_answer(signer: x509.Certificate, anchors: Sequence[x509.Certificate], now: datetime) -> bool:
    """Tell whether a certificate may sign answers: no CA itself, valid now, issued directly by one of the anchors.

    A longer chain does not count: an anchor high up would let every certificate below it speak for the service.
    """
    try:
        basic = chain.extension_value(signer, x509.BasicConstraints)
    except ValueError:
        return False
    if basic is not None and basic.ca:
        return False
    if not isinstance(keycheck.check_key(signer.public_key(), KeyPolicy()), str):
        return False
    return chain.valid_at(signer, now) and chain.direct_issuer(signer, anchors, now) is not None
