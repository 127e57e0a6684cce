"""Permission as a value: nothing is issued without an Approval in hand, and only decisions make one."""

from dataclasses import dataclass

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Lineage
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyId, Serial, ValidityPeriod


@dataclass(frozen=True, slots=True)
class IssuanceApproval:
    """A certificate may be issued: for whom, for which key, for how long.

    `order_id` where transfer ids are spent, `predecessor` where a certificate is renewed; `voids` is the renewal that
    nobody fetched and that this one takes the place of; `replaces` comes from the order.
    """

    holding: Lineage
    key: KeyId
    span: ValidityPeriod
    order_id: str | None = None
    predecessor: Serial | None = None
    replaces: Serial | None = None
    supersedes: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """The same request was accepted before: its certificate is the answer."""

    certificate: Certificate


def replay_or_reject(certificate: Certificate) -> Replay | Rejection:
    """Answer the same request again; what was only reserved is not signed for an organisation that lost its right."""
    holding = certificate.holding
    if certificate.state is CertificateState.RESERVED and not holding.customer.is_approved_for(holding.channel):
        return Rejection(RejectionReason.NOT_ENTITLED, language=holding.language)
    return Replay(certificate)
