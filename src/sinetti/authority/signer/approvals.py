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
from sinetti.domain.approvals.proposals import ApprovalTerms, Proposal, parse_proposal
from sinetti.pki.approvals import check_approval
from sinetti.pki.signers import ActApproval, SignatureRefused
from sinetti.pki.signers.token_keys import TokenPublicKey
from sinetti.pki.ssh_signatures import load_signer
from sinetti.settings.signer import SignerPolicy

DESTROY = "destroy-keys"
"""Change that a proposal about the destruction of keys names."""


def verify_approval(approval: ActApproval, policy: SignerPolicy, now: datetime) -> Proposal:
    """Return the act that enough pinned officers signed, by the policy's rules.

    Raises SignatureRefused.
    """
    terms = ApprovalTerms(policy.instance_id, policy.environment, policy.approvals or ApprovalPolicy(), now)
    try:
        proposal = parse_proposal(approval.proposal)
        check_approval(
            proposal, [(_officer(signature, policy, now), signature) for signature in approval.signatures], terms
        )
    except ValueError as bad:
        _refuse(str(bad))
    except (KeyError, TypeError):
        _refuse("the proposal lacks parameters of its act")
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


def _officer(signature: bytes, policy: SignerPolicy, now: datetime) -> Officer:
    """Return the pinned officer whose key a signature names. Raises ValueError."""
    key = load_signer(signature)
    for officer in policy.officers:
        if officer.key == key.line:
            return Officer(officer.name, officer.name, officer.role, officer.key, key.fingerprint, "", now)
    raise ValueError(f"the key {key.fingerprint} is not that of an officer of the signer's policy")


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the act is not approved: {why}") from None
