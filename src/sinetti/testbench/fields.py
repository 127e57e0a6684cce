"""Reading the control calls' JSON: each field parsed into a value, or an error that names it."""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from django.utils.dateparse import parse_duration

_Value = TypeVar("_Value", bound=StrEnum)


class FieldError(ValueError):
    """A field that cannot be used; the sentence names it and says what to write."""


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object in a body. Raises FieldError."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        sentence = "the body is not JSON"
        raise FieldError(sentence) from None
    if not isinstance(value, dict):
        sentence = "the body is a JSON object, with its fields in braces"
        raise FieldError(sentence)
    return value


def only(value: dict[str, object], *names: str) -> None:
    """Raise FieldError for a field that is not among these: a misspelt one is never passed over."""
    for name in value:
        if name not in names:
            sentence = f"there is no field {name[:40]!r} here; there are {', '.join(names)}"
            raise FieldError(sentence)


def text(value: dict[str, object], name: str, longest: int, default: str | None = None) -> str:
    """A text of 1 to `longest` characters, none of them a control character; `default` where it is absent or null."""
    found = value.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, str) or not found.strip() or len(found) > longest or not found.isprintable():
        sentence = f"{name} is a text of 1 to {longest} printable characters"
        raise FieldError(sentence)
    return found.strip()


def choice(value: dict[str, object], name: str, kind: type[_Value], default: _Value | None = None) -> _Value:
    """One of a list of words."""
    found = value.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, str) or found not in set(kind):
        sentence = f"{name} is one of {', '.join(kind)}"
        raise FieldError(sentence)
    return kind(found)


def instant(value: dict[str, object], name: str) -> datetime:
    """A time with its zone, like 2027-03-01T12:00:00Z."""
    found = value.get(name)
    try:
        parsed = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        sentence = f"{name} is a time with its zone, like 2027-03-01T12:00:00Z"
        raise FieldError(sentence)
    return parsed


def duration(value: dict[str, object], name: str) -> timedelta:
    """An ISO 8601 duration of days and smaller, like P59DT1H."""
    found = value.get(name)
    parsed = None
    if isinstance(found, str) and found.lstrip("-").startswith("P"):
        try:
            parsed = parse_duration(found)
        except OverflowError:
            parsed = None
    if parsed is None:
        sentence = f"{name} is a duration in days and smaller, like P59DT1H"
        raise FieldError(sentence)
    return parsed
