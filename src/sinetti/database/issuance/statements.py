"""SQL of the two commits around a signature, and of the renewal lookup.

Each is made of the same parts for a request alone and for a wave of requests. In a wave the parameters are columns of
`wave`, a row for each request, which PostgreSQL makes from one array for each parameter, and parts are joined to the
row of their request.

On PostgreSQL a commit is one statement. The UPDATE of the lineage takes its row lock and decides; the other parts
depend on its result. The snapshot may be older than the lock for which the statement waited. In that case the version
has changed, the condition is evaluated again on the new row (READ COMMITTED), and the other parts write no row. The
lineage's certificates in the snapshot are therefore current.

On SQLite the same parts are statements of one short transaction.

The lookup is step 4 of a renewal in one round trip: signer, existing renewals, and use of the key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sinetti.database import sql
from sinetti.database.connection import Database
from sinetti.database.sql import Row, Value, Values, instant
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState, order_predecessors, predecessors
from sinetti.domain.certificates.models import Certificate, Lineage
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, KeyId, Language, Organisation, Serial, Sha256, ValidityPeriod

_OPEN = ", ".join(f"'{state.value}'" for state in sorted(order_predecessors(OrderState.FULFILLED)))
_STATES = ", ".join(f"'{state.value}'" for state in sorted(predecessors(CertificateState.ISSUED)))
# A lineage has few rows.
_ITS_ID = "(SELECT id FROM sinetti_certificate WHERE lineage_id = %(lineage)s AND serial = %(serial)s)"
_ITS_ROW = f"{_ITS_ID.replace('SELECT id', 'SELECT id, predecessor_id')} AS done"

_HELD = """UPDATE sinetti_lineage SET version = version + 1
 WHERE lineage_id = %(lineage)s AND version = %(version)s RETURNING lineage_id"""

# Commit 1 is for a CA that issues now. On PostgreSQL the lock, which the foreign key takes anyway, makes a change of
# the CA's state wait for this transaction, or this statement see the new state (database/authorities/register.py).
_LIVE = """SELECT name FROM sinetti_certificateauthority
 WHERE name = %(authority)s AND state = 'issuing' AND %(at)s BETWEEN signs_from AND signs_until"""
_HELD_FOR = """WITH live AS ({live})
UPDATE sinetti_lineage SET version = version + 1
 WHERE lineage_id = %(lineage)s AND version = %(version)s AND EXISTS (SELECT 1 FROM live) RETURNING lineage_id"""

_KEY = {"key_id": "%(key)s", "first_seen": "%(at)s"}
_CERTIFICATE = {
    **{name: f"%({name})s" for name in ("serial", "origin", "retrieval_id", "not_before", "not_after", "crl_shard")},
    **{name: f"%({name})s" for name in ("renewable_from", "reserved_machine_time")},
    "state": f"'{CertificateState.RESERVED.value}'",
    "authority_id": "%(authority)s",
    "lineage_id": "%(lineage)s",
    "order_id": "%(order)s",
    "key_id": "%(key)s",
    "predecessor_id": """(SELECT p.id FROM sinetti_certificate p
        WHERE p.lineage_id = %(lineage)s AND p.serial = %(predecessor)s)""",
    "replaces_id": "(SELECT o.replaces_id FROM sinetti_order o WHERE o.order_id = %(order)s)",
    "reserved_at": "%(at)s",
    "revocation_reason": "''",
}
_OCTETS = {"to_be_signed": "%(to_be_signed)s"}
_AUDIT = {name: f"%({name})s" for name in ("at", "actor", "action", "request_id")} | {
    "object": "%(subject)s",
    "octets": "%(audited)s",
    "sha256": "%(audited_sha256)s",
}
_CALLER = {"request_id": "%(request_id)s", "address": "%(caller)s", "at": "%(at)s"}
_ANSWER = {
    **{name: f"%({name})s" for name in ("authority", "serial", "this_update", "next_update")},
    "sha1": "%(answer_sha1)s",
    "sha256": "%(answer_sha256)s",
    "revocation_reason": "''",
}
_MESSAGE = {
    **{name: f"%({name})s" for name in ("message_id", "kind")},
    "step": "'once'",
    "created": "%(at)s",
    "due": "%(at)s",
    "attempts": "0",
}
# Checked again here, because the revocation of a predecessor between the commits voids the reservation. A revoked CA
# issues nothing, not even what was reserved before. Both conditions are written so that no partial index serves them:
# planned while there are few reservations or revocations, the statement would read all of those index entries later.
_ISSUED = f"""UPDATE sinetti_certificate SET state = '{CertificateState.ISSUED.value}', sha256 = %(sha256)s,
       recorded_at = %(recorded_at)s{{after}}
 WHERE sinetti_certificate.lineage_id = %(lineage)s AND sinetti_certificate.serial = %(serial)s
   AND state || '' IN ({_STATES}) AND revoked_at IS NULL AND (SELECT p.revoked_at FROM sinetti_certificate p
        WHERE p.id = sinetti_certificate.predecessor_id) IS NULL
   AND NOT EXISTS (SELECT 1 FROM sinetti_certificateauthority a
        WHERE a.name = sinetti_certificate.authority_id AND a.state = 'revoked')
 RETURNING id, predecessor_id, state, sinetti_certificate.sha256, sinetti_certificate.recorded_at"""  # noqa: S608 - the text contains no data of a request
# The DER has the octets to be signed. Kept twice they took a seventh of the database (docs/contributors/speed.md).
_DER = """UPDATE sinetti_certificateder SET der = %(der)s, to_be_signed = substr(%(der)s, 1, 0){after}
 WHERE certificate_id = {certificate}"""


_PARAMETER = re.compile(r"%\((\w+)\)s")
_INSTANTS = {"at", "not_before", "not_after", "renewable_from", "reserved_machine_time", "recorded_at"} | {
    "this_update",
    "next_update",
}
_OCTET_STRINGS = {"to_be_signed", "audited", "der", "answer_sha1", "answer_sha256"}


def _kinds(*names: str) -> dict[str, str]:
    """Return the type of each parameter on PostgreSQL."""
    kinds = {"version": "bigint", "crl_shard": "integer"}
    kinds |= dict.fromkeys(_INSTANTS, "timestamptz") | dict.fromkeys(_OCTET_STRINGS, "bytea")
    return {name: kinds.get(name, "text") for name in names}


_AUDITED = ("at", "actor", "action", "subject", "request_id", "audited", "audited_sha256")
_RESERVED = _kinds(
    *("lineage", "version", "key", "serial", "authority", "origin", "order", "predecessor", "retrieval_id"),
    *("not_before", "not_after", "renewable_from", "crl_shard", "reserved_machine_time", "to_be_signed", "caller"),
    *_AUDITED,
)
"""Parameters of commit 1."""

_LOOKED_UP = _kinds("sha256", "key")
_STORED = _kinds(
    *("lineage", "version", "serial", "sha256", "recorded_at", "der", "message_id", "kind"),
    *("authority", "this_update", "next_update", "answer_sha1", "answer_sha256"),
    *_AUDITED,
)
"""Parameters of commit 2."""


def lock_version(db: Database, values: Values) -> bool:
    """Lock the lineage by incrementing the version that was decided on.

    Returns False if the version has changed.
    """
    return bool(sql.write(db, _HELD, values))


def is_issuing(db: Database, values: Values) -> bool:
    """Return True if the CA of commit 1 issues at this instant."""
    return bool(sql.read(db, _LIVE, values))


def lock_for_reservation(db: Database, values: Values) -> bool:
    """Lock the lineage as `lock_version` does, if the CA issues at this instant.

    Returns False if the version has changed, or the CA issues no more.
    """
    return bool(sql.write(db, _HELD_FOR.format(live=_live(db)), values))


def reserve_in_one_statement(db: Database, wave: Sequence[Values]) -> frozenset[str]:
    """Run commit 1 of a wave as one statement, which is its own transaction.

    Returns the serial numbers that are reserved. No row was written for a lineage that has changed, a CA that issues
    no more, or an order that is not open.
    """
    return frozenset(str(serial) for (serial,) in _written(db, _reservation, wave, _RESERVED))


def reserve(db: Database, values: Values) -> None:
    """Run commit 1 statement by statement, in a transaction that holds the lock."""
    sql.write(db, _insert("usedkey", _KEY), values)
    sql.write(db, _insert("certificate", _CERTIFICATE), values)
    sql.write(db, _insert("certificateder", _OCTETS | {"certificate_id": _ITS_ID}), values)
    sql.write(db, _insert("auditevent", _AUDIT), values)
    if "caller" in values:
        sql.write(db, _insert_missing("calleraddress", _CALLER), values)


def issue_in_one_statement(db: Database, wave: Sequence[Values]) -> dict[str, Row]:
    """Run commit 2 of a wave as one statement.

    Returns state, SHA-256 and instant of each row by serial number. A row that is missing has to be checked again.
    """
    return {str(row[0]): row[1:] for row in _written(db, _issue, wave, _STORED)}


def issue(db: Database, values: Values) -> Row | None:
    """Run commit 2 statement by statement, in a transaction that holds the lock."""
    rows = sql.write(db, _ISSUED.format(after=""), values)
    if not rows:
        return None
    sql.write(db, _DER.format(after="", certificate=_ITS_ID), values)
    sql.write(db, _insert("auditevent", _AUDIT), values)
    sql.write(db, _insert_message(_ITS_ROW), values)
    if "answer_sha1" in values:
        sql.write(db, _insert_missing("ocspresponse", _ANSWER), values)
    return rows[0][2:]


def _written(db: Database, text: Callable[..., str], wave: Sequence[Values], columns: Mapping[str, str]) -> list[Row]:
    sql.plan_once(db)
    return sql.write(db, text(many=len(wave) > 1), _values_of(wave, columns))


def _live(db: Database) -> str:
    return f"{_LIVE} FOR KEY SHARE" if sql.takes_ctes_that_write(db) else _LIVE


@cache
def _reservation(*, many: bool) -> str:
    """Return commit 1, for one request or many.

    An order that was cancelled after step 4 has no row in `spent`.
    """
    made, held = _beside("made", "serial", many=many), _beside("held", "lineage_id", many=many)
    admitted = f"""{held} LEFT JOIN spent ON spent.order_id = %(order)s
              WHERE %(order)s IS NULL OR spent.order_id IS NOT NULL"""
    is_asked = "IN (SELECT %(authority)s FROM wave)" if many else "= %(authority)s"
    parts = f"""
     live AS (SELECT name, signs_from, signs_until FROM sinetti_certificateauthority
               WHERE name {is_asked} AND state = 'issuing' FOR KEY SHARE),
     held AS (UPDATE sinetti_lineage SET version = sinetti_lineage.version + 1 FROM {_beside("live", "name", many=many)}
               WHERE sinetti_lineage.lineage_id = %(lineage)s AND sinetti_lineage.version = %(version)s
                 AND %(at)s BETWEEN live.signs_from AND live.signs_until
           RETURNING sinetti_lineage.lineage_id),
     spent AS (UPDATE sinetti_order SET state = '{OrderState.FULFILLED.value}' FROM {held}
                WHERE sinetti_order.order_id = %(order)s AND sinetti_order.state IN ({_OPEN})
            RETURNING sinetti_order.order_id),
     used AS ({_insert("usedkey", _KEY, admitted)} RETURNING key_id),
     made AS ({_insert("certificate", _CERTIFICATE, _beside("used", "key_id", many=many))} RETURNING id, serial),
     kept AS ({_insert("certificateder", _OCTETS | {"certificate_id": "made.id"}, made)}),
     audited AS ({_insert("auditevent", _AUDIT, made)}),
     called AS ({_insert_missing("calleraddress", _CALLER, made, "%(caller)s <> ''")})
SELECT serial FROM made"""  # noqa: S608 - as above
    return _with_values(parts, _RESERVED, many=many)


@cache
def _issue(*, many: bool) -> str:
    """Return commit 2, for one request or many."""
    done = _beside("done", "serial", many=many)
    held = f" FROM {_beside('held', 'lineage_id', many=many)}"
    parts = f"""
     held AS (UPDATE sinetti_lineage SET version = sinetti_lineage.version + 1{" FROM wave" if many else ""}
               WHERE sinetti_lineage.lineage_id = %(lineage)s AND sinetti_lineage.version = %(version)s
           RETURNING sinetti_lineage.lineage_id),
     done AS ({_ISSUED.format(after=held)}, sinetti_certificate.serial),
     kept AS ({_DER.format(after=f" FROM {done}", certificate="done.id")}),
     audited AS ({_insert("auditevent", _AUDIT, done)}),
     queued AS ({_insert_message(done)}),
     answered AS ({_insert_missing("ocspresponse", _ANSWER, done, "%(answer_sha1)s IS NOT NULL")})
SELECT serial, state, sha256, recorded_at FROM done"""  # noqa: S608 - as above
    return _with_values(parts, _STORED, many=many)


_MATCHES = {"serial": "serial", "lineage_id": "lineage", "key_id": "key", "name": "authority"}
"""Parameters that name the row of an earlier part, by its column."""


def _beside(part: str, column: str, *, many: bool) -> str:
    """Return the rows of an earlier part.

    In a wave each has the values of its request.
    """
    return f"wave JOIN {part} ON {part}.{column} = %({_MATCHES[column]})s" if many else part


def _with_values(parts: str, columns: Mapping[str, str], *, many: bool) -> str:
    """Return a statement whose parameters have their types, or are columns of `wave`."""
    if many:
        return f"WITH {_wave(columns)},{_of_wave(parts)}"
    return f"WITH {_PARAMETER.sub(lambda match: f'{match[0]}::{columns[match[1]]}', parts)}"


def _values_of(wave: Sequence[Values], columns: Mapping[str, str]) -> Values:
    if len(wave) == 1:
        return {name: wave[0].get(name) for name in columns}
    return {f"each_{name}": sql.array_literal([one.get(name) for one in wave]) for name in columns}


def _wave(columns: Mapping[str, str]) -> str:
    """Return the part of a statement that makes a row of each request."""
    arrays = ", ".join(f"%(each_{name})s::{kind}[]" for name, kind in columns.items())
    names = ", ".join(_quoted(column) for column in columns)
    return f"wave AS (SELECT * FROM unnest({arrays}) AS wave ({names}))"  # noqa: S608 - as above


def _of_wave(text: str) -> str:
    """Return a part of a statement with the columns of a wave for its parameters."""
    return _PARAMETER.sub(lambda match: f"wave.{_quoted(match[1])}", text)


def _quoted(name: str) -> str:
    return f'"{name}"' if name == "order" else name


def _insert_message(certificate: str) -> str:
    """Return the INSERT of the message about a renewal to the lineage's contact."""
    columns = _MESSAGE | {"lineage_id": "h.lineage_id", "certificate_id": "done.id", "recipient_id": "h.contact_id"}
    source = f"{certificate} JOIN sinetti_lineage h ON h.lineage_id = %(lineage)s"
    return _insert_missing("outboxmessage", columns, source, "done.predecessor_id IS NOT NULL")


def _insert_missing(table: str, columns: Mapping[str, str], source: str = "", condition: str = "true") -> str:
    """Return an INSERT that leaves a row which is there already.

    A faster process wrote the same.
    """
    return f"{_insert(table, columns, source)} WHERE {condition} ON CONFLICT DO NOTHING"


def _insert(table: str, columns: Mapping[str, str], source: str = "") -> str:
    after = f" FROM {source}" if source else ""
    return f"INSERT INTO sinetti_{table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}{after}"


# The certificate that signed and everything renewed from it, from one snapshot.
_LINE = """(SELECT s.id FROM sinetti_certificate s WHERE s.sha256 = %(sha256)s
             UNION ALL
            SELECT r.id FROM sinetti_certificate r JOIN sinetti_certificate s ON s.id = r.predecessor_id
             WHERE s.sha256 = %(sha256)s) AS line"""
_RENEWABLE = """
SELECT {place}, c.serial, c.authority_id, c.state, c.key_id, c.not_before, c.not_after, c.renewable_from,
       c.retrieval_id, c.crl_shard, c.sha256, c.first_fetched_at, c.recorded_at, c.revoked_at, c.revocation_reason,
       c.order_id, p.serial,
       (SELECT newest.serial FROM sinetti_certificate newest
         WHERE newest.predecessor_id = c.id AND newest.state <> 'void' ORDER BY newest.id DESC LIMIT 1),
       h.lineage_id, h.subject_serial, h.version, o.customer_id, o.name, o.closed_at,
       COALESCE(contact.language, o.language), t.channel,
       (SELECT string_agg(may.channel, ' ') FROM sinetti_approvedchannel approved
          JOIN sinetti_certificatetype may ON may.type_id = approved.type_id
         WHERE approved.organisation_id = o.organisation_id AND approved.withdrawn_at IS NULL),
       EXISTS (SELECT 1 FROM sinetti_usedkey used WHERE used.key_id = %(key)s)
  FROM {line}
  JOIN sinetti_certificate c ON c.id = line.id
  JOIN sinetti_lineage h ON h.lineage_id = c.lineage_id
  JOIN sinetti_organisation o ON o.organisation_id = h.organisation_id
  JOIN sinetti_certificatetype t ON t.type_id = h.type_id
  LEFT JOIN sinetti_person contact ON contact.person_id = h.contact_id
  LEFT JOIN sinetti_certificate p ON p.id = c.predecessor_id
 ORDER BY c.reserved_at DESC, c.id DESC
"""


@dataclass(frozen=True, slots=True)
class Renewals:
    """Renewals of a certificate: with this key, live with another, and voided ones.

    `repeat_count` is the number of voided renewals.
    """

    same_key: Certificate | None
    successor: Certificate | None
    repeat_count: int


@dataclass(frozen=True, slots=True)
class RenewalLookup:
    """The certificate that signed, its renewals, and earlier use of the new key.

    `signer` is None for a certificate unknown to the database.
    """

    signer: Certificate | None
    renewals: Renewals
    key_known: bool


def find_for_renewal(db: Database, sha256: Sha256, key: KeyId | None) -> RenewalLookup:
    """Find the certificate with exactly this DER and the data to renew it.

    `key` is None if the request has no valid key.
    """
    return find_for_renewals(db, [(sha256, key)])[0]


def find_for_renewals(db: Database, asked: Sequence[tuple[Sha256, KeyId | None]]) -> list[RenewalLookup]:
    """Find certificates as `find_for_renewal` does, on PostgreSQL in one statement."""
    wave: list[dict[str, Value]] = [{"sha256": sha256, "key": key or ""} for sha256, key in asked]
    if sql.takes_ctes_that_write(db):
        sql.plan_once(db)
    if sql.takes_ctes_that_write(db) and len(wave) > 1:
        rows = sql.read(db, _lookup(), _values_of(wave, _LOOKED_UP))
    else:
        rows = [(place, *row[1:]) for place, one in enumerate(wave, 1) for row in sql.read(db, _single_lookup(), one)]
    found: dict[int, list[Row]] = {}
    for place, *row in rows:
        found.setdefault(place, []).append(tuple(row))
    return [_lookup_of(found.get(place, []), *key_ids) for place, key_ids in enumerate(asked, 1)]


@cache
def _lookup() -> str:
    arrays = ", ".join(f"%(each_{name})s::{kind}[]" for name, kind in _LOOKED_UP.items())
    wave = f"unnest({arrays}) WITH ORDINALITY AS wave (sha256, key, place)"
    return _of_wave(_RENEWABLE).format(place="wave.place", line=f"{wave} CROSS JOIN LATERAL {_of_wave(_LINE)}")


@cache
def _single_lookup() -> str:
    return _RENEWABLE.format(place="1", line=_LINE)


def _lookup_of(rows: Sequence[Row], sha256: Sha256, key: KeyId | None) -> RenewalLookup:
    certificates = [_certificate(row) for row in rows]
    signer = next((certificate for certificate in certificates if certificate.sha256 == sha256), None)
    renewals = [certificate for certificate in certificates if certificate is not signer]
    live = [
        renewal
        for renewal in renewals
        if renewal.state is not CertificateState.SUPERSEDED and not renewal.revoked and renewal.key != key
    ]
    return RenewalLookup(
        signer,
        Renewals(
            same_key=next((renewal for renewal in renewals if renewal.key == key), None),
            successor=live[0] if live else None,
            repeat_count=sum(renewal.state is CertificateState.SUPERSEDED for renewal in renewals),
        ),
        key_known=bool(rows and rows[0][-1]),
    )


def _certificate(row: Row) -> Certificate:
    (
        serial, authority, state, key, not_before, not_after, renewable_from, retrieval_id,
        crl_shard, sha256, first_fetched_at, recorded_at, revoked_at, reason, order_id, predecessor, renewed_by,
    ) = row[:17]  # fmt: skip
    return Certificate(
        serial=Serial(serial),
        authority=authority,
        lineage=_lineage(row[17:]),
        state=CertificateState(state),
        key=KeyId(key),
        span=ValidityPeriod(_there(not_before), _there(not_after)),
        renewable_from=_there(renewable_from),
        retrieval_id=retrieval_id,
        crl_shard=crl_shard,
        sha256=Sha256(sha256) if sha256 else None,
        first_fetched_at=instant(first_fetched_at),
        recorded_at=instant(recorded_at),
        revoked_at=instant(revoked_at),
        revocation_reason=RevocationReason(reason) if reason else None,
        order_id=order_id,
        predecessor=Serial(predecessor) if predecessor else None,
        renewed_by=Serial(renewed_by) if renewed_by else None,
    )


def _lineage(row: Row) -> Lineage:
    lineage_id, subject_serial, version, customer_id, name, closed_at, language, channel, channels, _ = row
    approved = frozenset(Channel(channel) for channel in (channels or "").split())
    return Lineage(
        lineage_id,
        subject_serial,
        Organisation(customer_id, name, open=closed_at is None, channels=approved),
        Channel(channel),
        Language(language),
        version,
    )


def _there(value: datetime | str) -> datetime:
    found = instant(value)
    assert found is not None  # noqa: S101 - the column is NOT NULL
    return found
