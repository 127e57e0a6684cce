"""Bulk revocation: stored first, confirmed if large, resumed if interrupted.

More than ten certificates need the confirmation of a second officer.

A selection without any criterion is rejected before anything is done.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.database.access import accounts, pending_invitations
from sinetti.database.certificates import bulk_revocation, revocation
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate, CertificateSelection
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations import organisations
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import (
    BulkErrorReason,
    BulkRevocationError,
    BulkRevocationProposal,
    account_of,
    actor_of,
    check_officer,
    is_account,
    may_approve,
    may_withdraw,
)
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade, may_use_reason
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.issue import note_revoked_or_say
from sinetti.services.status.crl import publish_best_effort
from sinetti.services.status.ocsp import presign_revoked

_NAMED = 3
_LOOKED_UP = "run sinetti authority status --customer-id ID to list a customer's certificates"

ProgressCallback = Callable[[int, int], None]
"""Callback after each transaction: certificates done so far, and in all."""


def no_progress(_done: int, _all: int) -> None:
    """Report no progress."""


def rehearse(
    rows: Sequence[BulkRevocationCandidate], reason: RevocationReason, ctx: ServiceContext, audit: AuditContext
) -> None:
    """Revoke in the database alone, for letters that are shown before.

    Nothing is published or noted in the journal; the caller rolls it back.
    """
    serials_of: dict[str, list[Serial]] = {}
    for row in rows:
        serials_of.setdefault(row.lineage_id, []).append(row.serial)
    revocation.revoke_lineages(ctx.db, serials_of, (reason, None), audit)


def require_criteria(wanted: CertificateSelection, verb: str, ways: str) -> None:
    """Raise BulkRevocationError if the selection has no criterion.

    It would select every certificate. The message has the `verb` of the action and the `ways` to select.
    """
    if wanted == CertificateSelection():
        raise BulkRevocationError(BulkErrorReason.NOTHING_NAMED, f"select the certificates to be {verb} by {ways}")


def require_existing(wanted: CertificateSelection, ctx: ServiceContext) -> None:
    """Raise BulkRevocationError if a criterion matches nothing.

    A typing error would otherwise look as if there were nothing to do.
    """
    if wanted.customer_id is not None and organisations.find_organisation(ctx.db, wanted.customer_id) is None:
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, f"no organisation has the ID {wanted.customer_id}")
    if wanted.authority is not None and wanted.authority not in ctx.certificates:
        raise BulkRevocationError(
            BulkErrorReason.UNKNOWN,
            f"this authority has no CA named {wanted.authority}: run sinetti authority ca list to see the names",
        )
    if wanted.serials is None:
        return
    known = {row.serial for row in bulk_revocation.select(ctx.db, CertificateSelection(serials=wanted.serials))}
    if lacking := [serial for serial in dict.fromkeys(wanted.serials) if serial not in known]:
        named = ", ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
        raise BulkRevocationError(
            BulkErrorReason.UNKNOWN,
            f"no certificate has the serial number {named} ({len(lacking)} of {len(wanted.serials)}): {_LOOKED_UP}",
        )


LINES_AT_ONCE = 50
"""Lineages per transaction; a renewal of one of them waits for the transaction."""

_SENTENCES: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.DONE: "this proposal has been carried out: there is nothing left to approve",
    BulkErrorReason.SAME_OFFICER: "its proposer cannot approve it: another officer must run this command",
    BulkErrorReason.SAME_PERSON: (
        "the account that proposed it belongs to the same person: an account of another clerk must confirm it"
    ),
    BulkErrorReason.NO_PERSON: (
        "in PRODUCTION both clerks' accounts need a verified person: add it with sinetti authority account staff "
        "EMAIL --person-id ID"
    ),
    BulkErrorReason.PROPOSER_GONE: (
        "the account that proposed it no longer belongs to a clerk: if it is right, propose it again"
    ),
    BulkErrorReason.OTHER_DOOR: (
        "a proposal made in the e-service is approved by another clerk there; a proposal made by a "
        "command is approved by another officer with this command"
    ),
    BulkErrorReason.EXPIRED: "no officer approved this proposal within 24 hours: propose it again",
    BulkErrorReason.CHANGED: (
        "the selected certificates have changed since the proposal (one was revoked or renewed): "
        "propose it again, so that exactly the approved certificates are revoked"
    ),
    BulkErrorReason.WITHDRAWN: "its officer has withdrawn this proposal: there is nothing left to approve",
}
_NOT_WITHDRAWN: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.WITHDRAWN: "this proposal has already been withdrawn",
    BulkErrorReason.APPROVED: "its certificates have been revoked permanently, so it cannot be withdrawn",
    BulkErrorReason.OTHER_OFFICER: "only its proposer can withdraw it; it lapses without an approval",
    BulkErrorReason.EXPIRED: "no officer approved this proposal within 24 hours: there is nothing left to withdraw",
}


@dataclass(frozen=True)
class BulkRevocationRequest:
    """Selected certificates, reason, officer, and compromise date of the keys.

    With `ended` the selection includes expired certificates. Without `is_limited`, one officer revokes any number.
    """

    wanted: CertificateSelection
    reason: RevocationReason
    officer: str
    invalidity_date: datetime | None = None
    ended: bool = False
    is_limited: bool = True


@dataclass(frozen=True)
class BulkSelection:
    """Certificates that would be revoked, `along` of them because of keyCompromise.

    `passed_over` are selected, but already revoked or expired.
    """

    going: tuple[BulkRevocationCandidate, ...]
    along: frozenset[Serial]
    passed_over: int

    @property
    def serials(self) -> tuple[Serial, ...]:
        """The serials of the certificates to revoke, in order."""
        return tuple(row.serial for row in self.going)


@dataclass(frozen=True)
class BulkRevocationResult:
    """Result of a bulk revocation.

    `proposal` is None if nothing was left to revoke, and is not done if it waits for confirmation. `resumed` are
    interrupted runs of the same officer that were completed first.
    """

    selection: BulkSelection
    proposal: BulkRevocationProposal | None
    resumed: tuple[BulkRevocationProposal, ...] = ()


def preview(ask: BulkRevocationRequest, ctx: ServiceContext) -> BulkSelection:
    """Return the selected certificates, without any change.

    Raises BulkRevocationError.
    """
    check_officer(ask.officer)
    if not may_use_reason(RevokerRole.OPERATOR, ask.reason):
        raise BulkRevocationError(
            BulkErrorReason.REASON, f"the reason {ask.reason} cannot be used for holders' certificates"
        )
    require_criteria(ask.wanted, "revoked", "their serial numbers, organisation, issuing CA or time of issue")
    require_existing(ask.wanted, ctx)
    return _selected(bulk_revocation.select(ctx.db, ask.wanted), ask, ctx)


def revoke_many(
    ask: BulkRevocationRequest, ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> BulkRevocationResult:
    """Revoke the certificates, or store a proposal if they are too many for one.

    Interrupted runs of this officer are completed first. A CRL that cannot be signed here is signed by the process
    that serves the authority. Raises BulkRevocationError.
    """
    preview(ask, ctx)
    resumed = bulk_revocation.unfinished(ctx.db, ask.officer)
    for proposal in resumed:
        _carry_out(proposal, _Initiator(ask.officer, ctx, request_id), on_progress)
    return replace(propose(ask, ctx, request_id, on_progress), resumed=resumed)


def propose(
    ask: BulkRevocationRequest, ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> BulkRevocationResult:
    """Revoke like `revoke_many`, but leave other runs as they are.

    Raises BulkRevocationError.
    """
    selection = preview(ask, ctx)
    if not selection.going:
        return BulkRevocationResult(selection, None)
    now = ctx.now()
    new = BulkRevocationProposal("", ask.officer, ask.reason, ask.invalidity_date, selection.serials, now, now)
    is_limited = ask.is_limited and ctx.approvals.people_for(TwoPersonAct.BULK_REVOCATION) > 1
    with ctx.act(actor_of(ask.officer), request_id) as audit:
        stored = bulk_revocation.propose(ctx.db, new, audit, is_limited=is_limited)
    ctx.step("many-stored")
    if stored.approved_at is not None:
        _carry_out(stored, _Initiator(ask.officer, ctx, request_id), on_progress)
    return BulkRevocationResult(selection, bulk_revocation.find(ctx.db, stored.proposal_id))


def look_at_proposal(
    proposal_id: str, officer: str, ctx: ServiceContext
) -> tuple[BulkRevocationProposal, BulkSelection]:
    """Return a proposal that this officer may approve now, and its certificates.

    Raises BulkRevocationError.
    """
    check_officer(officer)
    proposal = _proposal(proposal_id, ctx)
    rows = bulk_revocation.select(ctx.db, CertificateSelection(serials=proposal.serials))
    ask = BulkRevocationRequest(
        CertificateSelection(serials=proposal.serials), proposal.reason, proposal.officer, ended=True
    )
    selection, revoked = _selected(rows, ask, ctx), [row.serial for row in rows if row.revoked]
    if refused := may_approve(proposal, officer, selection.serials, revoked, ctx.now()):
        raise BulkRevocationError(refused, _SENTENCES[refused])
    _check_two_people(proposal, officer, ctx)
    return proposal, selection


def store_approved(
    approved: BulkRevocationProposal, ctx: ServiceContext, actor: str, request_id: str
) -> BulkRevocationProposal:
    """Store a run that officers have approved by signatures; `resume` revokes.

    Called inside the transaction of the last signature. Raises BulkRevocationError if other certificates would be
    revoked now than the officers have seen.
    """
    wanted = CertificateSelection(serials=approved.serials)
    ask = BulkRevocationRequest(wanted, approved.reason, approved.officer, ended=True)
    if set(preview(ask, ctx).serials) != set(approved.serials):
        raise BulkRevocationError(BulkErrorReason.CHANGED, _SENTENCES[BulkErrorReason.CHANGED])
    with ctx.act(actor, request_id) as audit:
        return bulk_revocation.insert_approved(ctx.db, approved, audit)


def resume(
    ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> tuple[BulkRevocationProposal, ...]:
    """Carry out the approved runs of commands that are not done; return them.

    Runs of clerks are continued on their page.
    """
    unfinished = [proposal for proposal in bulk_revocation.unfinished(ctx.db) if not is_account(proposal.officer)]
    for proposal in unfinished:
        _carry_out(proposal, _Initiator(proposal.officer, ctx, request_id), on_progress)
    return tuple(unfinished)


def count_open_proposals(ctx: ServiceContext) -> int:
    """Return the number of proposals that wait for a second officer."""
    return bulk_revocation.count_waiting(ctx.db, ctx.now())


def alone_lately(officer: str, ctx: ServiceContext) -> int:
    """Return how many certificates this officer revoked alone recently.

    They count together with the certificates of the current request.
    """
    return bulk_revocation.alone_lately(ctx.db, officer, ctx.now())


def withdraw(proposal_id: str, officer: str, ctx: ServiceContext, request_id: str) -> BulkRevocationProposal:
    """Withdraw a proposal of the same officer. Raises BulkRevocationError."""
    check_officer(officer)
    proposal = _proposal(proposal_id, ctx)
    if refused := may_withdraw(proposal, officer, ctx.now()):
        raise BulkRevocationError(refused, _NOT_WITHDRAWN[refused])
    with ctx.act(actor_of(officer), request_id) as audit:
        if not bulk_revocation.withdraw(ctx.db, proposal, audit):
            raise BulkRevocationError(
                BulkErrorReason.CHANGED, "another officer was faster: run this command again to see the result"
            )
    return proposal


def approve(proposal_id: str, officer: str, ctx: ServiceContext, request_id: str) -> None:
    """Approve another officer's proposal without revoking anything yet.

    `continue_batch` revokes. Nothing is changed if it was approved before. Raises BulkRevocationError.
    """
    proposal, _selection = look_at_proposal(proposal_id, officer, ctx)
    if proposal.approved_at is not None:
        return
    with ctx.act(actor_of(officer), request_id) as audit:
        _check_two_people(proposal, officer, ctx)
        if not bulk_revocation.approve(ctx.db, proposal, officer, audit):
            raise BulkRevocationError(
                BulkErrorReason.CHANGED, "another officer was faster: run this command again to see the result"
            )
    ctx.step("many-approved")


def continue_batch(
    proposal_id: str, officer: str, most: int, ctx: ServiceContext, request_id: str
) -> tuple[int, BulkRevocationProposal]:
    """Revoke the next part of an approved proposal, `most` times 50 lineages.

    For a clerk who waits for a page. Returns the number of revoked certificates so far and the proposal, which is done
    once nothing is left. Any officer may continue an approved proposal. Raises BulkRevocationError if it is not
    approved.
    """
    check_officer(officer)
    proposal = _proposal(proposal_id, ctx)
    if proposal.approved_at is None:
        raise BulkRevocationError(
            BulkErrorReason.NO_PROPOSAL, "no officer approved this proposal: no certificate was revoked"
        )
    if proposal.done_at is None:
        _carry_out(proposal, _Initiator(officer, ctx, request_id), no_progress, most)
    return progress(proposal_id, ctx)


def progress(proposal_id: str, ctx: ServiceContext) -> tuple[int, BulkRevocationProposal]:
    """Return the number of revoked certificates of a proposal, and the proposal.

    Raises BulkRevocationError.
    """
    proposal = _proposal(proposal_id, ctx)
    rows = bulk_revocation.select(ctx.db, CertificateSelection(serials=proposal.serials))
    return sum(row.revoked for row in rows), proposal


def _check_two_people(proposal: BulkRevocationProposal, officer: str, ctx: ServiceContext) -> None:
    """Raise BulkRevocationError unless two people propose and confirm.

    Rejects a confirmation by another account of the proposer, or if the proposer is no longer a clerk. Of officers in
    commands only the name is known.
    """
    both = account_of(proposal.officer), account_of(officer)
    if proposal.approved_at is not None or not all(both):
        return
    refused = BulkErrorReason.SAME_PERSON if accounts.are_same_person(ctx.db, *both) else None
    if refused is None and accounts.lacks_person(ctx.db, both):
        refused = BulkErrorReason.NO_PERSON
    if refused is None and not pending_invitations.is_clerk(ctx.db, both[0]):
        refused = BulkErrorReason.PROPOSER_GONE
    if refused is not None:
        raise BulkRevocationError(refused, _SENTENCES[refused])


def _proposal(proposal_id: str, ctx: ServiceContext) -> BulkRevocationProposal:
    proposal = bulk_revocation.find(ctx.db, proposal_id)
    if proposal is None:
        raise BulkRevocationError(BulkErrorReason.NO_PROPOSAL, "no proposal of a clerk has this ID")
    return proposal


def _selected(
    starts: tuple[BulkRevocationCandidate, ...], ask: BulkRevocationRequest, ctx: ServiceContext
) -> BulkSelection:
    """Return the certificates to revoke with these.

    They are the certificates themselves and, on keyCompromise, those renewed from them; expired ones if requested.
    """
    named = {row.serial for row in starts}
    rows = starts
    if ask.reason is RevocationReason.KEY_COMPROMISE:
        rows = _with_renewals(
            starts, ask.reason, bulk_revocation.load_lineages(ctx.db, {row.lineage_id for row in starts})
        )
    now = ctx.now()
    going = tuple(row for row in rows if not row.revoked and (ask.ended or now <= row.not_after))
    serials = {row.serial for row in going}
    return BulkSelection(going, frozenset(serials - named), len(named - serials))


def _with_renewals(
    starts: Iterable[BulkRevocationCandidate], reason: RevocationReason, line: tuple[BulkRevocationCandidate, ...]
) -> tuple[BulkRevocationCandidate, ...]:
    after = bulk_revocation.renewals_of(line)
    taken: set[Serial] = set()
    for row in starts:
        if row.serial not in taken:
            taken.update(cascade(row.serial, reason, after))
    return tuple(row for row in line if row.serial in taken)


@dataclass(frozen=True)
class _Initiator:
    """The officer who carries it out, the context and the request id."""

    officer: str
    ctx: ServiceContext
    request_id: str

    def act(self) -> AbstractContextManager[AuditContext]:
        """Yield the audit data of one step that writes."""
        return self.ctx.act(actor_of(self.officer), self.request_id)


def _carry_out(
    proposal: BulkRevocationProposal, by: _Initiator, on_progress: ProgressCallback, most: int | None = None
) -> None:
    """Revoke the certificates of an approved run, then publish each CRL once.

    Works on some lineages at a time and finally marks the run as done. Revoked certificates are skipped, so an
    interruption and a new run are safe at any point. With `most` it runs at most that many transactions and leaves the
    rest for another call.
    """
    ctx = by.ctx
    rows = bulk_revocation.select(ctx.db, CertificateSelection(serials=proposal.serials))
    lineages = list(dict.fromkeys(row.lineage_id for row in rows))
    begins = 0 if most is None else _left_from(rows, lineages)
    ends = len(lineages) if most is None else min(begins + most * LINES_AT_ONCE, len(lineages))
    authorities: set[str] = set()
    gone = 0
    for at in range(begins, ends, LINES_AT_ONCE):
        part = set(lineages[at : at + LINES_AT_ONCE])
        try:
            taken = _revoke_part([row for row in rows if row.lineage_id in part], proposal, by)
        except Exception:
            # The run of an officer who is dismissed in the meantime stops here. The CRLs have the revocations so far.
            _publish(authorities, by)
            raise
        ctx.step("many-revoked")
        note_revoked_or_say([row.serial for row in taken], ctx)
        ctx.step("many-noted")
        presign_revoked(taken, ctx)
        authorities |= {row.authority for row in taken}
        gone += len(taken)
        on_progress(gone, max(gone, len(proposal.serials)))
    _publish(authorities, by)
    if ends < len(lineages):
        return
    with by.act() as audit:
        bulk_revocation.finish(ctx.db, proposal, audit)


def _publish(authorities: Collection[str], by: _Initiator) -> None:
    for authority in sorted(authorities):
        publish_best_effort(authority, by.ctx.unguarded, by.request_id)
    by.ctx.step("many-published")


def _left_from(rows: Iterable[BulkRevocationCandidate], lineages: Sequence[str]) -> int:
    """Return the index from which to continue.

    It is one part before the first lineage with certificates left, whose part may not have been recorded yet.
    """
    left = {row.lineage_id for row in rows if not row.revoked}
    first = next((at for at, lineage_id in enumerate(lineages) if lineage_id in left), len(lineages))
    return max(first // LINES_AT_ONCE * LINES_AT_ONCE - LINES_AT_ONCE, 0)


def _revoke_part(
    starts: Collection[BulkRevocationCandidate], proposal: BulkRevocationProposal, by: _Initiator
) -> tuple[BulkRevocationCandidate, ...]:
    """Revoke the run's certificates of these lineages.

    Returns all of them, also those that were revoked before.
    """
    ctx = by.ctx
    named, lineages = {row.serial for row in starts}, {row.lineage_id for row in starts}
    while True:
        line = bulk_revocation.load_lineages(ctx.db, lineages)
        begun = [row for row in line if row.serial in named]
        taken = _with_renewals(begun, proposal.reason, line)
        left = [row for row in taken if not row.revoked]
        if not left:
            return taken
        serials_of: dict[str, list[Serial]] = {}
        for row in left:
            serials_of.setdefault(row.lineage_id, []).append(row.serial)
        # A renewal may be reserved between reading the lineages and revoking them: repeat until none is left.
        with by.act() as audit:
            revocation.revoke_lineages(ctx.db, serials_of, (proposal.reason, proposal.invalidity_date), audit)
