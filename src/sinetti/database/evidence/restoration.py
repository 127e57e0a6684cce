"""Restoring of the log from journals, after an older database was restored.

The tree continues as it was published. Facts come back with their content. Of its other last entries only the hashes
do, if their rows are lost. An entry declares them.
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
from sinetti.database.models import AuditEvent
from sinetti.journal.reader import JournalError
from sinetti.pki.encoding import sha256_hex
from sinetti.wire.transparency.approvals import is_fact
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import Lookup, ProofError, leaf_hash
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

    It has the first index, the hashes, the checkpoint (octets of the note), and the octets of entries that are facts.
    """

    first: int
    leaves: tuple[bytes, ...]
    note: bytes
    facts: tuple[bytes, ...] = ()

    @property
    def end(self) -> int:
        """Index after the last entry."""
        return self.first + len(self.leaves)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> "LoggedLine":
        """Return the content of a journal line."""
        octets = tuple(one.encode("ascii") for one in facts.get("facts", ()))
        return LoggedLine(facts["first"], tuple(map(bytes.fromhex, facts["leaves"])), facts["note"].encode(), octets)


def restore_log(db: Database, lines: Iterable[LoggedLine], now: datetime, audit: AuditContext) -> dict[int, bytes]:
    """Add the entries that only the journals have.

    Returns the hashes of those whose content is lost, by index. `now` is the machine's time. Rows that are there get
    their places again, and facts their rows. Raises LogNotRestored.
    """
    lost: dict[int, bytes] = {}
    with transaction.atomic(using=db.alias):
        start, keys = entry_count(db), log_keys(db)
        for line in sorted(lines, key=lambda logged_line: (logged_line.end, logged_line.first)):
            size = entry_count(db)
            if line.end <= size:
                continue
            if line.first > size:
                raise LogNotRestored(f"no journal has the entries of the log from {size} to {line.first}")
            new = line.leaves[size - line.first :]
            _insert_facts(db, line, set(new) - waiting_rows(db).keys())
            rows = waiting_rows(db)
            pairs = [(rows.get(leaf), leaf) for leaf in new]
            lost |= {index: leaf for index, (sequence, leaf) in enumerate(pairs, size) if sequence is None}
            try:
                add_leaves(db, size, pairs, HeadSigner(now, partial(_signed_before, line, keys)))
            except LogDiverged as bad:
                raise LogNotRestored(str(bad)) from bad
        added = entry_count(db) - start
        if lost:
            audit_log.write(db, audit, RESTORED, LOG, first=start, count=added, lost=len(lost))
    return lost


def _insert_facts(db: Database, line: LoggedLine, missing: Collection[bytes]) -> None:
    """Insert the rows of facts that only a journal has, as they were written."""
    for octets in line.facts:
        if leaf_hash(octets) in missing:
            entry = parse_entry(octets)
            db.rows(AuditEvent).create(
                at=datetime.fromisoformat(entry.at),
                actor=entry.actor,
                action=entry.action,
                object=entry.object,
                request_id=entry.request,
                octets=octets,
                sha256=sha256_hex(octets),
            )


def declare_lost(db: Database, entries: Iterable[str], audit: AuditContext) -> int:
    """Declare the entries that are neither in the tree nor wait to enter it.

    They are given as hashes in hex. Returns their number. Journals have them, but their rows were lost with the
    database.
    """
    known = {leaf.leaf.hex() for leaf in leaves(db, 0, entry_count(db))}
    known |= {leaf.hex() for leaf in waiting_rows(db)} | lost_entries(db)
    unknown = [entry for entry in dict.fromkeys(entries) if entry not in known]
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
    return {digest for entry in entries for digest in str(entry.facts.get("hashes")).split()}


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
        raise LogNotRestored(
            f"the journal's checkpoint of {size} entries of the log is not one of this authority ({bad})"
        ) from bad
    if checkpoint.head != (size, root):
        raise LogNotRestored(
            f"the journal's first {size} entries of the log are not those of the register and its checkpoint"
        )
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
            entries = list(leaves(db, start, size))
            rows = (bytes(entry.row.octets) for entry in entries if entry.row is not None)
            yield LoggedLine(start, tuple(entry.leaf for entry in entries), note, tuple(filter(is_fact, rows)))
            start = size
