"""Bulk revocation by clerks.

See docs/operators/monitoring.md, docs/e-service/clerks.md.

More than ten certificates take two people with an account each.
"""

from collections.abc import Sequence

from sinetti.database.certificates import bulk_revocation
from sinetti.database.certificates.bulk_revocation import (
    BulkRevocationCandidate,
    CertificateSelection,
    CertificateSummary,
)
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import BulkRevocationProposal, account_of, needs_second_approver
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.services.revocation import bulk_revoke
from sinetti.services.revocation.bulk_revoke import BulkRevocationRequest, BulkRevocationResult, BulkSelection
from sinetti.services.staff.session import StaffSession, guarded, log_access, log_search

__all__ = ["CertificateSelection", "CertificateSummary"]

PARTS_AT_ONCE = 10
"""Transactions of fifty lineages per request of a page."""


def look_at(wanted: CertificateSelection, reason: RevocationReason, clerk: StaffSession) -> BulkSelection:
    """Preview a bulk revocation; logs the access. Raises BulkRevocationError."""
    log_search(SearchScope.REVOCATIONS, repr(wanted), clerk)
    return bulk_revoke.preview(BulkRevocationRequest(wanted, reason, clerk.officer), clerk.ctx)


def needs_second(count: int, clerk: StaffSession) -> bool:
    """Return True if the revocation of so many certificates needs a second clerk."""
    is_limited = clerk.ctx.approvals.people_for(TwoPersonAct.BULK_REVOCATION) > 1
    return is_limited and needs_second_approver(count, bulk_revoke.alone_lately(clerk.officer, clerk.ctx))


def propose(wanted: CertificateSelection, reason: RevocationReason, clerk: StaffSession) -> BulkRevocationResult:
    """Revoke the certificates, or propose it if they are too many for one clerk.

    Raises BulkRevocationError.
    """
    return bulk_revoke.propose(BulkRevocationRequest(wanted, reason, clerk.officer), clerk.guarded, clerk.request_id)


def rehearse(rows: Sequence[BulkRevocationCandidate], reason: RevocationReason, clerk: StaffSession) -> None:
    """Revoke in the database alone, for letters that are shown before.

    Nothing is published or noted in the journal; the caller rolls it back.
    """
    with clerk.act() as audit:
        bulk_revoke.rehearse(rows, reason, clerk.ctx, audit)


def proposals(clerk: StaffSession) -> tuple[tuple[BulkRevocationProposal, ...], tuple[BulkRevocationProposal, ...]]:
    """Return proposals that wait for a second officer, and approved unfinished ones.

    Logs the access.
    """
    log_search(SearchScope.REVOCATIONS, "", clerk)
    db = clerk.ctx.db
    return bulk_revocation.waiting(db, clerk.ctx.now()), bulk_revocation.unfinished(db)


def proposal(proposal_id: str, clerk: StaffSession) -> tuple[int, BulkRevocationProposal]:
    """Return the number of revoked certificates of a proposal, and the proposal.

    Logs the access. Raises BulkRevocationError.
    """
    found = bulk_revoke.progress(proposal_id, clerk.ctx)
    log_access(f"bulk-revocation:{proposal_id}", clerk)
    return found


def describe(serials: Sequence[Serial], clerk: StaffSession) -> tuple[CertificateSummary, ...]:
    """Return certificates of a proposal as its approver sees them; known ones only."""
    return bulk_revocation.describe(clerk.ctx.db, serials)


def to_confirm(proposal_id: str, clerk: StaffSession) -> BulkSelection:
    """Return the certificates of a proposal that this clerk may confirm now.

    Raises BulkRevocationError.
    """
    return bulk_revoke.look_at_proposal(proposal_id, clerk.officer, clerk.ctx)[1]


def confirm(proposal_id: str, clerk: StaffSession) -> tuple[int, BulkRevocationProposal]:
    """Confirm another clerk's proposal and revoke its first part.

    Raises BulkRevocationError.
    """
    proposal = bulk_revocation.find(clerk.ctx.db, proposal_id)
    # The proposer's account is locked too: a proposal of a clerk who is dismissed in the meantime is not carried out.
    by = account_of(proposal.officer) if proposal is not None else ""
    request_id = clerk.request_id
    bulk_revoke.approve(proposal_id, clerk.officer, guarded(clerk.actor, clerk.ctx, request_id, by), request_id)
    return go_on(proposal_id, clerk)


def go_on(proposal_id: str, clerk: StaffSession) -> tuple[int, BulkRevocationProposal]:
    """Revoke the next part of an approved proposal. Raises BulkRevocationError."""
    return bulk_revoke.continue_batch(proposal_id, clerk.officer, PARTS_AT_ONCE, clerk.guarded, clerk.request_id)


def withdraw(proposal_id: str, clerk: StaffSession) -> BulkRevocationProposal:
    """Withdraw a proposal of this clerk. Raises BulkRevocationError."""
    return bulk_revoke.withdraw(proposal_id, clerk.officer, clerk.guarded, clerk.request_id)
