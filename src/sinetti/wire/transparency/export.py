"""Export of a range of the log, and its verification without a database.

See docs/evidence.md. The file is JSON lines in ASCII. The first line names the origin, the range, the checkpoint and
the hashes of the subtrees beside the range. Each further line has one entry.
"""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sinetti.wire.transparency.approvals import ApprovalRecord
from sinetti.wire.transparency.entries import EntryFields, parse_entry
from sinetti.wire.transparency.key_rotation import ACTION as ROTATION
from sinetti.wire.transparency.key_rotation import check_rotation, former_keys, rotated_keys
from sinetti.wire.transparency.merkle import HASH_SIZE, ProofError, Subtree, cover, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import Checkpoint, NoteError, VerifierKey, decode64, open_checkpoint

FORMAT = "sinetti-log@v1"

CHECKS: dict[str, Callable[[EntryFields], None]] = {"log-key-changed": check_rotation}
"""Check of an entry's own content by its action; it raises ProofError."""


class ExportError(Exception):
    """File that proves nothing as it is: unreadable, or without what the check needs."""


class KnownCheckpointError(ExportError):
    """Checkpoint that the reader kept, and that none of the log's keys signed."""


class EntryWrong(ProofError):
    """First entry of a file that is not as it was logged."""

    def __init__(self, index: int, sentence: str) -> None:
        """Keep the index of the entry."""
        super().__init__(f"entry {index}: {sentence}")
        self.index = index


@dataclass(frozen=True, slots=True)
class ExportHeader:
    """First line: range, checkpoint (a note), hashes left and right of the range."""

    start: int
    end: int
    checkpoint: bytes
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]

    def line(self) -> bytes:
        """Return the octets of the line."""
        return _line(
            {
                "format": FORMAT,
                "from": self.start,
                "to": self.end,
                "checkpoint": self.checkpoint.decode(),
                "left": [b64encode(octets).decode() for octets in self.left],
                "right": [b64encode(octets).decode() for octets in self.right],
            }
        )


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Result for a verified file: checkpoint, range, number of entries by kind.

    `absent` are indices of entries that the file has only as a hash. `signers` are the keys that signed the checkpoint.
    `approvals` is the number of signatures and passkeys in the entries that were verified again. `checks_officers` is
    False where entries before are not known, so that only signatures were verified. `origins` are sites of passkeys.
    `roots` are the SHA-256 of the root certificates whose keys replaced all officers.
    """

    checkpoint: Checkpoint
    start: int
    end: int
    kinds: Counter[str] = field(default_factory=Counter)
    absent: tuple[int, ...] = ()
    signers: tuple[VerifierKey, ...] = ()
    approvals: int = 0
    checks_officers: bool = True
    origins: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()


def entry_line(index: int, leaf: bytes, octets: bytes | None) -> bytes:
    """Return the line of one entry; its octets are None if only the hash is known."""
    encoded = None if octets is None else b64encode(octets).decode()
    return _line({"index": index, "leaf": b64encode(leaf).decode(), "entry": encoded})


def verify_export(lines: Iterable[bytes], key: VerifierKey, known: bytes | None = None) -> ExportReport:
    """Verify a file: every entry, the tree, the checkpoint's signature.

    `known` is a checkpoint (a note) that the reader kept; the exported log must continue it.

    Raises ExportError for a file that cannot be checked. Raises EntryWrong and ProofError for one that is not as it was
    signed.
    """
    rows = iter(lines)
    header = _header(next(rows, b""))
    run = _Run(header, key, known)
    for line in rows:
        run.take(line)
    return run.finish()


class _Run:
    """Verification of one file, line by line."""

    def __init__(self, header: ExportHeader, key: VerifierKey, known: bytes | None) -> None:
        self._header, self._keys, self._known = header, [key], known
        self._next, self._kinds, self._absent = header.start, Counter[str](), list[int]()
        self._approvals = ApprovalRecord(is_whole=header.start == 0)
        self._rotations: list[EntryFields] = []
        self._edge: list[Subtree] = []
        self._older = _checkpoint_of(known) if known is not None else None
        self._older_root: bytes | None = None
        extend(self._edge, _subtrees(0, header.start, header.left))
        self._pass()

    def take(self, line: bytes) -> None:
        """Check one entry and add its leaf."""
        at = self._next
        leaf, octets = _entry(line, at)
        if at >= self._header.end:
            raise EntryWrong(at, "it is more than the range that the first line names")
        if octets is None:
            self._absent.append(at)
            self._approvals.skip_unknown()
        else:
            if leaf_hash(octets) != leaf:
                raise EntryWrong(at, "its octets do not have the hash that was logged")
            self._kinds[self._content(at, octets)] += 1
        extend(self._edge, [Subtree(0, at, leaf)])
        self._next += 1
        self._pass()

    def finish(self) -> ExportReport:
        """Check the end of the range, the root and the signatures."""
        if self._next != self._header.end:
            raise EntryWrong(self._next, "it is missing")
        checkpoint, note = open_checkpoint(self._header.checkpoint, *self._keys)
        extend(self._edge, _subtrees(self._header.end, checkpoint.size, self._header.right))
        if root_of(self._edge) != checkpoint.root:
            raise ProofError("the entries do not make the tree that the checkpoint signs")
        self._check_older(checkpoint)
        signers = note.signers(self._keys)
        return ExportReport(
            checkpoint,
            self._header.start,
            self._header.end,
            self._kinds,
            tuple(self._absent),
            signers,
            self._approvals.verified,
            self._approvals.is_whole,
            tuple(sorted(self._approvals.origins)),
            tuple(sorted(self._approvals.roots)),
        )

    def _pass(self) -> None:
        """Keep the root of the tree when it has the size of the known checkpoint."""
        if self._older is not None and self._next == self._older.size:
            self._older_root = root_of(self._edge)

    def _check_older(self, checkpoint: Checkpoint) -> None:
        older = self._older
        if older is None or self._known is None:
            return
        try:
            open_checkpoint(self._known, *former_keys(self._rotations, self._keys))
        except (NoteError, ProofError) as bad:
            raise KnownCheckpointError(str(bad)) from bad
        if older.size > checkpoint.size:
            raise ProofError(f"the log was rewound: it had {older.size} entries and has {checkpoint.size} now")
        root = checkpoint.root if older.size == checkpoint.size else self._older_root
        if root is None:
            raise ExportError(
                f"the file has the entries from {self._header.start} to {self._header.end}, so it cannot be compared "
                f"with a checkpoint of {older.size} entries: export from an entry up to that number"
            )
        if root != older.root:
            raise ProofError(f"the log was rewritten: its first {older.size} entries differ from the known checkpoint")

    def _content(self, at: int, octets: bytes) -> str:
        try:
            entry = parse_entry(octets)
        except NoteError:
            return "other"
        try:
            if (check := CHECKS.get(entry.action)) is not None:
                check(entry)
            self._approvals.take(entry)
        except (NoteError, ProofError) as wrong:
            raise EntryWrong(at, str(wrong)) from wrong
        if entry.action == ROTATION:
            self._rotations.append(entry)
        self._keys.extend(rotated_keys(entry, self._keys))
        return entry.kind


def _subtrees(start: int, end: int, hashes: Sequence[bytes]) -> Iterator[Subtree]:
    places = list(cover(start, end))
    if len(places) != len(hashes):
        raise ExportError(
            f"the first line has {len(hashes)} hashes for the entries from {start} to {end}, not {len(places)}"
        )
    return (Subtree(level, index, digest) for (level, index), digest in zip(places, hashes, strict=True))


def _checkpoint_of(note: bytes) -> Checkpoint:
    try:
        return Checkpoint.parse(note.decode().partition("\n\n")[0] + "\n")
    except (UnicodeDecodeError, NoteError) as bad:
        raise KnownCheckpointError(str(bad)) from bad


def _header(line: bytes) -> ExportHeader:
    try:
        row = _row(line)
        hashes = [tuple(decode64(one, HASH_SIZE) for one in row[name]) for name in ("left", "right")]
        header = ExportHeader(row["from"], row["to"], row["checkpoint"].encode(), *hashes)
        is_range = type(header.start) is int and type(header.end) is int and 0 <= header.start <= header.end
        fits = row["format"] == FORMAT and is_range
    except (KeyError, TypeError, AttributeError, NoteError):
        fits = False
    if not fits:
        raise ExportError(f"the first line is not that of an exported log ({FORMAT})")
    return header


def _entry(line: bytes, at: int) -> tuple[bytes, bytes | None]:
    try:
        row = _row(line)
        if row["index"] != at:
            raise EntryWrong(at, f"entry {row['index']} is in its place")
        return decode64(row["leaf"], HASH_SIZE), None if row["entry"] is None else decode64(row["entry"])
    except (KeyError, TypeError, NoteError) as bad:
        raise EntryWrong(at, "its line cannot be read") from bad


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as bad:
        raise NoteError("the line is not JSON") from bad
    if not isinstance(row, dict):
        raise TypeError
    return row


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
