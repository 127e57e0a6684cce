"""Event log of a name: `log.jsonl` in its folder, one event per line, append-only.

Readers skip a line that an interrupted run left unfinished. The log decides nothing: a run resumes from the journal
(journal.py), and the log is for people (`sinetti log NAME`).
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Value
from sinetti.client.results import CommandResult, ExitCode, Result
from sinetti.client.store import files
from sinetti.domain.values import Language
from sinetti.infra import records
from sinetti.infra.clock import format_instant

FILE = "log.jsonl"
BEFORE = "log.1.jsonl"
"""Name of the previous part, which is full."""

OUTPUT = "output"
"""Name of the fact with the last lines of a failed program's output."""

LARGEST = 1024 * 1024
"""Octets after which a new part begins; one full part is kept."""


class EventType(StrEnum):
    """Kind of event; the values stand in the file."""

    ADOPTED = "adopted"
    ENROLLED = "enrolled"
    RENEWED = "renewed"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    PENDING = "pending"
    FAILED = "failed"
    HOOK = "hook"
    HOOK_TESTED = "hook-tested"
    DEPLOYED = "deployed"
    DEPLOY_FAILED = "deploy-failed"
    HINT = "hint"
    REPLACEMENT_NEEDED = "replacement-needed"
    REVOKED = "revoked"
    EXPORTED = "exported"
    REPAIRED = "repaired"
    SETTINGS_CHANGED = "settings-changed"


OUTCOMES = {
    Result.ENROLLED: EventType.ENROLLED,
    Result.RENEWED: EventType.RENEWED,
    Result.REFUSED: EventType.REFUSED,
    Result.UNCERTAIN: EventType.UNCERTAIN,
    Result.PENDING: EventType.PENDING,
    Result.FAILED: EventType.FAILED,
}
"""Events by outcome; "not due" is no event."""

_UNWRITTEN = frozenset({ExitCode.STORE, ExitCode.USAGE})


@dataclass(frozen=True)
class LogEvent:
    """One event.

    `at`: UTC, whole seconds. `facts`: short texts such as a serial, codes, an exit code.
    """

    at: datetime
    event: EventType
    facts: dict[str, str]


def append(name_folder: Path, at: datetime, event: EventType, **facts: str) -> None:
    """Append an event durably. Raises OSError.

    A full part is renamed first.
    """
    path = name_folder / FILE
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LARGEST:
            path.replace(name_folder / BEFORE)
    line = json.dumps({"at": format_instant(at), "event": event.value, **facts}, ensure_ascii=False)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | files.NO_LINK | files.NO_WAIT, 0o600)
    try:
        # An earlier line that was cut short must not damage this one.
        start = b"" if _ends_whole(path) else b"\n"
        # A file name that is not UTF-8 has surrogates, which JSON writes as escapes.
        os.write(handle, start + line.encode(errors="backslashreplace") + b"\n")
        files.SYSTEM.sync_file(handle)
    finally:
        os.close(handle)


def append_outcome(name_folder: Path, at: datetime, outcome: CommandResult, language: Language = Language.EN) -> None:
    """Append the outcome of enrolment, renewal or retrieval, if something happened.

    `why` is the message for the user, in their language. Nothing is written into a store that is damaged or locked. A
    failure to write the log is ignored.
    """
    event = OUTCOMES.get(outcome.result)
    first = outcome.messages[0] if outcome.messages else None
    if event is None or outcome.exit_code in _UNWRITTEN or (first is not None and first.text == messages.DONE_BEFORE):
        return
    facts: dict[str, str] = {}
    if first is not None and event in {EventType.ENROLLED, EventType.RENEWED}:
        facts |= {name: _fact(first.values[name]) for name in ("serial", "until") if name in first.values}
    elif first is not None:
        facts["why"] = messages.render(first, language)
    if outcome.codes:
        facts["codes"] = ", ".join(map(messages.strip_control_chars, outcome.codes))
    with contextlib.suppress(OSError):
        append(name_folder, at, event, **facts)


def read(name_folder: Path) -> Iterator[LogEvent]:
    """Yield the events, oldest first; skip malformed lines.

    Raises OSError for a file without read access.
    """
    for part in (BEFORE, FILE):
        try:
            octets = files.octets_of(name_folder / part)
        except FileNotFoundError:
            continue
        for line in octets.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                yield _happening(line)


def output_of(event: LogEvent) -> tuple[str, ...]:
    """Return the lines of output that an event has of a failed program."""
    return tuple(event.facts.get(OUTPUT, "").splitlines())


def _happening(line: bytes) -> LogEvent:
    raw = records.json_of(line)
    at, event = records.instant_of(raw.pop("at")), EventType(raw.pop("event"))
    return LogEvent(at, event, {str(name): str(value) for name, value in raw.items()})


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _fact(value: Value) -> str:
    return format_instant(value) if isinstance(value, datetime) else str(value)
