"""Memory of the separate signer: one SQLite file in its own folder.

It has what the rules compare with: signed certificates, lists, counts, and the log's last head. One transaction holds
one batch of tasks, and is committed before any of its signatures leaves.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from sinetti.domain.values import Sha256
from sinetti.infra.atomic_files import PRIVATE
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.trust_lists.lists import DistrustEntry, DistrustList

VERSION = 3
_AT_ONCE = 500

_SCHEMA = """
CREATE TABLE signed (
    serial BLOB NOT NULL, ca TEXT NOT NULL, digest BLOB NOT NULL, signature BLOB NOT NULL, not_after INTEGER NOT NULL,
    renewals INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (serial, ca)
) WITHOUT ROWID;
CREATE TABLE revoked (serial BLOB NOT NULL, ca TEXT NOT NULL, PRIMARY KEY (serial, ca)) WITHOUT ROWID;
CREATE TABLE lists (
    ca TEXT NOT NULL, shard INTEGER NOT NULL, number TEXT NOT NULL, this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL, PRIMARY KEY (ca, shard)
);
CREATE TABLE list_entries (ca TEXT NOT NULL, shard INTEGER NOT NULL, part INTEGER NOT NULL, octets BLOB NOT NULL,
    PRIMARY KEY (ca, shard, part)
);
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), size INTEGER NOT NULL, root BLOB NOT NULL);
CREATE TABLE orders (day TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE acts (proposal TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
"""
_OF_VERSION_2 = """
CREATE TABLE distrust (
    sha256 TEXT PRIMARY KEY, ca TEXT NOT NULL, since INTEGER NOT NULL, bridge_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE distrust_list (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL);
"""
_OF_VERSION_3 = """
CREATE TABLE issued (number INTEGER PRIMARY KEY, ca TEXT NOT NULL, at INTEGER NOT NULL, der BLOB NOT NULL);
CREATE TABLE unlogged (
    serial BLOB NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL, is_noted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (serial, digest)
) WITHOUT ROWID;
CREATE TABLE leaves (digest BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX leaves_by_time ON leaves (at);
"""
_LEAVES_KEPT = timedelta(hours=25)
"""Time for which entries are remembered, an hour more than reservations wait."""

_VERSIONS = (_SCHEMA, _OF_VERSION_2, _OF_VERSION_3)
_ANY_CA = ""
"""CA of a revocation that an entry of the log reports; serial numbers are random."""

_SAME = "serial IN (SELECT serial FROM unlogged WHERE serial = :serial AND digest = :digest)"
_REVOKING = ("certificate-revoked", "certificate-voided")
LOGGED = {
    "certificate-issued": "DELETE FROM unlogged WHERE serial = :serial AND digest = :digest",
    "certificate-restored": f"DELETE FROM unlogged WHERE {_SAME}",  # noqa: S608 - no text of a caller
    "certificate-unregistered": f"UPDATE unlogged SET is_noted = 1 WHERE {_SAME}",  # noqa: S608 - as above
    **dict.fromkeys(_REVOKING, "DELETE FROM unlogged WHERE serial = :serial"),
}
"""Changes by the entries of the log, by action.

A certificate that the register lacks is noted alone.
"""


class SignerStoreDamaged(Exception):
    """Store that cannot be used; the sentence says what to do."""


@dataclass(frozen=True)
class SignedRecord:
    """Certificate that this signer signed, or that was adopted.

    `digest` is the SHA-256 of the signed octets. Both are empty for an adopted certificate.
    """

    digest: bytes
    signature: bytes = field(repr=False)
    not_after: datetime


@dataclass(frozen=True)
class ListRecord:
    """Last list of a CA and shard: number, dates, and its entries in DER."""

    number: int
    this_update: datetime
    next_update: datetime
    entries: bytes = field(repr=False)


class PredecessorRecord(NamedTuple):
    """Certificate that is to be renewed: digest, number of its renewals, revocation."""

    digest: bytes
    renewals: int
    is_revoked: bool


class AdoptedCertificate(NamedTuple):
    """Certificate from before the signer: CA, serial in octets, notAfter.

    `digest` is the SHA-256 of its TBSCertificate. With it, a renewal needs no verification of the CA's signature.
    """

    ca: str
    serial: bytes
    not_after: datetime
    digest: bytes = b""


class SignerStore:
    """The store. Its functions are called inside `transaction`."""

    def __init__(self, path: Path, *, is_new: bool = True) -> None:
        """Open the file, or create it if it is new. Raises SignerStoreDamaged.

        A signer that began without its memory would have forgotten every revocation, so only its founder creates one.
        """
        self._lock, self._is_new = Lock(), is_new
        try:
            os.close(os.open(path, (os.O_CREAT if is_new else 0) | os.O_RDWR | os.O_NOFOLLOW, PRIVATE))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # The death of the process loses nothing. A power cut may lose the last instants but for durable ones. The
            # worst case is then a second certificate with one serial number, or a count too low by those instants.
            # Serials are at random places, so a batch writes many pages. Ten times fewer checkpoints than the default
            # take a third less time (measured with 60,000 certificates).
            self._db.execute("PRAGMA wal_autocheckpoint = 10000")
            self._create(path)
        except (OSError, sqlite3.DatabaseError, SignerUnavailable) as bad:
            raise SignerStoreDamaged(
                f"the signer's store {path} cannot be used ({bad}): restore it from a backup of the signer"
            ) from bad

    def _create(self, path: Path) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0 and not self._is_new:
                raise SignerStoreDamaged(f"the signer's store {path} is empty: restore it from a backup of the signer")
            if version < VERSION:
                for statement in ";".join(_VERSIONS[version:]).split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
        if version > VERSION:
            raise SignerStoreDamaged(
                f"the signer's store {path} is of version {version}: start the newer program that wrote it"
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote if it raises; the transaction goes on."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            raise
        finally:
            self._db.execute("RELEASE part")

    @contextmanager
    def transaction(self, *, is_durable: bool = False) -> Iterator[None]:
        """Commit what the block writes; an exception writes nothing.

        A durable transaction outlives a power cut. Raises SignerUnavailable if the file cannot be written, as on a full
        disk.
        """
        with self._lock:
            try:
                self._db.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as bad:
                raise SignerUnavailable(f"the signer's store cannot be used now: {bad}") from bad
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def has_signed(self) -> bool:
        """Return True if the signer itself signed a certificate."""
        return self._db.execute("SELECT 1 FROM signed WHERE length(signature) > 0 LIMIT 1").fetchone() is not None

    def find_signed(self, ca: str, serial: bytes) -> SignedRecord | None:
        """Return the certificate with this serial, or None."""
        row = self._db.execute(
            "SELECT digest, signature, not_after FROM signed WHERE serial = ? AND ca = ?", (serial, ca)
        ).fetchone()
        return None if row is None else SignedRecord(row[0], row[1], _instant(row[2]))

    def insert_signed(self, ca: str, serial: bytes, record: SignedRecord) -> None:
        """Add a certificate."""
        row = (serial, ca, record.digest, record.signature, _seconds(record.not_after))
        self._db.execute("INSERT INTO signed VALUES (?, ?, ?, ?, ?, 0)", row)

    def insert_issued(self, ca: str, serial: bytes, der: bytes, leaf: bytes | None, at: datetime) -> None:
        """Add a certificate under a number; the log must have it and this leaf."""
        self._db.execute("INSERT INTO issued (ca, at, der) VALUES (?, ?, ?)", (ca, _seconds(at), der))
        rows = ((serial, digest, _seconds(at)) for digest in (sha256(der).digest(), leaf) if digest is not None)
        self._db.executemany("INSERT OR IGNORE INTO unlogged (serial, digest, at) VALUES (?, ?, ?)", rows)

    def list_issued(self, after: int) -> list[bytes]:
        """Return the last number, and a page of the certificates with higher ones.

        Each has a field with number, CA and seconds of Unix time, and its DER.
        """
        (newest,) = self._db.execute("SELECT COALESCE(MAX(number), 0) FROM issued").fetchone()
        page = "SELECT number || ' ' || ca || ' ' || at, der FROM issued WHERE number > ? ORDER BY number LIMIT ?"
        rows = self._db.execute(page, (after, _AT_ONCE))
        return [b"%d" % newest, *(field for named, der in rows for field in (named.encode(), der))]

    def insert_leaves(self, leaves: Iterable[bytes], now: datetime) -> None:
        """Remember entries of the log, which need not come any more, for a while."""
        self._db.executemany("INSERT OR IGNORE INTO leaves VALUES (?, ?)", ((leaf, _seconds(now)) for leaf in leaves))
        self._db.execute("DELETE FROM unlogged WHERE EXISTS (SELECT 1 FROM leaves WHERE digest = unlogged.digest)")
        self._db.execute("DELETE FROM leaves WHERE at < ?", (_seconds(now - _LEAVES_KEPT),))

    def record_entry(self, action: str, serial: bytes, digest: bytes) -> None:
        """Record what an entry of the log says of a certificate.

        Raises KeyError for another action.
        """
        self._db.execute(LOGGED[action], {"serial": serial, "digest": digest})
        if action in _REVOKING:
            self.insert_revoked(_ANY_CA, [serial])

    def find_unlogged(self, before: datetime, serial: bytes | None = None) -> bytes | None:
        """Return the serial of a certificate that no entry has, or None.

        It was signed before an instant. For a given serial, an entry that the register lacks it does not count.
        """
        query = "SELECT serial FROM unlogged WHERE at < ? AND (serial = ? OR ? AND NOT is_noted)"
        row = self._db.execute(query, (_seconds(before), serial, serial is None)).fetchone()
        return None if row is None else bytes(row[0])

    def list_expired(self, ca: str, serials: Sequence[bytes], before: datetime) -> set[bytes]:
        """Return those of these serials whose certificates ended before an instant."""
        found: set[bytes] = set()
        for start in range(0, len(serials), _AT_ONCE):
            some = serials[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT serial FROM signed WHERE ca = ? AND not_after < ? AND serial IN ({marks})"  # noqa: S608
            found.update(row[0] for row in self._db.execute(query, (ca, _seconds(before), *some)))
        return found

    def find_predecessor(self, ca: str, serial: bytes) -> PredecessorRecord | None:
        """Return a certificate that is to be renewed, or None if it is unknown."""
        query = (
            "SELECT digest, renewals, EXISTS (SELECT 1 FROM revoked WHERE serial = ?1 AND ca IN (?2, '')) FROM signed "
            "WHERE serial = ?1 AND ca = ?2"
        )
        row = self._db.execute(query, (serial, ca)).fetchone()
        return None if row is None else PredecessorRecord(row[0], row[1], bool(row[2]))

    def add_renewal(self, ca: str, serial: bytes, digest: bytes, not_after: datetime) -> None:
        """Count a renewal of a certificate, which is added if the store does not have it."""
        upsert = (
            "INSERT INTO signed VALUES (?, ?, ?, x'', ?, 1) "
            "ON CONFLICT (serial, ca) DO UPDATE SET renewals = renewals + 1, digest = excluded.digest"
        )
        self._db.execute(upsert, (serial, ca, digest, _seconds(not_after)))

    def count_orders(self, day: date) -> int:
        """Return how many certificates without proof of a renewal were signed on a day."""
        row = self._db.execute("SELECT count FROM orders WHERE day = ?", (day.isoformat(),)).fetchone()
        return 0 if row is None else int(row[0])

    def add_order(self, day: date) -> None:
        """Count a certificate without proof of a renewal."""
        upsert = "INSERT INTO orders VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET count = count + 1"
        self._db.execute(upsert, (day.isoformat(),))

    def is_revoked(self, ca: str, serial: bytes) -> bool:
        """Return True if a list of the CA has had this serial, or an entry of the log."""
        query = "SELECT 1 FROM revoked WHERE serial = ? AND ca IN (?, ?)"
        return self._db.execute(query, (serial, ca, _ANY_CA)).fetchone() is not None

    def find_list(self, ca: str, shard: int) -> ListRecord | None:
        """Return the last list of a shard, or None."""
        query = "SELECT number, this_update, next_update FROM lists WHERE ca = ? AND shard = ?"
        row = self._db.execute(query, (ca, shard)).fetchone()
        if row is None:
            return None
        parts = self._db.execute(
            "SELECT octets FROM list_entries WHERE ca = ? AND shard = ? ORDER BY part", (ca, shard)
        )
        return ListRecord(int(row[0]), _instant(row[1]), _instant(row[2]), b"".join(part[0] for part in parts))

    def replace_list(
        self, ca: str, shard: int, record: ListRecord, added: bytes | None, serials: Iterable[bytes]
    ) -> None:
        """Store a list as the last one of its shard.

        `added` are the entries after those of the last one, or None if the entries are stored anew. `serials` are
        those that are new on the list.
        """
        row = (ca, shard, str(record.number), _seconds(record.this_update), _seconds(record.next_update))
        self._db.execute("INSERT OR REPLACE INTO lists VALUES (?, ?, ?, ?, ?)", row)
        if added is None:
            self._db.execute("DELETE FROM list_entries WHERE ca = ? AND shard = ?", (ca, shard))
        entries = record.entries if added is None else added
        if entries:
            self._db.execute(
                "INSERT INTO list_entries SELECT ?1, ?2, COALESCE(MAX(part), 0) + 1, ?3 FROM list_entries "
                "WHERE ca = ?1 AND shard = ?2",
                (ca, shard, entries),
            )
        self.insert_revoked(ca, serials)

    def insert_revoked(self, ca: str, serials: Iterable[bytes]) -> None:
        """Record revoked serials of a CA."""
        # In order, since a million of them at random places of the tree take four times as long.
        rows = ((serial, ca) for serial in sorted(serials))
        self._db.executemany("INSERT OR IGNORE INTO revoked VALUES (?, ?)", rows)

    def find_head(self) -> tuple[int, bytes] | None:
        """Return size and root of the log's last signed head, or None."""
        row = self._db.execute("SELECT size, root FROM head").fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def replace_head(self, size: int, root: bytes) -> None:
        """Store the last signed head."""
        self._db.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (size, root))

    def find_act(self, proposal: str) -> bytes | None:
        """Return the digest of the octets that an approval was used for, or None."""
        row = self._db.execute("SELECT digest FROM acts WHERE proposal = ?", (proposal,)).fetchone()
        return None if row is None else bytes(row[0])

    def insert_act(self, proposal: str, digest: bytes) -> None:
        """Record the octets that an approval was used for; the first ones stay."""
        self._db.execute("INSERT OR IGNORE INTO acts VALUES (?, ?)", (proposal, digest))

    def distrust_number(self) -> int:
        """Return the number of the last list of distrust, 0 without one."""
        row = self._db.execute("SELECT number FROM distrust_list").fetchone()
        return 0 if row is None else int(row[0])

    def list_distrust(self) -> tuple[DistrustEntry, ...]:
        """Return the distrusted CAs of the signed lists."""
        rows = self._db.execute("SELECT sha256, ca, since, bridge_until FROM distrust ORDER BY ca")
        return tuple(DistrustEntry(Sha256(row[0]), row[1], _instant(row[2]), _instant(row[3])) for row in rows)

    def replace_distrust(self, signed: DistrustList) -> None:
        """Store a list of distrust as the last one."""
        rows = (
            (authority.sha256, authority.name, _seconds(authority.since), _seconds(authority.bridge_until))
            for authority in signed.authorities
        )
        self._db.executemany("INSERT OR IGNORE INTO distrust VALUES (?, ?, ?, ?)", rows)
        self._db.execute("INSERT OR REPLACE INTO distrust_list VALUES (1, ?)", (signed.number,))

    def insert_adopted(self, certificates: Iterable[AdoptedCertificate]) -> None:
        """Add certificates from before the signer; those that are there stay as they are."""
        rows = (
            (certificate.serial, certificate.ca, certificate.digest, _seconds(certificate.not_after))
            for certificate in certificates
        )
        self._db.executemany("INSERT OR IGNORE INTO signed VALUES (?, ?, ?, x'', ?, 0)", rows)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
