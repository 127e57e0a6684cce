"""Steps of issuing that waves take together.

They are reading, both commits, signing, and the journal. See docs/contributors/issuance.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.issuance import transactions
from sinetti.database.issuance.statements import RenewalLookup, find_for_renewal, find_for_renewals
from sinetti.database.issuance.transactions import CertificateReservation, SignedCertificate
from sinetti.domain.certificates.models import Certificate, TransferIds
from sinetti.domain.values import KeyId, Sha256
from sinetti.journal.writer import JournalEntry
from sinetti.pki.signers import SignatureRefused, SignerTimeout, SignerUnavailable
from sinetti.services.context import IssueRequest, ServiceContext
from sinetti.services.waves import Step


@dataclass(frozen=True)
class FindPassword(Step[tuple[bytes | None]]):
    """Step 4: read the stored HMAC of transfer ids.

    Unknown ids have a result, too, so they cost as much as known ones.
    """

    transfer_id: str

    def alone(self, ctx: ServiceContext) -> tuple[bytes | None]:
        """Read one."""
        (found,) = self.together([self], ctx)
        return found

    @classmethod
    def together(cls, steps: Sequence["FindPassword"], ctx: ServiceContext) -> Sequence[tuple[bytes | None]]:
        """Read those of all."""
        return [(password,) for password in transactions.find_passwords(ctx.db, [step.transfer_id for step in steps])]


@dataclass(frozen=True)
class FindTransferIds(Step[TransferIds | None]):
    """Step 4: read transfer ids whose password is proven."""

    transfer_id: str

    def alone(self, ctx: ServiceContext) -> TransferIds | None:
        """Read one pair."""
        (transfer_ids,) = self.together([self], ctx)
        return transfer_ids

    @classmethod
    def together(cls, steps: Sequence["FindTransferIds"], ctx: ServiceContext) -> Sequence[TransferIds | None]:
        """Read the pairs of all."""
        return transactions.find_transfer_ids(ctx.db, [step.transfer_id for step in steps])


@dataclass(frozen=True)
class FindKey(Step[bool]):
    """Step 6: read whether a key was used before."""

    key: KeyId

    def alone(self, ctx: ServiceContext) -> bool:
        """Look for one key."""
        (found,) = self.together([self], ctx)
        return found

    @classmethod
    def together(cls, steps: Sequence["FindKey"], ctx: ServiceContext) -> Sequence[bool]:
        """Look for the keys of all."""
        known = transactions.known_keys(ctx.db, [step.key for step in steps])
        return [step.key in known for step in steps]


@dataclass(frozen=True)
class FindRenewal(Step[RenewalLookup]):
    """Step 4: read the caller of a renewal."""

    sha256: Sha256
    key: KeyId | None

    def alone(self, ctx: ServiceContext) -> RenewalLookup:
        """Read one certificate."""
        return find_for_renewal(ctx.db, self.sha256, self.key)

    @classmethod
    def together(cls, steps: Sequence["FindRenewal"], ctx: ServiceContext) -> Sequence[RenewalLookup | None]:
        """Read the certificates of all."""
        return find_for_renewals(ctx.db, [(step.sha256, step.key) for step in steps])


@dataclass(frozen=True)
class Reserve(Step[Certificate]):
    """Step 9: commit 1. It raises ConcurrentUpdate and AuthorityClosed."""

    reservation: CertificateReservation
    audit: AuditContext

    def alone(self, ctx: ServiceContext) -> Certificate:
        """Reserve one certificate."""
        return transactions.reserve_certificate(ctx.db, self.reservation, self.audit)

    @classmethod
    def together(cls, steps: Sequence["Reserve"], ctx: ServiceContext) -> Sequence[Certificate | None]:
        """Reserve one certificate for each lineage and key.

        The second one of either goes on alone, after the first.
        """
        texts: set[str] = set()
        chosen = []
        for number, one in enumerate(steps):
            approval = one.reservation.approval
            named = {approval.lineage.lineage_id, f"key:{approval.key}"}
            if approval.supersedes is None and not texts & named:
                chosen.append(number)
            texts |= named
        made = transactions.reserve_certificates(
            ctx.db, [(steps[number].reservation, steps[number].audit) for number in chosen]
        )
        certificates = dict(zip(chosen, made, strict=True))
        return [certificates.get(number) for number in range(len(steps))]


@dataclass(frozen=True)
class Sign(Step[list[bytes]]):
    """Step 10: octets in, signatures out. It raises SignerUnavailable."""

    request: IssueRequest

    def alone(self, ctx: ServiceContext) -> list[bytes]:
        """Sign one certificate, with the answers about it."""
        (result,) = ctx.sign_issue(ctx.signer, [self.request])
        if isinstance(result, SignerUnavailable):
            raise result
        return result

    @classmethod
    def together(cls, steps: Sequence["Sign"], ctx: ServiceContext) -> Sequence[list[bytes] | Exception | None]:
        """Sign the certificates of all.

        A request alone asks again if another one's key made the signer unavailable, but not after a refusal or a wait.
        """
        results = ctx.sign_issue(ctx.signer, [step.request for step in steps])
        final = (list, SignatureRefused, SignerTimeout)
        return [one if isinstance(one, final) else None for one in results]


@dataclass(frozen=True)
class Store(Step[Certificate]):
    """Step 11: commit 2."""

    certificate: Certificate
    signed: SignedCertificate
    audit: AuditContext

    def alone(self, ctx: ServiceContext) -> Certificate:
        """Store one certificate."""
        return transactions.store_certificate(ctx.db, self.certificate, self.signed, self.audit)

    @classmethod
    def together(cls, steps: Sequence["Store"], ctx: ServiceContext) -> Sequence[Certificate | None]:
        """Store all certificates."""
        return transactions.store_certificates(ctx.db, [(step.certificate, step.signed, step.audit) for step in steps])


@dataclass(frozen=True)
class Journalise(Step[bool]):
    """Step 11: the journal's lines about a request; the result is True.

    It raises JournalUnavailable.
    """

    entries: Sequence[JournalEntry]

    def alone(self, ctx: ServiceContext) -> bool:
        """Write the lines of one request."""
        ctx.journal.append(self.entries)
        return True

    @classmethod
    def together(cls, steps: Sequence["Journalise"], ctx: ServiceContext) -> Sequence[bool | None]:
        """Write the lines of all in one append."""
        ctx.journal.append([entry for step in steps for entry in step.entries])
        return [True] * len(steps)
