"""Approvals in a log, verified again entry by entry (docs/evidence.md).

Signatures of officers and assertions of clerks' passkeys are in the entries, with all that their verification needs.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sinetti.domain.approvals.acts import TABLE, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import can_act
from sinetti.domain.approvals.proposals import NAMESPACE
from sinetti.pki.encoding import PublicKey, load_certificate, sha256_hex, verify
from sinetti.pki.passkey_assertions import LoggedAssertion, decode_web64, origin_of, verify_assertion
from sinetti.pki.ssh_signatures import armor, load_key, load_signer, verify_digest
from sinetti.wire.transparency.entries import EntryFields
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError, decode64

_STATEMENT = b"sinetti-officers-v1\n"
"""Beginning of a statement about new officers (docs/operators/ceremony.md)."""

_LEAST = 2
"""Least number of people of a proposal: an act that takes one has none."""


@dataclass(slots=True)
class _Proposal:
    """State of one proposal: digest, number of people, proposer, keys that signed it."""

    act: TwoPersonAct
    sha256: str
    people: int
    proposer: str
    signers: set[str] = field(default_factory=set)
    is_approved: bool = False
    is_over: bool = False
    request: str = ""


@dataclass(slots=True)
class ApprovalRecord:
    """Officers, proposals and numbers of people, as the entries so far make them.

    `is_whole` is False where entries before are not known: then an officer or a proposal may be older, and only
    signatures are verified. `officers` has name and role by fingerprint. `origins` are the sites that passkeys signed
    for. `roots` are the SHA-256 of the root certificates whose keys replaced lost officers.
    """

    is_whole: bool = True
    officers: dict[str, tuple[str, OfficerRole]] = field(default_factory=dict)
    proposals: dict[str, _Proposal] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    verified: int = 0
    origins: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    _recovery: tuple[str, frozenset[tuple[object, ...]]] = ("", frozenset())
    _statements: set[bytes] = field(default_factory=set)

    def take(self, entry: EntryFields) -> None:
        """Check one entry in its place. Raises ProofError."""
        try:
            if (act := _act_of(entry)) is not None and self._takes_two(act) and not self._is_recovery(entry):
                self.check_approved(act, entry)
            if (check := _CHECKS.get(entry.action)) is not None:
                check(self, entry)
        except (KeyError, ValueError, NoteError) as bad:
            sentence = f"its approval cannot be verified: {bad}"
            raise ProofError(sentence) from bad

    def skip_unknown(self) -> None:
        """Skip an entry whose content is not known; earlier proposals are then unknown."""
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

    def check_approved(self, act: TwoPersonAct, entry: EntryFields) -> None:
        """Raise ProofError unless an approved proposal of this act is being carried out."""
        if not any(
            one.act is act and one.is_approved and not one.is_over and (one.request in {"", entry.request})
            for one in self.proposals.values()
        ):
            sentence = f"{entry.action} takes two people, and no approval of it is in the log"
            raise ProofError(sentence)

    def _is_recovery(self, entry: EntryFields) -> bool:
        """Return True if the root key signed this change of officers before."""
        request, named = self._recovery
        added = (entry.object, entry.facts.get("role"), entry.facts.get("public_key"))
        is_signed = entry.action == "officer-removed" or added in named
        return entry.action in {"officer-added", "officer-removed"} and entry.request == request and is_signed

    def recover(self, entry: EntryFields) -> None:
        """Take a statement of the root key about new officers.

        It counts once, and no former officer counts afterwards. Raises ProofError.
        """
        statement, root = _text(entry, "statement").encode("ascii"), decode64(_text(entry, "root"))
        signer = load_certificate(root).public_key()
        named = json.loads(statement.removeprefix(_STATEMENT))
        is_signed = isinstance(signer, PublicKey) and verify(signer, statement, decode64(_text(entry, "signature")))
        if not statement.startswith(_STATEMENT) or not is_signed or named["authority"] != sha256_hex(root):
            sentence = "the root key did not sign the statement about these officers"
            raise ProofError(sentence)
        if statement in self._statements:
            sentence = "the statement about these officers was used before"
            raise ProofError(sentence)
        self._statements.add(statement)
        self.officers.clear()
        self.roots.add(sha256_hex(root))
        officers = ((f"officer:{one['name']}", one["role"], one["key"]) for one in named["officers"])
        self._recovery = (entry.request, frozenset(officers))

    def _takes_two(self, act: TwoPersonAct) -> bool:
        """Return True if the log shows that an act takes two people by now."""
        roles = [role for _, role in self.officers.values()]
        # The service writes the numbers as soon as it has enough officers.
        # While the officers of a recovery are added, they are too few.
        is_possible = can_act(act, roles, _LEAST) or (act is TwoPersonAct.OFFICERS and bool(self._statements))
        return self.is_whole and self.people.get(act, 1) > 1 and is_possible


def _add_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    key = load_key(_text(entry, "public_key").encode("ascii"))
    if key.fingerprint != _text(entry, "key"):
        sentence = "the officer's key does not have the fingerprint in the entry"
        raise ProofError(sentence)
    record.officers[key.fingerprint] = (entry.object, OfficerRole(_text(entry, "role")))


def _remove_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    record.officers.pop(_text(entry, "key"), None)


def _set_number(record: ApprovalRecord, entry: EntryFields) -> None:
    """Take the number of people of an act; a lower one needs an approval."""
    name, value = entry.object.removeprefix("setting:"), _text(entry, "value")
    if name not in TABLE:
        return
    number, before = int(value), record.people.get(name, 0)
    if number < before and record.is_whole:
        record.check_approved(TwoPersonAct.SETTINGS, entry)
    record.people[name] = number


def _propose(record: ApprovalRecord, entry: EntryFields) -> None:
    act, people, proposer = TwoPersonAct(_text(entry, "act")), _number(entry, "people"), _text(entry, "proposed_by")
    if entry.object in record.proposals:
        sentence = "the proposal is in the log twice"
        raise ProofError(sentence)
    if people < max(_LEAST, record.people.get(act, 0) if record.is_whole else 0):
        sentence = f"the proposal takes {people} people, which are too few"
        raise ProofError(sentence)
    record.proposals[entry.object] = _Proposal(act, _text(entry, "sha256"), people, proposer)


def _sign(record: ApprovalRecord, entry: EntryFields) -> None:
    signature, fingerprint = armor(_text(entry, "signature")), _text(entry, "key")
    key = load_signer(signature)
    if key.fingerprint != fingerprint:
        sentence = f"the signature is not by the key {fingerprint}"
        raise ProofError(sentence)
    digests = {name: bytes.fromhex(_text(entry, name)) for name in ("sha256", "sha512")}
    verify_digest(signature, digests, key, NAMESPACE)
    record.verified += 1
    if (proposal := record.proposal_of(entry)) is None:
        return
    if record.is_whole and not _may_sign(proposal, record.officers.get(fingerprint)):
        sentence = f"the key {fingerprint} is no officer's who may sign this at this time"
        raise ProofError(sentence)
    proposal.signers.add(fingerprint)


def _may_sign(proposal: _Proposal, officer: tuple[str, OfficerRole] | None) -> bool:
    if officer is None:
        return False
    name, role = officer
    rule = TABLE[proposal.act]
    return role in (rule.proposers if name == proposal.proposer else rule.approvers)


def _approve(record: ApprovalRecord, entry: EntryFields) -> None:
    proposal = record.proposal_of(entry)
    if proposal is None:
        return
    names = {record.officers[key][0] for key in proposal.signers if key in record.officers}
    signed = len(names) if record.is_whole else len(proposal.signers)
    people = max(proposal.people, record.people.get(proposal.act, 0) if record.is_whole else 0)
    if signed < people or (record.is_whole and proposal.proposer not in names):
        sentence = f"it counts as approved, and {signed} of {people} officers have signed it"
        raise ProofError(sentence)
    proposal.is_approved, proposal.request = True, "" if TABLE[proposal.act].needs_medium else entry.request


def _begin(record: ApprovalRecord, entry: EntryFields) -> None:
    proposal = record.proposal_of(entry)
    if proposal is not None and (not proposal.is_approved or proposal.is_over):
        sentence = "it was carried out without an approval"
        raise ProofError(sentence)


def _end(record: ApprovalRecord, entry: EntryFields) -> None:
    if entry.action == "act-done":
        _begin(record, entry)
    if (proposal := record.proposal_of(entry)) is not None:
        proposal.is_over = True


def _confirm(record: ApprovalRecord, entry: EntryFields) -> None:
    nonce, client_data, authenticator_data, signature = (decode_web64(_text(entry, name)) for name in _ASSERTED)
    key = decode64(_text(entry, "public_key"))
    assertion = LoggedAssertion(nonce, client_data, authenticator_data, signature, key, _number(entry, "algorithm"))
    verify_assertion(assertion, bytes.fromhex(_text(entry, "sha256")))
    record.verified += 1
    record.origins.add(origin_of(client_data))


_ASSERTED: Collection[str] = ("nonce", "client_data", "authenticator_data", "signature")
_CHECKS = {
    "officer-added": _add_officer,
    "officer-removed": _remove_officer,
    "officers-recovered": ApprovalRecord.recover,
    "approval-setting-set": _set_number,
    "act-proposed": _propose,
    "act-signed": _sign,
    "act-approved": _approve,
    "act-started": _begin,
    "act-done": _end,
    "act-rejected": _end,
    "act-asserted": _confirm,
}
_ACTS: Mapping[str, TwoPersonAct] = {
    "officer-added": TwoPersonAct.OFFICERS,
    "officer-removed": TwoPersonAct.OFFICERS,
    "clerk-named": TwoPersonAct.STAFF,
    "clock-accepted": TwoPersonAct.RESUME,
    "log-key-changed": TwoPersonAct.SECRETS,
}
"""Entries of acts that commands alone do: with officers, each needs an approval.

Pages of clerks do the others, too; there a passkey confirms them.
"""


def _act_of(entry: EntryFields) -> TwoPersonAct | None:
    if entry.action == "account-made" and entry.facts.get("staff"):
        return TwoPersonAct.STAFF
    return _ACTS.get(entry.action)


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
