"""Public part of the log: its newest checkpoint, its key, and its tiles.

Entries are no part of it: they leave only by an export (services/evidence/export_log.py).
"""

from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.services.context import ServiceContext
from sinetti.wire.transparency.notes import Checkpoint, VerifierKey
from sinetti.wire.transparency.tiles import TileName


def head(db: Database) -> bytes | None:
    """Return the newest checkpoint (a note) with its cosignatures, or None."""
    note = log_tree.find_head(db)
    return None if note is None else bytes(note)


def key(db: Database) -> VerifierKey | None:
    """Return the key that signs checkpoints now, or None before the log begins."""
    return next(iter(log_tree.log_keys(db)), None)


def keep_checkpoint(ctx: ServiceContext) -> None:
    """Keep checkpoint and key in the node's files. Raises OSError."""
    if (note := head(ctx.db)) is not None:
        ctx.last_signed.keep("log/checkpoint", note)
    if (verifier := key(ctx.db)) is not None:
        ctx.last_signed.keep("log/key", f"{verifier}\n".encode())


def tile(db: Database, path: str) -> bytes | None:
    """Return a tile by its path below the log's prefix, or None.

    Only hashes under a signed checkpoint are in a tile.
    """
    name = TileName.parse(path)
    note = log_tree.find_head(db) if name is not None else None
    if name is None or note is None or not name.is_in(Checkpoint.parse(note.text).size):
        return None
    return log_tree.get_tile(db, name)
