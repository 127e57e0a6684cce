"""Export of a range of the log with the hashes beside it."""

from collections.abc import Iterator
from datetime import datetime

from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.wire.transparency.export import ExportHeader, entry_line
from sinetti.wire.transparency.merkle import cover
from sinetti.wire.transparency.notes import Checkpoint


class LogRangeError(ValueError):
    """Range that the log does not have; the sentence says which it has."""


def first_at(db: Database, instant: datetime) -> int:
    """Return the index of the first entry of this instant or later.

    It is the size of the log if there is none.
    """
    number = log_tree.first_index_at(db, instant)
    return log_tree.head_size(db) if number is None else number


def export_lines(db: Database, start: int | None, end: int | None) -> Iterator[bytes]:
    """Yield the lines of a file with the entries from `start` to `end`.

    `end` is not included. None is no limit. The first line has the newest checkpoint. Raises LogRangeError.
    """
    note = log_tree.find_head(db)
    size = 0 if note is None else Checkpoint.parse(note.text).size
    first, last = start or 0, size if end is None else end
    if note is None or not 0 <= first <= last <= size:
        raise LogRangeError(f"the log has the entries from 0 to {size}: --from and --to must be in this range")
    look = log_tree.lookup(db, size)
    left, right = (tuple(look(*pair) for pair in cover(*span)) for span in ((0, first), (last, size)))
    yield ExportHeader(first, last, bytes(note), left, right).line()
    for leaf in log_tree.leaves(db, first, last):
        yield entry_line(leaf.index, leaf.leaf, None if leaf.row is None else bytes(leaf.row.octets))
