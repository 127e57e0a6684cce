"""Watch over the authority's log by `sinetti gateway fetch` (docs/evidence.md).

The folder of `[log]` keeps the last checkpoint in `log.json`, and demands that the next one continues it. While the
log contradicts itself, `kept.txt` and `fork.txt` have both signed heads. No answer to a caller depends on it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.http_client import HttpError, fetch_body
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError
from sinetti.wire.transparency.observer import (
    Fetch,
    LogMemory,
    LogPolicy,
    LogReader,
    LogUnavailable,
    MemoryDamaged,
    origin_of,
)

MEMORY, KEPT, FORK = "log.json", "kept.txt", "fork.txt"
_WITHIN = 10.0


@dataclass(frozen=True)
class WatchedLog:
    """Log to watch: its address, the demands on it, and the folder of its memory."""

    url: str
    policy: LogPolicy
    folder: Path

    @property
    def origin(self) -> str:
        """Origin of the log."""
        return origin_of(self.url)

    @property
    def file(self) -> Path:
        """File of the memory."""
        return self.folder / MEMORY

    def fault(self) -> str | None:
        """Return the sentence about the present fault, or None."""
        try:
            return _sentence(self, self.load())
        except MemoryDamaged as bad:
            return str(bad)

    def load(self) -> LogMemory:
        """Return the memory; it is empty before the first check. Raises MemoryDamaged."""
        try:
            return LogMemory.parse(self.file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return LogMemory()
        except (OSError, MemoryDamaged) as bad:
            raise MemoryDamaged(
                f"{self.file}, the memory of the log of {self.origin}, cannot be read ({bad}), so the log is not "
                "checked: restore the file from a copy, or delete it after comparing the log's checkpoint with that of "
                "another reader"
            ) from bad

    def fetch(self, path: str) -> bytes | None:
        """Fetch a part of the log. Raises LogUnavailable."""
        try:
            return fetch_body(f"{self.url}/{path}", _WITHIN)
        except HttpError as failed:
            raise LogUnavailable(str(failed)) from failed


@dataclass(frozen=True)
class LogWatchResult:
    """Result of one check of the log.

    `fault` is what is wrong with the log or its memory, `trouble` why it could not be read now. `is_lasting`: the fault
    needs a person.
    """

    log: WatchedLog
    is_changed: bool
    is_lasting: bool = False
    fault: str | None = None
    trouble: str | None = None


def watch_log(
    wanted: WatchedLog, now: datetime, fetch: Fetch | None = None, sleep: Callable[[float], object] = time.sleep
) -> LogWatchResult:
    """Read the newest checkpoint, and keep it if the log continues the last one.

    Errors of the network and the disk are part of the result and are not raised. A damaged memory stays as it is.
    """
    trouble = None
    try:
        before = wanted.load()
    except MemoryDamaged as bad:
        return LogWatchResult(wanted, is_changed=False, is_lasting=True, fault=str(bad))
    reader = LogReader(wanted.origin, wanted.policy, before, fetch or wanted.fetch)
    try:
        reader.read_head(now, sleep)
    except ProofError as bad:
        reader.memory = reader.memory.with_fault(bad)
    except (LogUnavailable, NoteError) as away:
        trouble = str(away)
    memory = reader.memory
    try:
        if memory != before:
            _save(wanted.folder, memory)
    except OSError as failed:
        trouble = f"{failed.filename or wanted.folder}: {failed.strerror or failed}"
    return LogWatchResult(wanted, memory != before, memory.fork is not None, _sentence(wanted, memory), trouble)


def _save(folder: Path, memory: LogMemory) -> None:
    """Write the memory, and both heads of a fork before it.

    Those of a fork that ended are deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if memory.fork is not None and memory.checkpoint is not None:
        write_atomic(folder / KEPT, memory.checkpoint)
        write_atomic(folder / FORK, memory.fork)
    else:
        for name in (KEPT, FORK):
            (folder / name).unlink(missing_ok=True)
    write_atomic(folder / MEMORY, memory.dump())


def _sentence(wanted: WatchedLog, memory: LogMemory) -> str | None:
    if memory.why is None:
        return None
    if memory.fork is None:
        return f"the log of {wanted.origin} could not be verified: {memory.why}"
    return (
        f"the log of {wanted.origin} has two histories: {memory.why}. {wanted.folder / KEPT} and "
        f"{wanted.folder / FORK} are the signed checkpoints: send them to the authority and to its supervisor"
    )
