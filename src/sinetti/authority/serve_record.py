"""Record of the serving process in `DIR/serving.json`.

It has the addresses that the parent serves and the result of its last reload. `authority check` and `authority reload`
read it. The serving parent locks the file as long as it lives, so a record without a lock is of an earlier run.
"""

import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from time import sleep
from typing import Any

from sinetti.authority.data_directory import DataDirectory

_LONGEST = 64 * 1024
_TRIES = 5
_LOCK_PAUSE = 0.02
"""Seconds between tries; a reader has the lock for a moment (`_is_free`)."""

_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class ServeRecord:
    """Serving parent: its process id, the addresses, and its reloads.

    `soap`, `status` and `people` are addresses as URLs. `tls` are the files of certificate and key. `is_taken` and
    `sentence` are the result of the last of `reload_count` reloads.
    """

    pid: int
    soap: str
    status: str
    people: str | None = None
    tls: tuple[str, str] | None = None
    reload_count: int = 0
    is_taken: bool = True
    sentence: str = ""


class ServeRecorder:
    """Writer of the record, in the serving parent.

    Another parent that serves the same folder has the lock already; then nothing is recorded.
    """

    def __init__(self, folder: DataDirectory) -> None:
        """Open and lock the file. Raises OSError if it cannot be opened."""
        self._handle = os.open(folder.serve_record, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._record: ServeRecord | None = None
        self._has_lock = _take_lock(self._handle)

    def begin(self, record: ServeRecord) -> None:
        """Write the record of a parent that serves now."""
        self._write(record)

    def taken(self, record: ServeRecord) -> None:
        """Write the record of new settings, which the service has taken."""
        self._write(replace(record, reload_count=self._count() + 1))

    def kept(self, why: str) -> None:
        """Write the reason for which the service keeps its former settings."""
        if self._record is not None:
            self._write(replace(self._record, reload_count=self._count() + 1, is_taken=False, sentence=why))

    def close(self) -> None:
        """Release the lock. The end of the process does the same."""
        os.close(self._handle)
        self._has_lock = False

    def _count(self) -> int:
        return 0 if self._record is None else self._record.reload_count

    def _write(self, record: ServeRecord) -> None:
        self._record = record
        if not self._has_lock:
            return
        octets = json.dumps(asdict(record)).encode()
        # In place, because the lock belongs to this file. A full disk must not end the service.
        with suppress(OSError):
            os.pwrite(self._handle, octets, 0)
            os.ftruncate(self._handle, len(octets))


def find_serving(folder: DataDirectory) -> ServeRecord | None:
    """Return the record of the parent that serves this folder now, or None.

    Raises OSError if the file cannot be read.
    """
    for _ in range(_TRIES):
        try:
            handle = os.open(folder.serve_record, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            if _is_free(handle):
                return None
            with suppress(ValueError, TypeError, KeyError):  # the parent is writing: read again
                return _parsed(os.pread(handle, _LONGEST, 0))
        finally:
            os.close(handle)
    return None


def _take_lock(handle: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_LOCK_PAUSE)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False


def is_process_of_owner(folder: DataDirectory, record: ServeRecord) -> bool:
    """Return True if the recorded process belongs to the owner of the folder.

    Check it before a signal. That owner writes the record, and must not have root send a signal to any other process.
    """
    try:
        return (_PROCESSES / str(record.pid)).stat().st_uid == folder.root.stat().st_uid
    except OSError:  # there is no such process, or this user must not see it
        return False


def _is_free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parsed(octets: bytes) -> ServeRecord:
    raw: dict[str, Any] = json.loads(octets)
    if type(raw["pid"]) is not int or raw["pid"] <= 1:  # 0 and less are groups of processes, 1 is init
        raise TypeError
    tls = raw.pop("tls")
    # A parent of another version may write other members.
    known = {field.name: raw[field.name] for field in fields(ServeRecord) if field.name in raw}
    return ServeRecord(**known, tls=None if tls is None else (str(tls[0]), str(tls[1])))


def wait_for_reload(folder: DataDirectory, before: ServeRecord, pause: Callable[[], bool]) -> ServeRecord | None:
    """Return the record with the result of the reload after `before`.

    `pause` waits a moment and returns False at the end of the time. Returns None then, or if the service has ended.
    """
    while pause():
        now = find_serving(folder)
        if now is None or now.pid != before.pid:
            return None
        if now.reload_count > before.reload_count:
            return now
    return None


def tls_files(record: ServeRecord) -> tuple[Path, Path] | None:
    """Return the files of the TLS pair that a parent serves, or None."""
    return None if record.tls is None else (Path(record.tls[0]), Path(record.tls[1]))
