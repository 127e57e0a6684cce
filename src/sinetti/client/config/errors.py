"""Mistakes of a sinetti.toml: gathered, so that all of them are told at once, each with its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinetti.client.config import messages
from sinetti.client.messages.messages import Message, make_message, make_plural_message
from sinetti.client.results import UsageError

SHOWN = 20
"""Mistakes that are told; nobody reads more at a time."""


@dataclass(frozen=True, slots=True)
class ConfigIssue:
    """One mistake: what is wrong and what to write instead.

    `line` counts from 1; None where no line is to blame.
    """

    line: int | None
    told: Message


class ConfigError(UsageError):
    """A sinetti.toml that cannot be used; `message` tells its mistakes one under the other, `faults` has them all."""

    def __init__(self, path: Path, faults: Sequence[ConfigIssue]) -> None:
        """Put the mistakes together, in the order of their lines."""
        self.path = path
        self.faults = tuple(sorted(faults, key=lambda one: one.line or 0))
        lines = [_line(path, fault) for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(make_plural_message(messages.MORE, len(self.faults) - SHOWN, path=str(path)))
        super().__init__(_under_each_other(lines))


def _line(path: Path, fault: ConfigIssue) -> Message:
    if fault.line is None:
        return make_message(messages.IN_FILE, path=str(path), told=fault.told)
    return make_message(messages.IN_LINE, path=str(path), line=fault.line, told=fault.told)


def _under_each_other(lines: Sequence[Message]) -> Message:
    names = [f"line{number}" for number in range(len(lines))]
    # No words of ours: nothing that the catalogues would have.
    return Message("\n".join(f"{{{name}}}" for name in names), dict(zip(names, lines, strict=True)))
