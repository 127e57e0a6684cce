"""State files: dataclasses as JSON, and decoders of foreign or damaged input.

A decoder reports any fault as a ValueError. `json` exceeds the stack on values that are nested thousands deep,
and a time near the end of the calendar has no UTC. Neither may end a run over ten thousand names.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sinetti.infra.clock import format_instant


def dump(value: object, indent: int | None = 1, *, is_ascii: bool = True) -> bytes:
    """Write a value, which may have instants, as a JSON file."""
    return (json.dumps(value, default=_plain, indent=indent, ensure_ascii=is_ascii) + "\n").encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    raise TypeError(value)


def json_of(octets: bytes) -> Any:  # noqa: ANN401 - the caller checks the type
    """Read JSON. Raises ValueError."""
    try:
        return json.loads(octets)
    except RecursionError as bad:
        raise ValueError("it is nested too deeply") from bad


def instant_of(text: object) -> datetime:
    """Read an instant with its offset (RFC 3339), as UTC. Raises ValueError."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except OverflowError as bad:
        raise ValueError(text) from bad
    raise ValueError(text)


def count_of(value: object) -> int:
    """Return a number of tries: 0 for any other value."""
    return value if isinstance(value, int) and value > 0 else 0
