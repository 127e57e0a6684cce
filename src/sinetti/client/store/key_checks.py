"""Record of the sets in use that were found whole: `DIR/.sets.json`.

Opening keys and certificates takes longer than all other checks of a name. The record has the size, inode and times of
key, certificate and chain at the last comparison, and what the snapshot needs of the certificate. While none of the
files moved, they are not opened again. The time of a change (ctime) cannot be set by the owner of a file, so other
content has another time. Every comparison is repeated within a day, each name at its own time, so that no pass compares
all of them.

The record is believed only by the user who wrote it, and only if no other user can write it. A lost, old or foreign
record costs time and changes no result.
"""

import contextlib
import json
import os
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sinetti.client.store import files
from sinetti.infra import file_permissions, records

FILE = ".sets.json"
AGE = timedelta(days=1)
"""Longest age of a comparison.

The age for a name lies between half of it and all of it.
"""

_MARGIN = 1_000_000_000
"""Nanoseconds before the record in which two changes of a file may have one time."""


class FileState(NamedTuple):
    """State of the files of a set and of their folder.

    `text`: inode, size and times of each. `changed_ns`: the last change of them. `live`, `key`: the status of the
    folder and of key.pem.
    """

    text: str
    changed_ns: int
    live: os.stat_result
    key: os.stat_result


class KnownSet(NamedTuple):
    """Set that was found whole.

    It has the state of its files, its customer and its certificate. The instants are in seconds since 1970, `at` is
    that of the comparison. `sha256` is the hex digest of the DER.
    """

    state: str
    customer_id: str
    serial: str
    not_before: int
    not_after: int
    sha256: str
    at: int


@dataclass
class KeyChecks:
    """Comparisons by name at `now`.

    `known` ones were written at `written_ns`, and those in `seen` hold in this pass.
    """

    now: datetime
    known: dict[str, list[Any]] = field(default_factory=dict)
    written_ns: int = 0
    seen: dict[str, KnownSet] = field(default_factory=dict)
    is_changed: bool = False

    def find(self, name: str, state: FileState, customer_id: str) -> KnownSet | None:
        """Return the set of a name if it was found whole in this state of its files."""
        raw = self.known.get(name)
        if raw is None or raw[:2] != [state.text, customer_id] or state.changed_ns > self.written_ns - _MARGIN:
            return None
        known_sets = KnownSet(*raw)
        age = int(self.now.timestamp()) - known_sets.at
        if not 0 <= age < AGE.total_seconds() * (1 + zlib.crc32(name.encode()) / 2**32) / 2:
            return None
        self.seen[name] = known_sets
        return known_sets

    def add(self, name: str, known_set: KnownSet) -> None:
        """Record a set that was found whole."""
        self.seen[name] = known_set
        self.is_changed = True


def state_of(live: str) -> FileState:
    """Return the state of the files of a set. Raises OSError if one is missing."""
    found = [os.stat(path) for path in (live, *(f"{live}/{name}" for name in _NAMES))]  # noqa: PTH116 - thousands
    text = " ".join(f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}" for status in found)
    return FileState(text, max(status.st_ctime_ns for status in found), found[0], found[1])


_NAMES = ("key.pem", "certificate.pem", "chain.pem")


def load(store: Path, now: datetime) -> KeyChecks:
    """Return the record of a store at `now`; an empty one if it cannot be believed."""
    try:
        path = store / FILE
        written = path.lstat()
        if not (
            not file_permissions.is_checked()
            or (written.st_uid == os.geteuid() and not file_permissions.is_open(written, path))
        ):
            return KeyChecks(now)
        raw = records.json_of(files.octets_of(path))
        known = raw["sets"]
        if not all(map(_is_set, known.values())):
            return KeyChecks(now)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return KeyChecks(now)
    return KeyChecks(now, known, written.st_mtime_ns)


def save(store: Path, checks: KeyChecks) -> None:
    """Write the record if it has changed.

    If the disk refuses, the next pass takes longer.
    """
    if not checks.is_changed and checks.seen.keys() == checks.known.keys():
        return
    raw = {"sets": checks.seen}
    with contextlib.suppress(OSError):
        files.write_atomic(store / FILE, json.dumps(raw).encode(), is_durable=False)


def _is_set(raw: object) -> bool:
    return isinstance(raw, list) and [type(one) for one in raw] == [str, str, str, int, int, str, int]
