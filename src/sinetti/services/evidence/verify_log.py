"""Verification of the log: rows, tree, checkpoints and journals must agree.

See docs/evidence.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sinetti.database import sql
from sinetti.database.common.audit_log import is_sound
from sinetti.database.common.obeyed_rows import differing_certificates
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree, sequencer
from sinetti.database.evidence.log_tree import StoredLeaf
from sinetti.database.evidence.restoration import LoggedLine, declared_losses, lost_entries
from sinetti.database.evidence.sequencer import JOURNAL_CLOSED, JOURNALS
from sinetti.database.issuance import journal_records
from sinetti.journal import reader
from sinetti.journal.reader import JournalError, JournalLine
from sinetti.journal.writer import check_owner
from sinetti.services.facts import Facts, LogBrokenError, LogFacts, stored_rows
from sinetti.wire.transparency.approvals import ApprovalRecord
from sinetti.wire.transparency.entries import EntryFields, parse_entry
from sinetti.wire.transparency.export import CHECKS
from sinetti.wire.transparency.merkle import ProofError, Subtree, cover, extend, leaf_hash, root_of
from sinetti.wire.transparency.notes import Checkpoint, NoteError, VerifierKey, open_checkpoint
from sinetti.wire.transparency.tiles import TILE_HEIGHT

_TREE, _UNSIGNED = "the tree", "there are entries that no checkpoint signs"
SEQUENCED_WITHIN = timedelta(minutes=10)
"""Age of a checkpoint from which all rows below its newest one are in the tree."""


@dataclass(frozen=True)
class LogFault:
    """First part of the log that is not as it was written.

    `about` is its place (`entry 7`, a file), `sentence` the reason.
    """

    about: str
    sentence: str
    index: int | None = None


@dataclass
class LogReport:
    """Result of a verification.

    It has the size, entries whose row was declared lost, rows that wait, and the first fault. `differences` are entries
    that do not count and rows that are not as the log has them, by object; officers have accepted those in `accepted`.
    Without officers the rows were compared with the log alone.
    """

    size: int = 0
    lost: int = 0
    pending: int = 0
    fault: LogFault | None = None
    differences: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    has_officers: bool = False


@dataclass(frozen=True)
class LogSources:
    """Sources of a verification.

    They are the database, the folder of the journals with the authority's id, and known checkpoints.

    `known` are checkpoints that were kept elsewhere. `since` is one that was verified before: only later entries are
    looked at, and no journal. `facts` are those that this node verified before, which the log must continue.
    """

    db: Database
    journals: Path
    instance_id: str
    known: tuple[Checkpoint, ...] = ()
    since: Checkpoint | None = None
    facts: Facts | None = None


class _Fault(Exception):
    def __init__(self, fault: LogFault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


def _wrong(index: int, sentence: str) -> _Fault:
    return _Fault(LogFault(f"entry {index}", sentence, index))


def _bad_line(path: Path, number: int, sentence: str) -> _Fault:
    return _Fault(LogFault(f"{path.name} line {number}", sentence))


def _bad_row(sequence: int, sentence: str) -> _Fault:
    return _Fault(LogFault(f"audit row {sequence}", sentence))


def verify_log(sources: LogSources, now: datetime) -> LogReport:
    """Verify the whole log and return the first fault, if there is one.

    `now` is the machine's time. Entries that the log gets meanwhile are not looked at.
    """
    report = LogReport()
    try:
        _verify(sources, now, report)
    except _Fault as fault:
        report.fault = fault.fault
    except (NoteError, ProofError, LogBrokenError) as bad:
        report.fault = LogFault("log", str(bad))
    except JournalError as bad:
        report.fault = LogFault("journal", str(bad))
    return report


def _verify(sources: LogSources, now: datetime, report: LogReport) -> None:
    db = sources.db
    report.size = log_tree.head_size(db)
    known = [checkpoint.head for checkpoint in sources.known]
    if sources.facts is not None and (kept := sources.facts.kept).size:
        known.append((kept.size, root_of(kept.edge)))
    since = sources.since
    for size, _ in (*known, *([] if since is None else [since.head])):
        if size > report.size:
            raise _wrong(report.size, f"the log was rewound: it had {size} entries and has {report.size} now")
    walk = _Walk(db, report, {size: root for size, root in known if size <= report.size})
    walk.run(since)
    if since is None:
        _check_first(db, walk.first)
        _check_journals(sources, walk)
        _compare_rows(db, walk)
    _check_pending(db, now, report, since)
    _check_keys(db)


def read_checkpoint(db: Database, octets: bytes) -> Checkpoint:
    """Return a checkpoint that one of the log's keys signed.

    Raises NoteError and ProofError.
    """
    return open_checkpoint(octets, *log_tree.log_keys(db))[0]


@dataclass
class _Walk:
    """Walk over the leaves, with the tree that they make."""

    db: Database
    report: LogReport
    roots: dict[int, bytes]
    start: int = 0
    leaves: list[bytes] = field(default_factory=list)
    first: EntryFields | None = None
    keys: list[VerifierKey] = field(default_factory=list)
    edge: list[Subtree] = field(default_factory=list)
    heads: dict[int, bytes] = field(default_factory=dict)
    ends: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    approvals: ApprovalRecord = field(default_factory=ApprovalRecord)

    @property
    def end(self) -> int:
        """Index after the last leaf."""
        return self.start + len(self.leaves)

    def run(self, since: Checkpoint | None) -> None:
        """Check all leaves, or the later ones, the nodes and the checkpoints.

        Raises _Fault.
        """
        self.heads = dict(log_tree.checkpoints(self.db, 0 if since is None else since.size))
        if since is not None:
            self._begin_at(since)
        for leaf in log_tree.leaves(self.db, self.start, self.report.size):
            if leaf.index != self.end:
                raise _wrong(self.end, "the entry is missing")
            self._check_row(leaf)
            self.leaves.append(leaf.leaf)
            extend(self.edge, [Subtree(0, leaf.index, leaf.leaf)], self._complete)
            self._check_heads(leaf.index)
        if self.end != self.report.size:
            raise _wrong(self.end, "the entry is missing")
        declared = declared_losses(self.db, self.report.size, dict(log_tree.checkpoints(self.db))) if self.lost else []
        for index in self.lost:
            if not any(index in one for one in declared):
                raise _wrong(index, "its audit row is missing, and no entry declares it lost")
        self.report.lost = len(self.lost)
        if log_tree.has_unsigned_entries(self.db):
            raise _Fault(LogFault(_TREE, _UNSIGNED))

    def _begin_at(self, since: Checkpoint) -> None:
        """Begin with the tree of a checkpoint, as the stored hashes make it."""
        look = log_tree.lookup(self.db, self.report.size)
        self.start, self.approvals.is_whole = since.size, False
        self.edge = [Subtree(level, index, look(level, index)) for level, index in cover(0, since.size)]
        if root_of(self.edge) != since.root:
            raise _wrong(
                since.size - 1, f"the first {since.size} entries differ from the checkpoint that was seen before"
            )

    def _check_row(self, leaf: StoredLeaf) -> None:
        if leaf.sequence is None:
            self.lost.append(leaf.index)
            self.approvals.skip_unknown()
            return
        if leaf.row is None:
            raise _wrong(leaf.index, f"its audit row (sequence {leaf.sequence}) is missing")
        octets = bytes(leaf.row.octets)
        if leaf_hash(octets) != leaf.leaf:
            raise _wrong(leaf.index, "its octets do not have the hash in the tree")
        if not is_sound(leaf.row):
            raise _wrong(leaf.index, "the columns of its audit row differ from its octets")
        try:
            entry = parse_entry(octets)
        except NoteError:
            return  # a row of earlier code, written while nodes were replaced
        self._take(leaf.index, entry)

    def _take(self, index: int, entry: EntryFields) -> None:
        try:
            self.approvals.take(entry)
        except ProofError as bad:
            self.report.differences[f"entry {index}"] = str(bad)
        try:
            if (check := CHECKS.get(entry.action)) is not None:
                check(entry)
            if entry.action == JOURNALS:
                for journal, end in entry.facts.items():
                    lines, _, digest = str(end).partition(" ")
                    self.ends.setdefault(journal, {})[int(lines)] = (index, digest)
            if entry.action == JOURNAL_CLOSED:
                own, count = entry.object.removeprefix("journal:"), int(entry.facts["lines"] or 0)
                self.ends.setdefault(own, {})[count] = (index, str(entry.facts["end"]))
        except (NoteError, ProofError, ValueError, KeyError) as bad:
            raise _wrong(index, str(bad)) from bad
        if index == 0:
            self.first = entry

    def _complete(self, subtree: Subtree) -> None:
        if subtree.level % TILE_HEIGHT:
            return
        level = subtree.level // TILE_HEIGHT
        if log_tree.find_node(self.db, level, subtree.index) != subtree.digest:
            raise _wrong(subtree.end - 1, f"the hash {level}/{subtree.index} of the tree differs from its entries")

    def _check_heads(self, index: int) -> None:
        size = index + 1
        note, root = self.heads.get(size), self.roots.get(size)
        if note is None and root is None:
            return
        octets = root_of(self.edge)
        if root is not None and root != octets:
            raise _wrong(index, f"the first {size} entries differ from the checkpoint that was kept elsewhere")
        if note is None:
            return
        if not self.keys:
            self.keys = list(log_tree.log_keys(self.db))
        checkpoint, _ = open_checkpoint(note, *self.keys)
        if checkpoint.head != (size, octets):
            raise _wrong(index, f"the checkpoint of {size} entries signs another tree")


def _compare_rows(db: Database, walk: _Walk) -> None:
    """Compare every row that the service obeys with the log.

    Raises _Fault for the first difference that officers have not accepted.
    """
    report, facts = walk.report, LogFacts(walk.edge, walk.approvals)
    with sql.snapshot(db):
        facts.take_waiting(db)
        report.differences |= facts.list_differing(stored_rows(db))
    report.differences |= facts.refused | dict(differing_certificates(db))
    report.accepted, report.has_officers = facts.record.accepted, bool(facts.record.officers)
    for about, what in report.differences.items():
        if report.accepted.get(about) != what:
            kind, _, number = about.partition(" ")
            raise _Fault(LogFault(about, what, int(number) if kind == "entry" else None))


def _check_keys(db: Database) -> None:
    """Report a row about the log's key that does not count."""
    for act in log_tree.verified_keys(db).others:
        sentence = "it names a key of the log, and the log's newest key did not sign it"
        raise _bad_row(act.sequence, sentence) if act.index is None else _wrong(act.index, sentence)


def _check_first(db: Database, first: EntryFields | None) -> None:
    """Compare the rows before the log with the first entry."""
    if first is None:
        return
    count, _, digest = sequencer.digest_of_rows(db, int(first.facts["last_sequence"] or 0))
    if (count, digest) != (first.facts["rows"], first.facts["sha256"]):
        raise _wrong(0, "the audit rows before the log are not those that it binds")


def _check_journals(sources: LogSources, walk: _Walk) -> None:
    """Compare the journals' lines with the tree, and their ends with its entries."""
    known = {leaf.hex() for leaf in walk.leaves} | lost_entries(sources.db)
    for path in (*reader.missing_journals(sources.journals), *reader.files(sources.journals)):
        reader.check_present(path)
        check_owner(path, sources.instance_id)
        ends: dict[int, tuple[int, str]] = {}
        for own, line in reader.read_to_head(path):
            ends = walk.ends.get(own, {}) if line.sequence == 1 else ends
            _check_line(path, line, known, walk)
            if (end := ends.pop(line.sequence, None)) is not None and end[1] != line.digest:
                raise _bad_line(path, line.sequence, f"it is not the line that entry {end[0]} binds")
        if ends:
            lines, (index, _) = min(ends.items())
            raise _bad_line(path, lines, f"it is missing, though entry {index} binds it")


def _check_line(path: Path, line: JournalLine, known: set[str], walk: _Walk) -> None:
    entry = line.facts.get("entry")
    if line.kind == journal_records.LOGGED:
        logged = LoggedLine.of(line.facts)
        _check_logged(logged, walk)
        if logged.end <= walk.end and walk.heads.get(logged.end) != logged.note:
            raise _wrong(logged.end - 1, "the journal has another checkpoint that ends with it")
    elif entry is not None and entry not in known and not sequencer.is_known(walk.db, bytes.fromhex(entry), walk.end):
        raise _bad_line(path, line.sequence, f"the entry of {line.kind} {_subject(line)} is not in the log")


def _subject(line: JournalLine) -> str:
    return str(line.facts.get("serial") or line.facts["name"])


def _check_logged(logged: LoggedLine, walk: _Walk) -> None:
    for index, leaf in enumerate(logged.leaves, logged.first):
        # What was added since the walk began is not looked at.
        if index >= walk.end and index >= sequencer.entry_count(walk.db):
            raise _wrong(index, "the journal has the entry, and the register lacks it")
        if index < walk.end and walk.leaves[index] != leaf:
            raise _wrong(index, "the journal has another hash for it")


def _check_pending(db: Database, now: datetime, report: LogReport, since: Checkpoint | None) -> None:
    """Count the rows that wait to enter the tree.

    A row with a number from before an old checkpoint was inserted later. Rows from before `since` are not looked at.
    Raises _Fault.
    """
    report.pending = 0
    limit = sequencer.newest_sequence(db, now - SEQUENCED_WITHIN)
    for sequence in _pending(db, 0 if since is None else sequencer.last_sequence(db, since.size)):
        if sequence <= limit:
            raise _bad_row(sequence, "it is not in the log, though later rows are")
        report.pending += 1


def _pending(db: Database, after: int) -> Iterator[int]:
    if (beginning := log_tree.find_beginning(db)) is not None:
        start = max(after, int(beginning.facts["last_sequence"] or 0))
        yield from (sequence for sequence, _ in sequencer.pending_rows(db, start))
