"""Rollovers and revocations of CAs through the control endpoint.

See docs/operators/succession.md.
"""

from collections.abc import Mapping

from sinetti.api.serializers import instant
from sinetti.authority.bootstrap import Authority
from sinetti.authority.ca_revocation import CaRevocationRequest, revoke_authority
from sinetti.authority.succession import SuccessionContext, issuing_ca, roll_over
from sinetti.ca.successors import SuccessorOptions
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError

_LONGEST_NAME = 64
_ACTOR = "operator"


def roll_over_ca(value: Mapping[str, object], authority: Authority, request_id: str) -> str:
    """Give a CA its successor, which issues at once; return the CN of the successor.

    `value` names a channel, or a CA by CN or file name. Raises FieldError, CaUnknown, and the errors of `roll_over`.
    """
    json_fields.only(value, "channel", "name")
    given = [name for name in ("channel", "name") if value.get(name) is not None]
    if len(given) != 1:
        raise FieldError("give either channel or name")
    means = SuccessionContext(authority, _ACTOR, request_id)
    if given == ["channel"]:
        ca = issuing_ca(json_fields.choice(value, "channel", Channel), means)
    else:
        ca = json_fields.text(value, "name", _LONGEST_NAME)
    return roll_over(ca, SuccessorOptions(), means).common_name


def revoke_ca(value: Mapping[str, object], authority: Authority, request_id: str) -> dict[str, object]:
    """Revoke a CA, and declare its compromise with cACompromise; return the CA.

    `value` has the name, a CN or a file name, and the reason. Raises FieldError, and the errors of `revoke_authority`.
    """
    json_fields.only(value, "name", "reason")
    name = json_fields.text(value, "name", _LONGEST_NAME)
    reason = json_fields.choice(value, "reason", RevocationReason, offered=tuple(RevocationReason))
    means = SuccessionContext(authority, _ACTOR, request_id)
    done = revoke_authority(CaRevocationRequest(name, reason), means)
    at, why = done.revoked_at, done.revocation_reason
    return {"name": done.common_name, "state": done.state, "revoked_at": instant(at), "reason": why}
