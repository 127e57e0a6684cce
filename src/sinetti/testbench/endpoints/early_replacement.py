"""Calls for early replacement through the control endpoint.

They are made as operators make them (docs/holders/renewal-info.md).
"""

from collections.abc import Mapping

from cryptography.x509 import NameOID

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.values import Serial
from sinetti.pki.encoding import load_certificate
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError

_CN = NameOID.COMMON_NAME
_OFFICER = "bench"
_REASON = "rehearsal"
_LONGEST_SERIAL = 40
_LONGEST_NAME = 100
_MOST = 10_000
_WAYS = ("serials", "ca", "all")


def early_replacement(value: Mapping[str, object], ctx: ServiceContext, request_id: str) -> dict[str, object]:
    """Call for early replacement until an instant; return the reach.

    Raises as `call_early` does, and FieldError unless exactly one of `serials`, `ca` and `all` selects certificates.
    """
    json_fields.only(value, *_WAYS, "until")
    over = json_fields.instant(value, "until") - ctx.now()
    ask = EarlyReplacementRequest(_selection(value, ctx), _OFFICER, _REASON, Explanation(), over)
    reached = call_early(ask, ctx, request_id).selection.reached
    ways = {"program": reached.program, "email": reached.email, "sms": reached.sms}
    return {"reached": ways, "unreached": reached.unreached}


def _selection(value: Mapping[str, object], ctx: ServiceContext) -> CertificateSelection:
    given = [name for name in _WAYS if value.get(name) is not None]
    if len(given) != 1:
        raise FieldError("give one of serials, ca and all")
    if given == ["serials"]:
        return CertificateSelection(serials=_serials(value["serials"]))
    if given == ["ca"]:
        return CertificateSelection(authority=_authority(json_fields.text(value, "ca", _LONGEST_NAME), ctx))
    if value["all"] is not True:
        raise FieldError("all must be true")
    return CertificateSelection(is_every=True)


def _authority(name: str, ctx: ServiceContext) -> str:
    """Return the file name of a CA that is named by it, or by its common name."""
    subjects = {one: load_certificate(der).subject for one, der in ctx.certificates.items()}
    named = (one for one, subject in subjects.items() for part in subject if (part.oid, part.value) == (_CN, name))
    return next(named, name)


def _serials(found: object) -> tuple[Serial, ...]:
    if not isinstance(found, list) or not 0 < len(found) <= _MOST or not all(isinstance(one, str) for one in found):
        raise FieldError(f"serials must be a list of 1 to {_MOST} serial numbers in hex")
    return tuple(Serial(one.strip().casefold()[:_LONGEST_SERIAL]) for one in found)
