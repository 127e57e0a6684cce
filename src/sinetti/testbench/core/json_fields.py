"""Parsers for the JSON of control calls.

Each field becomes a value, or an error that names it.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl

from sinetti.domain.validation import check_text, check_unlinked
from sinetti.infra.durations import parse_duration

_Value = TypeVar("_Value", bound=StrEnum)


class FieldError(ValueError):
    """Error for a field that cannot be used.

    The sentence names the field and says what to write.
    """


def read_object(body: bytes) -> dict[str, object]:
    """Return the JSON object in a body. Raises FieldError if there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise FieldError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise FieldError("the body must be a JSON object")
    return value


def only(value: Mapping[str, object], *names: str) -> None:
    """Raise FieldError for a field that is not among these names.

    A misspelt field is never ignored.
    """
    for name in value:
        if name not in names:
            raise FieldError(f"there is no field {name[:40]!r}. Fields: {', '.join(names) or 'none'}")


def query(text: str, *names: str) -> dict[str, str]:
    """Return the parameters of a query by name; the last of two counts.

    Raises FieldError for another name.
    """
    found = dict(parse_qsl(text, keep_blank_values=True))
    only(found, *names)
    return found


def text(value: Mapping[str, object], name: str, longest: int) -> str:
    """Return a text of 1 to `longest` characters without control characters.

    Raises FieldError for any other value.
    """
    found = value.get(name)
    return check_text(name, found if isinstance(found, str) else "", longest)


def unlinked(value: Mapping[str, object], name: str, longest: int) -> str:
    """Return a text without a web address or an e-mail address.

    Other interfaces apply the same check.
    """
    return check_unlinked(name, text(value, name, longest), longest)


def text_or_none(value: Mapping[str, object], name: str, longest: int) -> str:
    """Return a text as `text` does, or an empty one if it is empty, null or absent."""
    found = value.get(name)
    return "" if found is None or found == "" else text(value, name, longest)


def choice(
    value: Mapping[str, object],
    name: str,
    kind: type[_Value],
    default: _Value | None = None,
    *,
    offered: Iterable[_Value] | None = None,
) -> _Value:
    """Return a value of an enum, or the default if the field is missing.

    `offered` are the values that the error message lists, where others are refused later with a message of their own.
    Raises FieldError for any other value.
    """
    text = value.get(name)
    if text is None and default is not None:
        return default
    if not isinstance(text, str) or text not in set(kind):
        raise FieldError(f"{name} is one of {', '.join(kind if offered is None else offered)}")
    return kind(text)


def instant(value: Mapping[str, object], name: str) -> datetime:
    """Return an instant with its zone, like 2027-03-01T12:00:00Z.

    Raises FieldError for any other value.
    """
    text = value.get(name)
    try:
        parsed = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise FieldError(f"{name} must be a time with a time zone, such as 2027-03-01T12:00:00Z")
    return parsed


def duration(value: Mapping[str, object], name: str) -> timedelta:
    """Return an ISO 8601 duration of weeks, days and smaller units, like P59DT1H.

    Years and months have no fixed length. Raises FieldError for any other value.
    """
    text = value.get(name)
    try:
        return parse_duration(text if isinstance(text, str) else "")
    except ValueError:
        sentence = f"{name} must be a duration in weeks, days or smaller units, such as P8W or P59DT1H"
    except OverflowError:
        sentence = f"{name} leads past the end of the calendar"
    raise FieldError(sentence)
