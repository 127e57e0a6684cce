"""Approvals of acts, verified against the officers who were pinned at founding.

The database has officers, too, but a process that the signer does not trust can write there.
"""

from datetime import datetime
from typing import NoReturn

from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.approvals.officers import Officer
from sinetti.domain.approvals.proposals import (
    NAMESPACE,
    Proposal,
    ProposalState,
    count_missing,
    decide_signature,
    parse_proposal,
)
from sinetti.pki.signers import ActApproval, SignatureRefused
from sinetti.pki.ssh_signatures import SshKeyError, SshSignatureError, load_key, load_signer, verify_signature
from sinetti.settings.signer import PolicyOfficer, SignerPolicy

_TABLE_ALONE = ApprovalPolicy()
"""Numbers of people of the table; settings cannot lower them for the signer."""


def verify_approval(approval: ActApproval, policy: SignerPolicy, now: datetime) -> Proposal:
    """Return the act that enough pinned officers signed.

    The proposal is of this authority and still in time. Its proposer and one more officer at least have signed it, each
    in a role that may. Raises SignatureRefused.
    """
    try:
        proposal = parse_proposal(approval.proposal)
    except ValueError as bad:
        _refuse(str(bad))
    if (proposal.instance_id, proposal.environment) != (policy.instance_id, policy.environment):
        _refuse("the proposal is of another authority")
    signed: list[str] = []
    for signature in approval.signatures:
        officer = _verified(signature, proposal, policy)
        if (reason := decide_signature(proposal, ProposalState.OPEN, officer, signed, now)) is not None:
            _refuse(f"the signature of {officer.name} does not count ({reason.value})")
        signed.append(officer.name)
    try:
        missing = count_missing(proposal, signed, _TABLE_ALONE)
    except (KeyError, TypeError):
        _refuse("the proposal lacks parameters of its act")
    if missing:
        _refuse(f"{missing} signatures of officers are missing")
    return proposal


def _verified(signature: bytes, proposal: Proposal, policy: SignerPolicy) -> Officer:
    """Return the officer who made a signature over a proposal."""
    try:
        key = load_signer(signature)
        found = next((one for one in policy.officers if one.key == key.line), None)
        if found is None:
            _refuse(f"the key {key.fingerprint} is not that of an officer of the signer's policy")
        verify_signature(signature, proposal.octets, key, NAMESPACE)
    except (SshKeyError, SshSignatureError, ValueError) as bad:
        _refuse(f"a signature does not count: {bad}")
    return _officer(found, proposal)


def _officer(pinned: PolicyOfficer, proposal: Proposal) -> Officer:
    fingerprint = load_key(pinned.key.encode("ascii")).fingerprint
    return Officer(pinned.name, pinned.name, pinned.role, pinned.key, fingerprint, "", proposal.created)


def _refuse(why: str) -> NoReturn:
    sentence = f"the act is not approved: {why}"
    raise SignatureRefused(sentence) from None
