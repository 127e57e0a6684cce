"""Closed journals: files that a start need not read (docs/operators/journal.md).

An entry of the log names the digest of a closed journal. It says that the database had each of its facts, and that the
folder's journals had each fact of the database up to a sequence number. The proof of the entry is beside the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.database.evidence.sequencer import JOURNAL_CLOSED
from sinetti.journal import reader
from sinetti.journal.reader import JournalError
from sinetti.wire.transparency.entries import Facts, parse_entry
from sinetti.wire.transparency.merkle import ProofError, leaf_hash
from sinetti.wire.transparency.notes import NoteError
from sinetti.wire.transparency.proofs import EntryProof

_NUMBERS, _TEXTS = ("octets", "lines", "after", "logged"), ("sha256", "end", "before")


@dataclass(frozen=True)
class ClosedJournals:
    """Journals of a folder that are known to agree with the database.

    `after` is the sequence number up to which each fact of the database is in the folder's journals, or None without a
    closed journal. `logged` is the number of the log's entries that they have. `last` is the id of the last one.
    """

    files: frozenset[Path] = frozenset()
    after: int | None = None
    logged: int = 0
    last: str = ""


NONE_CLOSED = ClosedJournals()


def proof_of(path: Path) -> Path:
    """Return the file with the proof of a closed journal."""
    return path.with_name(f"{path.name}{reader.PROOF}")


def closed_facts(path: Path) -> tuple[EntryProof, Facts] | None:
    """Return the proof beside a journal and the facts of its entry, or None.

    Signature and path of the proof are not verified. The entry is about this journal and its number of octets.
    """
    try:
        proof = EntryProof.parse(proof_of(path).read_bytes())
        entry = parse_entry(proof.extra or b"")
        first = reader.first_line(path)
        octets = path.stat().st_size
    except (OSError, ValueError, NoteError, JournalError):
        return None
    facts = entry.facts
    is_whole = all(isinstance(facts.get(name), int) for name in _NUMBERS)
    is_whole = is_whole and all(isinstance(facts.get(name), str) for name in _TEXTS)
    if not is_whole or first is None or facts["octets"] != octets:
        return None
    subject = f"journal:{reader.journal_id(first)}"
    return (proof, facts) if (entry.action, entry.object) == (JOURNAL_CLOSED, subject) else None


def trusted_journals(db: Database, folder: Path) -> ClosedJournals:
    """Return the closed journals of a folder that need not be read.

    The log's key signed the entry, and the database has its row: a database that is older than the entry lacks it. Each
    entry names the journal that was closed before. If that one is gone, no journal is trusted, so that its facts are
    written again.
    """
    keys = log_tree.log_keys(db)
    named = {path: known for path in reader.compressed_files(folder) if (known := closed_facts(path)) is not None}
    there = log_tree.leaves_with_rows(db, {proof.index for proof, _ in named.values()})
    found: dict[Path, tuple[str, Facts]] = {}
    for path, (proof, facts) in named.items():
        octets = proof.extra or b""
        try:
            proof.verify(leaf_hash(octets), *keys)
        except (NoteError, ProofError):
            continue
        if there.get(proof.index) == leaf_hash(octets):
            found[path] = parse_entry(octets).object.removeprefix("journal:"), facts
    return _chain(found)


def _chain(found: Mapping[Path, tuple[str, Facts]]) -> ClosedJournals:
    ids = {"", *(own for own, _ in found.values())}
    if not found or any(facts["before"] not in ids for _, facts in found.values()):
        return NONE_CLOSED
    after, logged = ([int(facts[name] or 0) for _, facts in found.values()] for name in ("after", "logged"))
    earlier = {facts["before"] for _, facts in found.values()}
    last = max(own for own, _ in found.values() if own not in earlier)
    return ClosedJournals(frozenset(found), max(after), max(logged), last)
