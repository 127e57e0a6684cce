"""Proposals of acts that take two people, and the signatures over them.

Callers hold the lock of officers (database/approvals/officers.py), so a decision is made once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from sinetti.database.approvals.officers import to_officer
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import ActProposal, ActSignature
from sinetti.domain.approvals.officers import Officer
from sinetti.domain.approvals.proposals import LOGGED_ACTS, Proposal, ProposalState, parse_proposal
from sinetti.pki.ssh_signatures import message_digests

_WAITING = (ProposalState.OPEN, ProposalState.APPROVED, ProposalState.STARTED)


@dataclass(frozen=True)
class StoredProposal:
    """A proposal with its state, and the officers in force that have signed it."""

    proposal: Proposal = field(repr=False)
    state: ProposalState
    signed: tuple[str, ...]


def insert_proposal(db: Database, new: Proposal, audit: AuditContext) -> None:
    """Insert an open proposal. Call it under the lock of officers."""
    db.rows(ActProposal).create(
        proposal_id=new.proposal_id,
        act=new.act.value,
        octets=new.octets,
        sha256=new.sha256,
        proposer=new.proposer,
        state=ProposalState.OPEN.value,
        created=new.created,
        expires=new.expires,
    )
    octets = {"octets": new.octets.decode("ascii")} if new.act in LOGGED_ACTS else {}
    _write(db, audit, "act-proposed", new, people=new.people, **octets)


def find_proposal(db: Database, proposal_id: str) -> StoredProposal | None:
    """Return the proposal with this id, or None."""
    row = _rows(db).filter(pk=proposal_id).first()
    return _stored(row) if row else None


def list_waiting(db: Database, now: datetime) -> tuple[StoredProposal, ...]:
    """Return the proposals that are neither ended nor expired, oldest first."""
    rows = _rows(db).filter(ended_at__isnull=True, expires__gte=now, state__in=_WAITING)
    return tuple(_stored(row) for row in rows.order_by("created", "pk"))


def insert_signature(db: Database, proposal: Proposal, officer: Officer, signature: bytes, audit: AuditContext) -> None:
    """Insert a verified signature; a constraint refuses a second one of the officer."""
    db.rows(ActSignature).create(
        proposal_id=proposal.proposal_id, officer_id=officer.officer_id, signature=signature, signed_at=audit.at
    )
    # With both digests, the signature can be verified from the log alone.
    digests = {name: octets.hex() for name, octets in message_digests(proposal.octets).items()}
    text = "".join(signature.decode("ascii").split("-----")[2].split())
    _write(db, audit, "act-signed", proposal, key=officer.fingerprint, signature=text, sha512=digests["sha512"])


def list_signatures(db: Database, proposal: Proposal) -> tuple[tuple[Officer, bytes], ...]:
    """Return the stored signatures of a proposal with their officers in force."""
    rows = db.rows(ActSignature).filter(proposal=proposal.proposal_id).select_related("officer")
    queryset = rows.filter(officer__removed_at__isnull=True).order_by("number")
    return tuple((to_officer(row.officer), bytes(row.signature)) for row in queryset)


def update_state(
    db: Database, proposal: Proposal, before: Collection[ProposalState], after: ProposalState, audit: AuditContext
) -> bool:
    """Move a proposal from one of the states to another; return True if this call did."""
    rows = db.rows(ActProposal).filter(
        pk=proposal.proposal_id, state__in=[proposal_state.value for proposal_state in before]
    )
    is_over = after in {ProposalState.DONE, ProposalState.REJECTED}
    if not rows.update(state=after.value, ended_at=audit.at if is_over else None):
        return False
    _write(db, audit, f"act-{after}", proposal)
    return True


def _rows(db: Database) -> "QuerySet[ActProposal]":
    return db.rows(ActProposal)


def _stored(row: ActProposal) -> StoredProposal:
    signatures = row.signatures.filter(officer__removed_at__isnull=True).order_by("number")
    signed = signatures.values_list("officer__name", flat=True)
    return StoredProposal(parse_proposal(bytes(row.octets)), ProposalState(row.state), tuple(signed))


def _write(db: Database, audit: AuditContext, action: str, proposal: Proposal, **facts: str | int) -> None:
    """Write the audit row, with the digest of the signed octets."""
    subject = f"act:{proposal.proposal_id}"
    by = f"officer:{proposal.proposer}"
    audit_log.write(db, audit, action, subject, act=proposal.act.value, sha256=proposal.sha256, proposed_by=by, **facts)
