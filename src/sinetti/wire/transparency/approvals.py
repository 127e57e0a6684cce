"""Approvals in a log, verified again entry by entry (docs/evidence.md).

Signatures of officers and assertions of clerks' passkeys are in the entries, with all that their verification needs.
"""

from dataclasses import dataclass, field

from sinetti.domain.approvals.proposals import NAMESPACE
from sinetti.pki.passkey_assertions import LoggedAssertion, decode_web64, verify_assertion
from sinetti.pki.ssh_signatures import armor, load_key, load_signer, verify_digest
from sinetti.wire.transparency.entries import EntryFields
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, decode64


@dataclass(slots=True)
class _Proposal:
    """State of one proposal: digest, number of people, proposer, keys that signed it."""

    sha256: str
    people: int
    proposer: str
    signers: set[str] = field(default_factory=set)
    is_approved: bool = False


@dataclass(slots=True)
class ApprovalRecord:
    """Officers and proposals, as the entries so far make them.

    `is_whole` is False where entries before are not known: then an officer or a proposal may be older.
    """

    is_whole: bool = True
    officers: dict[str, str] = field(default_factory=dict)
    proposals: dict[str, _Proposal] = field(default_factory=dict)
    verified: int = 0

    def take(self, entry: EntryFields) -> None:
        """Check one entry in its place. Raises ProofError."""
        check = _CHECKS.get(entry.action)
        if check is None:
            return
        try:
            check(self, entry)
        except (KeyError, ValueError, NoteError) as bad:
            sentence = f"its approval cannot be verified: {bad}"
            raise ProofError(sentence) from bad

    def lose(self) -> None:
        """Note that the content of an entry is not known."""
        self.is_whole = False
        self.proposals.clear()

    def proposal_of(self, entry: EntryFields) -> _Proposal | None:
        """Return the proposal of an entry, or None if it is older than what is known.

        Raises ProofError.
        """
        found = self.proposals.get(entry.object)
        if found is None and self.is_whole:
            sentence = "its proposal is not in the log"
            raise ProofError(sentence)
        if found is not None and found.sha256 != _text(entry, "sha256"):
            sentence = "it is about other octets than its proposal"
            raise ProofError(sentence)
        return found


def _add_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    key = load_key(_text(entry, "public_key").encode("ascii"))
    if key.fingerprint != _text(entry, "key"):
        sentence = "the officer's key does not have the fingerprint in the entry"
        raise ProofError(sentence)
    record.officers[key.fingerprint] = entry.object


def _remove_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    record.officers.pop(_text(entry, "key"), None)


def _propose(record: ApprovalRecord, entry: EntryFields) -> None:
    people, proposer = _number(entry, "people"), _text(entry, "proposed_by")
    record.proposals[entry.object] = _Proposal(_text(entry, "sha256"), people, proposer)


def _sign(record: ApprovalRecord, entry: EntryFields) -> None:
    signature, fingerprint = armor(_text(entry, "signature")), _text(entry, "key")
    key = load_signer(signature)
    if key.fingerprint != fingerprint:
        sentence = f"the signature is not by the key {fingerprint}"
        raise ProofError(sentence)
    digests = {name: bytes.fromhex(_text(entry, name)) for name in ("sha256", "sha512")}
    verify_digest(signature, digests, key, NAMESPACE)
    record.verified += 1
    if record.is_whole and fingerprint not in record.officers:
        sentence = f"the key {fingerprint} is no officer's at this time"
        raise ProofError(sentence)
    if (proposal := record.proposal_of(entry)) is not None:
        proposal.signers.add(fingerprint)


def _approve(record: ApprovalRecord, entry: EntryFields) -> None:
    proposal = record.proposal_of(entry)
    if proposal is None:
        return
    names = {record.officers[key] for key in proposal.signers if key in record.officers}
    signed = len(names) if record.is_whole else len(proposal.signers)
    if signed < proposal.people or (record.is_whole and proposal.proposer not in names):
        sentence = f"it counts as approved, and {signed} of {proposal.people} officers have signed it"
        raise ProofError(sentence)
    proposal.is_approved = True


def _carry_out(record: ApprovalRecord, entry: EntryFields) -> None:
    proposal = record.proposal_of(entry)
    if proposal is not None and not proposal.is_approved:
        sentence = "it was carried out without an approval"
        raise ProofError(sentence)


def _confirm(record: ApprovalRecord, entry: EntryFields) -> None:
    nonce, client_data, authenticator_data, signature = (decode_web64(_text(entry, name)) for name in _ASSERTED)
    key = decode64(_text(entry, "public_key"))
    assertion = LoggedAssertion(nonce, client_data, authenticator_data, signature, key, _number(entry, "algorithm"))
    verify_assertion(assertion, bytes.fromhex(_text(entry, "sha256")))
    record.verified += 1


_ASSERTED = ("nonce", "client_data", "authenticator_data", "signature")
_CHECKS = {
    "officer-added": _add_officer,
    "officer-removed": _remove_officer,
    "act-proposed": _propose,
    "act-signed": _sign,
    "act-approved": _approve,
    "act-started": _carry_out,
    "act-done": _carry_out,
    "act-asserted": _confirm,
}


def _text(entry: EntryFields, name: str) -> str:
    found = entry.facts[name]
    if not isinstance(found, str):
        raise KeyError(name)
    return found


def _number(entry: EntryFields, name: str) -> int:
    found = entry.facts[name]
    if not isinstance(found, int):
        raise KeyError(name)
    return found
