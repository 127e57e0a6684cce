"""Writer of the journal: an append-only, hash-chained file.

See docs/operators/journal.md.

It is beside database and folder. One process writes one file. A line is JSON: sequence, machine time, kind, facts,
SHA-256 of the previous line, and its own. It is on disk (fsync) before `append` returns. One fsync serves all waiting
threads. With the first fact of a month the writer ends its file, gives it a name with its month, and begins another.
"""

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sinetti.infra.atomic_files import sync_path
from sinetti.infra.clock import format_instant
from sinetti.journal import crl_archive, month_files, reader
from sinetti.journal.crl_archive import ArchivedCrlName
from sinetti.journal.marker import JournalMark
from sinetti.journal.reader import (
    FIRST,
    SUFFIX,
    JournalDamaged,
    JournalError,
    digest,
    head_record,
    last_line,
)

_log = logging.getLogger(__name__)
_MOST_FILES = 1000
MOST_LINES = 10_000
"""Lines of a file from which the writer ends it before the month does.

A start reads all lines that are not closed. It reads these in half a second.
"""

_REMEMBERED = 2000
LEAST_ROOM = 1024 * 1024
"""Free octets on the disk below which nothing is written."""


class JournalUnavailable(JournalError):
    """Journal that cannot be written now, so no response that needs it may be sent."""


class JournalMissing(JournalUnavailable):
    """Journal that is missing, though this node has written one.

    It is lost, or its folder is not mounted. No new one is started.
    """


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Irrevocable fact: its kind and the data that restore it.

    The kinds are in database/issuance/journal_records.py.
    """

    kind: str
    facts: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """Kind and object of the fact.

        The object is a certificate's serial, a CA's name with its version, or the index of the log's first entry.
        """
        if "version" in self.facts:
            return self.kind, f"{self.facts['name']} {self.facts['version']}"
        return self.kind, self.facts.get("serial") or str(self.facts.get("first"))


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """Owner of a journal; the fields are in its first line."""

    instance_id: str
    environment: str
    node: str


class NullJournal:
    """Journal that records nothing, for tests of other subjects."""

    def append(self, facts: Sequence[JournalEntry]) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing; no fact is at risk."""

    def heads(self) -> dict[str, str]:
        """Return nothing: there is no journal."""
        return {}

    def holds(self, _kind: str, _serial: str) -> bool:
        """Return False: this process has recorded no fact of a certificate."""
        return False

    def keep_list(self, name: ArchivedCrlName, der: bytes, base: Callable[[], bytes]) -> None:
        """Do nothing."""


NO_JOURNAL = NullJournal()


class Journal:
    """Journal of this process, in the first file of the folder that is not in use.

    The first fact opens it. Opening raises JournalUnavailable if it cannot be written, and JournalMissing if `mark`
    says that one existed. It raises JournalDamaged if its last line was changed, or if the journal is another
    authority's.
    """

    def __init__(
        self, folder: Path, owner: JournalHeader, now: Callable[[], datetime], mark: JournalMark | None = None
    ) -> None:
        """Store the location; `now` is the machine's clock."""
        self.folder, self._owner, self._now, self._mark = folder, owner, now, mark
        self._anew = False
        self._writing, self._syncing, self._listing = Lock(), Lock(), Lock()
        self._handle: int | None = None
        self._head: int | None = None
        self._end = (0, FIRST)  # how many lines are written, and the digest of the last: one value, read without a lock
        self._path, self._month, self._goes_on = folder, "", False
        self._synced = 0
        self._recent: dict[tuple[str, str], None] = {}
        self._pending: dict[tuple[str, str], JournalEntry] = {}
        self._failed = False

    @property
    def instance_id(self) -> str:
        """Id of the authority whose facts it records."""
        return self._owner.instance_id

    def open(self) -> None:
        """Open the file now, so that errors occur before the first fact."""
        with self._writing, _JournalErrors("opened"):
            self._open()

    def check(self) -> None:
        """Raise JournalUnavailable or JournalDamaged if no fact could be written now."""
        self.open()
        with self._writing, _JournalErrors("written"):
            self._opened()
            space = os.statvfs(self.folder)
            if space.f_bavail * space.f_frsize < LEAST_ROOM:
                raise JournalUnavailable(f"the journal cannot be written: less than 1 MiB is left in {self.folder}")

    def check_not_lost(self) -> None:
        """Raise JournalMissing or JournalDamaged if a journal existed and is not here.

        No file is opened for writing.
        """
        if self._mark is not None and not self._anew:
            self._check_not_lost(self._mark)

    def is_missing(self) -> bool:
        """Return True if the folder has no journal of this authority, of any name or node."""
        return not any(_first_is_of(path, self._owner.instance_id) for path in reader.files(self.folder))

    def start_new(self) -> None:
        """Allow the next opening to start a journal, since the earlier one is lost."""
        self._anew = True

    def close(self) -> None:
        """Close the file, so that another process can use it."""
        with self._writing, self._syncing:
            self._close()

    def end_month(self) -> None:
        """End the open file if its month is over, though there is no new fact."""
        with self._writing, _JournalErrors("written"):
            if self._handle is not None:
                self._open()

    def _close(self) -> None:
        for handle in (self._handle, self._head):
            if handle is not None:
                os.close(handle)
        self._handle = self._head = None

    def append(self, facts: Sequence[JournalEntry]) -> None:
        """Write facts and return when they are on disk.

        Facts that could not be written before are written with them. The database has those already, and no caller
        repeats them, since each change of state happens once.
        """
        with self._writing, _JournalErrors("written"):
            self._pending |= {fact.key: fact for fact in facts}
            self._open()
            self._write(self._pending.values())
            self._pending.clear()
            mine, _ = self._end
        with self._syncing:
            if self._synced < mine:
                self._sync()
            self._remember(facts)

    def heads(self) -> dict[str, str]:
        """Return the end of each journal in the folder (reader.heads)."""
        return reader.heads(self.folder)

    def holds(self, kind: str, serial: str) -> bool:
        """Return True if this process recorded a fact of a certificate recently.

        Such a fact need not be written again.
        """
        return (kind, serial) in self._recent

    def keep_list(self, name: ArchivedCrlName, der: bytes, base: Callable[[], bytes]) -> None:
        """Archive the newest signed CRL of a shard before its publication.

        The archive is described in journal/crl_archive.py.
        """
        # A separate lock, so that facts do not wait for the writing of a CRL of 40 MB.
        with self._listing, _JournalErrors("written"):
            crl_archive.archive(self.folder, name, der, base)

    def _remember(self, facts: Sequence[JournalEntry]) -> None:
        self._recent |= {fact.key: None for fact in facts}
        for pair in tuple(self._recent)[: max(0, len(self._recent) - _REMEMBERED)]:
            del self._recent[pair]

    def _write(self, facts: Iterable[JournalEntry]) -> None:
        handle = self._opened()
        # Extended in place: a start may write a million facts, and a copy for each of them would be quadratic.
        (sequence, previous), lines = self._end, bytearray()
        for fact in facts:
            sequence += 1
            line = _line(sequence, self._now(), fact, previous)
            previous = digest(line)
            lines += line + b"\n"
        before = os.lseek(handle, 0, os.SEEK_END)
        try:
            written = os.write(handle, lines)
            while written < len(lines):
                written += os.write(handle, lines[written:])
        except OSError:
            # Remove the partial line, which would otherwise look like a torn line of a crash.
            os.ftruncate(handle, before)
            raise
        self._end = (sequence, previous)

    def _sync(self) -> None:
        """Flush all written lines to disk.

        The caller holds `_syncing`, or is opening the file.
        """
        end = self._end
        try:
            os.fsync(self._opened())
        except OSError as failed:
            # The system may have dropped the data and report no error at the next fsync, so the file is not used again.
            self._failed = True
            raise JournalUnavailable(
                f"the journal in {self.folder} cannot be written to disk: {failed.strerror}"
            ) from failed
        self._synced, _ = end
        if self._head is not None:
            with suppress(OSError):  # a hint for `journal verify`; the journal itself is on disk
                os.pwrite(self._head, head_record(*end), 0)

    def _opened(self) -> int:
        if self._handle is None or self._failed:
            raise JournalUnavailable(f"the journal in {self.folder} is not open: restart the process")
        return self._handle

    def _open(self) -> None:
        """Open a file, or the next one if the month of the open one is over."""
        if self._handle is None:
            self._open_file()
        while self._is_over():
            with self._syncing:
                self._sync()
                try:
                    month_files.retire(self._path)
                except OSError as failed:
                    _log.warning("%s cannot be renamed (%s): it goes on until the next start", self._path, failed)
                    self._goes_on = True
                    return
                self._close()
            self._open_file()

    def _is_over(self) -> bool:
        is_due = self._month != month_files.month_of(self._now()) or self._end[0] >= MOST_LINES
        return is_due and not self._goes_on

    def _open_file(self) -> None:
        self.check_not_lost()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, handle = _free_file(self.folder, self._owner.node)
        try:
            last, torn = last_line(path)
            if torn:
                _keep_aside(path, handle, torn)
            if last is not None:
                check_owner(path, self._owner.instance_id)
            self._end = (last.sequence, last.digest) if last else (0, FIRST)
            self._path, self._handle = path, handle
            self._head = os.open(f"{path}.head", os.O_RDWR | os.O_CREAT, 0o600)
            if last is None:
                self._write([JournalEntry("begun", _begun(self._owner))])
                sync_path(self.folder)
            if torn:
                self._write([JournalEntry("torn", {"octets": len(torn), "sha256": digest(torn)})])
            self._sync()
            self._month = month_files.begun_in(path)
        except BaseException:
            self._handle = None
            os.close(handle)
            raise
        if self._mark is not None:
            self._mark.write()

    def _check_not_lost(self, mark: JournalMark) -> None:
        if not self.is_missing() or (why := mark.expected()) is None:
            return
        for path in reader.missing_journals(self.folder):
            reader.check_present(path)
        raise JournalMissing(missing_sentence(self.folder, why, mark))


def missing_sentence(folder: Path, why: str, mark: JournalMark) -> str:
    """Return the message for a missing journal, with what to do."""
    return (
        f"{folder} contains no journal of this authority, but {why}: restore that folder (is it "
        f"mounted?) or copies of its journals; if they are permanently lost, {mark.recovery_hint}"
    )


def check_owner(path: Path, instance_id: str) -> None:
    """Raise JournalDamaged if a journal's first line names another authority."""
    if not _first_is_of(path, instance_id):
        what = f"{path} is not a journal of this authority"
        raise JournalDamaged(f"{what}: move it and its .head away, or bring ours back")


def _first_is_of(path: Path, instance_id: str) -> bool:
    first = reader.first_line(path)
    return first is not None and first.kind == "begun" and first.facts.get("instance") == instance_id


def _begun(owner: JournalHeader) -> dict[str, Any]:
    named = {"format": 1, "instance": owner.instance_id, "environment": owner.environment, "node": owner.node}
    return {**named, "id": secrets.token_hex(8)}  # so that no two journals begin with the same line


def _line(sequence: int, at: datetime, fact: JournalEntry, previous: str) -> bytes:
    body = {
        "sequence": sequence,
        "at": format_instant(at),
        "kind": fact.kind,
        "facts": fact.facts,
        "previous": previous,
    }
    octets = json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode()
    return octets[:-1] + SUFFIX + digest(octets).encode() + b'"}'


def _free_file(folder: Path, node: str) -> tuple[Path, int]:
    """Open the first of NODE.jsonl, NODE-2.jsonl … that no other process uses.

    This process owns it while it is open.
    """
    for number in range(1, _MOST_FILES):
        path = folder / (f"{node}.jsonl" if number == 1 else f"{node}-{number}.jsonl")
        if (handle := month_files.lock(path)) is not None:
            return path, handle
    raise JournalUnavailable(f"{_MOST_FILES} processes already write journals in {folder}")


def _keep_aside(path: Path, handle: int, torn: bytes) -> None:
    """Move the beginning of a line that a crash cut off into a separate file.

    No response depends on it.
    """
    kept = path.with_name(f"{path.name}.torn-{hashlib.sha256(torn).hexdigest()[:8]}")
    kept.write_bytes(torn)
    os.ftruncate(handle, os.fstat(handle).st_size - len(torn))
    _log.warning("%s ended in an incomplete line, which is kept in %s", path, kept)


class _JournalErrors:
    """Convert OSError into JournalUnavailable."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, failed: BaseException | None, _where: object) -> None:
        if isinstance(failed, OSError):
            raise JournalUnavailable(
                f"the journal cannot be {self._doing}: {failed.filename or 'its file'}: {failed.strerror}"
            ) from failed
