"""Rollovers of CAs through the control endpoint, as operators do them.

See docs/operators/succession.md.
"""

from collections.abc import Mapping

from sinetti.authority.bootstrap import Authority
from sinetti.authority.succession import SuccessionContext, issuing_ca, roll_over
from sinetti.ca.successors import SuccessorOptions
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
        sentence = "give either channel or name"
        raise FieldError(sentence)
    means = SuccessionContext(authority, _ACTOR, request_id)
    if given == ["channel"]:
        ca = issuing_ca(json_fields.choice(value, "channel", Channel), means)
    else:
        ca = json_fields.text(value, "name", _LONGEST_NAME)
    return roll_over(ca, SuccessorOptions(), means).common_name
