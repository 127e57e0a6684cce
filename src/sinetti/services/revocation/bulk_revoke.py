"""Bulk revocation: stored before the first goes; over ten wait for a second officer; cut short, it is gone on with.

Choosing many certificates at once: what names nothing is refused, before anything is done.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.database.access import accounts, pending_invitations
from sinetti.database.certificates import bulk_revocation, revocation
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate, CertificateSelection
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations import organisations
from sinetti.domain.certificates.bulk_revocation import (
    BulkErrorReason,
    BulkRevocationError,
    BulkRevocationProposal,
    account_of,
    actor_of,
    check_officer,
    may_approve,
    may_withdraw,
)
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade, may_use_reason
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.journal_entries import note_revoked_or_say
from sinetti.services.status.crl import publish_best_effort
from sinetti.services.status.ocsp import presign_revoked

_NAMED = 3
_LOOKED_UP = "sinetti authority status --customer-id ID lists those of a customer"

Tell = Callable[[int, int], None]
"""Told after each transaction: of how many certificates it is known what became of them, and of how many in all."""


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody how far it is."""


def require_criteria(wanted: CertificateSelection, verb: str, ways: str) -> None:
    """Refuse to do this to every certificate that there is; `ways` of choosing are told. Raises BulkRevocationError."""
    if wanted == CertificateSelection():
        sentence = f"all certificates at once are not {verb}: say which, by {ways}"
        raise BulkRevocationError(BulkErrorReason.NOTHING_NAMED, sentence)


def require_existing(wanted: CertificateSelection, ctx: ServiceContext) -> None:
    """Refuse what names nothing: a slip of the pen would look as if there were nothing to do.

    Raises BulkRevocationError.
    """
    if wanted.customer_id is not None and organisations.find_organisation(ctx.db, wanted.customer_id) is None:
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, f"no organisation has the id {wanted.customer_id}")
    if wanted.authority is not None and wanted.authority not in ctx.certificates:
        sentence = f"no CA here is called {wanted.authority}: sinetti authority status lists their names"
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, sentence)
    if wanted.serials is None:
        return
    known = {row.serial for row in bulk_revocation.select(ctx.db, CertificateSelection(serials=wanted.serials))}
    if lacking := [serial for serial in dict.fromkeys(wanted.serials) if serial not in known]:
        named = ", ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
        sentence = f"no certificate has the serial {named} ({len(lacking)} of {len(wanted.serials)}): {_LOOKED_UP}"
        raise BulkRevocationError(BulkErrorReason.UNKNOWN, sentence)


LINES_AT_ONCE = 50
"""Holdings in one transaction: whoever renews one of them meanwhile waits for that long."""

_SENTENCES: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.DONE: "this proposal is done: nothing is left to approve",
    BulkErrorReason.SAME_OFFICER: "whoever proposed it cannot approve it: another officer has to run this command",
    BulkErrorReason.SAME_PERSON: (
        "the account that proposed it belongs to the same person: an account of another clerk has to confirm it"
    ),
    BulkErrorReason.PROPOSER_GONE: (
        "the account that proposed it is no clerk's any more: if it is right, propose it anew"
    ),
    BulkErrorReason.OTHER_DOOR: (
        "what a clerk proposed in the e-service another clerk approves there, and what a command proposed another "
        "officer approves by this command"
    ),
    BulkErrorReason.EXPIRED: "nobody approved this proposal within 24 hours: propose it anew",
    BulkErrorReason.CHANGED: (
        "what would go has changed since it was proposed (a certificate was revoked or renewed meanwhile): propose it "
        "anew, so that what is approved is what goes"
    ),
    BulkErrorReason.WITHDRAWN: "whoever proposed it has withdrawn it: nothing is left to approve",
}
_NOT_WITHDRAWN: Mapping[BulkErrorReason, str] = {
    BulkErrorReason.WITHDRAWN: "this proposal is withdrawn already",
    BulkErrorReason.APPROVED: "this needs no approval any more: what it names is revoked, which nothing takes back",
    BulkErrorReason.OTHER_OFFICER: "only whoever proposed it withdraws it; what nobody approves ends by itself",
    BulkErrorReason.EXPIRED: "nobody approved this proposal within 24 hours: nothing is left to withdraw",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BulkRevocationRequest:
    """Which certificates, why, by whose word, and since when the keys are doubted; `ended`: also those that have."""

    wanted: CertificateSelection
    reason: RevocationReason
    officer: str
    invalidity_date: datetime | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class BulkSelection:
    """What would go: `along` of it because of keyCompromise.

    `passed_over` are wanted, but revoked or ended already.
    """

    going: tuple[BulkRevocationCandidate, ...]
    along: frozenset[Serial]
    passed_over: int

    @property
    def serials(self) -> tuple[Serial, ...]:
        """The serials of what would go, in order."""
        return tuple(row.serial for row in self.going)


@dataclass(frozen=True, slots=True)
class BulkRevocationResult:
    """What became of it: `proposal` is None where nothing was left to revoke, and not done where it waits.

    `resumed` are runs of the same officer that had been cut short and were finished first.
    """

    selection: BulkSelection
    proposal: BulkRevocationProposal | None
    resumed: tuple[BulkRevocationProposal, ...] = ()


def preview(ask: BulkRevocationRequest, ctx: ServiceContext) -> BulkSelection:
    """Tell what would go, and change nothing. Raises BulkRevocationError."""
    check_officer(ask.officer)
    if not may_use_reason(RevokerRole.OPERATOR, ask.reason):
        raise BulkRevocationError(BulkErrorReason.REASON, f"the reason {ask.reason} is not for holders' certificates")
    require_criteria(ask.wanted, "revoked", "their serials, organisation, issuing CA or time of issue")
    require_existing(ask.wanted, ctx)
    return _selected(bulk_revocation.select(ctx.db, ask.wanted), ask, ctx)


def revoke_many(
    ask: BulkRevocationRequest, ctx: ServiceContext, request_id: str, told: Tell = no_progress
) -> BulkRevocationResult:
    """Revoke them, or store the proposal where they are too many for one officer's word. Raises BulkRevocationError.

    What a run of this officer left undone is finished first. A list that cannot be signed here is signed where the
    authority is served.
    """
    preview(ask, ctx)
    resumed = bulk_revocation.unfinished(ctx.db, ask.officer)
    for one in resumed:
        _carry_out(one, _Initiator(ask.officer, ctx, request_id), told)
    return replace(propose(ask, ctx, request_id, told), resumed=resumed)


def propose(
    ask: BulkRevocationRequest, ctx: ServiceContext, request_id: str, told: Tell = no_progress
) -> BulkRevocationResult:
    """Do the same, and leave alone what other runs left undone.

    Raises BulkRevocationError.
    """
    selection = preview(ask, ctx)
    if not selection.going:
        return BulkRevocationResult(selection, None)
    now = ctx.now()
    new = BulkRevocationProposal("", ask.officer, ask.reason, ask.invalidity_date, selection.serials, now, now)
    with ctx.act(actor_of(ask.officer), request_id) as audit:
        stored = bulk_revocation.propose(ctx.db, new, audit)
    ctx.step("many-stored")
    if stored.approved_at is not None:
        _carry_out(stored, _Initiator(ask.officer, ctx, request_id), told)
    return BulkRevocationResult(selection, bulk_revocation.find(ctx.db, stored.proposal_id))


def look_at_proposal(
    proposal_id: str, officer: str, ctx: ServiceContext
) -> tuple[BulkRevocationProposal, BulkSelection]:
    """Give a proposal that this officer may approve now, and what would go by it.

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


def open_proposals(ctx: ServiceContext) -> tuple[BulkRevocationProposal, ...]:
    """What waits for a second officer, oldest first."""
    return bulk_revocation.waiting(ctx.db, ctx.now())


def count_open_proposals(ctx: ServiceContext) -> int:
    """How many proposals wait for a second officer."""
    return bulk_revocation.count_waiting(ctx.db, ctx.now())


def alone_lately(officer: str, ctx: ServiceContext) -> int:
    """How many certificates went by this officer's word alone, and count with what is asked for now."""
    return bulk_revocation.alone_lately(ctx.db, officer, ctx.now())


def withdraw(proposal_id: str, officer: str, ctx: ServiceContext, request_id: str) -> BulkRevocationProposal:
    """Take a proposal back, by the word of whoever made it.

    Raises BulkRevocationError.
    """
    check_officer(officer)
    proposal = _proposal(proposal_id, ctx)
    if refused := may_withdraw(proposal, officer, ctx.now()):
        raise BulkRevocationError(refused, _NOT_WITHDRAWN[refused])
    with ctx.act(actor_of(officer), request_id) as audit:
        if not bulk_revocation.withdraw(ctx.db, proposal, audit):
            raise BulkRevocationError(
                BulkErrorReason.CHANGED, "somebody else was faster: run this command again, which tells"
            )
    return proposal


def approve(
    proposal_id: str, officer: str, ctx: ServiceContext, request_id: str, told: Tell = no_progress
) -> BulkRevocationResult:
    """Approve another officer's proposal and revoke what it names; also gone on with where that was cut short.

    Raises BulkRevocationError.
    """
    proposal, selection = _approved(proposal_id, officer, ctx, request_id)
    _carry_out(proposal, _Initiator(officer, ctx, request_id), told)
    return BulkRevocationResult(selection, bulk_revocation.find(ctx.db, proposal_id))


def approve_only(proposal_id: str, officer: str, ctx: ServiceContext, request_id: str) -> BulkRevocationProposal:
    """Approve another officer's proposal, and revoke nothing yet: `continue_batch` does. Raises BulkRevocationError."""
    return _approved(proposal_id, officer, ctx, request_id)[0]


def continue_batch(
    proposal_id: str, officer: str, most: int, ctx: ServiceContext, request_id: str
) -> tuple[int, BulkRevocationProposal]:
    """Revoke the next part of an approved proposal, `most` times 50 lineages: for who waits in front of a page.

    Gives how many of it are revoked by then, and the proposal, which is done once nothing is left. Any officer may go
    on with it: it was decided on. Raises BulkRevocationError where nobody approved it.
    """
    check_officer(officer)
    proposal = _proposal(proposal_id, ctx)
    if proposal.approved_at is None:
        raise BulkRevocationError(BulkErrorReason.NO_PROPOSAL, "nobody approved this proposal: nothing is revoked")
    if proposal.done_at is None:
        _carry_out(proposal, _Initiator(officer, ctx, request_id), no_progress, most)
    return progress(proposal_id, ctx)


def progress(proposal_id: str, ctx: ServiceContext) -> tuple[int, BulkRevocationProposal]:
    """How many certificates of a proposal are revoked, and the proposal.

    Raises BulkRevocationError.
    """
    proposal = _proposal(proposal_id, ctx)
    rows = bulk_revocation.select(ctx.db, CertificateSelection(serials=proposal.serials))
    return sum(row.revoked for row in rows), proposal


def _approved(
    proposal_id: str, officer: str, ctx: ServiceContext, request_id: str
) -> tuple[BulkRevocationProposal, BulkSelection]:
    """A proposal that this officer approved, now or before, and what goes by it.

    Raises BulkRevocationError.
    """
    proposal, selection = look_at_proposal(proposal_id, officer, ctx)
    if proposal.approved_at is None:
        with ctx.act(actor_of(officer), request_id) as audit:
            _check_two_people(proposal, officer, ctx)
            if not bulk_revocation.approve(ctx.db, proposal, officer, audit):
                raise BulkRevocationError(
                    BulkErrorReason.CHANGED, "somebody else was faster: run this command again, which tells"
                )
        ctx.step("many-approved")
    return proposal, selection


def _check_two_people(proposal: BulkRevocationProposal, officer: str, ctx: ServiceContext) -> None:
    """Refuse a confirmation by another account of the proposer, or if the proposer is no clerk any more.

    Raises BulkRevocationError.

    Of officers whom a command names only the name is known.
    """
    both = account_of(proposal.officer), account_of(officer)
    if proposal.approved_at is not None or not all(both):
        return
    refused = BulkErrorReason.SAME_PERSON if accounts.are_same_person(ctx.db, *both) else None
    if refused is None and not pending_invitations.is_clerk(ctx.db, both[0]):
        refused = BulkErrorReason.PROPOSER_GONE
    if refused is not None:
        raise BulkRevocationError(refused, _SENTENCES[refused])


def _proposal(proposal_id: str, ctx: ServiceContext) -> BulkRevocationProposal:
    proposal = bulk_revocation.find(ctx.db, proposal_id)
    if proposal is None:
        sentence = "no proposal has this id: sinetti authority revoke-many --list shows those that wait"
        raise BulkRevocationError(BulkErrorReason.NO_PROPOSAL, sentence)
    return proposal


def _selected(
    starts: tuple[BulkRevocationCandidate, ...], ask: BulkRevocationRequest, ctx: ServiceContext
) -> BulkSelection:
    """What goes with these: themselves and, on keyCompromise, what was renewed from them; ended ones where asked."""
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


@dataclass(frozen=True, slots=True)
class _Initiator:
    """Who carries it out, with what, in which request."""

    officer: str
    ctx: ServiceContext
    request_id: str

    def act(self) -> AbstractContextManager[AuditContext]:
        """Yield the deed of one step that writes."""
        return self.ctx.act(actor_of(self.officer), self.request_id)


def _carry_out(proposal: BulkRevocationProposal, by: _Initiator, told: Tell, most: int | None = None) -> None:
    """Revoke what an approved run names, some lines at a time, then publish each list once, then say that it is done.

    What was revoked before is passed over, so that it can be cut short and run again at any point. With `most` it is
    so many transactions at most; what is left is for another time.
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
            # An officer who is dismissed meanwhile stops here: lists have what went until then.
            _publish(authorities, by)
            raise
        ctx.step("many-revoked")
        note_revoked_or_say([row.serial for row in taken], ctx)
        ctx.step("many-noted")
        presign_revoked(taken, ctx)
        authorities |= {row.authority for row in taken}
        gone += len(taken)
        told(gone, max(gone, len(proposal.serials)))
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
    """Where to go on: one part before the first that has anything left, which may not have been written down yet."""
    left = {row.lineage_id for row in rows if not row.revoked}
    first = next((at for at, one in enumerate(lineages) if one in left), len(lineages))
    return max(first // LINES_AT_ONCE * LINES_AT_ONCE - LINES_AT_ONCE, 0)


def _revoke_part(
    starts: Collection[BulkRevocationCandidate], proposal: BulkRevocationProposal, by: _Initiator
) -> tuple[BulkRevocationCandidate, ...]:
    """Revoke what these lines hold of the run; gives all of it, also what was revoked before."""
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
        # A renewal may be reserved between reading the lines and revoking them: look again until nothing is left.
        with by.act() as audit:
            revocation.revoke_lineages(ctx.db, serials_of, (proposal.reason, proposal.invalidity_date), audit)
