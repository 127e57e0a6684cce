"""Calls for early replacement through the control endpoint.

They are made and undone as operators do it (docs/holders/renewal-info.md).
"""

from collections.abc import Mapping
from datetime import timedelta

from sinetti.api.serializers import instant, reached_row
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import LONGEST_EXPLANATION, LONGEST_REASON, LONGEST_URL, Explanation
from sinetti.domain.values import Language, Serial
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early, cancel
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError

_OFFICER = "bench"
_REASON = "rehearsal"
_LONGEST_SERIAL = 40
_LONGEST_ID = 64
_MOST = 10_000
_DAY = timedelta(days=1)


def early_replacement(value: Mapping[str, object], ctx: ServiceContext, request_id: str) -> dict[str, object]:
    """Make a call for early replacement, or undo the call that `undo` names.

    Returns the answer's members. Raises as `call_early` does.
    """
    if "undo" in value:
        json_fields.only(value, "undo")
        cancel(json_fields.text(value, "undo", _LONGEST_ID), _OFFICER, ctx, request_id)
        return {"call": value["undo"], "result": "undone"}
    json_fields.only(value, "serials", "customer_id", "authority", "over", "reason", "explanation", "explanation_url")
    customer, authority = (
        json_fields.text_or_none(value, name, _LONGEST_ID) or None for name in ("customer_id", "authority")
    )
    wanted = CertificateSelection(_serials(value), customer, authority)
    over = json_fields.duration(value, "over") if value.get("over") is not None else _DAY
    url = json_fields.text_or_none(value, "explanation_url", LONGEST_URL) or None
    reason = json_fields.text_or_none(value, "reason", LONGEST_REASON) or _REASON
    ask = EarlyReplacementRequest(wanted, _OFFICER, reason, Explanation(_explanation(value), url), over)
    outcome = call_early(ask, ctx, request_id)
    call = outcome.call
    return {
        "call": call.call_id if call else None,
        "result": "done" if call else "nothing",
        "count": outcome.opened,
        "passed_over": outcome.selection.passed_over,
        **reached_row(outcome.selection.reached),
        "begins": instant(call.begins) if call else None,
        "ends": instant(call.ends) if call else None,
    }


def _serials(value: Mapping[str, object]) -> tuple[Serial, ...] | None:
    found = value.get("serials")
    if found is None:
        return None
    if not isinstance(found, list) or not 0 < len(found) <= _MOST or not all(isinstance(one, str) for one in found):
        sentence = f"serials must be a list of 1 to {_MOST} serial numbers in hex"
        raise FieldError(sentence)
    return tuple(Serial(one.strip().casefold()[:_LONGEST_SERIAL]) for one in found)


def _explanation(value: Mapping[str, object]) -> dict[Language, str] | None:
    found = value.get("explanation")
    if found is None:
        return None
    if not isinstance(found, dict):
        sentence = "explanation must have a text in each of fi, sv and en"
        raise FieldError(sentence)
    json_fields.only(found, *Language)
    return {one: json_fields.text(found, one, LONGEST_EXPLANATION) for one in Language}
