"""Shipment of journals to another machine (docs/operators/journal.md).

At the target each journal is a file NODE.ID.jsonl that only grows. Only lines that are on disk here are shipped. Each
round compares the end of the target's file with the line that was shipped last, and appends the rest. A file whose end
is another is compared from its beginning, and never changed if it differs. DIR/journal-shipped.json keeps the ends.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic
from sinetti.journal import reader
from sinetti.journal.crl_archive import list_name
from sinetti.journal.reader import FIRST, JournalDamaged, JournalError, JournalLine

_BLOCK = 1 << 20
_SFTP_TIMEOUT = 600
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./~-]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LISTED = re.compile(r"(?P<type>.)\S+(?:\s+\S+){3}\s+(?P<size>\d+)\s.*?(?P<name>[A-Za-z0-9.-]+)\s*")
_SHIPPED = (".jsonl", ".crl")


class ShipmentError(JournalError):
    """Target that cannot be reached or written now; the next round tries again."""


class ShipmentDiffers(JournalDamaged):
    """File at the target that is not the beginning of its journal."""


@dataclass(frozen=True, slots=True)
class ShippedEnd:
    """End of a journal at the target: octets and lines, and the last line's digest.

    `is_whole` is True for a journal that has ended and is there completely.
    """

    octets: int = 0
    lines: int = 0
    digest: str = FIRST
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class ShipmentRecord:
    """Ends of the journals at the target, by the name of the file there.

    `complete_at` is the beginning of the last complete round.
    """

    to: str
    complete_at: datetime | None
    ends: dict[str, ShippedEnd]

    @staticmethod
    def load(path: Path) -> "ShipmentRecord | None":
        """Load the record of a folder; None if there is none or it cannot be read."""
        try:
            stored = json.loads(path.read_bytes())
            at = None if stored["complete_at"] is None else datetime.fromisoformat(stored["complete_at"])
            ends = {name: ShippedEnd(**end) for name, end in stored["ends"].items()}
            return ShipmentRecord(str(stored["to"]), at, ends)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, path: Path) -> None:
        """Write the record. Raises OSError."""
        at = None if self.complete_at is None else self.complete_at.isoformat()
        stored = {"to": self.to, "complete_at": at, "ends": {name: asdict(end) for name, end in self.ends.items()}}
        write_atomic(path, json.dumps(stored).encode() + b"\n", PRIVATE)


@dataclass(frozen=True, slots=True)
class ShipmentReport:
    """Number of lines and lists that a round added, and of the journals at the target."""

    lines: int
    lists: int
    journals: int


class ShipmentTarget(Protocol):
    """Folder of another machine: files are listed, read and extended."""

    def sizes(self) -> dict[str, int]:
        """Return the size of each file. Raises ShipmentError."""

    def read(self, name: str, start: int, into: Path) -> None:
        """Write a file's octets from `start` on to a local file, at the same place."""

    def extend(self, name: str, size: int, source: Path) -> None:
        """Add what a local file has beyond the target's `size`, and wait for the disk."""


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """Target that is a folder, such as a mounted disk."""

    folder: Path

    def sizes(self) -> dict[str, int]:
        """Return the size of each file."""
        with _target_errors(str(self.folder)):
            return {path.name: path.stat().st_size for path in self.folder.iterdir() if path.is_file()}

    def read(self, name: str, start: int, into: Path) -> None:
        """Copy a file's octets from `start` on."""
        with _target_errors(str(self.folder)), (self.folder / name).open("rb") as source, into.open("r+b") as file:
            source.seek(start)
            file.seek(start)
            shutil.copyfileobj(source, file, _BLOCK)

    def extend(self, name: str, size: int, source: Path) -> None:
        """Append to a file and sync it."""
        path = self.folder / name
        with _target_errors(str(self.folder)):
            # Without O_NONBLOCK a named pipe at the target would stop the shipment for ever.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
            with source.open("rb") as file, os.fdopen(os.open(path, flags, PRIVATE), "ab") as target:
                status = os.fstat(target.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size != size:
                    raise ShipmentError(f"{path} is no file, or changed during this round")
                file.seek(size)
                shutil.copyfileobj(file, target, _BLOCK)
                target.flush()
                os.fsync(target.fileno())
            sync_path(self.folder)


@dataclass(frozen=True, slots=True)
class SftpTarget:
    """Target behind OpenSSH's sftp, which resumes transfers (`put -a`, `get -a`).

    Keys and known hosts are those of the user's ssh configuration.
    """

    host: str
    port: int | None
    path: str
    program: tuple[str, ...] = ("sftp",)

    def sizes(self) -> dict[str, int]:
        """Return the size of each file."""
        found = {}
        for line in self._run(f"ls -ln {self.path}/").splitlines():
            if (listed := _LISTED.fullmatch(line)) is None:
                continue
            if listed["type"] == "-":
                found[listed["name"]] = int(listed["size"])
            elif listed["name"].endswith(_SHIPPED):
                # An upload would follow a symbolic link, and overwrite the file behind it.
                raise ShipmentError(
                    f"{self.path}/{listed['name']} at {self.host} is no file: look at it, and move it away"
                )
        return found

    def read(self, name: str, start: int, into: Path) -> None:
        """Fetch a file's octets from `start` on, which the local file lacks."""
        os.truncate(into, start)
        self._run(f"get -a {self.path}/{name} {into.name}", into.parent)

    def extend(self, name: str, size: int, source: Path) -> None:
        """Resume the upload of a file at the target's end."""
        self._run(f"put {'-af' if size else '-f'} {source.name} {self.path}/{name}", source.parent)

    def _run(self, batch: str, folder: Path | None = None) -> str:
        port = () if self.port is None else ("-P", str(self.port))
        command = [*self.program, "-q", "-oBatchMode=yes", "-oConnectTimeout=20", "-b", "-", *port, "--", self.host]
        try:
            done = subprocess.run(  # noqa: S603 - OpenSSH, with a host from the command line
                command,
                input=f"{batch}\n",
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_SFTP_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failed:
            raise ShipmentError(f"{self.program[0]} to {self.host} failed: {failed}") from failed
        if done.returncode:
            raise ShipmentError(f"{self.program[0]} to {self.host} failed: {' '.join(done.stderr.split())[:300]}")
        return done.stdout


def target_of(text: str) -> ShipmentTarget:
    """Return the target that a folder or an `sftp://[USER@]HOST[:PORT]/PATH` names.

    A path that begins with `/~/` is below the user's home. Raises ValueError.
    """
    if not text or (_SCHEME.match(text) and not text.startswith("sftp://")):
        raise ValueError(f"{text!r} is neither a folder nor an address that begins with sftp://")
    if not text.startswith("sftp://"):
        folder = Path(text)
        if not folder.is_dir():
            raise ValueError(f"{text} is not a folder")
        return FolderTarget(folder)
    parts = urlsplit(text)
    path = unquote(parts.path).rstrip("/").removeprefix("/~/")
    if parts.password is not None or parts.query or parts.fragment or not parts.hostname:
        raise ValueError("an address has the form sftp://USER@HOST:PORT/PATH, without a password: give ssh a key")
    if not _PLAIN_PATH.fullmatch(path) or ".." in path.split("/"):
        raise ValueError(f"the path {path!r} is empty, or has other characters than letters, digits and . _ - /")
    host = parts.hostname if parts.username is None else f"{parts.username}@{parts.hostname}"
    if host.startswith("-") or parts.hostname.startswith("-"):
        # sftp and ssh would take it for an option, which can name a program to run.
        raise ValueError(
            "an address has the form sftp://USER@HOST:PORT/PATH, and neither USER nor HOST begins with a hyphen"
        )
    return SftpTarget(host, parts.port, path)


@dataclass(frozen=True, slots=True)
class Shipper:
    """Shipment of one folder's journals to a target.

    `record` is the file with the ends.
    """

    folder: Path
    instance_id: str
    record: Path
    to: str
    target: ShipmentTarget

    def ship(self, now: datetime, *, is_full: bool = False) -> ShipmentReport:
        """Append to the target what it lacks.

        With `is_full` each file there is compared from its beginning. Raises ShipmentDiffers for a file that is not the
        beginning of its journal, after the others were shipped. Raises ShipmentError, JournalDamaged and OSError.
        """
        known = ShipmentRecord.load(self.record)
        if known is None or known.to != self.to:
            known = ShipmentRecord(self.to, None, {})
        sizes, lines, faults = self.target.sizes(), 0, []
        ends = dict(known.ends)
        with tempfile.TemporaryDirectory(dir=self.record.parent, prefix=".ship-") as place:
            for name, path in self._journals().items():
                try:
                    there = sizes.get(name, 0), None if is_full else ends.get(name)
                    end, added = self._ship(path, name, there, Path(place))
                except ShipmentDiffers as differs:
                    faults.append(differs)
                    continue
                lines += added
                ends[name] = end
                replace(known, ends=ends).save(self.record)
        lists = self._ship_lists(sizes)
        if faults:
            raise faults[0]
        replace(known, ends=ends, complete_at=now).save(self.record)
        return ShipmentReport(lines, lists, len(ends))

    def _journals(self) -> dict[str, Path]:
        """Return our journals by their name at the target.

        An open one wins over its copies.
        """
        paths = {}
        for path in sorted(reader.files(self.folder), key=lambda path: (_is_open(path), path)):
            first = reader.first_line(path)
            if first is not None and first.facts.get("instance") == self.instance_id:
                paths[target_name(first)] = path
        return paths

    def _ship(self, path: Path, name: str, there: tuple[int, ShippedEnd | None], place: Path) -> tuple[ShippedEnd, int]:
        """Append what the target lacks of one journal.

        Returns its new end there, and the number of lines added.
        """
        size, known = there
        if known is not None and size == known.octets and known.is_whole:
            return known, 0
        staged = place / name
        staged.touch(PRIVATE)
        try:
            if known is None or size != known.octets or not self._ends_with(name, known, staged):
                known = self._compared(path, name, size, staged)
            end = self._extend(path, name, (size, known), staged)
            return end, end.lines - known.lines
        finally:
            staged.unlink(missing_ok=True)

    def _ends_with(self, name: str, known: ShippedEnd, staged: Path) -> bool:
        """Return True if the target's last line is the one that was shipped last."""
        if not known.octets:
            return True
        start = max(0, known.octets - _BLOCK)
        self.target.read(name, start, staged)
        with staged.open("rb") as file:
            file.seek(start)
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return reader.digest(last) == known.digest

    def _compared(self, path: Path, name: str, size: int, staged: Path) -> ShippedEnd:
        """Compare the target's file from the beginning; return its last whole line.

        Raises ShipmentDiffers.
        """
        end = ShippedEnd()
        if not size:
            return end
        self.target.read(name, 0, staged)
        with staged.open("rb") as there, reader.opened(path) as here:
            for ours in reader.raw_lines(path, here):
                theirs = there.read(len(ours))
                if not ours.startswith(theirs):
                    break
                if theirs != ours:
                    return end
                end = ShippedEnd(end.octets + len(ours), end.lines + 1, reader.digest(ours[:-1]))
            if end.octets == size:
                return end
        raise ShipmentDiffers(
            f"{name} at {self.to} differs from {path} after line {end.lines}, and was not changed: run sinetti "
            "authority journal verify here; if the journal is intact, move the other file away and it is shipped again"
        )

    def _extend(self, path: Path, name: str, there: tuple[int, ShippedEnd], staged: Path) -> ShippedEnd:
        """Stage the lines that the target lacks in a sparse file, and append them."""
        size, end = there
        is_open = _is_open(path)
        limit = int(reader.heads(self.folder).get(_id_in_name(name), "0").partition(" ")[0]) if is_open else None
        os.truncate(staged, end.octets)
        with reader.opened(path) as file, staged.open("r+b") as rest:
            file.seek(end.octets)
            rest.seek(end.octets)
            for octets in reader.raw_lines(path, file):
                line = JournalLine.parse(octets[:-1]) if octets.endswith(b"\n") else None
                if (limit is not None and end.lines >= limit) or (line is None and not octets.endswith(b"\n")):
                    break
                if line is None or (line.sequence, line.previous) != (end.lines + 1, end.digest):
                    raise JournalDamaged(
                        f"{path.name}: line {end.lines + 1} was changed: run sinetti authority journal verify"
                    )
                rest.write(octets)
                end = ShippedEnd(end.octets + len(octets), line.sequence, line.digest)
        if end.octets > size:
            self.target.extend(name, size, staged)
        return replace(end, is_whole=not is_open)

    def _ship_lists(self, sizes: dict[str, int]) -> int:
        """Ship the archived CRLs that the target lacks, and return their number."""
        count = 0
        for path in sorted(self.folder.glob("*.crl")):
            size = sizes.get(path.name, 0)
            if list_name(path) is None or not _PLAIN_PATH.fullmatch(path.name):
                continue
            if size < path.stat().st_size:
                self.target.extend(path.name, size, path)
                count += 1
        return count


def target_name(first: JournalLine) -> str:
    """Return the name of a journal at a target: its node and its id.

    Both stay when the file ends.
    """
    node = re.sub(r"[^A-Za-z0-9-]", "-", str(first.facts.get("node")))
    return f"{node}.{reader.journal_id(first)}.jsonl"


def _id_in_name(name: str) -> str:
    return name.removesuffix(".jsonl").rpartition(".")[2]


def shipping_lag(record: Path, folder: Path, now: datetime) -> timedelta | None:
    """Return the time since which the target may lack lines.

    It is zero if the target has all, and None if nothing is shipped. `record` is the file of the authority's folder,
    `folder` that of the journals.
    """
    known = ShipmentRecord.load(record)
    if known is None:
        return None
    shipped = {_id_in_name(name): end for name, end in known.ends.items()}
    open_ends = reader.heads(folder)
    has_all = all(
        own in shipped and end == f"{shipped[own].lines} {shipped[own].digest}" for own, end in open_ends.items()
    )
    there = {own for own, end in shipped.items() if end.is_whole} | open_ends.keys()
    if has_all and all(_id_in_file(path) in there for path in reader.files(folder) if not _is_open(path)):
        return timedelta(0)
    return timedelta.max if known.complete_at is None else max(timedelta(0), now - known.complete_at)


def _is_open(path: Path) -> bool:
    return path.with_name(f"{path.name}.head").exists()


def _id_in_file(path: Path) -> str | None:
    first = reader.first_line(path)
    return None if first is None else reader.journal_id(first)


@contextmanager
def _target_errors(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise ShipmentError(f"{place} cannot be used: {failed.strerror}") from failed
