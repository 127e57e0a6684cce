"""Verification of approvals: one decision for service and separate signer.

Both give it the officers that are in force for them: the service those of its register, the signer those that its
policy pins.
"""

from collections.abc import Collection, Iterable

from sinetti.domain.approvals.acts import KeyRequirement
from sinetti.domain.approvals.officers import Officer
from sinetti.domain.approvals.proposals import (
    NAMESPACE,
    ApprovalError,
    ApprovalReason,
    ApprovalTerms,
    Proposal,
    count_missing,
    decide_signature,
)
from sinetti.pki.ssh_signatures import SshSignatureError, load_key, verify_signature


def verify_signer(
    signature: bytes, proposal: Proposal, officer: Officer, signed: Collection[str], terms: ApprovalTerms
) -> None:
    """Verify that the signature of an officer in force counts for a proposal now.

    `signed` are the names of the officers whose signatures were counted before. Raises ApprovalError.
    """
    if (refused := decide_signature(proposal, officer, signed, terms)) is not None:
        raise ApprovalError(refused, officer=officer.name)
    needs_user = terms.policy.keys is KeyRequirement.FIDO2_VERIFIED
    key = load_key(officer.key.encode("ascii"))
    try:
        verify_signature(signature, proposal.octets, key, NAMESPACE, user_verification=needs_user)
    except SshSignatureError as bad:
        raise ApprovalError(ApprovalReason.SIGNATURE, f"the signature of {officer.name} does not count: {bad}") from bad


def list_signers(
    proposal: Proposal, signatures: Iterable[tuple[Officer, bytes]], terms: ApprovalTerms
) -> tuple[list[str], ApprovalError | None]:
    """Return the officers whose signatures count now, and why another's does not."""
    signed: list[str] = []
    why = None
    for officer, signature in signatures:
        try:
            verify_signer(signature, proposal, officer, signed, terms)
            signed.append(officer.name)
        except ApprovalError as bad:
            why = bad
    return signed, why


def check_approval(proposal: Proposal, signatures: Iterable[tuple[Officer, bytes]], terms: ApprovalTerms) -> None:
    """Raise ApprovalError unless the proposer and enough others have signed."""
    signed, why = list_signers(proposal, signatures, terms)
    if count_missing(proposal, signed, terms.policy):
        raise why or ApprovalError(ApprovalReason.NOT_APPROVED)
