"""Record of the keys that were found to match their certificates: `DIR/.keys.json`.

Opening a private key takes longer than all other checks of a name. The record has the size, inode and times of both
files at the last comparison. While none of them moved, the key is not opened again. The time of a change (ctime) cannot
be set by the owner of a file, so other content has another time. Every comparison is repeated after a day.

The record is believed only by the user who wrote it, and only if no other user can write it. A lost, old or foreign
record costs time and changes no result.
"""

import contextlib
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sinetti.client import decoder
from sinetti.client.store import files
from sinetti.infra import file_permissions

FILE = ".keys.json"
AGE = timedelta(days=1)
"""Time after which all keys are compared again."""


_MARGIN = 1_000_000_000
"""Nanoseconds before the record was written in which a file may have changed twice at the same time."""


class FileState(NamedTuple):
    """Inode, size and times of the files of a comparison; `changed_ns` is the last change of them."""

    text: str
    changed_ns: int


@dataclass(slots=True)
class KeyChecks:
    """Comparisons since `begun`, by name: `known` ones, written at `written_ns`, and those `seen` in this pass."""

    begun: datetime
    known: dict[str, str] = field(default_factory=dict)
    written_ns: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    is_changed: bool = False

    def is_known(self, name: str, state: FileState) -> bool:
        """Return whether the key of a name was compared when its files were in this state."""
        if self.known.get(name) != state.text or state.changed_ns > self.written_ns - _MARGIN:
            return False
        self.seen[name] = state.text
        return True

    def add(self, name: str, state: FileState) -> None:
        """Record that the key of a name was compared, with its files in this state."""
        self.seen[name] = state.text
        self.is_changed = True


def state_of(*paths: str) -> FileState:
    """Return the state of files. Raises OSError."""
    found = [os.stat(path) for path in paths]  # noqa: PTH116 - thousands of them
    text = " ".join(f"{one.st_ino} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns}" for one in found)
    return FileState(text, max(one.st_ctime_ns for one in found))


def load(store: Path, now: datetime) -> KeyChecks:
    """Return the record of a store at `now`; an empty one if it cannot be believed or is a day old."""
    try:
        path = store / FILE
        written = path.lstat()
        if not _is_own(written, path):
            return KeyChecks(now)
        raw = decoder.json_of(files.octets_of(path))
        begun, known = decoder.instant_of(raw["begun"]), raw["keys"]
        if not begun <= now < begun + AGE or not isinstance(known, dict):
            return KeyChecks(now)
    except (OSError, ValueError, KeyError, TypeError):
        return KeyChecks(now)
    return KeyChecks(begun, known, written.st_mtime_ns)


def save(store: Path, checks: KeyChecks) -> None:
    """Write the record if it has changed. If the disk refuses, the next pass takes longer."""
    if not checks.is_changed and checks.seen == checks.known:
        return
    raw = {"begun": decoder.format_instant(checks.begun), "keys": checks.seen}
    with contextlib.suppress(OSError):
        files.write_atomic(store / FILE, json.dumps(raw).encode(), is_durable=False)


def _is_own(seen: os.stat_result, path: Path) -> bool:
    return not file_permissions.is_checked() or (
        seen.st_uid == os.geteuid() and not file_permissions.is_open(seen, path)
    )
