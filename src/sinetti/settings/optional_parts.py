"""Optional parts of the settings, which are left out if their settings are wrong.

A sign-in provider, text messages or a link in the pages must not stop SOAP, CRLs and OCSP.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sinetti.infra.toml_tables import SettingsError

Value = TypeVar("Value")
Default = TypeVar("Default")


@dataclass(frozen=True)
class PartOff:
    """Optional part that is left out.

    `why` is the fault of its settings and the next step.
    """

    part: str
    why: str


class OptionalParts:
    """Reader of optional parts, with a list of those that are left out."""

    def __init__(self, *, is_strict: bool = False) -> None:
        """Start without faults. With `is_strict`, a fault is raised."""
        self._is_strict = is_strict
        self._off: list[PartOff] = []

    @property
    def off(self) -> tuple[PartOff, ...]:
        """Parts that are left out so far."""
        return tuple(self._off)

    def take(self, part: str, read: Callable[[], Value], default: Default) -> Value | Default:
        """Return the value that `read` returns, or the default if its settings are wrong.

        Raises SettingsError if the reader is strict.
        """
        try:
            return read()
        except SettingsError as bad:
            if self._is_strict:
                raise
            self._off.append(PartOff(part, str(bad)))
            return default


def describe_parts(off: Iterable[PartOff]) -> str | None:
    """Return a sentence about the parts that are left out, or None if there are none."""
    return "; ".join(f"{part_off.part} is left out: {part_off.why}" for part_off in off) or None
