"""Proposals of acts that take two people, in canonical octets that officers sign.

The octets are JSON with sorted keys, ASCII, without white space. They contain everything that the act needs, so the
approver sees exactly what is done.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sinetti.domain.approvals.acts import TABLE, ApprovalPolicy, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import Officer, may_approve, may_propose
from sinetti.domain.values import Environment

NAMESPACE = "sinetti-approval@v1"
"""Namespace of the signatures (`ssh-keygen -Y sign -n`)."""

LIFE = timedelta(hours=24)
"""Time within which a proposal must be approved and carried out."""

_LIVES = {TwoPersonAct.RESUME: timedelta(hours=1)}
"""Shorter times. Officers approve a reading of the clock, which must be recent."""

_SKEW = timedelta(minutes=5)
"""Difference between the clocks of two nodes."""

LARGEST = 32 * 1024 * 1024
"""Largest proposal in octets; one of 50,000 certificates has 20 million."""

_FORMAT = "sinetti-proposal-v1"
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


LOGGED_ACTS = frozenset(
    {
        TwoPersonAct.CA,
        TwoPersonAct.CEREMONY,
        TwoPersonAct.SECRETS,
        TwoPersonAct.OFFICERS,
        TwoPersonAct.SETTINGS,
        TwoPersonAct.RESUME,
    }
)
"""Acts whose proposals are in the log as they were signed.

The others have personal data, so the log has their digest.
"""


class ProposalState(StrEnum):
    """State of a proposal: open, then approved or rejected, then done.

    STARTED is an approved act whose command has begun and may be interrupted.
    """

    OPEN = "open"
    APPROVED = "approved"
    STARTED = "started"
    DONE = "done"
    REJECTED = "rejected"


class ApprovalReason(StrEnum):
    """Reason why a proposal or a signature does not count. A closed list."""

    UNKNOWN = "unknown"
    ROLE = "role"
    EXPIRED = "expired"
    ENDED = "ended"
    SIGNED = "signed"
    SIGNATURE = "signature"
    OTHER_KEY = "other-key"
    NOT_APPROVED = "not-approved"
    OTHER_ACT = "other-act"
    CHANGED = "changed"
    OTHER_AUTHORITY = "other-authority"
    TOO_LONG = "too-long"


_SENTENCES: Mapping[ApprovalReason, str] = {
    ApprovalReason.UNKNOWN: "no proposal has this ID: run sinetti authority approval list",
    ApprovalReason.ROLE: "the role of {officer} does not allow it (docs/operators/officers.md has the roles)",
    ApprovalReason.EXPIRED: "it has ended, or the clock is before its beginning: propose it again",
    ApprovalReason.ENDED: "it has been approved, done or rejected: there is nothing left to decide",
    ApprovalReason.SIGNED: "{officer} has already signed it: another officer must",
    ApprovalReason.OTHER_KEY: "{officer} proposed it with a key that is no longer in force: propose it again",
    ApprovalReason.NOT_APPROVED: "it is not approved: sinetti authority approval list shows whose signature is missing",
    ApprovalReason.OTHER_ACT: "what was approved differs from this command: run it with the same options as then",
    ApprovalReason.OTHER_AUTHORITY: "it is of another authority: propose it in this one",
    ApprovalReason.TOO_LONG: "it would count for longer than its act allows: do not sign it, and propose it again",
}


class ApprovalError(ValueError):
    """Proposal or signature that does not count; the sentence says what to do."""

    def __init__(self, reason: ApprovalReason, sentence: str = "", officer: str = "") -> None:
        super().__init__(sentence or _SENTENCES[reason].format(officer=officer))
        self.reason = reason


@dataclass(frozen=True)
class ApprovalTerms:
    """Authority, rules and instant by which service and signer count signatures."""

    instance_id: str
    environment: Environment
    policy: ApprovalPolicy
    now: datetime


_SUBJECTS = ("customer_id", "name", "email", "key", "ca")


@dataclass(frozen=True)
class Proposal:
    """An act that is proposed, with all that it needs.

    `parameters` are what the act is carried out with. `context` is what the approver needs to see besides: names,
    totals, letters. Both have JSON values. `nonce` are 32 random octets in hex.
    """

    proposal_id: str
    instance_id: str
    environment: Environment
    act: TwoPersonAct
    proposer: str
    proposer_key: str
    people: int
    created: datetime
    expires: datetime
    nonce: str = field(repr=False)
    parameters: Mapping[str, Any] = field(repr=False)
    context: Mapping[str, Any] = field(repr=False)

    @property
    def octets(self) -> bytes:
        """The canonical octets, which officers sign."""
        return _canonical(
            {
                "format": _FORMAT,
                "id": self.proposal_id,
                "instance": self.instance_id,
                "environment": self.environment.value,
                "act": self.act.value,
                "proposer": self.proposer,
                "proposer_key": self.proposer_key,
                "people": self.people,
                "created": self.created.strftime(_INSTANT),
                "expires": self.expires.strftime(_INSTANT),
                "nonce": self.nonce,
                "parameters": dict(self.parameters),
                "context": dict(self.context),
            }
        )

    @property
    def kind(self) -> str:
        """Act, and the change that its parameters name, if they do."""
        return f"{self.act} {self.parameters['change']}" if "change" in self.parameters else self.act.value

    @property
    def subject(self) -> str:
        """Object of the act, for a list.

        It is an organisation, a person, an account, a key, or a number of certificates.
        """
        if rows := self.parameters.get("certificates"):
            return f"certificates: {len(rows)}"
        return next((str(self.parameters[name]) for name in _SUBJECTS if self.parameters.get(name)), "")

    @property
    def sha256(self) -> str:
        """SHA-256 of the octets, in hex."""
        return hashlib.sha256(self.octets).hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def parse_proposal(octets: bytes) -> Proposal:
    """Read a proposal from its canonical octets.

    Raises ApprovalError for one that would count for too long, and ValueError for other octets.
    """
    try:
        found = json.loads(octets[: LARGEST + 1])
        proposal = Proposal(
            proposal_id=str(found["id"]),
            instance_id=str(found["instance"]),
            environment=Environment(found["environment"]),
            act=TwoPersonAct(found["act"]),
            proposer=str(found["proposer"]),
            proposer_key=str(found["proposer_key"]),
            people=int(found["people"]),
            created=_instant(found["created"]),
            expires=_instant(found["expires"]),
            nonce=str(found["nonce"]),
            parameters=dict(found["parameters"]),
            context=dict(found["context"]),
        )
        is_canonical = proposal.octets == octets
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as bad:
        raise ValueError("it is not a proposal of this program's version") from bad
    if not is_canonical:
        # Two readers could see two different acts in octets of another form, as with a key that is there twice.
        raise ValueError("it is not in the one form of a proposal: get it again with approval show ID --out FILE")
    if proposal.expires - proposal.created > life_of(proposal.act):
        raise ApprovalError(ApprovalReason.TOO_LONG)
    return proposal


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)


def challenge_of(nonce: bytes, digest: bytes) -> bytes:
    """Return the challenge that a clerk's passkey signs for a proposal."""
    return hashlib.sha256(nonce + digest).digest()


def decide_signature(
    proposal: Proposal, officer: Officer, signed: Collection[str], terms: ApprovalTerms
) -> ApprovalReason | None:
    """Return why a signature of this officer does not count now, or None.

    `signed` are the names of the officers that have signed it. The last second before the end is in time.
    """
    if (proposal.instance_id, proposal.environment) != (terms.instance_id, terms.environment):
        return ApprovalReason.OTHER_AUTHORITY
    if not proposal.created - _SKEW <= terms.now <= proposal.expires:
        return ApprovalReason.EXPIRED
    if officer.name in signed:
        return ApprovalReason.SIGNED
    is_proposer = officer.name == proposal.proposer
    if is_proposer and officer.fingerprint != proposal.proposer_key:
        return ApprovalReason.OTHER_KEY
    allowed = may_propose if is_proposer else may_approve
    return None if allowed(officer.role, proposal.act) else ApprovalReason.ROLE


def life_of(act: TwoPersonAct) -> timedelta:
    """Return the time within which a proposal must be approved and carried out."""
    return _LIVES.get(act, LIFE)


def people_needed(act: TwoPersonAct, parameters: Mapping[str, Any], policy: ApprovalPolicy) -> int:
    """Return how many people an act takes now, its proposer included.

    To lower a number takes as many people as the act whose number it is.
    """
    lowered = [row["name"] for row in parameters["settings"]] if act is TwoPersonAct.SETTINGS else []
    return max(
        policy.people_for(two_person_act)
        for two_person_act in TwoPersonAct
        if two_person_act is act or two_person_act.value in lowered
    )


def count_missing(proposal: Proposal, signed: Collection[str], policy: ApprovalPolicy) -> int:
    """Return how many signatures a proposal lacks, its proposer's included.

    A number that was raised since the proposal counts.
    """
    people = max(proposal.people, people_needed(proposal.act, proposal.parameters, policy))
    others = len(set(signed) - {proposal.proposer})
    return max(people - 1 - others, 0) + (proposal.proposer not in signed)


def needs_command(act: TwoPersonAct) -> bool:
    """Return True if the proposer's command carries out the act after its approval."""
    return TABLE[act].needs_medium


def roles_of(officers: Collection[Officer]) -> list[OfficerRole]:
    """Return the roles of officers in force."""
    return [officer.role for officer in officers if officer.removed_at is None]
