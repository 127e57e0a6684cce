"""Mistakes of a sinetti.toml, collected and reported together, each with its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinetti.client.config import messages
from sinetti.client.messages.messages import Message, make_message, make_plural_message
from sinetti.client.results import UsageError

SHOWN = 20
"""Number of mistakes that are reported; a longer list would not be read."""


@dataclass(frozen=True)
class ConfigIssue:
    """One mistake and its correction.

    `line` counts from 1; None if no line is at fault.
    """

    line: int | None
    message: Message


class ConfigError(UsageError):
    """Unusable sinetti.toml.

    `message` lists the first mistakes, one per line; `faults` has all of them.
    """

    def __init__(self, path: Path, faults: Sequence[ConfigIssue]) -> None:
        """Combine the mistakes, in the order of their lines."""
        self.path = path
        self.faults = tuple(sorted(faults, key=lambda config_issue: config_issue.line or 0))
        lines = [_line(path, fault) for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(make_plural_message(messages.MORE, len(self.faults) - SHOWN, path=str(path)))
        super().__init__(_under_each_other(lines))


def _line(path: Path, fault: ConfigIssue) -> Message:
    if fault.line is None:
        return make_message(messages.IN_FILE, path=str(path), message=fault.message)
    return make_message(messages.IN_LINE, path=str(path), line=fault.line, message=fault.message)


def _under_each_other(lines: Sequence[Message]) -> Message:
    names = [f"line{number}" for number in range(len(lines))]
    # The text has no words, so that the catalogues do not need it.
    return Message("\n".join(f"{{{name}}}" for name in names), dict(zip(names, lines, strict=True)))
