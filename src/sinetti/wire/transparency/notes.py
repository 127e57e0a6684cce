"""Signed notes, checkpoints and cosignatures with Ed25519 keys.

The formats are C2SP signed-note, tlog-checkpoint and tlog-cosignature (version 1).
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sinetti.wire.transparency.merkle import HASH_SIZE, ProofError

ED25519, COSIGNATURE = 1, 4
"""Types of signatures: of a note's text, and of a witness with its time."""

_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile("\N{EM DASH} ([^ \\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_MOST_SIGNATURES = 64
_LARGEST = 64 * 1024
_ID, _TIME, _SIGNATURE = 4, 8, 64
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class NoteError(Exception):
    """Octets that are no note, checkpoint or key; the sentence says why."""


def decode64(text: str, size: int | None = None) -> bytes:
    """Decode strict base64. Raises NoteError, also if the result has another size."""
    try:
        octets = b64decode(text, validate=True)
    except ValueError:
        octets = b""
    if b64encode(octets).decode() != text or (size is not None and len(octets) != size):
        raise NoteError(f"{text[:60]!r} is not base64 of the expected length")
    return octets


def parse_number(text: str) -> int:
    """Parse a size or an index. Raises NoteError."""
    if _NUMBER.fullmatch(text) is None:
        raise NoteError(f"{text[:30]!r} is not a decimal number without leading zeros")
    return int(text)


def is_key_name(text: str) -> bool:
    """Return True if a log or a witness can have this name.

    C2SP signed-note allows no space and no plus sign.
    """
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Public key of a log or a witness, with its name."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First four octets of the digest of name, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID]

    @property
    def dating(self) -> "VerifierKey":
        """The log's key as the cosigner that dates its heads."""
        return replace(self, kind=COSIGNATURE)

    def __str__(self) -> str:
        """Return the form `NAME+ID+KEY`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"

    @staticmethod
    def parse(text: str) -> "VerifierKey":
        """Parse the form `NAME+ID+KEY`. Raises NoteError."""
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        octets = decode64(encoded, 1 + 32)
        key = VerifierKey(name, octets[0], octets[1:])
        if not is_key_name(name) or key.kind not in {ED25519, COSIGNATURE} or key.key_id.hex() != number:
            raise NoteError(f"{text[:80]!r} is not a verifier key (NAME+ID+KEY) of an Ed25519 key")
        return key

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return True if a signature over a note's text is this key's.

        The signature lacks its key id.
        """
        if self.kind == COSIGNATURE:
            if len(signature) != _TIME + _SIGNATURE:
                return False
            at, signature = int.from_bytes(signature[:_TIME]), signature[_TIME:]
            text = cosigned_text(text, at)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """Private key of a log or a witness, with its name."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)
    kind: int = ED25519

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self.key.public_key().public_bytes_raw())

    @property
    def dating(self) -> "NoteSigner":
        """The log's key as the cosigner that dates its heads."""
        return replace(self, kind=COSIGNATURE)

    def sign(self, text: str, now: datetime | None = None) -> str:
        """Return the signature line of a note's text; `now` is needed for a cosignature."""
        octets, prefix = self.form(text, now)
        return f"\N{EM DASH} {self.name} {b64encode(prefix + self.key.sign(octets)).decode()}\n"

    def form(self, text: str, now: datetime | None) -> tuple[bytes, bytes]:
        """Return the octets to sign, and what precedes their signature in the line."""
        if self.kind == ED25519:
            return text.encode(), self.verifier.key_id
        assert now is not None  # noqa: S101 - the caller's type of key
        at = int(now.timestamp())
        return cosigned_text(text.encode(), at), self.verifier.key_id + at.to_bytes(_TIME)


def cosigned_text(text: bytes, at: int) -> bytes:
    """Return what a cosignature signs; `at` is in seconds."""
    return b"cosignature/v1\ntime %d\n" % at + text


@dataclass(frozen=True, slots=True)
class SignedNote:
    """Text of a note with its line end, and its signatures.

    A signature is a name, a key id and the rest.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @staticmethod
    def parse(octets: bytes) -> "SignedNote":
        """Parse a note. Raises NoteError."""
        try:
            whole = octets.decode() if len(octets) <= _LARGEST else ""
        except UnicodeDecodeError:
            whole = ""
        text, separator, below = whole.rpartition("\n\n")
        if not separator or not text or not below.endswith("\n") or _CONTROL.search(whole):
            raise NoteError("the octets are not a signed note")
        return SignedNote(f"{text}\n", parse_signatures(below))

    def __bytes__(self) -> bytes:
        """Return the octets of the note."""
        lines = "".join(
            f"\N{EM DASH} {name} {b64encode(number + rest).decode()}\n" for name, number, rest in self.signatures
        )
        return f"{self.text}\n{lines}".encode()

    def signers(self, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Return the keys that signed the note.

        Signatures of other keys are ignored. Raises ProofError if a signature with the name and id of one of these
        keys is not that key's.
        """
        found: dict[VerifierKey, None] = {}
        by_id = {(key.name, key.key_id): key for key in keys}
        for name, number, rest in self.signatures:
            key = by_id.get((name, number))
            if key is None:
                continue
            if not key.verifies(self.text.encode(), rest):
                raise ProofError(f"the signature of {name} does not match the text")
            found[key] = None
        return tuple(found)

    def cosigned_at(self, key: VerifierKey) -> datetime | None:
        """Return the last time of a verified cosigner, or None without one."""
        times = [rest[:_TIME] for name, number, rest in self.signatures if (name, number) == (key.name, key.key_id)]
        return datetime.fromtimestamp(min(int.from_bytes(max(times)), _LAST_SECOND), UTC) if times else None

    def with_signatures(self, more: Sequence[tuple[str, bytes, bytes]]) -> "SignedNote":
        """Return the note with further signatures; known ones are not repeated."""
        return SignedNote(self.text, tuple(dict.fromkeys((*self.signatures, *more))))


def parse_signatures(lines: str) -> tuple[tuple[str, bytes, bytes], ...]:
    """Parse the signature lines of a note. Raises NoteError."""
    found: list[tuple[str, bytes, bytes]] = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        octets = decode64(match[2]) if match else b""
        if match is None or len(octets) <= _ID or len(found) == _MOST_SIGNATURES:
            raise NoteError(f"{line[:60]!r} is not a signature line")
        found.append((match[1], octets[:_ID], octets[_ID:]))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Head of a log: origin, number of entries and root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Text of the note."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @property
    def head(self) -> tuple[int, bytes]:
        """Size and root."""
        return self.size, self.root

    def signed(self, *signers: NoteSigner, now: datetime | None = None) -> bytes:
        """Return the note with signatures; with `now`, the first key dates it."""
        keys = signers if now is None else (*signers, signers[0].dating)
        return f"{self.text}\n{''.join(note_signer.sign(self.text, now) for note_signer in keys)}".encode()

    @staticmethod
    def parse(text: str) -> "Checkpoint":
        """Parse the text of a note. Further lines are ignored. Raises NoteError."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size and root
            raise NoteError("the note is not a checkpoint (origin, size, root)")
        return Checkpoint(lines[0], parse_number(lines[1]), decode64(lines[2], HASH_SIZE))


def open_checkpoint(octets: bytes, *keys: VerifierKey) -> tuple[Checkpoint, SignedNote]:
    """Return a checkpoint that one of the log's keys signed, and its note.

    A key's name is the origin of its log. Raises NoteError, and ProofError if no key signed it, or if a signature or a
    date is wrong.
    """
    note = SignedNote.parse(octets)
    checkpoint = Checkpoint.parse(note.text)
    own = [key for key in keys if key.name == checkpoint.origin]
    if not set(note.signers([*own, *(key.dating for key in own)])).intersection(own):
        names = ", ".join(sorted({f"{key.name}+{key.key_id.hex()}" for key in keys}))
        raise ProofError(f"the checkpoint of {checkpoint.origin} is not signed by {names}")
    return checkpoint, note
