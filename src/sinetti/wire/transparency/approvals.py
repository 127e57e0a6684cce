"""Approvals and facts in a log, verified again entry by entry (docs/evidence.md).

Signatures of officers and assertions of clerks' passkeys are in the entries, with all that their verification needs. So
are the rows that the service obeys. A writer of the database can have the service log an entry. So one that gives
a right counts only with the signatures of officers who were in force then.
"""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sinetti.domain.approvals.acts import (
    TABLE,
    ApprovalPolicy,
    OfficerRole,
    TwoPersonAct,
    policy_of,
)
from sinetti.domain.approvals.officers import can_act
from sinetti.domain.approvals.proposals import LOGGED_ACTS, NAMESPACE, life_of, parse_proposal
from sinetti.pki.encoding import PublicKey, load_certificate, sha256_hex, verify
from sinetti.pki.passkey_assertions import LoggedAssertion, decode_web64, origin_of, verify_assertion
from sinetti.pki.ssh_signatures import armor, load_key, load_signer, verify_digest
from sinetti.wire.transparency.entries import INSTANT, ROW, EntryFields
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import decode64

_STATEMENT = b"sinetti-officers-v1\n"
"""Beginning of a statement about new officers (docs/operators/ceremony.md)."""

_CA = "sinetti_certificateauthority"

_SKEW = timedelta(minutes=5)
"""Difference between the clocks of two nodes."""

_LEAST = 2
"""Least number of people of a proposal: an act that takes one has none."""


@dataclass(slots=True)
class _Proposal:
    """State of one proposal: digest, number of people, proposer, keys that signed it.

    `parameters` are those of the signed octets, or None where the log has the digest alone. `used` are the objects that
    were changed by them.
    """

    act: TwoPersonAct
    sha256: str
    people: int
    proposer: str
    at: str
    parameters: dict[str, Any] | None = None
    signers: list[str] = field(default_factory=list)
    is_approved: bool = False
    is_over: bool = False
    request: str = ""
    used: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ApprovalRecord:
    """Officers, proposals and numbers of people, as the entries so far make them.

    `is_whole` is False where entries before are not known: then an officer or a proposal may be older, and only
    signatures are verified. `officers` has name and role by fingerprint. `settings` are those of approvals. `rows` are
    the rows that the service obeys, by object, and `accepted` those that officers accepted though no act of the service
    made them. `founders` are fingerprints of the first officers, if they are pinned outside the log. `known_roots` are
    the SHA-256 of the root certificates that may replace lost officers, and `roots` of those that did. `origins` are
    the sites that passkeys signed for.
    """

    is_whole: bool = True
    officers: dict[str, tuple[str, str]] = field(default_factory=dict)
    proposals: dict[str, _Proposal] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    founders: list[str] = field(default_factory=list)
    known_roots: list[str] = field(default_factory=list)
    has_octets: bool = False
    verified: int = 0
    origins: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    recovery: list[Any] = field(default_factory=lambda: ["", []])
    statements: list[str] = field(default_factory=list)

    def strictest(self, policy: ApprovalPolicy) -> ApprovalPolicy:
        """Return the stricter value of each setting: that of a policy, or that of the log."""
        return policy.strictest(policy_of(self.settings, policy))

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> "ApprovalRecord":
        """Return the record of its fields, in which JSON has lists for sets.

        Raises TypeError and KeyError for other values.
        """
        record = ApprovalRecord(**values)
        record.officers = {key: (name, role) for key, (name, role) in record.officers.items()}
        record.proposals = {key: _Proposal(**value) for key, value in values["proposals"].items()}
        record.origins, record.roots = set(values["origins"]), set(values["roots"])
        return record

    def take(self, entry: EntryFields) -> None:
        """Check one entry in its place. Raises ProofError."""
        try:
            if (act := self._act_of(entry)) is not None and self._takes_two(act) and not self._is_recovery(entry):
                self.check_approved(act, entry)
            if (check := _CHECKS.get(entry.action)) is not None:
                check(self, entry)
            if isinstance(row := entry.facts.get(ROW), str):
                _rows_in(row, _CA)  # refuses what is no JSON object
                self._note_root(entry, row)
                self.rows[entry.object] = row
                if self.accepted.get(entry.object, row) != row:
                    del self.accepted[entry.object]
        except ProofError:
            raise
        except Exception as bad:
            raise ProofError(f"its approval cannot be verified: {bad}") from bad

    def _note_root(self, entry: EntryFields, row: str) -> None:
        """Know a root that was founded, or installed by an approved act."""
        if entry.action == "ca-installed" and self._takes_two(TwoPersonAct.CA):
            with suppress(ProofError):
                self.check_approved(TwoPersonAct.CA, entry)
                self.known_roots += _roots_in(row)
        elif entry.action in {"ca-installed", "ca-founded"} and not self.settings:
            self.known_roots += _roots_in(row)

    def skip_unknown(self) -> None:
        """Skip an entry whose content is not known; earlier proposals are then unknown."""
        self.is_whole = False
        self.proposals.clear()

    def proposal_of(self, entry: EntryFields) -> _Proposal | None:
        """Return the proposal of an entry, or None if it is older than what is known.

        Raises ProofError.
        """
        proposal = self.proposals.get(entry.object)
        if proposal is None and self.is_whole:
            raise ProofError("its proposal is not in the log")
        if proposal is not None and proposal.sha256 != _text(entry, "sha256"):
            raise ProofError("it is about other octets than its proposal")
        return proposal

    def check_approved(self, act: TwoPersonAct, entry: EntryFields) -> None:
        """Raise ProofError unless an approved proposal of this act is being carried out."""
        for proposal in self.proposals.values():
            is_open = (proposal.act, proposal.is_approved, proposal.is_over) == (act, True, False)
            if is_open and proposal.request in {"", entry.request}:
                if proposal.parameters is None:
                    return
                if entry.object not in proposal.used and _is_in_time(proposal, entry) and self._is_of(proposal, entry):
                    proposal.used.append(entry.object)
                    return
        raise ProofError(f"{entry.action} takes two people, and no approval of it is in the log")

    def _act_of(self, entry: EntryFields) -> TwoPersonAct | None:
        """Return the act whose approval an entry needs, or None.

        It is the entry's own, or that of a row which gives a right.
        """
        row, before = entry.facts.get(ROW), self.rows.get(entry.object, "")
        act, gives = _GIVES.get(entry.object.partition(":")[0], (None, None))
        if entry.action in _ACTS:
            if act not in {None, _ACTS[entry.action]} and entry.action != "difference-accepted":
                raise ProofError("it is about an object of another kind")
            return _ACTS[entry.action]
        if gives is not None and isinstance(row, str):
            return act if row != before and gives(before, row) else None
        return TwoPersonAct.STAFF if entry.action == "account-made" and entry.facts.get("staff") else None

    def _is_recovery(self, entry: EntryFields) -> bool:
        """Return True if the root key signed this change of officers before."""
        request, named = self.recovery
        added = [entry.object, entry.facts.get("role"), entry.facts.get("public_key")]
        if not named or entry.request != request or not entry.object.startswith("officer:"):
            return False
        is_ended = all(row["removed_at"] for row in _rows_in(entry.facts.get(ROW), "sinetti_officerrecord"))
        return (entry.action == "officer-added" and added in named) or (entry.action == "officer-removed" and is_ended)

    def recover(self, entry: EntryFields) -> None:
        """Take a statement of the root key about new officers.

        It counts once, and no former officer counts afterwards. Raises ProofError.
        """
        text, root = _text(entry, "statement"), decode64(_text(entry, "root"))
        statement = text.encode("ascii")
        signer = load_certificate(root).public_key()
        named = json.loads(statement.removeprefix(_STATEMENT))
        is_signed = isinstance(signer, PublicKey) and verify(signer, statement, decode64(_text(entry, "signature")))
        if not statement.startswith(_STATEMENT) or not is_signed or named["authority"] != sha256_hex(root):
            raise ProofError("the root key did not sign the statement about these officers")
        if self.known_roots and sha256_hex(root) not in self.known_roots:
            raise ProofError("the statement about these officers is by the root of another authority")
        if text in self.statements:
            raise ProofError("the statement about these officers was used before")
        self.statements.append(text)
        self.officers.clear()
        self.roots.add(sha256_hex(root))
        officers = [[f"officer:{one['name']}", one["role"], one["key"]] for one in named["officers"]]
        self.recovery = [entry.request, officers]

    def _takes_two(self, act: TwoPersonAct) -> bool:
        """Return True if the log shows that an act takes two people by now."""
        roles = [OfficerRole(role) for _, role in self.officers.values()]
        # The service writes the numbers as soon as it has enough officers.
        # While the officers of a recovery are added, they are too few.
        is_possible = can_act(act, roles, _LEAST) or (act is TwoPersonAct.OFFICERS and bool(self.statements))
        return self.is_whole and self.people_for(act) > 1 and is_possible

    def _is_of(self, proposal: _Proposal, entry: EntryFields) -> bool:
        """Return True if officers signed these parameters for what an entry changes."""
        kind, _, name = entry.object.partition(":")
        parameters, facts = proposal.parameters or {}, entry.facts
        change = parameters.get("change")
        if change == "accept":
            return bool(parameters["rows"].get(entry.object) == _accepted_row(entry))
        if kind == "officer":
            if change == "add":
                key = load_key(parameters["public_key"].encode("ascii")).fingerprint
                return [parameters["name"].casefold(), parameters["role"], key] == [name, facts["role"], facts["key"]]
            return [change, parameters["name"], parameters["key"]] == ["remove", name, facts["key"]]
        if kind == "setting":
            return any(
                [parameter["name"], parameter["after"]] == [name, facts["value"]]
                for parameter in parameters["settings"]
            )
        if kind == "authority":
            (ca,) = _rows_in(facts[ROW], _CA)
            return self._is_of_ca(parameters, name, ca, facts.get("replaced"))
        return proposal.act not in {TwoPersonAct.OFFICERS, TwoPersonAct.SETTINGS, TwoPersonAct.CA}

    def _is_of_ca(self, parameters: Mapping[str, Any], name: str, ca: Mapping[str, Any], replaced: object) -> bool:
        before = next(iter(_rows_in(self.rows.get(f"authority:{name}"), _CA)), {})
        is_named = parameters["ca"] in {name, ca["common_name"]}
        if parameters["change"] == "install":
            return is_named and not before and ca["state"] != "issuing"
        if parameters["change"] == "activate":
            return is_named and all(ca[key] == before.get(key) for key in ca if key not in {"state", "version"})
        if parameters["change"] != "rollover":
            return False
        if parameters["channel"]:
            return bool(parameters["channel"] == ca["channel"])
        named = [
            (about.partition(":")[2], one["role"], one["channel"])
            for about, row in self.rows.items()
            for one in _rows_in(row, _CA)
            if parameters["ca"] in {about.partition(":")[2], one["common_name"]}
        ]
        return any(row[1:] == (ca["role"], ca["channel"]) and replaced in {None, row[0]} for row in named)

    def people_for(self, act: TwoPersonAct) -> int:
        """Return the number of people that an act takes by now; 0 before the log has one."""
        return int(self.settings.get(act, 0)) if self.is_whole else 0


def _add_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    key = load_key(_text(entry, "public_key").encode("ascii"))
    if key.fingerprint != _text(entry, "key"):
        raise ProofError("the officer's key does not have the fingerprint in the entry")
    if record.founders and not record.settings and key.fingerprint not in record.founders:
        raise ProofError("the officer is none of those who founded the authority")
    record.officers[key.fingerprint] = (entry.object, OfficerRole(_text(entry, "role")).value)


def _remove_officer(record: ApprovalRecord, entry: EntryFields) -> None:
    record.officers.pop(_text(entry, "key"), None)


def _set_value(record: ApprovalRecord, entry: EntryFields) -> None:
    """Take a setting of approvals; a lower one needs an approval."""
    name, value = entry.object.removeprefix("setting:"), _text(entry, "value")
    if record.rows and _rows_in(entry.facts.get(ROW), "sinetti_approvalsetting") != [{"value": value}]:
        raise ProofError("its row has another value")
    roles = [OfficerRole(role) for _, role in record.officers.values()]
    if record.is_whole and name in TABLE and not can_act(TwoPersonAct(name), roles, int(value)):
        raise ProofError("it takes more officers than there are")
    if record.is_whole and name in record.settings:
        before, after = (policy_of({name: text}, ApprovalPolicy()) for text in (record.settings[name], value))
        if after.strictest(before) != after:
            record.check_approved(TwoPersonAct.SETTINGS, entry)
    record.settings[name] = value


def _propose(record: ApprovalRecord, entry: EntryFields) -> None:
    act, people, proposer = TwoPersonAct(_text(entry, "act")), _number(entry, "people"), _text(entry, "proposed_by")
    if entry.object in record.proposals:
        raise ProofError("the proposal is in the log twice")
    if people < max(_LEAST, record.people_for(act)):
        raise ProofError(f"the proposal takes {people} people, which are too few")
    new = _Proposal(act, _text(entry, "sha256"), people, proposer, entry.at)
    if act in LOGGED_ACTS and (record.has_octets or "octets" in entry.facts):
        proposal = parse_proposal(_text(entry, "octets").encode("ascii"))
        signed = (proposal.act, proposal.sha256, proposal.people, f"officer:{proposal.proposer}")
        if signed != (act, new.sha256, people, proposer):
            raise ProofError("the proposal differs from its octets")
        record.has_octets, new.parameters = True, dict(proposal.parameters)
    record.proposals[entry.object] = new


def _is_in_time(proposal: _Proposal, entry: EntryFields) -> bool:
    made, done = (datetime.strptime(at, INSTANT) for at in (proposal.at, entry.at))  # noqa: DTZ007 - both are UTC
    return made <= done + _SKEW and done <= made + life_of(proposal.act) + _SKEW


def _sign(record: ApprovalRecord, entry: EntryFields) -> None:
    signature, fingerprint = armor(_text(entry, "signature")), _text(entry, "key")
    key = load_signer(signature)
    if key.fingerprint != fingerprint:
        raise ProofError(f"the signature is not by the key {fingerprint}")
    digests = {name: bytes.fromhex(_text(entry, name)) for name in ("sha256", "sha512")}
    verify_digest(signature, digests, key, NAMESPACE)
    record.verified += 1
    if (proposal := record.proposal_of(entry)) is None:
        return
    if record.is_whole and not _may_sign(proposal, record.officers.get(fingerprint)):
        raise ProofError(f"the key {fingerprint} is no officer's who may sign this at this time")
    if fingerprint not in proposal.signers:
        proposal.signers.append(fingerprint)


def _may_sign(proposal: _Proposal, officer: tuple[str, str] | None) -> bool:
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
    people = max(proposal.people, record.people_for(proposal.act))
    if signed < people or (record.is_whole and proposal.proposer not in names):
        raise ProofError(f"it counts as approved, and {signed} of {people} officers have signed it")
    proposal.is_approved, proposal.request = True, "" if TABLE[proposal.act].needs_medium else entry.request


def _begin(record: ApprovalRecord, entry: EntryFields) -> None:
    proposal = record.proposal_of(entry)
    if proposal is not None and (not proposal.is_approved or proposal.is_over):
        raise ProofError("it was carried out without an approval")


def _end(record: ApprovalRecord, entry: EntryFields) -> None:
    if entry.action == "act-done":
        _begin(record, entry)
    if (proposal := record.proposal_of(entry)) is not None:
        proposal.is_over, proposal.parameters = True, None


def _adopt(record: ApprovalRecord, entry: EntryFields) -> None:
    """Take the rows of an authority that earlier code founded, once."""
    if not record.rows:
        record.rows.update({subject: str(row) for subject, row in entry.facts.items()})
        record.known_roots += [root for row in record.rows.values() for root in _roots_in(row)]


def _accept(record: ApprovalRecord, entry: EntryFields) -> None:
    row = record.accepted[entry.object] = str(_accepted_row(entry))
    name = entry.object.partition(":")[0]
    if name == "officer":
        others = {key: one for key, one in record.officers.items() if one[0] != entry.object}
        rows = (one for one in _rows_in(row, "sinetti_officerrecord") if one["removed_at"] is None)
        in_force = {row["fingerprint"]: (entry.object, row["role"]) for row in rows}
        record.officers = others | in_force
    if name == "setting":
        record.settings[entry.object.partition(":")[2]] = _rows_in(row, "sinetti_approvalsetting")[0]["value"]


def _accepted_row(entry: EntryFields) -> object:
    """Return the rows that officers accepted, or the sentence about another object."""
    return entry.facts.get(ROW, entry.facts.get("what"))


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
    "approval-setting-set": _set_value,
    "rows-adopted": _adopt,
    "difference-accepted": _accept,
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
    "difference-accepted": TwoPersonAct.OFFICERS,
    "clerk-named": TwoPersonAct.STAFF,
    "clock-accepted": TwoPersonAct.RESUME,
    "log-key-changed": TwoPersonAct.SECRETS,
}
"""Entries of acts that commands alone do: with officers, each needs an approval.

Pages of clerks do the others, too; there a passkey confirms them.
"""


def _is_clerk(_before: str, row: str) -> bool:
    return any(one["is_active"] for one in _rows_in(row, "sinetti_user"))


def _issues(before: str, row: str) -> bool:
    """Return True if rows make a CA issue, or issue otherwise, or end its distrust."""
    states = [{one["state"] for one in _rows_in(text, _CA)} for text in (before, row)]
    distrust = [_rows_in(text, "sinetti_cadistrust") for text in (before, row)]
    is_freed = "revoked" in states[0] - states[1] or any(one not in distrust[1] for one in distrust[0])
    return is_freed or ("issuing" in states[1] and _issuing_part(before) != _issuing_part(row))


def _issuing_part(row: str) -> list[object]:
    cas = [{name: value for name, value in one.items() if name != "version"} for one in _rows_in(row, _CA)]
    return [cas, _rows_in(row, "sinetti_certificatetype")]


def _roots_in(row: str) -> list[str]:
    return [one["sha256"] for one in _rows_in(row, _CA) if one["issuer_id"] is None]


def _rows_in(row: object, table: str) -> list[dict[str, Any]]:
    return list(json.loads(str(row or "{}")).get(table, ()))


_GIVES: Mapping[str, tuple[TwoPersonAct, Callable[[str, str], bool]]] = {
    "officer": (TwoPersonAct.OFFICERS, lambda _before, _row: True),
    "user": (TwoPersonAct.STAFF, _is_clerk),
    "authority": (TwoPersonAct.CA, _issues),
}
"""Acts whose approval rows need that give a right which the rows before did not."""


_ROW = f'"{ROW}":'.encode()
_BEGIN = b'{"action":"'
_ACTIONS = frozenset(text.encode() for text in (*_CHECKS, *_ACTS, "account-made"))


def is_fact(octets: bytes) -> bool:
    """Return True if a record takes an entry with these octets.

    The others are most of a log.
    """
    return _ROW in octets or octets.removeprefix(_BEGIN).partition(b'"')[0] in _ACTIONS


def _text(entry: EntryFields, name: str) -> str:
    text = entry.facts[name]
    if not isinstance(text, str):
        raise KeyError(name)
    return text


def _number(entry: EntryFields, name: str) -> int:
    number = entry.facts[name]
    if not isinstance(number, int):
        raise KeyError(name)
    return number
