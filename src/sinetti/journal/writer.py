"""The journal: an append-only, hash-chained file beside database and folder (docs/journal.md).

One process writes one file. A line is JSON: sequence, machine time, kind, facts, SHA-256 of the line before it, and its
own. It is on disk (fsync) before `append` returns; one fsync serves every thread that waits for one.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sinetti.journal import crl_archive, reader
from sinetti.journal.crl_archive import ArchivedCrlName
from sinetti.journal.marker import JournalMark
from sinetti.journal.reader import (
    FIRST,
    SUFFIX,
    JournalDamaged,
    JournalError,
    JournalLine,
    digest,
    head_record,
    last_line,
)

_log = logging.getLogger(__name__)
_MOST_FILES = 1000
_REMEMBERED = 2000
_LEAST_ROOM = 1024 * 1024


class JournalUnavailable(JournalError):
    """Nothing can be written down now, so nothing may be answered that would have to be."""


class JournalMissing(JournalUnavailable):
    """No journal is where this node has written one: it is lost, or its folder is not mounted. None is begun."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Irrevocable fact: its kind (database/issuance/journal_records.py) and the data that restore it."""

    kind: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """Whose journal it is: these three stand in its first line."""

    instance_id: str
    environment: str
    node: str


class NullJournal:
    """No journal: for tests of what has nothing to do with it."""

    def append(self, facts: Sequence[JournalEntry]) -> None:
        """Write nothing down."""

    def check(self) -> None:
        """Find nothing in the way."""

    def holds(self, _kind: str, _serial: str) -> bool:
        """Whether a fact of a certificate was written down lately by this process: no."""
        return False

    def keep_list(self, name: ArchivedCrlName, der: bytes, base: Callable[[], bytes]) -> None:
        """Keep nothing."""


NO_JOURNAL = NullJournal()


class Journal:
    """The journal of this process, in the first file of the folder that no other process writes.

    Opened with the first fact. Raises JournalUnavailable where it cannot be written, JournalMissing where `mark` says
    that one was, JournalDamaged where its last line is not what was written or another authority's.
    """

    def __init__(
        self, folder: Path, owner: JournalHeader, now: Callable[[], datetime], mark: JournalMark | None = None
    ) -> None:
        """Remember where it is to be; `now` is the machine's clock."""
        self.folder, self._owner, self._now, self._mark = folder, owner, now, mark
        self._anew = False
        self._writing, self._syncing, self._listing = Lock(), Lock(), Lock()
        self._handle: int | None = None
        self._head: int | None = None
        self._end = (0, FIRST)  # how many lines are written, and the digest of the last: one value, read without a lock
        self._synced = 0
        self._recent: dict[tuple[str, str], None] = {}
        self._owed: dict[tuple[str, str], JournalEntry] = {}
        self._failed = False

    @property
    def instance_id(self) -> str:
        """Which authority's facts these are."""
        return self._owner.instance_id

    def open(self) -> None:
        """Open the file, so that what stands in its way is told now and not with the first fact."""
        with self._writing, _told("opened"):
            self._open()

    def check(self) -> None:
        """Raise JournalUnavailable, or JournalDamaged, where a fact could not be written down now."""
        self.open()
        with self._writing, _told("written"):
            self._opened()
            room = os.statvfs(self.folder)
            if room.f_bavail * room.f_frsize < _LEAST_ROOM:
                sentence = f"the journal cannot be written: {self.folder} has less than a mebibyte left"
                raise JournalUnavailable(sentence)

    def check_not_lost(self) -> None:
        """Raise JournalMissing, or JournalDamaged, where one was written and none is here; nothing is opened."""
        if self._mark is not None and not self._anew:
            self._check_not_lost(self._mark)

    def is_missing(self) -> bool:
        """Whether no journal of this authority is in the folder, of whatever name or node."""
        return not any(_first_is_of(path, self._owner.instance_id) for path in reader.files(self.folder))

    def start_new(self) -> None:
        """Let the next opening begin a journal though one was written before: it is lost for good."""
        self._anew = True

    def close(self) -> None:
        """Let another process have the file."""
        with self._writing, self._syncing:
            for handle in (self._handle, self._head):
                if handle is not None:
                    os.close(handle)
            self._handle = self._head = None

    def append(self, facts: Sequence[JournalEntry]) -> None:
        """Write facts down and return once they are on disk, and with them what could not be written before.

        The register has what is owed: nobody comes back with it, since its change of state is made only once.
        """
        with self._writing, _told("written"):
            self._owed |= {(fact.kind, fact.facts["serial"]): fact for fact in facts}
            self._open()
            self._write(self._owed.values())
            self._owed.clear()
            mine, _ = self._end
        with self._syncing:
            if self._synced < mine:
                self._sync()
            self._remember(facts)

    def holds(self, kind: str, serial: str) -> bool:
        """Whether a fact of a certificate was written down lately by this process, and need not be once more."""
        return (kind, serial) in self._recent

    def keep_list(self, name: ArchivedCrlName, der: bytes, base: Callable[[], bytes]) -> None:
        """Keep the newest signed CRL of a shard beside the journal, before it is published (journal/crl_archive.py)."""
        # A lock of its own: a list of 40 MB takes its time, and facts do not wait for it.
        with self._listing, _told("written"):
            crl_archive.archive(self.folder, name, der, base)

    def _remember(self, facts: Sequence[JournalEntry]) -> None:
        self._recent |= {(fact.kind, fact.facts["serial"]): None for fact in facts}
        for one in tuple(self._recent)[: max(0, len(self._recent) - _REMEMBERED)]:
            del self._recent[one]

    def _write(self, facts: Iterable[JournalEntry]) -> None:
        handle = self._opened()
        # Grown in place: a start may have a million facts to write, and copying all of them for each is quadratic.
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
            # What is half there would be taken for a torn line of a crash: take it away again.
            os.ftruncate(handle, before)
            raise
        self._end = (sequence, previous)

    def _sync(self) -> None:
        """Have everything that is written on disk; called with `_syncing` held, or by whoever opens the file."""
        end = self._end
        try:
            os.fsync(self._opened())
        except OSError as failed:
            # The system may have dropped what it could not write and say nothing the next time: trust it no more.
            self._failed = True
            sentence = f"the journal in {self.folder} cannot be made durable: {failed.strerror}"
            raise JournalUnavailable(sentence) from failed
        self._synced, _ = end
        if self._head is not None:
            with suppress(OSError):  # a hint for `journal verify`; the journal itself is on disk
                os.pwrite(self._head, head_record(*end), 0)

    def _opened(self) -> int:
        if self._handle is None or self._failed:
            sentence = f"the journal in {self.folder} is not open: start the process again"
            raise JournalUnavailable(sentence)
        return self._handle

    def _open(self) -> None:
        if self._handle is not None:
            return
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
            self._handle = handle
            self._head = os.open(f"{path}.head", os.O_RDWR | os.O_CREAT, 0o600)
            if last is None:
                self._write([JournalEntry("begun", _begun(self._owner))])
                _sync_folder(self.folder)
            if torn:
                self._write([JournalEntry("torn", {"octets": len(torn), "sha256": digest(torn)})])
            self._sync()
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
    """Say that no journal is there, and what to do."""
    return (
        f"no journal of this authority is in {folder}, though {why}: bring that folder back (is it mounted?), or copies"
        f" of its journals; only if they are lost for good, {mark.recovery_hint}"
    )


def check_owner(path: Path, instance_id: str) -> None:
    """Raise JournalDamaged where a journal's first line names another authority than this."""
    if not _first_is_of(path, instance_id):
        what = f"{path} is another authority's journal, or its first line is not what was written"
        sentence = f"{what}: move it and its .head away, or bring ours back"
        raise JournalDamaged(sentence)


def _first_is_of(path: Path, instance_id: str) -> bool:
    with path.open("rb") as file:
        first = JournalLine.parse(file.readline().rstrip(b"\n"))
    return first is not None and first.kind == "begun" and first.facts.get("instance") == instance_id


def _begun(owner: JournalHeader) -> dict[str, Any]:
    return {"format": 1, "instance": owner.instance_id, "environment": owner.environment, "node": owner.node}


def _line(sequence: int, at: datetime, fact: JournalEntry, previous: str) -> bytes:
    body = {
        "sequence": sequence,
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": fact.kind,
        "facts": fact.facts,
        "previous": previous,
    }
    octets = json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode()
    return octets[:-1] + SUFFIX + digest(octets).encode() + b'"}'


def _free_file(folder: Path, node: str) -> tuple[Path, int]:
    """Open the first of NODE.jsonl, NODE-2.jsonl … that no other process has; it is this one's while it is open."""
    for number in range(1, _MOST_FILES):
        path = folder / (f"{node}.jsonl" if number == 1 else f"{node}-{number}.jsonl")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        except OSError:
            # A file system without locks: two processes could write the same journal, so none does.
            os.close(handle)
            raise
        else:
            return path, handle
    sentence = f"{_MOST_FILES} processes write journals in {folder} already"
    raise JournalUnavailable(sentence)


def _keep_aside(path: Path, handle: int, torn: bytes) -> None:
    """Keep the beginning of a line that a crash cut off, and take it out: nothing was answered for it."""
    kept = path.with_name(f"{path.name}.torn-{hashlib.sha256(torn).hexdigest()[:8]}")
    kept.write_bytes(torn)
    os.ftruncate(handle, os.fstat(handle).st_size - len(torn))
    _log.warning("%s ended in a line that was cut off; it is kept in %s", path, kept)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _told:  # noqa: N801 - reads as what it does: with _told("written")
    """Tell what the system refuses as JournalUnavailable."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, failed: BaseException | None, _where: object) -> None:
        if isinstance(failed, OSError):
            sentence = f"the journal cannot be {self._doing}: {failed.filename or 'its file'}: {failed.strerror}"
            raise JournalUnavailable(sentence) from failed
