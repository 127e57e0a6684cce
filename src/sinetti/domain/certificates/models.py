"""Data that decisions need, read from the database before a decision.

Instances are frozen. Instants are UTC, in whole seconds.

Permission is a value: issuing requires an IssuanceApproval, and only decisions create it.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Channel, KeyId, Language, Organisation, Serial, Sha256, ValidityPeriod


@dataclass(frozen=True)
class Lineage:
    """Sequence of a certificate and its renewals.

    `version` increases with every change of state in the lineage.
    """

    lineage_id: str
    subject_serial: str
    customer: Organisation
    channel: Channel
    language: Language
    version: int


@dataclass(frozen=True)
class Certificate:
    """Certificate of a holder.

    `sha256` is None until it is issued. `renewed_by` is its newest renewal that is not void, revoked or not. `entry` is
    the hash of the log's entry, if this process has just written one about it.
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
    entry: bytes | None = field(default=None, compare=False)

    @property
    def revoked(self) -> bool:
        """True if it was revoked, for any reason."""
        return self.revoked_at is not None

    def is_active(self, now: datetime) -> bool:
        """Return True if a replay may return this certificate.

        It is reserved or issued, neither revoked nor expired.
        """
        return not self.revoked and self.state is not CertificateState.SUPERSEDED and now <= self.span.not_after


@dataclass(frozen=True)
class TransferIds:
    """Pair of transfer ids without the password.

    `used_for` is the certificate for which they were used.
    """

    transfer_id: str
    order_id: str
    lineage: Lineage
    replaces: Serial | None
    created: datetime
    expires: datetime
    wrong_passwords: int
    ended: bool
    used_for: Certificate | None


@dataclass(frozen=True)
class IssuanceApproval:
    """Permission to issue a certificate for a lineage, a key and a validity period.

    - `order_id`: the order whose transfer ids are used.
    - `predecessor`: the certificate that is renewed.
    - `replaces`: the certificate that the order replaces.
    - `supersedes`: a renewal that was never retrieved and that this certificate replaces.
    """

    lineage: Lineage
    key: KeyId
    span: ValidityPeriod
    order_id: str | None = None
    predecessor: Serial | None = None
    replaces: Serial | None = None
    supersedes: Certificate | None = None


@dataclass(frozen=True)
class Replay:
    """Repetition of an accepted request; its certificate is the answer."""

    certificate: Certificate


def replay_or_reject(certificate: Certificate) -> Replay | Rejection:
    """Return a replay of an accepted request, or reject it.

    A certificate that is only reserved is not signed if the organisation has lost its approval.
    """
    lineage = certificate.lineage
    if certificate.state is CertificateState.RESERVED and not lineage.customer.is_approved_for(lineage.channel):
        return Rejection(RejectionReason.NOT_ENTITLED, language=lineage.language)
    return Replay(certificate)
