"""Approval of acts that take two people: proposal, signatures, and the act itself.

The act is done with the parameters of the signed octets, in the transaction of the last signature.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sinetti.database import sql
from sinetti.database.approvals import officers, proposals
from sinetti.database.approvals.proposals import StoredProposal
from sinetti.database.operations import authorities
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.approvals.officers import Officer, may_approve, may_propose
from sinetti.domain.approvals.proposals import (
    ApprovalError,
    ApprovalReason,
    ApprovalTerms,
    Proposal,
    ProposalState,
    count_missing,
    life_of,
    needs_command,
    people_needed,
)
from sinetti.i18n.approval_labels import ACTS
from sinetti.pki.approvals import check_approval, list_signers, verify_signer
from sinetti.services.approvals.officers import get_officer
from sinetti.services.context import ServiceContext

AfterCommit = Callable[[], object]
"""Work that follows the transaction of the act, such as the publication of lists."""

Executors = Mapping[TwoPersonAct, Callable[[Proposal, "ApprovalContext"], AfterCommit | None]]
"""Function that does each act, called inside the transaction.

They are in services/approvals/executors.py.
"""


@dataclass(frozen=True)
class ApprovalContext:
    """Service context, the user of the machine, the request, and the executors.

    `accept_clock` accepts the machine's clock, as `clock accept` does.
    """

    ctx: ServiceContext
    actor: str
    request_id: str
    executors: Executors
    accept_clock: Callable[[str], object]


@dataclass(frozen=True)
class ApprovalResult:
    """Proposal after a signature, and the number of signatures that it lacks."""

    stored: StoredProposal
    missing: int


def needs_approval(act: TwoPersonAct, ctx: ServiceContext) -> bool:
    """Return True if an act takes more than one person in this authority."""
    return ctx.approvals.people_for(act) > 1 and officers.has_officers(ctx.db)


def propose(
    act: TwoPersonAct, officer: str, parameters: Mapping[str, Any], context: Mapping[str, Any], means: ApprovalContext
) -> Proposal:
    """Store the proposal of an act. Raises OfficerError and ApprovalError."""
    ctx = means.ctx
    with officers.locked_officers(ctx.db):
        by = _get_proven(officer, ctx)
        if not may_propose(by.role, act):
            raise ApprovalError(ApprovalReason.ROLE, officer=by.name)
        people = people_needed(act, parameters, _policy(ctx))
        others = [
            officer
            for officer in officers.list_officers(ctx.db)
            if officer.name != by.name and may_approve(officer.role, act)
        ]
        if len(others) < people - 1:
            raise ApprovalError(
                ApprovalReason.ROLE,
                f"{people - 1} other approvers must sign it, and there are {len(others)}: have another officer propose "
                "it, or add approvers",
            )
        audit = ctx.audit_entry(means.actor, means.request_id)
        now = audit.at.replace(microsecond=0)
        new = Proposal(
            proposal_id=sql.random_id(),
            instance_id=_instance_id(ctx),
            environment=ctx.environment,
            act=act,
            proposer=by.name,
            proposer_key=by.fingerprint,
            people=people,
            created=now,
            expires=now + life_of(act),
            nonce=secrets.token_hex(32),
            parameters=parameters,
            context=context,
        )
        _check_known(new)
        proposals.insert_proposal(ctx.db, new, audit)
    return new


def list_waiting(ctx: ServiceContext) -> tuple[StoredProposal, ...]:
    """Return the proposals that wait for signatures or for their command."""
    return proposals.list_waiting(ctx.db, ctx.now())


def get_proposal(proposal_id: str, ctx: ServiceContext) -> StoredProposal:
    """Return a proposal with its state. Raises ApprovalError."""
    proposal = proposals.find_proposal(ctx.db, proposal_id)
    if proposal is None:
        raise ApprovalError(ApprovalReason.UNKNOWN)
    return proposal


def add_signature(proposal_id: str, officer: str, signature: bytes, means: ApprovalContext) -> ApprovalResult:
    """Add the signature of an officer; with the last one that is missing, do the act.

    If the act cannot be done, the signature is not stored either. Raises OfficerError, ApprovalError and the errors of
    the act.
    """
    ctx, after = means.ctx, None
    with officers.locked_officers(ctx.db):
        stored = _own(proposal_id, ctx)
        by, proposal = _get_proven(officer, ctx), stored.proposal
        terms = _terms(ctx)
        signed, _ = list_signers(proposal, _signatures(proposal, ctx), terms)
        _check_known(proposal)
        if stored.state is not ProposalState.OPEN:
            raise ApprovalError(ApprovalReason.ENDED)
        verify_signer(signature, proposal, by, signed, terms)
        audit = ctx.audit_entry(means.actor, means.request_id)
        proposals.insert_signature(ctx.db, proposal, by, signature, audit)
        missing = count_missing(proposal, (*signed, by.name), terms.policy)
        if not missing:
            proposals.update_state(ctx.db, proposal, {stored.state}, ProposalState.APPROVED, audit)
            if not needs_command(proposal.act):
                after = means.executors[proposal.act](proposal, means)
                proposals.update_state(ctx.db, proposal, {ProposalState.APPROVED}, ProposalState.DONE, audit)
    if after is not None:
        after()
    return ApprovalResult(get_proposal(proposal_id, ctx), missing)


def reject(proposal_id: str, means: ApprovalContext) -> Proposal:
    """End a proposal that is not done. Raises ApprovalError."""
    ctx = means.ctx
    stored = get_proposal(proposal_id, ctx)
    before = {ProposalState.OPEN, ProposalState.APPROVED}
    with officers.locked_officers(ctx.db):
        audit = ctx.audit_entry(means.actor, means.request_id)
        if not proposals.update_state(ctx.db, stored.proposal, before, ProposalState.REJECTED, audit):
            raise ApprovalError(ApprovalReason.ENDED)
    return stored.proposal


def begin(proposal_id: str, act: TwoPersonAct, parameters: Mapping[str, Any], means: ApprovalContext) -> Proposal:
    """Begin an approved act whose command was run again with the same parameters.

    An interrupted command begins again. Raises ApprovalError.
    """
    ctx = means.ctx
    with officers.locked_officers(ctx.db):
        stored = _own(proposal_id, ctx)
        if (stored.proposal.act, stored.proposal.parameters) != (act, parameters):
            raise ApprovalError(ApprovalReason.OTHER_ACT)
        # The state alone proves nothing: it is a row that other programs can write.
        check_approval(stored.proposal, _signatures(stored.proposal, ctx), _terms(ctx))
        before = {ProposalState.APPROVED, ProposalState.STARTED}
        audit = ctx.audit_entry(means.actor, means.request_id)
        if not proposals.update_state(ctx.db, stored.proposal, before, ProposalState.STARTED, audit):
            is_open = stored.state is ProposalState.OPEN
            raise ApprovalError(ApprovalReason.NOT_APPROVED if is_open else ApprovalReason.ENDED)
    return stored.proposal


def finish(proposal: Proposal, means: ApprovalContext) -> None:
    """Record that the command of an approved act has done it."""
    ctx = means.ctx
    with officers.locked_officers(ctx.db):
        audit = ctx.audit_entry(means.actor, means.request_id)
        proposals.update_state(ctx.db, proposal, {ProposalState.STARTED}, ProposalState.DONE, audit)


def _check_known(proposal: Proposal) -> None:
    """Raise ApprovalError for an act that officers could not read."""
    if proposal.kind not in ACTS:
        raise ApprovalError(
            ApprovalReason.OTHER_ACT, f"this version does not know the act {proposal.kind}: propose it again"
        )


def _own(proposal_id: str, ctx: ServiceContext) -> StoredProposal:
    """Return the proposal whose octets have this id, too. Raises ApprovalError."""
    stored = get_proposal(proposal_id, ctx)
    if stored.proposal.proposal_id != proposal_id:
        raise ApprovalError(ApprovalReason.UNKNOWN)
    return stored


def _signatures(proposal: Proposal, ctx: ServiceContext) -> list[tuple[Officer, bytes]]:
    """Return the stored signatures of officers whose rows are those of the log."""
    different = ctx.facts.compare(ctx.db, ctx.now(), "officer:")[1]
    signatures = proposals.list_signatures(ctx.db, proposal)
    return [(officer, signature) for officer, signature in signatures if f"officer:{officer.name}" not in different]


def _get_proven(name: str, ctx: ServiceContext) -> Officer:
    """Return the officer in force with this name, as the log has them.

    Raises OfficerError and RowDiffersError.
    """
    officer = get_officer(name, ctx)
    ctx.facts.check(ctx.db, f"officer:{officer.name}", ctx.now())
    return officer


def _policy(ctx: ServiceContext) -> ApprovalPolicy:
    """Return the stricter of the settings in effect and those that the log has."""
    return ctx.facts.current(ctx.db, ctx.now()).record.strictest(ctx.approvals)


def _terms(ctx: ServiceContext) -> ApprovalTerms:
    return ApprovalTerms(_instance_id(ctx), ctx.environment, _policy(ctx), ctx.now())


def _instance_id(ctx: ServiceContext) -> str:
    identity = authorities.identity(ctx.db)
    assert identity is not None  # noqa: S101 - an authority that was opened has one
    return identity.instance_id
