"""Officers: names, keys, and when an authority has enough of them.

docs/operators/officers.md has the rules.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sinetti.domain.approvals.acts import TABLE, ApprovalPolicy, OfficerRole, TwoPersonAct
from sinetti.domain.values import Environment

FOUNDERS = {Environment.PRODUCTION: 3, Environment.TEST: 2}
"""Officers with which an authority can act; PRODUCTION can lose one key."""

APPROVERS = {Environment.PRODUCTION: 2, Environment.TEST: 1}
"""Approvers among them."""

_RESERVED = ("user.", "os.")
"""Beginnings of the ids of accounts and of the machine's users.

See domain/certificates/bulk_revocation.py.
"""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class OfficerError(ValueError):
    """Officer that cannot be added, removed or used; the sentence says what to do."""


@dataclass(frozen=True)
class Officer:
    """A person who is known by the key `key` (the line of an OpenSSH public key).

    `attestation` is the digest of the attestation with which a FIDO2 key was added; empty without one.
    """

    officer_id: str
    name: str
    role: OfficerRole
    key: str
    fingerprint: str
    attestation: str
    added_at: datetime
    removed_at: datetime | None = None


def check_name(text: str) -> str:
    """Return an officer's name in lower case. Raises OfficerError for another form."""
    name = text.casefold()
    if not _NAME.fullmatch(name) or name.startswith(_RESERVED):
        raise OfficerError(
            "an officer's name has 1 to 40 letters, digits, dots, hyphens and underscores, and does not begin with "
            "user. or os."
        )
    return name


def may_propose(role: OfficerRole, act: TwoPersonAct) -> bool:
    """Return True if officers of this role propose this act."""
    return role in TABLE[act].proposers


def may_approve(role: OfficerRole, act: TwoPersonAct) -> bool:
    """Return True if officers of this role approve this act."""
    return role in TABLE[act].approvers


def can_act(act: TwoPersonAct, roles: Collection[OfficerRole], people: int) -> bool:
    """Return True if officers of these roles are enough for an act of so many people."""
    approvers = sum(may_approve(role, act) for role in roles)
    has_other = any(may_propose(role, act) and not may_approve(role, act) for role in roles)
    return approvers + has_other >= people


def is_founded(roles: Collection[OfficerRole], environment: Environment) -> bool:
    """Return True if officers of these roles can add others.

    Until then `officer add` needs no approval. An authority that was founded never falls below this again.
    """
    proposers = [role for role in roles if may_propose(role, TwoPersonAct.OFFICERS)]
    approvers = sum(may_approve(role, TwoPersonAct.OFFICERS) for role in roles)
    return len(proposers) >= FOUNDERS[environment] and approvers >= APPROVERS[environment]


def check_removal(left: Collection[OfficerRole], environment: Environment, policy: ApprovalPolicy) -> None:
    """Raise OfficerError if the officers that are left could not replace a lost key.

    They must be enough for the number of people of each act, too.
    """
    if not is_founded(left, environment):
        raise OfficerError(
            f"{FOUNDERS[environment]} officers who can propose must be left, {APPROVERS[environment]} of them "
            "approvers: add the successor first"
        )
    if short := [act for act in TwoPersonAct if not can_act(act, left, policy.people_for(act))]:
        raise OfficerError(f"too few officers would be left for {', '.join(short)}: add the successor first")
