"""Logs in memory with their public parts, as a function and over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler

from sinetti.wire.transparency.entries import format_entry
from sinetti.wire.transparency.key_rotation import ACTION, rotation_facts
from sinetti.wire.transparency.merkle import Subtree, extend, inclusion_proof, leaf_hash, root_of
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner, SignedNote
from sinetti.wire.transparency.observer import LogUnavailable
from sinetti.wire.transparency.proofs import EntryProof
from sinetti.wire.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TileName, lookup_in
from tests.support.authority import NOW
from tests.support.logs import LOG_KEY, ORIGIN
from tests.support.small_server import LoopbackServer

TEST_ORIGIN = "pki.sinetti.example/log"
"""Origin of the log of certificates that the test authority issues (tests/support/authority.py)."""

BY = ("service", NOW, "ab" * 16)


@dataclass
class ServedLog:
    """A log whose operator can do anything; `asked` are the paths that were fetched."""

    origin: str = ORIGIN
    signers: tuple[NoteSigner, ...] = (LOG_KEY,)
    entries: list[bytes] = field(default_factory=list)
    indices: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    witnesses: tuple[NoteSigner, ...] = ()
    asked: list[str] = field(default_factory=list)
    dated: datetime | None = None
    is_away: bool = False
    is_gone: bool = False

    def add(self, count: int = 1, name: str = "entry") -> None:
        """Add entries without meaning."""
        self.entries += [f"{name} {number}".encode() for number in range(count)]

    def issue(self, serial: str, sha256: str) -> None:
        """Add the entry of a certificate's issue."""
        self.indices[serial] = len(self.entries)
        self.entries.append(format_entry("certificate-issued", f"certificate:{serial}", BY, {"sha256": sha256}))

    def rotate(self, new: NoteSigner) -> None:
        """Add the entry that replaces the key, and sign with both."""
        old = self.signers[0]
        self.changes[old.verifier.key_id.hex()] = len(self.entries)
        self.entries.append(format_entry(ACTION, "log", BY, rotation_facts(old, new)))
        self.signers = (new, *self.signers)

    @property
    def hashes(self) -> list[bytes]:
        return [leaf_hash(one) for one in self.entries]

    @property
    def checkpoint(self) -> bytes:
        """The newest head, cosigned."""
        edge: list[Subtree] = []
        extend(edge, (Subtree(0, index, digest) for index, digest in enumerate(self.hashes)))
        head = Checkpoint(self.origin, len(self.entries), root_of(edge))
        cosigned = "".join(one.sign(head.text, NOW) for one in self.witnesses)
        return head.signed(*self.signers, now=self.dated) + cosigned.encode()

    def fetch(self, path: str) -> bytes | None:
        """Return a part of the log."""
        self.asked.append(path)
        if self.is_away:
            raise LogUnavailable(path)
        if self.is_gone:
            return None
        kind, _, rest = path.partition("/")
        if path == "checkpoint":
            return self.checkpoint
        if path == "key":
            return f"{self.signers[0].verifier}\n".encode()
        if kind in {"key", "proof"}:
            index = (self.changes if kind == "key" else self.indices).get(rest)
            return None if index is None else self.proof(index)
        name = TileName.parse(path)
        return None if name is None or not name.is_in(len(self.entries)) else self.tile(name)

    def tile(self, name: TileName) -> bytes:
        found = []
        for number in range(name.index * TILE_WIDTH, name.index * TILE_WIDTH + name.width):
            first, count = number << (TILE_HEIGHT * name.level), 1 << (TILE_HEIGHT * name.level)
            edge: list[Subtree] = []
            extend(edge, (Subtree(0, place, one) for place, one in enumerate(self.hashes[first : first + count])))
            found.append(edge[0].digest)
        return b"".join(found)

    def proof(self, index: int) -> bytes:
        size = len(self.entries)
        path = tuple(inclusion_proof(index, size, lookup_in(size, self.tile)))
        note = SignedNote.parse(self.checkpoint)
        return bytes(EntryProof(index, path, bytes(note), self.entries[index]))


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        log: ServedLog = self.server.log  # type: ignore[attr-defined]
        try:
            found = log.fetch(self.path.removeprefix("/log/"))
        except LogUnavailable:
            self.send_error(503)
            return
        if found is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_words: object) -> None:
        """Log nothing."""


def log_of_test_authority() -> ServedLog:
    """Return an empty log of the test authority."""
    return ServedLog(TEST_ORIGIN, (NoteSigner(TEST_ORIGIN, LOG_KEY.key),))


@contextmanager
def served() -> Iterator[ServedLog]:
    """Serve an empty log on this machine; its address is `http://` and its origin."""
    with LoopbackServer(_Handler) as server:
        origin = f"127.0.0.1:{server.server_address[1]}/log"
        server.log = ServedLog(origin, (NoteSigner(origin, LOG_KEY.key),))  # type: ignore[attr-defined]
        yield server.log  # type: ignore[attr-defined]
