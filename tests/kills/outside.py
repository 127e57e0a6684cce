"""Independent readers of the database, the journals and the CRLs.

They use plain SQL and plain JSON, without our own readers.
"""

import hashlib
import json
import secrets
import sqlite3
from base64 import b64decode
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CERTIFICATES = """
    SELECT c.serial, c.authority_id, c.lineage_id, c.state, c.order_id, p.serial, c.retrieval_id,
           c.revoked_at IS NOT NULL, c.revocation_reason, c.first_fetched_at IS NOT NULL, o.der, c.sha256
    FROM sinetti_certificate c LEFT JOIN sinetti_certificate p ON p.id = c.predecessor_id
    LEFT JOIN sinetti_certificateder o ON o.certificate_id = c.id ORDER BY c.id"""
ORDERS = "SELECT order_id, lineage_id, state FROM sinetti_order"
PAIRS = "SELECT transfer_id, order_id FROM sinetti_transferids"
LONG_AGO = "2000-01-01 00:00:00"
OLD_REFUSALS = f"SELECT count(*) FROM sinetti_rejectedrequest WHERE at < '{LONG_AGO[:-1]}1'"  # noqa: S608 - ours
ERASED = "SELECT octets FROM sinetti_auditevent WHERE action = 'refusals-deleted'"
CALLS = """
    SELECT (SELECT count(*) FROM sinetti_earlyreplacement WHERE undone_at IS NULL),
           (SELECT count(*) FROM sinetti_earlyreplacement
             WHERE CASE WHEN undone_at IS NULL THEN done_at ELSE back_at END IS NULL),
           (SELECT count(*) FROM sinetti_earlyreplacementitem)"""
AUDIT = "SELECT sequence, action, object, octets, sha256 FROM sinetti_auditevent ORDER BY sequence"

LAST = "SELECT max(sequence) FROM sinetti_auditevent"
LISTS = "SELECT authority_id, shard FROM sinetti_crl"

HEADS = "SELECT size, note FROM sinetti_logcheckpoint ORDER BY size"
LEAVES = """
    SELECT e."index", e.leaf, e.sequence, a.octets FROM sinetti_logentry e
    LEFT JOIN sinetti_auditevent a ON a.sequence = e.sequence ORDER BY e."index" ASC"""


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate in the database."""

    serial: str
    authority: str
    lineage: str
    state: str
    order: str | None
    predecessor: str | None
    retrieval_id: str
    revoked: bool
    reason: str
    fetched: bool
    der: bytes | None
    sha256: str | None

    @property
    def key(self) -> str | None:
        """The SHA-256 of its SubjectPublicKeyInfo, or None before it is issued."""
        return key_of(self.der) if self.der is not None else None


@dataclass(frozen=True, slots=True)
class Audit:
    """A row of the audit trail.

    `whole` is true if the octets match their digest and agree with the row.
    """

    sequence: int
    action: str
    object: str
    lineage: str | None
    whole: bool


@dataclass(slots=True)
class Journal:
    """Content of all journals, and their faults."""

    faults: list[str] = field(default_factory=list)
    issued: dict[str, set[str]] = field(default_factory=dict)
    retrieval_ids: dict[str, set[str]] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Log:
    """The log: hashes of its entries, the roots that its checkpoints sign by size, and its faults."""

    leaves: list[bytes] = field(default_factory=list)
    heads: dict[int, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def root(self, size: int) -> bytes:
        """Return the root of the first entries (RFC 6962, 2.1)."""
        return _tree(self.leaves[:size])


@dataclass(frozen=True, slots=True)
class Listed:
    """A CRL as served."""

    number: int
    serials: frozenset[str]


@dataclass(slots=True)
class Seen:
    """State seen from outside at a moment without open requests."""

    rows: list[Row] = field(default_factory=list)
    orders: dict[str, tuple[str, str]] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)
    audit: list[Audit] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    lists: dict[str, list[Listed]] = field(default_factory=dict)
    log: Log = field(default_factory=Log)
    published: set[tuple[str, int]] = field(default_factory=set)


_keys: dict[bytes, str] = {}


def spki(public_key: Any) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo."""
    return hashlib.sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def key_of(der: bytes) -> str:
    """Return the SHA-256 of a certificate's SubjectPublicKeyInfo."""
    if der not in _keys:
        _keys[der] = spki(x509.load_der_x509_certificate(der).public_key())
    return _keys[der]


def look(url: str, seen: Seen) -> None:
    """Read the database at a URL with plain SQL."""
    read = _sqlite if url.startswith("sqlite:") else _postgres
    # The heads come before the leaves, which may be more by then.
    statements = (CERTIFICATES, ORDERS, PAIRS, AUDIT, HEADS, LEAVES, LISTS)
    certificates, orders, pairs, audit, heads, leaves, lists = read(url, statements)
    seen.published = {(name, shard) for name, shard in lists}
    seen.log.heads = {size: b64decode(bytes(note).split(b"\n")[2]) for size, note in heads}
    for place, (index, leaf, sequence, octets) in enumerate(leaves):
        seen.log.leaves.append(bytes(leaf))
        if index != place:
            seen.log.faults.append(f"entry {index} is at place {place}")
        if sequence is not None and hashlib.sha256(b"\0" + bytes(octets or b"")).digest() != bytes(leaf):
            seen.log.faults.append(f"entry {index} has another hash than its row {sequence}")
    seen.rows = [
        Row(
            *line[:7],
            bool(line[7]),
            line[8],
            bool(line[9]),
            bytes(line[10]) if line[10] is not None else None,
            line[11],
        )
        for line in certificates
    ]
    seen.orders = {order: (lineage, state) for order, lineage, state in orders}
    seen.pairs = dict(pairs)
    seen.audit = [_audit(*line) for line in audit]


def _tree(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of leaves that are hashed already."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _tree(leaves[:half]) + _tree(leaves[half:])).digest()


def ages_ago(number: int) -> str:
    """Return the statement that inserts rejections of long ago.

    They belong to an existing lineage.
    """
    return f"""
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {number})
        INSERT INTO sinetti_rejectedrequest (refusal_id, reason, operation, at, request_id, lineage_id)
        SELECT '{secrets.token_hex(12)}' || n, 'too-early', 'renew', '{LONG_AGO}', 'long ago', h.lineage_id
          FROM numbers, (SELECT lineage_id FROM sinetti_lineage LIMIT 1) h"""  # noqa: S608 - ours


def ten_revoked_by(officer: str) -> str:
    """Return the statement that records ten revocations by this officer alone.

    After it, one more revocation takes two officers.
    """
    at = "2999-01-01 00:00:00"  # later than a day before any time of the clock
    return f"""
        INSERT INTO sinetti_bulkrevocation
               (proposal_id, officer, reason, serials, count, created, expires, approver, approved_at, done_at)
        VALUES ('{secrets.token_hex(16)}', '{officer}', 'superseded', '[]', 10, '{at}', '{at}', '', '{at}', '{at}')"""  # noqa: S608 - ours


def old_refusals(url: str) -> tuple[int, int]:
    """Return the counts of old rejections in the database and in the audit trail.

    The audit trail counts those that were erased.
    """
    ((there,),), rows = (_sqlite if url.startswith("sqlite:") else _postgres)(url, (OLD_REFUSALS, ERASED))
    return there, sum(json.loads(bytes(octets))["facts"]["count"] for (octets,) in rows)


def last_audit(url: str) -> int:
    """Return the sequence number of the newest audit row."""
    ((sequence,),) = (_sqlite if url.startswith("sqlite:") else _postgres)(url, (LAST,))[0]
    return int(sequence)


def calls(url: str) -> tuple[int, int, int]:
    """Return counts of early replacements, unfinished ones, and called certificates.

    Undone replacements are not in the first count.
    """
    (counts,) = (_sqlite if url.startswith("sqlite:") else _postgres)(url, (CALLS,))
    stand, half, called = counts[0]
    return stand, half, called


def _sqlite(url: str, statements: Iterable[str]) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        (whole,) = connection.execute("PRAGMA quick_check").fetchone()
        assert whole == "ok", whole
        return [connection.execute(one).fetchall() for one in statements]


def _postgres(url: str, statements: Iterable[str]) -> list[list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        return [connection.execute(one).fetchall() for one in statements]


def _audit(sequence: int, action: str, about: str, octets: bytes, sha256: str) -> Audit:
    said = json.loads(bytes(octets))
    whole = hashlib.sha256(bytes(octets)).hexdigest() == sha256 and (said["action"], said["object"]) == (action, about)
    return Audit(sequence, action, about, said["facts"].get("holding"), whole)


@dataclass(slots=True)
class JournalReader:
    """Incremental reader of the journals of some folders.

    It reads each line once. A journal that became shorter is a fault.
    """

    folders: list[Path]
    told: Journal = field(default_factory=Journal)
    places: dict[Path, tuple[int, int, str]] = field(default_factory=dict)

    def read(self) -> Journal:
        """Read the new lines of all journals."""
        for folder in self.folders:
            for path in sorted(folder.glob("*.jsonl")):
                self._read(path)
        return self.told

    def _read(self, path: Path) -> None:
        offset, sequence, previous = self.places.get(path, (0, 0, "0" * 64))
        with path.open("rb") as file:
            file.seek(offset)
            new = file.read()
        if path.stat().st_size < offset:
            self.told.faults.append(f"{path.name}: it was longer before: {offset} octets")
        for line in new.split(b"\n")[:-1]:
            offset, sequence = offset + len(line) + 1, sequence + 1
            if fault := self._take(line, sequence, previous):
                self.told.faults.append(f"{path.name}, line {sequence}: {fault}")
            previous = hashlib.sha256(line).hexdigest()
        self.places[path] = (offset, sequence, previous)

    def _take(self, line: bytes, sequence: int, previous: str) -> str | None:
        try:
            said = json.loads(line)
        except ValueError:
            return "no JSON"
        if (said["sequence"], said["previous"]) != (sequence, previous):
            return "it does not follow the line before it"
        body = line[: line.rindex(b',"sha256":')] + b"}"
        if hashlib.sha256(body).hexdigest() != said["sha256"]:
            return "it does not fit its digest"
        facts = said["facts"]
        if said["kind"] == "issued":
            self.told.issued.setdefault(facts["serial"], set()).add(hashlib.sha256(b64decode(facts["der"])).hexdigest())
            self.told.retrieval_ids.setdefault(facts["serial"], set()).add(facts["retrieval_id"])
        elif said["kind"] in {"fetched", "revoked"}:
            getattr(self.told, said["kind"]).add(facts["serial"])
        return None


def read_list(der: bytes) -> Listed:
    """Read a CRL: its number and its serials."""
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return Listed(number, frozenset(f"{entry.serial_number:x}" for entry in crl))
