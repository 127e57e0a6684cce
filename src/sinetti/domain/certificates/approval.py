"""Permission as a value: nothing is issued without an Approval in hand, and only decisions make one."""

from dataclasses import dataclass

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Holding
from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.values import KeyId, Serial, Span


@dataclass(frozen=True, slots=True)
class Approval:
    """A certificate may be issued: for whom, for which key, for how long.

    `order_id` where transfer ids are spent, `predecessor` where a certificate is renewed; `voids` is the renewal that
    nobody fetched and that this one takes the place of; `replaces` comes from the order.
    """

    holding: Holding
    key: KeyId
    span: Span
    order_id: str | None = None
    predecessor: Serial | None = None
    replaces: Serial | None = None
    voids: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The same request was accepted before: its certificate is the answer."""

    certificate: Certificate


def again(certificate: Certificate) -> Again | Refusal:
    """Answer the same request again; what was only reserved is not signed for an organisation that lost its right."""
    holding = certificate.holding
    if certificate.state is CertificateState.RESERVED and not holding.customer.may_use(holding.channel):
        return Refusal(Reason.NOT_ENTITLED, language=holding.language)
    return Again(certificate)
