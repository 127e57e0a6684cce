"""Closing of the journals that have ended (docs/operators/journal.md).

Each step can be interrupted and repeated: a file is compressed and read again before its original goes, the entry of
the log is written after the comparison with the database, and the proof beside the file follows once the log has it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sinetti.database.common import audit_log
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree, sequencer
from sinetti.database.evidence.log_tree import StoredLeaf
from sinetti.database.evidence.sequencer import JOURNAL_CLOSED
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.journal import month_files, reader
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import Journal
from sinetti.services.context import ServiceContext
from sinetti.services.evidence.prove_entry import prove_leaf
from sinetti.services.evidence.verify_log import SEQUENCED_WITHIN
from sinetti.services.issuance.closed_journals import proof_of, trusted_journals
from sinetti.services.issuance.reconcile import compare
from sinetti.wire.transparency.entries import Facts, parse_entry


class JournalsAhead(JournalDamaged):
    """Journals with facts that the database lacks, so none of them is closed."""


@dataclass(frozen=True)
class ClosingReport:
    """Names of the journals that are closed now, and of those that wait for the log."""

    closed: tuple[str, ...]
    waiting: tuple[str, ...]


def close_journals(ctx: ServiceContext, journal: Journal, request_id: str, actor: str = "service") -> ClosingReport:
    """Compress the journals that have ended, and bind them in the log.

    Call it again for those that wait. Raises JournalsAhead if the database lacks facts of the journals, JournalDamaged,
    JournalUnavailable, and OSError, for example without room on the disk.
    """
    with month_files.closing_lock(journal.folder):
        month_files.retire_abandoned(journal.folder, journal.instance_id, ctx.machine_now())
        for path in month_files.ended_files(journal.folder):
            month_files.compress(path)
            ctx.step("journal-compressed")
        _write_entries(ctx, journal, request_id, actor)
        known = trusted_journals(ctx.db, journal.folder).files
        due = [path for path in reader.compressed_files(journal.folder) if path not in known]
        proved = {path.name: _write_proof(ctx.db, path) for path in due}
        closed = tuple(name for name, is_proved in proved.items() if is_proved)
        return ClosingReport(closed, tuple(name for name in proved if name not in closed))


def _write_entries(ctx: ServiceContext, journal: Journal, request_id: str, actor: str) -> None:
    """Write the entry of each compressed journal that has none which counts."""
    known = trusted_journals(ctx.db, journal.folder)
    due = [path for path in reader.compressed_files(journal.folder) if path not in known.files]
    # With a proof beside it, the entry was in the log and does not count here: the database is older, for example.
    due = [path for path in due if proof_of(path).exists() or _find_entry(ctx.db, path) is None]
    if not due:
        return
    digests = {path: month_files.sha256_of(path) for path in due}
    # Every row up to this number was visible before the comparison (services/evidence/verify_log.py).
    after = max(known.after or 0, sequencer.newest_sequence(ctx.db, ctx.machine_now() - SEQUENCED_WITHIN))
    status = compare(ctx, journal)
    if not status.agrees:
        raise JournalsAhead(f"{status.ahead}: run sinetti authority reconcile, then close the journals")
    ctx.step("journals-compared")
    common = {"after": after, "logged": _covered(status.logged)}
    before = known.last
    for path in due:
        own, facts = _summary(path)
        named = {**facts, **common, "sha256": digests[path], "before": before}
        audit_log.note(ctx.db, ctx.audit_entry(actor, request_id), JOURNAL_CLOSED, f"journal:{own}", **named)
        proof_of(path).unlink(missing_ok=True)
        ctx.step("journal-entered")
        before = own


def _covered(ranges: Iterable[tuple[int, int]]) -> int:
    """Return the number of the log's entries from its first one that ranges cover."""
    covered = 0
    for start, end in sorted(ranges):
        if start <= covered:
            covered = max(covered, end)
    return covered


def _summary(path: Path) -> tuple[str, Facts]:
    """Return a journal's id, and what its entry says of its content."""
    first, last = month_files.ends_of(path)
    octets = path.stat().st_size
    facts: Facts = {"octets": octets, "lines": last.sequence, "end": last.digest, "from": first.at, "to": last.at}
    return reader.journal_id(first), facts


def _find_entry(db: Database, path: Path) -> tuple[bytes, StoredLeaf | None] | None:
    """Return octets and leaf of the newest audit row that closes this file, or None."""
    first = reader.first_line(path)
    if first is None:
        return None
    digest = month_files.sha256_of(path)
    rows = log_tree.rows_about(db, f"journal:{reader.journal_id(first)}", JOURNAL_CLOSED)
    return next((row for row in rows if parse_entry(row[0]).facts.get("sha256") == digest), None)


def _write_proof(db: Database, path: Path) -> bool:
    """Write the proof of a journal's entry beside it, if the log has the entry."""
    row = _find_entry(db, path)
    proof = None if row is None else prove_leaf(db, row[1])
    if proof is None:
        return False
    write_atomic(proof_of(path), proof, PRIVATE)
    return True
