"""Files of a journal that have ended: NODE.MONTH-ID.jsonl, later compressed.

The writer of a journal renames it once its month is over or it is full. `sinetti authority journal close` compresses it
(services/issuance/close_journals.py). Each step leaves all lines in one file or the other.
"""

import fcntl
import gzip
import hashlib
import os
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sinetti.infra.atomic_files import sync_path
from sinetti.journal import reader

_LEVEL = 6
_ID_IN_NAME = 8
_ENDED = re.compile(rf".+\.\d{{4}}-\d{{2}}-[0-9a-f]{{{_ID_IN_NAME}}}\.jsonl")


def month_of(at: datetime) -> str:
    """Return the month of an instant in UTC, as in a file's name."""
    return at.astimezone(UTC).strftime("%Y-%m")


def begun_in(path: Path) -> str:
    """Return the month in which a journal began."""
    first = reader.first_line(path)
    return first.at[:7] if first is not None else ""


def lock(path: Path) -> int | None:
    """Open a journal for its one writer, or return None if another process has it.

    Raises OSError on a file system without locks, where two processes could write the same journal.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        os.close(handle)  # its writer gave it another name before this process had the lock


def retire(path: Path) -> Path:
    """Give a journal the name of a file that has ended, and return it.

    The caller holds its lock, and its lines are on disk. Its .head goes first: without the journal it would mean that
    the journal is missing.
    """
    first = reader.first_line(path)
    if first is None:
        raise reader.JournalDamaged(
            f"{path.name}: line 1 was changed: run sinetti authority journal verify for details"
        )
    ended = path.with_name(f"{path.stem}.{first.at[:7]}-{reader.journal_id(first)[:_ID_IN_NAME]}.jsonl")
    path.with_name(f"{path.name}.head").unlink(missing_ok=True)
    path.rename(ended)
    sync_path(path.parent)
    return ended


def retire_abandoned(folder: Path, instance_id: str, now: datetime) -> None:
    """End the journals of earlier months that no process writes any more."""
    for path in sorted(folder.glob("*.jsonl")):
        first = reader.first_line(path)
        is_ours = first is not None and first.kind == "begun" and first.facts.get("instance") == instance_id
        if not is_ours or _ENDED.fullmatch(path.name) or begun_in(path) == month_of(now):
            continue
        if (handle := lock(path)) is not None:
            try:
                _, torn = reader.last_line(path)
                if not torn:  # the next writer keeps the torn line aside, and ends the file
                    retire(path)
            finally:
                os.close(handle)


@contextmanager
def closing_lock(folder: Path) -> Iterator[None]:
    """Let one process at a time close the journals of a folder; others wait."""
    handle = os.open(folder / ".closing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def ended_files(folder: Path) -> list[Path]:
    """Return the files that have ended and are not compressed yet."""
    return sorted(path for path in folder.glob("*.jsonl") if _ENDED.fullmatch(path.name))


def compress(path: Path) -> Path:
    """Compress a file that has ended, read it again, and remove the original.

    Its lines are not verified. Raises JournalDamaged if the compressed file has other octets, and OSError if the disk
    is full. Then the original stays.
    """
    packed = path.with_name(f"{path.name}{reader.COMPRESSED}")
    beside = packed.with_name(f".{packed.name}.new")
    try:
        with path.open("rb") as source, beside.open("wb") as file:
            beside.chmod(0o600)
            with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as target:
                shutil.copyfileobj(source, target, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(packed)
    finally:
        beside.unlink(missing_ok=True)
    sync_path(path.parent)
    if _sha256_of_lines(packed) != _sha256_of_lines(path):
        raise reader.JournalDamaged(
            f"{packed.name}: it differs from {path.name}: look at the disk, then remove it and repeat the command"
        )
    path.unlink()
    sync_path(path.parent)
    return packed


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ends_of(path: Path) -> tuple[reader.JournalLine, reader.JournalLine]:
    """Return the first and the last line of a journal.

    Lines between them are not verified.

    Raises JournalDamaged if one of them was changed.
    """
    with reader.opened(path) as file:
        lines = reader.raw_lines(path, file)
        first = next(lines, b"")
        last = deque(lines, maxlen=1)
    ends = [reader.JournalLine.parse(octets.rstrip(b"\n")) for octets in (first, *(last or [first]))]
    if ends[0] is None or ends[1] is None:
        raise reader.JournalDamaged(
            f"{path.name}: its first or its last line was changed: run sinetti authority journal verify"
        )
    return ends[0], ends[1]


def _sha256_of_lines(path: Path) -> bytes:
    digest = hashlib.sha256()
    with reader.opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
