"""Restoring of the log from journals, after an older database was restored.

The tree continues as it was published. The rows of its last entries may be lost, so only their hashes come back. An
entry declares them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.evidence.log_tree import LOG, checkpoints, count_lost, leaves, log_keys, own_acts
from sinetti.database.evidence.sequencer import HeadSigner, LogDiverged, add_leaves, entry_count, waiting_rows
from sinetti.journal.reader import JournalError
from sinetti.wire.transparency.merkle import Lookup, ProofError
from sinetti.wire.transparency.notes import NoteError, VerifierKey, open_checkpoint

RESTORED = "log-restored"
"""Action of the entry that declares entries whose rows are lost."""


LOST = "log-entries-lost"
"""Action of an entry with hashes of lost rows that never entered the tree."""

_HASHES_EACH = 50


class LogNotRestored(JournalError):
    """Journal that does not continue the log of the database; the sentence says where."""


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """Line of a journal about the log.

    It has the first index, the hashes, and the checkpoint (octets of the note).
    """

    first: int
    leaves: tuple[bytes, ...]
    note: bytes

    @property
    def end(self) -> int:
        """Index after the last entry."""
        return self.first + len(self.leaves)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> "LoggedLine":
        """Return the content of a journal line."""
        return LoggedLine(facts["first"], tuple(map(bytes.fromhex, facts["leaves"])), facts["note"].encode())


def restore_log(db: Database, lines: Iterable[LoggedLine], now: datetime, audit: AuditContext) -> int:
    """Add the entries that only the journals have, and return their number.

    `now` is the machine's time. Rows that are there get their places again. Raises LogNotRestored.
    """
    with transaction.atomic(using=db.alias):
        start = entry_count(db)
        keys, lost = log_keys(db), 0
        for line in sorted(lines, key=lambda one: (one.end, one.first)):
            size = entry_count(db)
            if line.end <= size:
                continue
            if line.first > size:
                sentence = f"no journal has the entries of the log from {size} to {line.first}"
                raise LogNotRestored(sentence)
            rows, new = waiting_rows(db), line.leaves[size - line.first :]
            found = [(rows.get(leaf), leaf) for leaf in new]
            lost += sum(sequence is None for sequence, _ in found)
            try:
                add_leaves(db, size, found, HeadSigner(now, partial(_signed_before, line, keys)))
            except LogDiverged as bad:
                raise LogNotRestored(str(bad)) from bad
        added = entry_count(db) - start
        if lost:
            audit_log.write(db, audit, RESTORED, LOG, first=start, count=added, lost=lost)
        return added


def declare_lost(db: Database, entries: Iterable[str], audit: AuditContext) -> int:
    """Declare the entries that are neither in the tree nor wait to enter it.

    They are given as hashes in hex. Returns their number. Journals have them, but their rows were lost with the
    database.
    """
    known = {one.leaf.hex() for one in leaves(db, 0, entry_count(db))}
    known |= {leaf.hex() for leaf in waiting_rows(db)} | lost_entries(db)
    unknown = [one for one in dict.fromkeys(entries) if one not in known]
    with transaction.atomic(using=db.alias):
        for start in range(0, len(unknown), _HASHES_EACH):
            hashes = " ".join(unknown[start : start + _HASHES_EACH])
            audit_log.write(db, audit, LOST, LOG, hashes=hashes)
    return len(unknown)


def lost_entries(db: Database) -> set[str]:
    """Return the hashes of entries that never entered the tree, as declared.

    They are in hex.
    """
    entries = [act.entry for act in own_acts(db, LOST) if act.entry is not None]
    return {one for entry in entries for one in str(entry.facts.get("hashes")).split()}


def declared_losses(db: Database, size: int, heads: Collection[int]) -> list[range]:
    """Return the ranges of entries whose loss an entry declares.

    `heads` are the sizes that checkpoints sign. A declaration counts only for entries before itself, from one
    checkpoint to another, as a restore makes them, and if as many of their rows are lost as it says.
    """
    found = []
    for act in own_acts(db, RESTORED):
        facts = {} if act.entry is None else act.entry.facts
        first, count, lost = (facts.get(name) for name in ("first", "count", "lost"))
        if not (isinstance(first, int) and isinstance(count, int)):
            continue
        end, limit = first + count, size if act.index is None else act.index
        # The entry may still wait to enter the tree.
        if first < end <= limit and first in heads and end in heads and count_lost(db, first, end) == lost:
            found.append(range(first, end))
    return found


def _signed_before(line: LoggedLine, keys: Sequence[VerifierKey], size: int, root: bytes, _lookup: Lookup) -> bytes:
    """Return the note of a line, after checking its checkpoint.

    It must be the head that the entries make.
    """
    try:
        checkpoint, _ = open_checkpoint(line.note, *keys)
    except (NoteError, ProofError) as bad:
        sentence = f"the journal's checkpoint of {size} entries of the log is not one of this authority ({bad})"
        raise LogNotRestored(sentence) from bad
    if checkpoint.head != (size, root):
        sentence = f"the journal's first {size} entries of the log are not those of the register and its checkpoint"
        raise LogNotRestored(sentence)
    return line.note


def unlogged(db: Database, ranges: Iterable[tuple[int, int]], start: int = 0) -> Iterator[LoggedLine]:
    """Yield the lines from `start` on that journals with these ranges of entries lack.

    Each ends at a checkpoint.
    """
    covered = sorted(ranges)
    for size, note in checkpoints(db, start):
        while covered and covered[0][0] <= start:
            start = max(start, covered.pop(0)[1])
        if size > start:
            yield LoggedLine(start, tuple(one.leaf for one in leaves(db, start, size)), note)
            start = size
