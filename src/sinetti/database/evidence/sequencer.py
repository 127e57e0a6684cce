"""Sequencing of audit rows into the tree of the log, by one process at a time.

The order is that of the sequence numbers that are visible. A row that is committed late gets a later place. One
transaction stores which rows enter the tree next: the plan. A second one has the head signed, and inserts leaves, nodes
and the checkpoint. After an interruption the next plan begins with the same rows: a signer may have signed their head,
and signs no other of that size. Both run under an advisory lock (SQLite: under its writing lock). The primary keys of
the three tables refuse a second leaf at an index, and a second checkpoint of a size.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connections, transaction

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.evidence.log_tree import FOUNDED, LOG, find_head, log_keys, lookup
from sinetti.database.models import AuditEvent, LogCheckpoint, LogEntry, LogNode, LogPlan
from sinetti.wire.transparency.approvals import is_fact
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import Lookup, ProofError, Subtree, cover, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import NoteError, open_checkpoint
from sinetti.wire.transparency.tiles import TILE_HEIGHT

DATED_EACH = timedelta(hours=1)
"""Age of the newest checkpoint from which the next one is made, also without rows."""

MOST_AT_ONCE = 5000
"""Rows that one transaction sequences at most."""

SETTLED_AFTER = timedelta(days=1)
"""Longest time for which a transaction with a sequence number is open."""

_LOCK = 0x53494E4C
"""Key of the advisory lock in PostgreSQL ("SINL")."""

_PENDING = """
SELECT a.sequence, a.octets FROM sinetti_auditevent a
 WHERE a.sequence > %s
   AND NOT EXISTS (SELECT 1 FROM sinetti_logentry e WHERE e.sequence = a.sequence AND e."index" < %s)
 ORDER BY a.sequence LIMIT %s"""
JOURNALS, JOURNAL_ENDS = "log-journals", "journals"
"""Action and object of an entry with the ends of a node's journals.

They are named by the digest of their first line. They have an object of their own, since there are many: readers of the
log's other acts must not read them.
"""

JOURNAL_CLOSED = "journal-closed"
"""Action of an entry that closes a journal (services/issuance/closed_journals.py)."""

_ALL = 2**62
_ROWS_EACH = 500
_LAST = "SELECT pg_sequence_last_value(pg_get_serial_sequence('sinetti_auditevent', 'sequence')::regclass)"
# A transaction takes this lock before it draws its first sequence number, and holds it to its end.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
 WHERE relation = 'sinetti_auditevent'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class LogDiverged(Exception):
    """Entries that are not those under the newest checkpoint: nothing more is signed."""


@dataclass(frozen=True, slots=True)
class HeadSigner:
    """Signer of a new head.

    It has the machine's time, and a function from size, root and lookup in the new tree to the note.

    `audit` and `journals` are given to sequence rows: the ends of the journals become an entry with them.
    """

    at: datetime
    sign: Callable[[int, bytes, Lookup], bytes]
    audit: AuditContext | None = None
    journals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SequencedEntries:
    """Entries that one transaction added.

    They have the first index, the hashes, the checkpoint, and the octets of those that are facts.
    """

    first: int
    leaves: tuple[bytes, ...]
    note: bytes
    facts: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Number of entries of the tree."""
        return self.first + len(self.leaves)


class Watermark:
    """Sequence number up to which all rows are in the tree, as one process knows.

    A sequence number below it cannot appear any more: its transaction has ended.
    """

    def __init__(self) -> None:
        self.value = 0
        self._settled = 0
        self._seen: tuple[int, frozenset[str]] | None = None

    def raise_to_settled(self, db: Database) -> None:
        """Leave out the rows that have been in the tree for a day.

        Without it a new process, and one that seldom adds rows itself, would read all rows ever written.
        """
        self.value = max(self.value, settled_sequence(db))

    def look(self, db: Database) -> int:
        """Return the number up to which every row is visible.

        Call it before the rows are read.
        """
        connection = connections[db.alias]
        if connection.vendor == "sqlite":
            return db.rows(AuditEvent).order_by("-sequence").values_list("pk", flat=True).first() or 0
        with connection.cursor() as cursor:
            cursor.execute(_LAST)
            last = cursor.fetchone()[0] or 0
            cursor.execute(_WRITERS)
            writers = frozenset(name for (name,) in cursor.fetchall())
        if not writers:
            self._settled, self._seen = last, None
        elif self._seen is None or not self._seen[1] & writers:
            self._settled = self._seen[0] if self._seen else self._settled
            self._seen = (last, writers)
        return self._settled


def begin_log(
    db: Database, watermark: Watermark, key: str, audit: AuditContext, head: HeadSigner
) -> SequencedEntries | None:
    """Insert the first entry, which binds the rows of earlier code by their hash.

    They are the rows up to the last one without the form of an entry. Returns None if the log has begun, if another
    process is at it, or if rows may still appear among them.
    """
    with transaction.atomic(using=db.alias):
        if not _locked(db) or db.rows(LogEntry).exists():
            return None
        if not _has_plan(db):
            settled = watermark.look(db)
            if not settled:
                return None
            count, last, digest = digest_of_rows(db, _last_without_form(db, settled))
            leaf = audit_log.write(db, audit, FOUNDED, LOG, key=key, rows=count, last_sequence=last, sha256=digest)
            db.rows(LogPlan).create(first=0, sequences=[_sequence_of(db, LOG, leaf)])
    return add_planned(db, -1, head)


def sequence_rows(db: Database, watermark: Watermark, after: int, head: HeadSigner) -> SequencedEntries | None:
    """Add the rows that are not in the tree yet, and sign the new head.

    It adds MOST_AT_ONCE rows at most. `after` is the last sequence number that the first entry binds. Returns None if
    there is none, or if another process is at it. Raises LogDiverged.
    """
    with transaction.atomic(using=db.alias):
        if not _locked(db):
            return None
        newest, settled = watermark.value, watermark.look(db)
        sequences = [sequence for sequence, _ in pending_rows(db, max(watermark.value, after), MOST_AT_ONCE)]
        if sequences or (head.journals and is_head_due(db, head.at)):
            _plan(db, sequences, head)
        if len(sequences) < MOST_AT_ONCE:
            newest = settled
    added = add_planned(db, after, head)
    if added is not None:
        watermark.value = newest
    return added


def _plan(db: Database, sequences: Sequence[int], head: HeadSigner) -> None:
    """Store the plan of a round, with an entry about the ends of the journals.

    Rows are added to the plan of an interrupted round: a signer refuses its head if the log lacks a certificate.
    """
    plans = db.rows(LogPlan)
    before: list[int] = plans.get().sequences if _has_plan(db) else []
    planned = [*before, *sorted(set(sequences).difference(before))]
    if not before and head.audit is not None and head.journals:
        leaf = audit_log.write(db, head.audit, JOURNALS, JOURNAL_ENDS, **head.journals)
        planned.append(_sequence_of(db, JOURNAL_ENDS, leaf))
    plans.update_or_create(first=entry_count(db), defaults={"sequences": planned})


def _has_plan(db: Database) -> bool:
    """Return True if the entries of a plan are to be signed.

    A plan for another size is deleted: the tree was restored from the journals since.
    """
    db.rows(LogPlan).exclude(first=entry_count(db)).delete()
    return db.rows(LogPlan).exists()


def add_planned(db: Database, after: int, head: HeadSigner) -> SequencedEntries | None:
    """Add the rows of the plan to the tree and sign the new head.

    Returns None if there is no plan, or if another process is at it. Raises LogDiverged.
    """
    with transaction.atomic(using=db.alias):
        if not _locked(db) or not _has_plan(db):
            return None
        plan = db.rows(LogPlan).get()
        octets, first = _planned_octets(db, plan.sequences, after), plan.first
        leaves: list[tuple[int | None, bytes]] = [
            (sequence, leaf_hash(octets[sequence])) for sequence in plan.sequences
        ]
        note = add_leaves(db, first, leaves, head)
        facts = tuple(octets[sequence] for sequence in plan.sequences if is_fact(octets[sequence]))
        plan.delete()
        return SequencedEntries(first, tuple(leaf for _, leaf in leaves), note, facts)


def _planned_octets(db: Database, sequences: Sequence[int], after: int) -> dict[int, bytes]:
    """Return the octets of planned rows. Raises LogDiverged if one is missing."""
    found: dict[int, bytes] = {}
    for start in range(0, len(sequences), _ROWS_EACH):
        rows = db.rows(AuditEvent).filter(sequence__in=sequences[start : start + _ROWS_EACH])
        found |= {sequence: bytes(octets) for sequence, octets in rows.values_list("sequence", "octets")}
    if len(found) != len(sequences) or min(sequences) <= after:
        raise LogDiverged(_diverged("the plan has rows that cannot enter it"))
    return found


def is_head_due(db: Database, now: datetime) -> bool:
    """Return True if readers need a checkpoint with a later date."""
    made = db.rows(LogCheckpoint).order_by("-size").values_list("made_at", flat=True).first()
    return made is not None and now >= made + DATED_EACH


def has_pending(db: Database, watermark: Watermark, after: int) -> bool:
    """Return True if a row is not in the tree yet, planned or not."""
    return bool(pending_rows(db, max(watermark.value, after), 1))


def pending_rows(db: Database, after: int, most: int = _ALL, size: int = _ALL) -> list[tuple[int, bytes]]:
    """Return number and octets of the rows that are not in the tree of a size.

    They are the first ones after a sequence number.
    """
    with connections[db.alias].cursor() as cursor:
        cursor.execute(_PENDING, [after, size, most])
        return [(sequence, bytes(octets)) for sequence, octets in cursor.fetchall()]


def is_known(db: Database, leaf: bytes, start: int) -> bool:
    """Return True if a hash is that of a later entry, or of a row that waits.

    A later entry is one from `start` on.
    """
    return db.rows(LogEntry).filter(index__gte=start, leaf=leaf).exists() or leaf in waiting_rows(db)


def waiting_rows(db: Database) -> dict[bytes, int]:
    """Return hash and sequence number of the rows that are not in the tree."""
    return {leaf_hash(octets): sequence for sequence, octets in pending_rows(db, 0)}


def newest_sequence(db: Database, before: datetime) -> int:
    """Return the largest sequence number in the tree at an instant.

    The tree is that of the newest checkpoint made before.
    """
    made = db.rows(LogCheckpoint).filter(made_at__lte=before).order_by("-size")
    size = made.values_list("size", flat=True).first()
    return last_sequence(db, size or 0)


def settled_sequence(db: Database) -> int:
    """Return a sequence number up to which every row is in the tree, or 0.

    It is that of the last entry a day before the newest checkpoint. A transaction that was open for longer would leave
    a row that stays out of the tree, and a whole verification reports it.
    """
    made = db.rows(LogCheckpoint).order_by("-size")
    newest = made.values_list("made_at", flat=True).first()
    before = made.filter(made_at__lte=newest - SETTLED_AFTER) if newest is not None else made.none()
    size = before.values_list("size", flat=True).first() or 0
    # By index: the entries are in about the order of their rows, and few at most are without one.
    rows = db.rows(LogEntry).filter(index__lt=size, sequence__isnull=False).order_by("-index")
    return rows.values_list("sequence", flat=True).first() or 0


def last_sequence(db: Database, size: int) -> int:
    """Return the largest sequence number among the first entries of the tree."""
    # An aggregate reads all entries in SQLite.
    rows = db.rows(LogEntry).filter(index__lt=size, sequence__isnull=False).order_by("-sequence")
    return rows.values_list("sequence", flat=True).first() or 0


def digest_of_rows(db: Database, last: int) -> tuple[int, int, str]:
    """Return number, last sequence number and SHA-256 of the first rows.

    They are the rows up to a sequence number. The hash is over the SHA-256 of each row's octets, in the order of the
    sequence.
    """
    digest, count, newest = hashlib.sha256(), 0, 0
    rows = db.rows(AuditEvent).filter(sequence__lte=last).order_by("sequence")
    for sequence, octets in rows.values_list("sequence", "octets").iterator(chunk_size=2000):
        digest.update(hashlib.sha256(bytes(octets)).digest())
        count, newest = count + 1, sequence
    return count, newest, digest.hexdigest()


def _last_without_form(db: Database, settled: int) -> int:
    rows = db.rows(AuditEvent).filter(sequence__lte=settled).order_by("-sequence")
    for sequence, octets in rows.values_list("sequence", "octets").iterator(chunk_size=2000):
        try:
            parse_entry(bytes(octets))
        except NoteError:
            return int(sequence)
    return 0


def _sequence_of(db: Database, subject: str, leaf: bytes) -> int:
    """Return the sequence number of the row that this transaction has just written."""
    rows = db.rows(AuditEvent).filter(object=subject).order_by("-sequence")
    pairs = rows.values_list("sequence", "octets").iterator(chunk_size=10)
    return next(sequence for sequence, octets in pairs if leaf_hash(bytes(octets)) == leaf)


@contextmanager
def locked_tree(db: Database) -> Iterator[None]:
    """Run a block in a transaction that alone may add to the tree or change its key."""
    connection = connections[db.alias]
    with transaction.atomic(using=db.alias):
        if connection.vendor != "sqlite":  # SQLite: a transaction is the only writer
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


def _locked(db: Database) -> bool:
    """Return True if this transaction alone may add to the tree."""
    connection = connections[db.alias]
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def entry_count(db: Database) -> int:
    """Return the number of entries in the tree."""
    last = db.rows(LogEntry).order_by("-index").values_list("index", flat=True).first()
    return 0 if last is None else int(last) + 1


def add_leaves(db: Database, size: int, leaves: Sequence[tuple[int | None, bytes]], head: HeadSigner) -> bytes:
    """Insert leaves, the nodes that they complete, and the checkpoint.

    Returns the checkpoint's note. Raises LogDiverged unless the newest checkpoint signs the entries that are there.
    """
    edge = _signed_edge(db, size)
    nodes: list[LogNode] = []

    def complete(subtree: Subtree) -> None:
        if subtree.level % TILE_HEIGHT == 0:
            nodes.append(LogNode(level=subtree.level // TILE_HEIGHT, index=subtree.index, digest=subtree.digest))

    extend(edge, (Subtree(0, size + at, leaf) for at, (_, leaf) in enumerate(leaves)), complete)
    rows = [LogEntry(index=size + at, sequence=number, leaf=leaf) for at, (number, leaf) in enumerate(leaves)]
    db.rows(LogEntry).bulk_create(rows, batch_size=300)
    db.rows(LogNode).bulk_create(nodes)
    note = head.sign(size + len(leaves), root_of(edge), lookup(db, size + len(leaves)))
    db.rows(LogCheckpoint).create(size=size + len(leaves), note=note, made_at=head.at)
    return note


def _signed_edge(db: Database, size: int) -> list[Subtree]:
    """Return the largest subtrees of the tree, after comparing it with its checkpoint.

    The service's role can insert entries, but the service signs those alone that it added itself.
    """
    look = lookup(db, size)
    try:
        edge = [Subtree(level, index, look(level, index)) for level, index in cover(0, size)]
        note = find_head(db)
        signed = None if note is None else open_checkpoint(bytes(note), *log_keys(db))[0].head
    except (NoteError, ProofError) as bad:
        raise LogDiverged(_diverged(str(bad))) from bad
    if signed != ((size, root_of(edge)) if size else None):
        reason = f"there are {size} entries, and the newest checkpoint signs {signed[0] if signed else 0}"
        raise LogDiverged(_diverged(reason))
    return edge


def _diverged(reason: str) -> str:
    return f"the log is not as it was signed ({reason}), so nothing is added: run sinetti authority audit verify"
