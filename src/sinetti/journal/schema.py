"""What a line of each kind has to say, so that nobody stumbles later over what is not there (docs/journal.md)."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sinetti.domain.certificates.revocation import RevocationReason

_Test = Callable[[Any], bool]
_REASONS = frozenset(reason.value for reason in RevocationReason)
_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,20}")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def first_invalid_member(kind: str, facts: Mapping[str, Any]) -> str | None:
    """The first member that a line of this kind lacks, or has in another shape; None where all are well.

    More members than these, and kinds that only later code knows, are passed over.
    """
    return next((name for name, well in _KINDS.get(kind, {}).items() if not well(facts.get(name, _ABSENT))), None)


class _Absent:
    """What no member is: null is one."""


_ABSENT = _Absent()


def _text(value: Any) -> bool:  # noqa: ANN401 - whatever JSON has
    return isinstance(value, str)


def _truth(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool)


def _number(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int


def _serial(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and _SERIAL.fullmatch(value) is not None


def _hex(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _reason(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and value in _REASONS


def _instant(value: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _octets(value: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(value, str) and len(b64decode(value, validate=True)) > 0
    except ValueError:
        return False


def _or_null(test: _Test) -> _Test:
    return lambda value: value is None or test(value)


def _or_absent(test: _Test) -> _Test:
    return lambda value: value is _ABSENT or test(value)


def _table(members: Mapping[str, _Test]) -> _Test:
    return lambda value: (
        isinstance(value, dict) and all(well(value.get(name, _ABSENT)) for name, well in members.items())
    )


def _each(test: _Test) -> _Test:
    return lambda value: isinstance(value, list) and all(test(one) for one in value)


_HOLDING = _table(dict.fromkeys(("holding_id", "subject_serial", "channel", "customer_id"), _text))
_PAIR = _table(
    {"transfer_id": _text, "password_mac": _hex, "created": _instant, "expires": _instant, "ended": _or_null(_instant)}
)
_ORGANISATION = _table(
    {
        **dict.fromkeys(("organisation_id", "customer_id", "kind", "country", "name", "language"), _text),
        "created": _instant,
    }
)
_ORDER = _table(
    {
        "order_id": _text,
        "created": _instant,
        "replaces": _or_null(_serial),
        "transfer_ids": _each(_PAIR),
        "organisation": _ORGANISATION,
    }
)
_KINDS: Mapping[str, Mapping[str, _Test]] = {
    "issued": {
        "serial": _serial,
        **dict.fromkeys(("sha256", "authority", "key", "retrieval_id"), _text),
        **dict.fromkeys(("not_before", "not_after", "renewable_from", "recorded_at"), _instant),
        "crl_shard": _number,
        "predecessor": _or_null(_serial),
        "holding": _HOLDING,
        "order": _or_null(_ORDER),
        "der": _octets,
    },
    "fetched": {"serial": _serial, "at": _instant},
    "revoked": {
        "serial": _serial,
        "at": _instant,
        "reason": _reason,
        "invalidity_date": _or_null(_instant),
        "void": _truth,
        # Journals of earlier code lack it.
        "issued": _or_absent(_truth),
    },
}
