"""Tree of the log as it is stored: heads, tiles, entries."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Max, Min, Subquery

from sinetti.database import sql
from sinetti.database.connection import Database
from sinetti.database.models import AuditEvent, LogCheckpoint, LogCosignature, LogEntry, LogNode
from sinetti.wire.transparency.entries import EntryFields, parse_entry
from sinetti.wire.transparency.key_rotation import ACTION as KEY_CHANGED
from sinetti.wire.transparency.key_rotation import next_key
from sinetti.wire.transparency.merkle import Lookup
from sinetti.wire.transparency.notes import Checkpoint, NoteError, SignedNote, VerifierKey, parse_signatures
from sinetti.wire.transparency.tiles import TileName, lookup_in

LOG, FOUNDED = "log", "log-founded"
"""Object of the log's own entries, and the action of the first one."""

_CHUNK = 2000
_SHOWN = """SELECT CASE WHEN a.action IN {actions} THEN a.octets ELSE e.leaf END
  FROM sinetti_logentry e LEFT JOIN sinetti_auditevent a ON a.sequence = e.sequence
 WHERE e."index" >= %(start)s AND e."index" < %(end)s ORDER BY e."index" """


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """Leaf of the tree with its audit row.

    Sequence number and row are None if the row is lost.
    """

    index: int
    leaf: bytes
    sequence: int | None
    row: AuditEvent | None


def find_head(db: Database) -> SignedNote | None:
    """Return the newest checkpoint with its cosignatures, or None."""
    newest = db.rows(LogCheckpoint).order_by("-size").first()
    return None if newest is None else _with_cosignatures(db, newest)


def _with_cosignatures(db: Database, row: LogCheckpoint) -> SignedNote:
    lines = db.rows(LogCosignature).filter(size=row.size).order_by("witness")
    more = [signature for line in lines.values_list("line", flat=True) for signature in parse_signatures(line)]
    return SignedNote.parse(bytes(row.note)).with_signatures(more)


def insert_cosignature(db: Database, size: int, witness: str, line: str) -> None:
    """Store the signature of a witness over a checkpoint; a stored one stays."""
    row = LogCosignature(size=size, witness=witness, line=line)
    db.rows(LogCosignature).bulk_create([row], ignore_conflicts=True)


def cosigned_size(db: Database, witness: str) -> int:
    """Return the size of the largest tree that a witness cosigned, or 0."""
    totals = db.rows(LogCosignature).filter(witness=witness).aggregate(largest=Max("size"))
    return int(totals["largest"] or 0)


def head_size(db: Database) -> int:
    """Return the number of entries that the newest checkpoint signs."""
    note = find_head(db)
    return 0 if note is None else Checkpoint.parse(note.text).size


def get_tile(db: Database, name: TileName) -> bytes:
    """Return the hashes of a tile that the tree has."""
    start = name.index * 256
    places = range(start, start + name.width)
    if name.level == 0:
        rows = db.rows(LogEntry).filter(index__gte=places.start, index__lt=places.stop)
        return b"".join(bytes(one) for one in rows.order_by("index").values_list("leaf", flat=True))
    nodes = db.rows(LogNode).filter(level=name.level, index__gte=places.start, index__lt=places.stop)
    return b"".join(bytes(one) for one in nodes.order_by("index").values_list("digest", flat=True))


def find_node(db: Database, level: int, index: int) -> bytes | None:
    """Return the hash of a complete subtree of `256**level` leaves, or None."""
    rows = db.rows(LogNode).filter(level=level, index=index)
    row = rows.values_list("digest", flat=True).first()
    return None if row is None else bytes(row)


def checkpoints(db: Database, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield size and note of every checkpoint from this size on, the smallest first."""
    rows = db.rows(LogCheckpoint).filter(size__gte=start).order_by("size").values_list("size", "note")
    for size, note in rows.iterator(chunk_size=_CHUNK):
        yield size, bytes(note)


def has_unsigned_entries(db: Database) -> bool:
    """Return True if there are entries beyond the newest checkpoint."""
    # One statement, since another process may add entries and their checkpoint at any moment.
    newest = db.rows(LogCheckpoint).order_by("-size").values("size")[:1]
    return db.rows(LogEntry).filter(index__gte=Subquery(newest)).exists()


def lookup(db: Database, size: int) -> Lookup:
    """Return a lookup of hashes in the tree of this size."""
    return lookup_in(size, lambda name: get_tile(db, name))


def find_leaf(db: Database, subject: str, action: str) -> StoredLeaf | None:
    """Return the first entry about this object with this action, or None."""
    rows = db.rows(AuditEvent).filter(object=subject, action=action).order_by("sequence")
    return _leaf_of(db, rows.first())


def find_key_change(db: Database, key_id: str) -> StoredLeaf | None:
    """Return the entry that replaced the log's key with this id (hex), or None."""
    log_keys = verified_keys(db)
    for old, act in zip(reversed(log_keys.keys), log_keys.changes, strict=False):  # the newest key has no change yet
        if old.key_id.hex() == key_id and act.index is not None:
            return next(leaves(db, act.index, act.index + 1), None)
    return None


def rows_about(db: Database, subject: str, action: str) -> Iterator[tuple[bytes, StoredLeaf | None]]:
    """Yield octets and leaf of the rows about this object, the newest first.

    They have this action. The leaf is None while the row waits to enter the tree.
    """
    rows = db.rows(AuditEvent).filter(object=subject, action=action).order_by("-sequence")
    for row in rows:
        yield bytes(row.octets), _leaf_of(db, row)


def leaves_with_rows(db: Database, indices: Collection[int]) -> dict[int, bytes]:
    """Return the hashes at these indices whose audit rows the database has."""
    entries = list(db.rows(LogEntry).filter(index__in=indices, sequence__isnull=False))
    rows = db.rows(AuditEvent).filter(sequence__in=[entry.sequence for entry in entries])
    there = set(rows.values_list("sequence", flat=True))
    return {entry.index: bytes(entry.leaf) for entry in entries if entry.sequence in there}


def _leaf_of(db: Database, row: AuditEvent | None) -> StoredLeaf | None:
    entry = None if row is None else db.rows(LogEntry).filter(sequence=row.sequence).first()
    return None if row is None or entry is None else StoredLeaf(entry.index, bytes(entry.leaf), row.sequence, row)


def leaves(db: Database, start: int, end: int) -> Iterator[StoredLeaf]:
    """Yield the entries of a range by their index.

    A gap in the table shows in the indices.
    """
    for first in range(start, end, _CHUNK):
        rows = db.rows(LogEntry).filter(index__gte=first, index__lt=min(first + _CHUNK, end))
        entries = list(rows.order_by("index"))
        known = db.rows(AuditEvent).in_bulk([entry.sequence for entry in entries if entry.sequence])
        for entry in entries:
            row = None if entry.sequence is None else known.get(entry.sequence)
            yield StoredLeaf(entry.index, bytes(entry.leaf), entry.sequence, row)


def list_shown(db: Database, start: int, end: int, actions: Iterable[str]) -> Iterator[bytes]:
    """Yield the octets of a range's entries with these actions; of others the hash."""
    for (octets,) in sql.read(db, _SHOWN.format(actions=tuple(actions)), {"start": start, "end": end}):
        yield bytes(octets)


def count_lost(db: Database, start: int, end: int) -> int:
    """Return the number of entries in a range of which only the hash is known."""
    return db.rows(LogEntry).filter(index__gte=start, index__lt=end, sequence=None).count()


def first_index_at(db: Database, instant: datetime) -> int | None:
    """Return the smallest index of the entries of this instant or later, or None.

    The beginning of the log, entry 0, is later than the rows of the founding that follow it. So it goes with entry 1.
    """
    rows = db.rows(AuditEvent).filter(at__gte=instant).values("sequence")
    totals = db.rows(LogEntry).filter(sequence__in=rows, index__gt=0).aggregate(first=Min("index"))
    return None if totals["first"] is None else int(totals["first"]) if totals["first"] > 1 else 0


@dataclass(frozen=True, slots=True)
class LogAct:
    """Audit row about the log itself.

    `index` is None while it waits to enter the tree. `entry` is None if the octets are not those of its action.
    """

    sequence: int
    index: int | None
    entry: EntryFields | None


def own_acts(db: Database, *actions: str) -> list[LogAct]:
    """Return the log's own rows with these actions, in the order of the tree.

    Rows that wait come last.
    """
    rows = db.rows(AuditEvent).filter(object=LOG, action__in=actions)
    log_acts = [LogAct(row.sequence, None, _entry_of(row)) for row in rows]
    entries = db.rows(LogEntry).filter(sequence__in=rows.values("sequence"))
    places = dict(entries.values_list("sequence", "index"))
    acts = [replace(log_act, index=places.get(log_act.sequence)) for log_act in log_acts]
    return sorted(acts, key=lambda act: (act.index is None, act.index or 0, act.sequence))


def _entry_of(row: AuditEvent) -> EntryFields | None:
    try:
        entry = parse_entry(bytes(row.octets))
    except NoteError:
        return None
    return entry if (entry.object, entry.action) == (row.object, row.action) else None


def find_beginning(db: Database) -> EntryFields | None:
    """Return the first entry, or None before the log begins.

    Raises NoteError if it is not the beginning of a log.
    """
    first = next(leaves(db, 0, 1), None)
    if first is None:
        return None
    entry = None if first.row is None else _entry_of(first.row)
    if entry is None or (entry.object, entry.action) != (LOG, FOUNDED):
        raise NoteError("the first entry of the log cannot be read")
    return entry


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Keys of the log, and the rows that changed them.

    The newest key and the oldest row come first. `others` are rows about keys that do not count.
    """

    keys: tuple[VerifierKey, ...] = ()
    changes: tuple[LogAct, ...] = ()
    others: tuple[LogAct, ...] = ()


def log_keys(db: Database) -> tuple[VerifierKey, ...]:
    """Return the log's keys, the newest first; empty before the log begins.

    Raises NoteError if the first entry cannot be read.
    """
    return verified_keys(db).keys


def verified_keys(db: Database) -> LogKeys:
    """Return the log's keys with the rows about them.

    The oldest key is that of the first entry. A change counts if the newest key and the new one signed it, also while
    it waits to enter the tree. The service's role can insert rows, but cannot sign.
    """
    beginning = find_beginning(db)
    if beginning is None:
        return LogKeys()
    log_keys = LogKeys((VerifierKey.parse(str(beginning.facts.get("key"))),))
    for act in own_acts(db, FOUNDED, KEY_CHANGED):
        new = None if act.entry is None else next_key(act.entry, log_keys.keys[0])
        if new is not None and new not in log_keys.keys:
            log_keys = replace(log_keys, keys=(new, *log_keys.keys), changes=(*log_keys.changes, act))
        elif act.index != 0:
            log_keys = replace(log_keys, others=(*log_keys.others, act))
    return log_keys
