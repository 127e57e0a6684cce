"""Facts of the log that the service obeys (docs/evidence.md).

They are about officers, numbers of people, clerks, CAs, gateways and trust lists. A process follows the log from the
entries that it verified before, and takes each entry whose approvals count. It keeps the result in a file of the
node, which a writer of the database cannot change. The service reports a row that is not the newest fact, and does
not obey it.
"""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock

from sinetti.database import sql
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.obeyed_rows import (
    differing_certificates,
    differing_columns,
    read_row,
    read_rows,
)
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree, sequencer
from sinetti.database.evidence.restoration import declared_losses
from sinetti.database.obeyed_tables import PREFIXES
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.wire.transparency.approvals import ApprovalRecord, is_fact
from sinetti.wire.transparency.entries import INSTANT, parse_entry
from sinetti.wire.transparency.merkle import ProofError, Subtree, cover, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import NoteError, open_checkpoint

_log = logging.getLogger(__name__)


class LogBrokenError(Exception):
    """Log that does not continue what this node verified before."""


class RowDiffersError(Exception):
    """Row that the log does not have like this; the sentence says what to do."""


@dataclass
class LogFacts:
    """Facts of the first entries of the log, with the edge of their tree.

    `refused` has the entries that do not count, with the reason. `differences` has what differs from the log, as a
    sentence with the instant of its first sight.
    """

    edge: list[Subtree] = field(default_factory=list)
    record: ApprovalRecord = field(default_factory=ApprovalRecord)
    refused: dict[str, str] = field(default_factory=dict)
    differences: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of these entries."""
        return self.edge[-1].end if self.edge else 0

    @property
    def open_differences(self) -> dict[str, str]:
        """Differences that officers have not accepted, as sentences."""
        return {
            about: f"{about}: {what}, since {since}"
            for about, (what, since) in self.differences.items()
            if self.record.accepted.get(about) != what
        }

    def list_differing(self, rows: Mapping[str, str], prefix: str = "") -> dict[str, str]:
        """Return the differences of stored rows about objects with this prefix."""
        logged = {about: row for about, row in self.record.rows.items() if about.startswith(prefix)}
        return {
            about: f"its row differs from the log ({differing_columns(logged.get(about, ''), rows.get(about, ''))})"
            for about in sorted(rows.keys() | logged.keys())
            if rows.get(about, "") != logged.get(about, "")
        }

    def take_waiting(self, db: Database) -> None:
        """Take the rows that wait to enter the tree, in their order."""
        begun = log_tree.find_beginning(db)
        after = max(sequencer.settled_sequence(db), int(begun.facts["last_sequence"] or 0) if begun else 0)
        for _, octets in sequencer.pending_rows(db, after, size=self.size):
            self.take(octets, "a row that waits")

    def take(self, octets: bytes, about: str) -> None:
        """Take one entry; one that does not count is refused."""
        try:
            if is_fact(octets):
                self.record.take(parse_entry(octets))
        except NoteError:
            return  # a row of earlier code
        except Exception as bad:  # noqa: BLE001 - a writer of the database chooses the content
            self.refused[about] = str(bad)


class Facts:
    """Facts of the log as one process knows them, and the file of its node."""

    def __init__(self, path: Path | None = None) -> None:
        """Store the path. Without one the process reads the log from its beginning."""
        self._path, self._lock, self._facts = path, RLock(), LogFacts()

    def current(self, db: Database, now: datetime) -> LogFacts:
        """Return the facts of the log and of the rows that wait to enter it.

        The first call for an authority of earlier code records the rows that it has. Raises LogBrokenError.
        """
        with self._lock:
            facts = deepcopy(self._advance(db))
        facts.take_waiting(db)
        if not facts.record.rows and (rows := stored_rows(db)):
            audit_log.note(db, AuditContext("service", now, secrets.token_hex(16)), "rows-adopted", "rows", **rows)
            facts.record.rows.update(rows)
        return facts

    def check(self, db: Database, subject: str, now: datetime) -> None:
        """Raise RowDiffersError unless the log has the rows about an object as they are."""
        with sql.snapshot(db):
            logged, stored = self.current(db, now).record.rows.get(subject, ""), read_row(db, subject)
        if logged != stored:
            columns = differing_columns(logged, stored)
            raise RowDiffersError(
                f"{subject} is not obeyed, since its row differs from the log ({columns}): run sinetti authority "
                "audit verify"
            )

    def is_proven(self, db: Database, subject: str, now: datetime) -> bool:
        """Return True if the log has the rows about an object as they are."""
        try:
            self.check(db, subject, now)
        except (RowDiffersError, LogBrokenError) as why:
            _log.error("%s", why)
            return False
        return True

    def compare(self, db: Database, now: datetime, prefix: str = "") -> tuple[LogFacts, dict[str, str]]:
        """Return the facts, and the differences of rows, by object.

        The objects have this prefix. Raises LogBrokenError.
        """
        with sql.snapshot(db):
            facts = self.current(db, now)
            return facts, facts.list_differing(stored_rows(db, prefix), prefix)

    def follow(self, db: Database, now: datetime, certificates: Iterable[tuple[str, str]] | None = None) -> LogFacts:
        """Follow the log, compare all rows with it, and keep what was found in the file.

        `certificates` are the differences of their rows, or None to compare them here. Logs each difference when it
        appears. Raises LogBrokenError and OSError.
        """
        more = dict(differing_certificates(db) if certificates is None else certificates)
        with self._lock:
            before, since = self._load().differences, now.strftime(INSTANT)
            try:
                latest, different = self.compare(db, now)
            except LogBrokenError as broken:
                facts = self._load()
                facts.differences = {"log": before.get("log", (str(broken), since))} | before
                self._save(facts)
                raise
            facts = self._facts
            different |= latest.refused | more
            facts.differences = {
                about: (what, before[about][1] if about in before else since) for about, what in different.items()
            }
            for about in different.keys() - before:
                _log.error("the register differs from the log: %s: %s", about, different[about])
            self._save(facts)
        return facts

    def accept(self, db: Database, rows: Mapping[str, str], audit: AuditContext) -> None:
        """Record rows as officers accepted them, in one transaction.

        An entry or a certificate has the sentence about it instead of a row. Raises RowDiffersError for a row that has
        changed since.
        """
        with sql.transaction(db):
            for about, row in rows.items():
                is_row = about.startswith(PREFIXES)
                if is_row and read_row(db, about) != row:
                    raise RowDiffersError(f"{about} has changed since: propose it again")
                audit_log.write(db, audit, "difference-accepted", about, **({} if is_row else {"what": row}))

    @property
    def kept(self) -> LogFacts:
        """Facts as the node's file has them. Raises LogBrokenError for a damaged file."""
        with self._lock:
            return self._load()

    def pin(self, founders: Iterable[str]) -> None:
        """Keep the fingerprints of the officers who found an authority. Raises OSError."""
        self._save(LogFacts(record=ApprovalRecord(founders=sorted(founders))))

    def _advance(self, db: Database) -> LogFacts:
        """Return the facts of all entries of the tree.

        Reading begins where this process or its node was.
        """
        known = self._facts = max(self._load(), self._facts, key=lambda facts: facts.size)
        added = LogFacts(list(known.edge), deepcopy(known.record), dict(known.refused), known.differences)
        try:
            note = log_tree.find_head(db)
            head = None if note is None else open_checkpoint(bytes(note), *log_tree.log_keys(db))[0]
            _extend(added, db, 0 if head is None else head.size)
            if head is not None and (added.size, root_of(added.edge)) != head.head:
                raise ProofError(f"its head of {head.size} entries signs another tree than this node followed")  # noqa: TRY301 - both are one fault
        except (NoteError, ProofError) as bad:
            raise LogBrokenError(f"the log does not continue what this node verified: {bad}") from bad
        self._facts = added
        return added

    def _load(self) -> LogFacts:
        """Return the facts of the file, or none before the first time."""
        if self._path is None or not self._path.exists():
            return self._facts
        try:
            values = json.loads(self._path.read_bytes())
            places = cover(0, values["size"])
            edge = [
                Subtree(*place, bytes.fromhex(digest)) for place, digest in zip(places, values["edge"], strict=True)
            ]
            differences = {about: (what, since) for about, (what, since) in values["differences"].items()}
            return LogFacts(edge, ApprovalRecord.of_json(values["record"]), values["refused"], differences)
        except (ValueError, KeyError, TypeError) as bad:
            raise LogBrokenError(f"{self._path} cannot be read ({bad}): restore it from a copy of the folder") from bad

    def _save(self, facts: LogFacts) -> None:
        if self._path is None:
            return
        values = {
            "size": facts.size,
            "edge": [subtree.digest.hex() for subtree in facts.edge],
            "record": asdict(facts.record),
            "refused": facts.refused,
            "differences": facts.differences,
        }
        octets = json.dumps(values, default=sorted).encode()  # sets
        if not self._path.exists() or self._path.read_bytes() != octets:
            write_atomic(self._path, octets, PRIVATE)


def stored_rows(db: Database, prefix: str = "") -> dict[str, str]:
    """Return the obeyed rows about objects with this prefix, by object."""
    return {about: row for own in PREFIXES if own.startswith(prefix) for about, row in read_rows(db, own).items()}


def _extend(added: LogFacts, db: Database, size: int) -> None:
    """Take the entries up to this size.

    Raises ProofError for a tree that is smaller, or has other entries.
    """
    if size < added.size:
        raise ProofError(f"it was rewound: it had {added.size} entries and has {size} now")
    lost = []
    for entry in log_tree.leaves(db, added.size, size):
        if entry.row is None:
            lost.append(entry.index)
        elif leaf_hash(octets := bytes(entry.row.octets)) != entry.leaf:
            raise ProofError(f"entry {entry.index} does not have the hash in the tree")
        else:
            added.take(octets, f"entry {entry.index}")
        extend(added.edge, [Subtree(0, entry.index, entry.leaf)])
    declared = declared_losses(db, size, dict(log_tree.checkpoints(db))) if lost else []
    missing = (index for index in lost if not any(index in span for span in declared))
    added.refused |= {f"entry {index}": "its audit row is missing" for index in missing}
