"""Files with proofs of one entry (C2SP tlog-proof) and of growth (tlog-witness)."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from sinetti.wire.transparency.merkle import HASH_SIZE, check_inclusion
from sinetti.wire.transparency.notes import (
    Checkpoint,
    NoteError,
    SignedNote,
    VerifierKey,
    decode64,
    open_checkpoint,
    parse_number,
)

FIRST_LINE = "c2sp.org/tlog-proof@v1"
LARGEST_PROOF = 2048
"""Maximum size of a served proof in octets.

Cosignatures that exceed it are left out.
"""

_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class EntryProof:
    """Proof that an entry is in the log.

    It has the index, the audit path, and a checkpoint (octets of a note).

    `extra` are the octets of the entry, so that a reader needs nothing else.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        """Return the octets of the file."""
        extra = [] if self.extra is None else [f"extra {b64encode(self.extra).decode()}"]
        lines = [FIRST_LINE, *extra, f"index {self.index}", *_hash_lines(self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @staticmethod
    def parse(octets: bytes) -> "EntryProof":
        """Parse a file. Raises NoteError."""
        head, separator, checkpoint = octets.partition(b"\n\n")
        first, *lines = head.decode("ascii", "replace").split("\n")
        if first != FIRST_LINE or not separator:
            raise NoteError(f"the first line is not {FIRST_LINE}")
        extra = decode64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        index, *hashes = lines or [""]
        if not index.startswith("index "):
            raise NoteError("the file has no line with the index of the entry")
        return EntryProof(parse_number(index.removeprefix("index ")), _hashes(hashes), checkpoint, extra)

    def verify(self, leaf: bytes, *keys: VerifierKey) -> tuple[Checkpoint, SignedNote]:
        """Return the checkpoint, after checking its signature and the path to it.

        The path begins at the leaf's hash. Raises NoteError and ProofError.
        """
        checkpoint, note = open_checkpoint(self.checkpoint, *keys)
        check_inclusion(leaf, self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint, note


@dataclass(frozen=True, slots=True)
class WitnessRequest:
    """Body of `add-checkpoint`.

    It has the size that the witness saw, the proof of growth, and the new checkpoint.
    """

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        """Return the octets of the body."""
        return (
            "".join(f"{line}\n" for line in (f"old {self.old}", *_hash_lines(self.path), "")).encode() + self.checkpoint
        )

    @staticmethod
    def parse(octets: bytes) -> "WitnessRequest":
        """Parse a body. Raises NoteError."""
        head, separator, checkpoint = octets.partition(b"\n\n")
        first, *hashes = head.decode("ascii", "replace").split("\n")
        if not separator or not first.startswith("old "):
            raise NoteError("the body does not begin with a line for the old size")
        return WitnessRequest(parse_number(first.removeprefix("old ")), _hashes(hashes), checkpoint)


def _hash_lines(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(octets).decode() for octets in hashes]


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > _MOST_HASHES:
        raise NoteError(f"the proof has more than {_MOST_HASHES} hashes")
    return tuple(decode64(line, HASH_SIZE) for line in lines)
