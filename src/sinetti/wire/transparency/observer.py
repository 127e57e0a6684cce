"""Reader of a log that demands that it continues its last checkpoint.

It reads through a function, and its caller stores the memory (docs/evidence.md).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from sinetti.wire.transparency.continuity import LogForked, check_continues
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.key_rotation import check_rotation, rotated_keys
from sinetti.wire.transparency.merkle import ProofError, leaf_hash
from sinetti.wire.transparency.notes import COSIGNATURE, Checkpoint, NoteError, SignedNote, VerifierKey, open_checkpoint
from sinetti.wire.transparency.proofs import EntryProof
from sinetti.wire.transparency.tiles import TileName

Fetch = Callable[[str], bytes | None]
"""Function that returns a part of the log by its path below the address.

None: the log has no such part. Raises LogUnavailable.
"""

_MOST_ROTATIONS = 16
_ATTEMPTS, _RETRY_AFTER = 3, 4.0
"""Attempts to get the newest head, cosigned, and seconds between them.

Witnesses cosign a new head within seconds. A cache may serve an older one for five (api/log.py).
"""

OLD_AFTER = timedelta(days=1)
"""Time between a head and the reader's clock from which the head is a fault.

A log dates its newest head each hour (database/evidence/sequencer.py).
"""


_UNDATED = datetime.min.replace(tzinfo=UTC)
"""Date of a head of a version that dated none."""


class LogUnavailable(Exception):
    """Log that cannot be read now, or has no entry yet; the sentence says why."""


class LogAbsent(LogUnavailable):
    """Address at which there is no log."""


class TooFewCosignatures(ProofError):
    """Checkpoint that fewer witnesses cosigned than the reader demands."""


class OlderHead(ProofError):
    """Head that is older than the one that this reader accepted before."""


class MemoryDamaged(Exception):
    """Memory of a log that cannot be read; the sentence says why.

    A reader that began anew would accept any history.
    """


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Demands of a reader: the log's key, and cosignatures of this many witnesses.

    Without `key`, the reader trusts the first key that the log shows.
    """

    key: VerifierKey | None = None
    cosignatures: int = 0
    witnesses: tuple[VerifierKey, ...] = ()

    @staticmethod
    def parse(key: str | None, cosignatures: int, witnesses: Iterable[str]) -> "LogPolicy":
        """Parse the texts of settings. Raises NoteError."""
        verifier_keys = tuple(VerifierKey.parse(witness) for witness in witnesses)
        if any(verifier_key.kind != COSIGNATURE for verifier_key in verifier_keys):
            raise NoteError("the key of a witness is one for cosignatures")
        names = {verifier_key.name for verifier_key in verifier_keys}
        if cosignatures > len(names):
            raise NoteError(f"{cosignatures} cosignatures need as many witnesses, and {len(names)} are named")
        return LogPolicy(None if key is None else VerifierKey.parse(key), cosignatures, verifier_keys)

    def check_cosigned(self, note: SignedNote) -> None:
        """Raise TooFewCosignatures unless enough different witnesses cosigned a note.

        Raises ProofError for a wrong cosignature of one of them.
        """
        names = {signer.name for signer in note.signers(self.witnesses)}
        if len(names) < self.cosignatures:
            raise TooFewCosignatures(f"{len(names)} of the named witnesses cosigned it, and {self.cosignatures} must")


NO_DEMANDS = LogPolicy()


@dataclass(frozen=True, slots=True)
class LogMemory:
    """Memory about a log: its accepted keys and its last checkpoint.

    The newest key comes first. `fork` is a signed head that contradicts the checkpoint. `why` is the sentence about the
    present fault.
    """

    keys: tuple[VerifierKey, ...] = ()
    checkpoint: bytes | None = None
    fork: bytes | None = None
    why: str | None = None

    def dump(self) -> bytes:
        """Return the octets of a file; `parse` returns the same value."""
        row = {
            "keys": [str(verifier_key) for verifier_key in self.keys],
            "checkpoint": None if self.checkpoint is None else self.checkpoint.decode(),
            "fork": None if self.fork is None else self.fork.decode(),
            "why": self.why,
        }
        return (json.dumps(row, indent=1) + "\n").encode()

    @staticmethod
    def parse(octets: bytes) -> "LogMemory":
        """Parse a file. Raises MemoryDamaged."""
        try:
            row = json.loads(octets)
            keys = tuple(VerifierKey.parse(one) for one in row["keys"])
            kept, fork = (None if row[name] is None else str(row[name]).encode() for name in ("checkpoint", "fork"))
            for note in filter(None, (kept, fork)):
                Checkpoint.parse(SignedNote.parse(note).text)
            return LogMemory(keys, kept, fork, None if row["why"] is None else str(row["why"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NoteError) as bad:
            raise MemoryDamaged(f"{type(bad).__name__}: {bad}") from bad

    def with_fault(self, fault: ProofError | NoteError) -> "LogMemory":
        """Return the memory with a fault; the checkpoint stays, and the first fork does."""
        if isinstance(fault, LogForked) and self.fork is None:
            return replace(self, checkpoint=fault.kept, fork=fault.new, why=str(fault))
        return replace(self, why=str(fault))


@dataclass(slots=True)
class LogReader:
    """Reader of one log; `memory` is to be stored after each call, also after a fault."""

    origin: str
    policy: LogPolicy
    memory: LogMemory
    fetch: Fetch
    _changes: list[EntryProof] = field(default_factory=list)

    def read_head(self, now: datetime | None, sleep: Callable[[float], object] | None = None) -> Checkpoint:
        """Fetch the newest checkpoint, accept it and return it.

        `now` is the machine's time. Without it, the date of the head is not compared with it. With `sleep`, wait a
        moment for the newest head and the cosignatures that are demanded. Raises as `accept` does, LogAbsent,
        OlderHead, and ProofError for a head without a recent date.
        """
        if sleep is not None:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return self._read_head(now)
                except (TooFewCosignatures, OlderHead):
                    sleep(_RETRY_AFTER)
        return self._read_head(now)

    def _read_head(self, now: datetime | None) -> Checkpoint:
        note = self.fetch("checkpoint")
        if note is None:
            raise LogAbsent(f"{self.origin} is not there")
        kept = self.memory.checkpoint
        head = self.accept(note)
        at = self._date(note)
        size, before = (0, _UNDATED) if kept is None else (_head_of(kept).size, self._date(kept))
        if (head.size, at) < (size, before):
            raise OlderHead(
                f"its newest head has {head.size} entries and {_said(at)}, after {size} and {_said(before)}"
            )
        if at == _UNDATED and before != _UNDATED:
            raise ProofError(f"its newest head has {_said(at)}, after {_said(before)}")
        if now is not None and at != _UNDATED and abs(now - at) > OLD_AFTER:
            raise ProofError(f"its newest head has {_said(at)}, more than a day from this machine's clock")
        return head

    def _date(self, note: bytes) -> datetime:
        """Return the latest date that the log's keys gave an accepted head, or _UNDATED."""
        dates = [SignedNote.parse(note).cosigned_at(key.dating) for key in self.memory.keys]
        return max(filter(None, dates), default=_UNDATED)

    def accept(self, note: bytes) -> Checkpoint:
        """Return a checkpoint, after checking its signatures and that the log continues.

        Raises LogForked, TooFewCosignatures, ProofError, NoteError and LogUnavailable.
        """
        keys = self._keys_for(SignedNote.parse(note))
        checkpoint, signed = open_checkpoint(note, *keys)
        kept = self.memory.checkpoint
        # An older head may have the signature of an older key, and continuity binds it to the kept one.
        is_new = kept is None or checkpoint.size > _head_of(kept).size
        if is_new and keys[0] not in signed.signers(keys):
            raise ProofError("a key that was replaced signed it, and the new key did not")
        known = tuple(dict.fromkeys((*keys, *self.memory.keys)))
        newest = check_continues(kept, note, known, self._tile)
        for change in self._changes:
            newest = check_continues(newest, change.checkpoint, known, self._tile)
        self._check_fork(newest, known)
        whole = SignedNote.parse(newest)
        for other in (kept, note):  # the same head may have come with other cosignatures
            if other is not None and (more := SignedNote.parse(other)).text == whole.text:
                whole = whole.with_signatures(more.signatures)
        self.policy.check_cosigned(whole)
        self.memory = LogMemory(known, bytes(whole))
        return checkpoint

    def _check_fork(self, newest: bytes, known: tuple[VerifierKey, ...]) -> None:
        """Raise the same fork again, unless the log proves that it has both heads.

        Then a tile was missing or changed on its way.
        """
        fork, kept = self.memory.fork, self.memory.checkpoint
        if fork is None or kept is None:
            return
        try:
            check_continues(fork, newest, known, self._tile)
        except (ProofError, NoteError) as bad:
            raise LogForked(kept, fork, str(bad)) from bad

    def _keys_for(self, note: SignedNote) -> tuple[VerifierKey, ...]:
        """Return the trusted keys, the newest first, with changes that the log proves."""
        known, pinned = self.memory.keys, self.policy.key
        if pinned is not None:
            keys = known[: known.index(pinned) + 1] if pinned in known else (pinned,)
        else:
            keys = known or (self._first_key(),)
        if any(verifier_key.name != self.origin for verifier_key in keys):
            raise ProofError(f"the key is of the log {keys[-1].name}, not of {self.origin}")
        ids = {(verifier_key.name, verifier_key.key_id) for key in keys for verifier_key in (key, key.dating)}
        is_changed = any(name == self.origin and (name, number) not in ids for name, number, _ in note.signatures)
        return self._rotated(keys) if is_changed else keys

    def _first_key(self) -> VerifierKey:
        octets = self.fetch("key")
        if octets is None:
            raise LogUnavailable(f"{self.origin} shows no key")
        return VerifierKey.parse(octets.decode("utf-8", "replace"))

    def _rotated(self, keys: tuple[VerifierKey, ...]) -> tuple[VerifierKey, ...]:
        """Follow the changes of the newest key, each by the entry that both keys signed."""
        self._changes = []
        while len(self._changes) < _MOST_ROTATIONS:
            octets = self.fetch(f"key/{keys[0].key_id.hex()}")
            if octets is None:
                break
            change = EntryProof.parse(octets)
            entry = parse_entry(change.extra or b"")
            check_rotation(entry)
            new = next(rotated_keys(entry, keys[:1]), None)
            if new is None:
                raise ProofError(f"the entry does not replace the key {keys[0].key_id.hex()}")
            keys = (new, *keys)
            self._changes.append(change)
        for change in self._changes:
            change.verify(leaf_hash(change.extra or b""), *keys)
        return keys

    def _tile(self, name: TileName) -> bytes:
        octets = self.fetch(name.path)
        if octets is None:
            # ProofError: a log that has shrunk does not get the tile back by waiting.
            raise ProofError(f"{name.path} is missing")
        return octets


def _said(at: datetime) -> str:
    return "no date" if at == _UNDATED else f"the date {at:%Y-%m-%dT%H:%M:%SZ}"


def _head_of(note: bytes) -> Checkpoint:
    return Checkpoint.parse(SignedNote.parse(note).text)


def origin_of(url: str) -> str:
    """Return the origin of the log at an address: the address without its scheme."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
