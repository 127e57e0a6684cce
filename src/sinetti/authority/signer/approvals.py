"""Approvals of acts, verified against the officers who were pinned at founding.

The database has officers, too, but a process that the signer does not trust can write there.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
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
from sinetti.pki.signers.token_keys import TokenPublicKey
from sinetti.pki.ssh_signatures import SshKeyError, SshSignatureError, load_key, load_signer, verify_signature
from sinetti.settings.signer import PolicyOfficer, SignerPolicy

DESTROY = "destroy-keys"
"""Change that a proposal about the destruction of keys names."""

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


def check_destruction(public: TokenPublicKey, approval: Sequence[bytes], policy: SignerPolicy, now: datetime) -> None:
    """Check that enough pinned officers approved the destruction of this key.

    `approval` are the octets of a proposal and its signatures. The proposal names each key with its digest. Raises
    SignatureRefused.
    """
    if not approval:
        _refuse("it came without a proposal")
    proposal = verify_approval(ActApproval(approval[0], tuple(approval[1:])), policy, now)
    digests = [str(one).rpartition(" ")[2] for one in proposal.parameters.get("keys", ())]
    is_of_keys = (proposal.act, proposal.parameters.get("change")) == (TwoPersonAct.CEREMONY, DESTROY)
    if not is_of_keys or public_digest(public) not in digests:
        _refuse("the approval is of another act")


def public_digest(public: TokenPublicKey) -> str:
    """Return the SHA-256 of a public key (SubjectPublicKeyInfo)."""
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


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
