"""Continuity of a log between two checkpoints that one reader saw, from its tiles."""

from collections.abc import Callable, Sequence

from sinetti.wire.transparency.merkle import ProofError, check_consistency, consistency_proof
from sinetti.wire.transparency.notes import VerifierKey, open_checkpoint
from sinetti.wire.transparency.tiles import TileName, lookup_in


class LogForked(ProofError):
    """Two heads that one log signed and that no tree has; both notes prove it."""

    def __init__(self, kept: bytes, new: bytes, why: str) -> None:
        """Keep both notes."""
        super().__init__(why)
        self.kept, self.new = kept, new


def check_continues(
    kept: bytes | None, new: bytes, keys: Sequence[VerifierKey], fetch: Callable[[TileName], bytes]
) -> bytes:
    """Return the larger checkpoint, after checking that one tree has both.

    `fetch` returns a tile of the log. Raises LogForked, and ProofError or NoteError for a checkpoint that none of the
    log's keys signed.
    """
    head, _ = open_checkpoint(new, *keys)
    if kept is None:
        return new
    checkpoint, _ = open_checkpoint(kept, *keys)
    # A copy of the service may still serve an older head, so either may be the beginning of the other.
    (old, large), note = ((checkpoint, head), new) if checkpoint.size <= head.size else ((head, checkpoint), kept)
    try:
        path = consistency_proof(old.size, large.size, lookup_in(large.size, fetch))
        check_consistency(old.head, large.head, path)
    except ProofError as bad:
        raise LogForked(kept, new, str(bad)) from bad
    return note
