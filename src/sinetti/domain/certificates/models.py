"""What the register knows, as the rules see it: frozen facts, read before a decision. Times UTC, whole seconds.

Permission as a value: nothing is issued without an Approval in hand, and only decisions make one.
"""

from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Channel, KeyId, Language, Organisation, Serial, Sha256, ValidityPeriod


@dataclass(frozen=True, slots=True)
class Lineage:
    """The line of a certificate through its renewals; `version` moves with every change of state on it."""

    lineage_id: str
    subject_serial: str
    customer: Organisation
    channel: Channel
    language: Language
    version: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """A holder's certificate. `sha256` is None until it is issued.

    `renewed_by` is its newest renewal that is not void, revoked or not.
    """

    serial: Serial
    authority: str
    lineage: Lineage
    state: CertificateState
    key: KeyId
    span: ValidityPeriod
    renewable_from: datetime
    retrieval_id: str
    crl_shard: int
    sha256: Sha256 | None = None
    first_fetched_at: datetime | None = None
    recorded_at: datetime | None = None
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None
    order_id: str | None = None
    predecessor: Serial | None = None
    renewed_by: Serial | None = None

    @property
    def revoked(self) -> bool:
        """Whether it was revoked, for whatever reason."""
        return self.revoked_at is not None

    def live(self, now: datetime) -> bool:
        """Whether an answer about it may be given again: reserved or issued, neither revoked nor expired."""
        return not self.revoked and self.state is not CertificateState.VOID and now <= self.span.not_after


@dataclass(frozen=True, slots=True)
class TransferIds:
    """A pair of transfer ids, without the password: `used_for` is the certificate that they were used for."""

    transfer_id: str
    order_id: str
    lineage: Lineage
    replaces: Serial | None
    created: datetime
    expires: datetime
    wrong_passwords: int
    ended: bool
    used_for: Certificate | None


@dataclass(frozen=True, slots=True)
class IssuanceApproval:
    """A certificate may be issued: for whom, for which key, for how long.

    `order_id` where transfer ids are spent, `predecessor` where a certificate is renewed; `voids` is the renewal that
    nobody fetched and that this one takes the place of; `replaces` comes from the order.
    """

    lineage: Lineage
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
    lineage = certificate.lineage
    if certificate.state is CertificateState.RESERVED and not lineage.customer.is_approved_for(lineage.channel):
        return Rejection(RejectionReason.NOT_ENTITLED, language=lineage.language)
    return Replay(certificate)
