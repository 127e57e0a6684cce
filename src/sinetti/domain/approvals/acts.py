"""Acts that take two people: the one table of them, and the officers' roles.

docs/operators/officers.md has the same table. Acts that stop something take one person, since they must not wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sinetti.domain.values import Environment

FEWEST = {Environment.PRODUCTION: 2, Environment.TEST: 1}
"""Least number of people that a setting may give to an act of the table."""

MOST = 5
"""Greatest number of people that a setting may give to an act."""

MOST_CLERKS = 2
"""Greatest number for acts of clerks' pages.

There one other clerk confirms.
"""

SHORTEST_WAIT = {Environment.PRODUCTION: 24, Environment.TEST: 0}
"""Least hours before the first signatory of an organisation may act.

It is the default, too.
"""

LONGEST_WAIT = 30 * 24
"""Greatest number of these hours."""


class OfficerRole(StrEnum):
    """Role of an officer. A closed list; `officer add --role` takes these values."""

    OPERATOR = "operator"
    REGISTRATION = "registration"
    APPROVER = "approver"
    AUDITOR = "auditor"
    KEY_CUSTODIAN = "key-custodian"


class TwoPersonAct(StrEnum):
    """Act that takes two people.

    The values are keys of the settings and stand in proposals.
    """

    BULK_REVOCATION = "bulk-revocation"
    CA = "ca"
    CEREMONY = "ceremony"
    SECRETS = "secrets"
    STAFF = "staff"
    OFFICERS = "officers"
    SETTINGS = "settings"
    ORGANISATION_END = "organisation-end"
    ORGANISATION_MERGE = "organisation-merge"
    ORGANISATION_NAME = "organisation-name"
    SIGNATORY = "signatory"
    RESUME = "resume"


@dataclass(frozen=True)
class ActRule:
    """Row of the table: the roles that propose and approve an act, and its people.

    `people` includes the proposer. With `needs_medium`, the act needs a key or a medium that the approver does not
    have: the proposer's command carries it out after the approval.
    """

    proposers: frozenset[OfficerRole]
    approvers: frozenset[OfficerRole]
    people: int = 2
    needs_medium: bool = False


class KeyRequirement(StrEnum):
    """Keys that officers may have: any, FIDO2 ones, or those that verify their user."""

    ANY = "any"
    FIDO2 = "fido2"
    FIDO2_VERIFIED = "fido2-verified"


OFFICER_KEYS = "officer_keys"
"""Name of the setting with the keys that officers may have."""
SIGNATORY_WAIT = "signatory_wait_hours"
"""Name of the setting with the hours before a first signatory may act."""


@dataclass(frozen=True)
class ApprovalPolicy:
    """Settings of an authority about approvals.

    `people` has the acts whose number of people is not that of the table. The first signatory of an organisation may
    act `signatory_wait` hours after the naming.
    """

    people: Mapping[TwoPersonAct, int] = field(default_factory=dict)
    keys: KeyRequirement = KeyRequirement.ANY
    signatory_wait: int = 0

    def people_for(self, act: TwoPersonAct) -> int:
        """Return the number of people that an act takes, its proposer included."""
        return self.people.get(act, TABLE[act].people)

    @property
    def values(self) -> dict[str, str]:
        """The value of each setting, by its name in `authority.toml`."""
        numbers = {act.value: str(self.people_for(act)) for act in TwoPersonAct}
        return {OFFICER_KEYS: self.keys.value, SIGNATORY_WAIT: str(self.signatory_wait), **numbers}

    def strictest(self, other: "ApprovalPolicy") -> "ApprovalPolicy":
        """Return the policy that has the stricter value of each setting."""
        people = {act: max(self.people_for(act), other.people_for(act)) for act in TwoPersonAct}
        keys = max(self.keys, other.keys, key=tuple(KeyRequirement).index)
        return ApprovalPolicy(people, keys, max(self.signatory_wait, other.signatory_wait))


_APPROVER = frozenset({OfficerRole.APPROVER})
_OPERATOR = _APPROVER | {OfficerRole.OPERATOR}
_CLERK = _OPERATOR | {OfficerRole.REGISTRATION}
_CUSTODIAN = _APPROVER | {OfficerRole.KEY_CUSTODIAN}
_KEYS = ActRule(_OPERATOR | _CUSTODIAN, _CUSTODIAN, needs_medium=True)
_OF_OPERATORS, _OF_CLERKS = ActRule(_OPERATOR, _APPROVER), ActRule(_CLERK, _APPROVER)

TABLE: Mapping[TwoPersonAct, ActRule] = {
    TwoPersonAct.BULK_REVOCATION: _OF_CLERKS,
    TwoPersonAct.CA: _KEYS,
    TwoPersonAct.CEREMONY: _KEYS,
    TwoPersonAct.SECRETS: _KEYS,
    TwoPersonAct.STAFF: _OF_OPERATORS,
    TwoPersonAct.OFFICERS: _OF_OPERATORS,
    TwoPersonAct.SETTINGS: _OF_OPERATORS,
    TwoPersonAct.ORGANISATION_END: _OF_CLERKS,
    TwoPersonAct.ORGANISATION_MERGE: _OF_CLERKS,
    TwoPersonAct.ORGANISATION_NAME: _OF_CLERKS,
    TwoPersonAct.SIGNATORY: _OF_CLERKS,
    TwoPersonAct.RESUME: _OF_OPERATORS,
}
"""The acts that take two people.

No command or page can skip it (tests/attacks/test_two_people.py).
"""

OF_SIGNER = tuple(act for act, rule in TABLE.items() if rule.needs_medium)
"""Acts whose approval a separate signer verifies: those with keys."""

ON_PAGES = frozenset(
    {
        TwoPersonAct.BULK_REVOCATION,
        TwoPersonAct.ORGANISATION_END,
        TwoPersonAct.ORGANISATION_MERGE,
        TwoPersonAct.ORGANISATION_NAME,
        TwoPersonAct.SIGNATORY,
    }
)
"""Acts that clerks' pages carry out, too."""


def policy_of(values: Mapping[str, str], default: ApprovalPolicy) -> ApprovalPolicy:
    """Return the policy with these values; `default` has those that are missing."""
    found = {**default.values, **values}
    people = {act: int(found[act.value]) for act in TwoPersonAct}
    return ApprovalPolicy(people, KeyRequirement(found[OFFICER_KEYS]), int(found[SIGNATORY_WAIT]))


def check_people(act: TwoPersonAct, people: object, environment: Environment) -> int:
    """Return the number of people of a setting.

    Raises ValueError if it is too low or too high.
    """
    least, most = FEWEST[environment], MOST_CLERKS if act in ON_PAGES else MOST
    if type(people) is not int or not least <= people <= most:
        why = ", since clerks' pages confirm it by one other clerk" if act in ON_PAGES else ""
        numbers = f"{least} to {most}" if least < most else str(least)
        raise ValueError(f"{act} takes {numbers} people in {environment}{why}")
    return people


def check_wait(hours: object, environment: Environment) -> int:
    """Return the hours of the setting `signatory_wait_hours`.

    Raises ValueError if they are too few or too many.
    """
    least = SHORTEST_WAIT[environment]
    if type(hours) is not int or not least <= hours <= LONGEST_WAIT:
        raise ValueError(f"{SIGNATORY_WAIT} must be a number of hours from {least} to {LONGEST_WAIT} in {environment}")
    return hours
