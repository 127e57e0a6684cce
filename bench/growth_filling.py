"""Filling of an authority with the certificates of many years.

Messages, audit rows and the log are filled too. PostgreSQL makes the rows itself: octets of certificates are those of
one real certificate with their own serial number, key and dates, so their signatures do not verify. Indexes are built
afterwards. The log is complete: leaves, nodes and a signed checkpoint, so that `audit verify` accepts it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connections, transaction

from bench import filling, seeding
from bench.scene import Holder
from sinetti.authority.bootstrap import Authority
from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.evidence import sequencer
from sinetti.database.evidence.log_tree import lookup
from sinetti.domain.values import Channel, Serial
from sinetti.infra.clock import utc_now
from sinetti.journal import writer
from sinetti.pki.encoding import load_certificate
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.issuance import close_journals
from sinetti.services.issuance.reconcile import ReconciliationStatus
from sinetti.wire.transparency.merkle import Subtree, cover, extend, root_of
from sinetti.wire.transparency.notes import Checkpoint
from sinetti.wire.transparency.tiles import TILE_HEIGHT

GENERATIONS = 4
"""Certificates of a lineage; the last one is in force."""

_AGO = timedelta(days=2)
"""Age of the checkpoint, from which all rows below it are known to be in the tree."""

_REQUEST, _FIRST = "ab" * 16, 1_000_000_000
_TABLES = (
    *("person", "organisation", "approvedchannel", "roleassignment", "lineage", "usedkey", "certificate"),
    *("certificateder", "auditevent", "outboxmessage", "ocspresponse", "logentry"),
)
_NOT_READY = "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = %s::regclass"
_TIME, _UTC = "%y%m%d%H%M%S", "YYMMDDHH24MISS"

# A table of one certificate: i is its number, l its lineage's, o its organisation's.
_CERTIFICATES = """(SELECT i, i / 4 AS l, i / %(each)s AS o, '44' || md5('s' || i) || '0000' AS serial,
       md5('k' || i) || md5('l' || i) AS key, md5('h' || i / 4) AS lineage, i %% 4 = 3 AS live, ends,
       date_trunc('second', ends - interval '730 days') AS begins
  FROM {numbers}, LATERAL (SELECT date_trunc('second', %(at)s::timestamptz) - (3 - i %% 4) * interval '700 days'
       + ((i / 4)::bigint * 7919 %% 730) * interval '1 day' + ((i / 4)::bigint * 104729 %% 86400) * interval '1 second'
       AS ends) AS e) AS c"""
_OCTETS = "bench_octets(c.serial, c.key, c.begins, c.ends)"
_DER = f"%(before)s::bytea || {_OCTETS} || %(after)s::bytea"
_ENTRY = """convert_to('{{"action":"{action}","actor":"operator","at":"'
       || to_char(c.begins AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '","facts":{{' || {facts}
       || '}},"kind":"issued","nonce":"' || encode(sha256(('{action}' || c.i)::bytea), 'base64')
       || '","object":"certificate:' || c.serial || '","request":"' || md5('q' || c.i) || '"}}', 'UTF8')"""
_RESERVED = """'"holding":"' || c.lineage || '","key":"' || c.key || '","order":null,"predecessor":'
       || CASE WHEN c.i %% 4 = 0 THEN 'null' ELSE '"44' || md5('s' || (c.i - 1)) || '0000"' END || ',"voids":null'"""
_AUDIT = """
INSERT INTO sinetti_auditevent (at, actor, action, object, request_id, octets, sha256)
SELECT begins, 'operator', '{action}', 'certificate:' || serial, md5('q' || i), octets, encode(sha256(octets), 'hex')
  FROM (SELECT c.*, {entry} AS octets FROM {certificates} ORDER BY c.i) AS entries"""


def _audit(action: str, facts: str) -> str:
    entry = _ENTRY.format(action=action, facts=facts).replace("{", "{{").replace("}", "}}")
    return _AUDIT.format(action=action, entry=entry, certificates=_CERTIFICATES)


# The values of the column next_reminder_at are those of a service that has run up to a day ago.
_STATEMENTS = (
    """INSERT INTO sinetti_person (person_id, name, email, phone, language)
SELECT md5('p' || i / 4), CASE i / 4 %% 2000 WHEN 7 THEN 'Maija Korhonen ' ELSE 'Contact ' END || i / 4,
       'Contact' || i / 4 || '@bench.example', '+358 00 ' || i / 4, 'fi' FROM {numbers} WHERE i %% 4 = 0""",
    """INSERT INTO sinetti_person (person_id, name, email, phone, language)
SELECT md5('g' || i / %(each)s), 'Signatory ' || i / %(each)s, 'signatory' || i / %(each)s || '@bench.example', '', 'sv'
  FROM {numbers} WHERE i %% %(each)s = 0""",
    """INSERT INTO sinetti_organisation
       (organisation_id, customer_id, normalised_id, kind, country, name, language, created)
SELECT md5('o' || o), 'BENCH' || o + 10, 'bench' || o + 10, 'artificial', 'FI',
       CASE WHEN o %% 1000 = 0 THEN 'Maalaamo Korhonen ' || o || ' Oy' ELSE 'Organisation ' || o END, 'fi', begins
  FROM {certificates} WHERE i %% %(each)s = 0""",
    """INSERT INTO sinetti_approvedchannel (organisation_id, type_id, approved_at)
SELECT md5('o' || o), %(type)s, begins FROM {certificates} WHERE i %% %(each)s = 0""",
    """INSERT INTO sinetti_roleassignment (mandate_id, organisation_id, person_id, role, valid_from)
SELECT md5('m' || o), md5('o' || o), md5('g' || o), 'signatory', begins FROM {certificates} WHERE i %% %(each)s = 0""",
    """INSERT INTO sinetti_lineage
       (lineage_id, organisation_id, type_id, subject_serial, description, version, created, contact_id)
SELECT lineage, md5('o' || o), %(type)s, upper(lineage), 'Payroll ' || l %% 1000, 8, begins, md5('p' || l)
  FROM {certificates} WHERE i %% 4 = 0""",
    "INSERT INTO sinetti_usedkey (key_id, first_seen) SELECT key, begins FROM {certificates}",
    """INSERT INTO sinetti_certificateder (certificate_id, to_be_signed, der)
SELECT %(first)s + i, '', {der} FROM {certificates}""",
    """INSERT INTO sinetti_certificate (id, serial, authority_id, lineage_id, state, origin, predecessor_id, key_id,
       sha256, retrieval_id, not_before, not_after, renewable_from, crl_shard, reserved_at, recorded_at,
       first_fetched_at, revocation_reason, next_reminder_at)
SELECT %(first)s + i, serial, %(authority)s, lineage, 'fetched', 'import',
       CASE WHEN i %% 4 > 0 THEN %(first)s + i - 1 END, key, encode(sha256({der}), 'hex'), md5('v' || i), begins, ends,
       ends - interval '60 days', 1, begins, begins, begins, '',
       CASE WHEN live AND ends > %(at)s + interval '59 days' THEN NULL ELSE COALESCE(
         (SELECT min(ends - step) FROM unnest(%(steps)s::interval[]) AS step
           WHERE live AND ends - step > %(at)s - interval '1 day'), '9999-12-31 00:00Z') END
  FROM {certificates}""",
    _audit("certificate-reserved", _RESERVED),
    _audit("certificate-issued", f"""'"sha256":"' || encode(sha256({_DER}), 'hex') || '"'"""),
    # A year of messages about each lineage.
    """INSERT INTO sinetti_outboxmessage (message_id, kind, lineage_id, certificate_id, recipient_id, step, created,
       due, attempts, sent, channel)
SELECT md5(step || i), 'reminder', lineage, %(first)s + i, md5('p' || l), step, begins, begins, 1, begins, 'email'
  FROM {certificates}, unnest(ARRAY['60', '30', '14']) AS step WHERE live""",
    """INSERT INTO sinetti_ocspresponse
       (authority, serial, sha1, sha256, this_update, next_update, revocation_reason)
SELECT %(authority)s, serial, substr(bench_octets(serial, key, begins, ends), 1, 858),
       substr(bench_octets(serial, key, begins, ends), 1, 888), %(at)s, %(at)s + interval '7 days', ''
  FROM {certificates} WHERE live""",
)


@dataclass(frozen=True, slots=True)
class TableSize:
    """Octets of a table, of its rows and of its indexes, with its number of rows."""

    name: str
    rows: int
    heap: int
    indexes: dict[str, int]

    @property
    def octets(self) -> int:
        """Octets of the rows and of the indexes."""
        return self.heap + sum(self.indexes.values())


def fill(authority: Authority, certificates: int, holders: int, like: Holder) -> None:
    """Fill database and log with certificates of so many holders.

    `like` is a holder whose certificate is the template. A journal of 10,000 lines is written with one line, since a
    start reads no more of it.
    """
    ctx, now = authority.ctx, utc_now()
    LogSequencer().run(ctx, _REQUEST)
    first = sequencer.entry_count(ctx.db)
    edge = _edge(ctx.db, first)
    begin = like.der.index(like.to_be_signed)
    values: dict[str, Any] = {
        "type": models.CertificateType.objects.using(ctx.db.alias).get(channel=Channel.WS).pk,
        "authority": ctx.issuing[Channel.WS],
        "at": now,
        "each": max(certificates // holders // GENERATIONS, 1) * GENERATIONS,
        "first": _FIRST,
        "steps": [f"{days} days" for days in (30, 14, 7, 3, 1, 0)],
        "before": like.der[:begin],
        "after": like.der[begin + len(like.to_be_signed) :],
    }
    _create_function(ctx.db, like)
    with without_indexes(ctx.db):
        last = _last(ctx.db)
        for statement in _STATEMENTS:
            text = statement.replace("{certificates}", _CERTIFICATES).replace("{der}", _DER)
            filling.write(ctx.db, text, certificates, values)
        filling.write(ctx.db, _LEAVES, 1, {"last": last, "moved": first - last - 1})
    _sign(authority, first, edge)
    _write_journals(authority, max(1, 2 * certificates // writer.MOST_LINES), like)
    seeding.settle(authority)


# The sequence numbers of one session have no gaps.
_LEAVES = """INSERT INTO sinetti_logentry (index, sequence, leaf)
SELECT sequence + %(moved)s, sequence, sha256('\\x00'::bytea || octets) FROM sinetti_auditevent
 WHERE sequence > %(last)s ORDER BY sequence"""


def sizes(db: Database) -> list[TableSize]:
    """Return the sizes of the tables, the largest first."""
    found = []
    with connections[db.alias].cursor() as cursor:
        for table in _TABLES:
            name = f"sinetti_{table}"
            cursor.execute("SELECT count(*), pg_table_size(%s) FROM " + name, [name])  # noqa: S608 - our own names
            rows, heap = cursor.fetchone()
            cursor.execute(
                "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
                " WHERE indrelid = %s::regclass",
                [name],
            )
            found.append(TableSize(table, rows, heap, dict(cursor.fetchall())))
    return sorted(found, key=lambda one: -one.octets)


def _create_function(db: Database, like: Holder) -> None:
    """Create the function that makes octets of a certificate.

    It writes serial number, key and dates into those of a real one.
    """
    key: Any = load_certificate(like.der).public_key()
    modulus = key.public_numbers().n.to_bytes(256)
    octets = like.to_be_signed
    places = {
        octets.index(bytes.fromhex(like.serial)): "decode($1, 'hex')",
        octets.index(modulus) + 8: "decode($2, 'hex')",
        octets.index(like.span.not_before.strftime(_TIME).encode()): f"to_char($3 AT TIME ZONE 'UTC', '{_UTC}')::bytea",
        octets.index(like.span.not_after.strftime(_TIME).encode()): f"to_char($4 AT TIME ZONE 'UTC', '{_UTC}')::bytea",
    }
    body = f"'\\x{octets.hex()}'::bytea"
    for place, value in places.items():
        body = f"overlay({body} PLACING {value} FROM {place + 1})"
    with connections[db.alias].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION bench_octets(text, text, timestamptz, timestamptz) RETURNS bytea LANGUAGE sql AS "
            f"$$ SELECT {body} $$"
        )


@contextmanager
def without_indexes(db: Database) -> Iterator[None]:
    """Run a block that writes rows, and build the indexes afterwards."""
    names = [f"sinetti_{table}" for table in _TABLES]
    with connections[db.alias].cursor() as cursor:
        for name in names:
            cursor.execute(_NOT_READY, [name])
    db.close()
    yield
    with connections[db.alias].cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for name in names:
            cursor.execute(f"REINDEX TABLE {name}")
    db.close()


def _last(db: Database) -> int:
    with connections[db.alias].cursor() as cursor:
        cursor.execute("SELECT max(sequence) FROM sinetti_auditevent")
        return int(cursor.fetchone()[0])


def _edge(db: Database, size: int) -> list[Subtree]:
    look = lookup(db, size)
    return [Subtree(level, index, look(level, index)) for level, index in cover(0, size)]


def _sign(authority: Authority, first: int, edge: list[Subtree]) -> None:
    """Add the nodes of the tree from the new leaves, and a checkpoint of two days ago."""
    ctx = authority.ctx
    nodes: list[models.LogNode] = []

    def complete(one: Subtree) -> None:
        if one.level % TILE_HEIGHT == 0:
            nodes.append(models.LogNode(level=one.level // TILE_HEIGHT, index=one.index, digest=one.digest))

    rows = models.LogEntry.objects.using(ctx.db.alias).filter(index__gte=first).order_by("index")
    with transaction.atomic(using=ctx.db.alias):
        found = rows.values_list("index", "leaf").iterator(chunk_size=10_000)
        extend(edge, (Subtree(0, index, bytes(leaf)) for index, leaf in found), complete)
        models.LogNode.objects.using(ctx.db.alias).bulk_create(nodes, batch_size=5000)
        size, signers = edge[-1].end, ctx.log_signers()
        note = ctx.sign_head(Checkpoint(signers[0].name, size, root_of(edge)), signers, lookup(ctx.db, size), utc_now())
        models.LogCheckpoint.objects.using(ctx.db.alias).create(size=size, note=note, made_at=utc_now() - _AGO)


def _write_journals(authority: Authority, count: int, like: Holder) -> None:
    """Write so many closed journals, and half an open one.

    A comparison with lines that were not written is left out: the entries of the closed journals say that they have all
    facts of the database.
    """
    ctx, journal = authority.ctx, authority.journal
    with mock.patch.object(writer, "MOST_LINES", 2):  # with the line that begins it
        for number in range(count):
            journal.append([seeding.fetched(_serial(number), like.span.not_before)])
        journal.end_month()
    size = sequencer.entry_count(ctx.db)
    agreed = ReconciliationStatus(frozenset(), {}, logged=((0, size),), log_size=size)
    with mock.patch.object(close_journals, "compare", return_value=agreed):
        close_journals.close_journals(ctx, journal, _REQUEST)
    LogSequencer().run(ctx, _REQUEST)
    close_journals.close_journals(ctx, journal, _REQUEST)
    half = range(count, count + writer.MOST_LINES // 2)
    journal.append([seeding.fetched(_serial(number), like.span.not_before) for number in half])


def _serial(number: int) -> Serial:
    return Serial(f"44{seeding.filler_serial(number)[2:]}")
