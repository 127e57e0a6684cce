"""Rows that the service obeys, as the log has them (docs/evidence.md).

A writer of the database could change officers, CAs, gateways or a clerk's rights. So each entry about such an
object has its rows in the log. The service does not obey a row that differs from the newest entry about it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from django.apps import apps
from django.db.models import Max

from sinetti.database import models, sql
from sinetti.database.connection import Database
from sinetti.database.obeyed_tables import TABLES
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex
from sinetti.wire.transparency.entries import INSTANT, EntryFields, parse_entry
from sinetti.wire.transparency.notes import NoteError

UNCHANGED = frozenset({"crl-published"})
"""Actions on these objects that change none of these columns."""

_REVOKING = ("certificate-revoked", "certificate-voided")
_OF_CERTIFICATES = (*_REVOKING, "certificate-issued", "certificate-restored")
_COMPARED = (
    *("pk", "state", "serial", "sha256", "not_before", "not_after", "revoked_at", "revocation_reason"),
    *("authority_id", "crl_shard"),
)
_AT_ONCE = 1000


def read_row(db: Database, subject: str) -> str:
    """Return the rows about an object as JSON, or an empty text without any."""
    prefix, colon, key = subject.partition(":")
    return read_rows(db, f"{prefix}{colon}", key).get(subject, "")


def read_rows(db: Database, prefix: str, key: str | None = None) -> dict[str, str]:
    """Return the rows about each object with this prefix, or the one with this key."""
    by_subject: dict[str, dict[str, list[dict[str, object]]]] = {}
    for table in (obeyed for obeyed in TABLES if obeyed.prefix == prefix):
        rows = apps.get_model("sinetti", table.model)._default_manager.using(db.alias).filter(**table.only)  # noqa: SLF001 - Django's name
        if key is not None:
            rows = rows.filter(**{table.key: key})
        if table.newest:
            newest = rows.values(table.key).annotate(last=Max(table.newest))
            rows = rows.filter(**{f"{table.newest}__in": newest.values("last")})
        for values in rows.order_by("pk").values(table.key, *table.columns):
            subject = f"{prefix}{values[table.key]}"
            own = by_subject.setdefault(subject, {}).setdefault(table.name, [])
            row = {name: _plain(values[name]) for name in table.columns}
            if table.is_private:
                row = {name: _plain(f"{subject}:{value}".encode()) for name, value in row.items()}
            own.append(row)
    return {
        subject: json.dumps(tables, sort_keys=True, separators=(",", ":"))
        for subject, tables in sorted(by_subject.items())
    }


def _plain(value: Any) -> object:  # noqa: ANN401 - a column's value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return sha256_hex(bytes(value)) if isinstance(value, bytes | memoryview) else value


def differing_columns(logged: str, stored: str) -> str:
    """Return the columns in which two texts of `read_row` differ, for a sentence."""
    if not logged or not stored:
        return "the log has no such row" if not logged else "the row is missing"
    try:
        pair = [dict(_columns(json.loads(text))) for text in (logged, stored)]
    except (AttributeError, TypeError):  # a writer of the database chooses what an entry has
        return "the log has other rows"
    names = (name for name in pair[0].keys() | pair[1].keys() if pair[0].get(name) != pair[1].get(name))
    return ", ".join(sorted({name.rpartition(".")[2] for name in names}))


def _columns(tables: Mapping[str, list[dict[str, object]]]) -> Iterator[tuple[str, object]]:
    for table, rows in tables.items():
        for place, row in enumerate(rows):
            yield from ((f"{table}.{place}.{name}", value) for name, value in row.items())


def differing_certificates(db: Database, compared: dict[int, int] | None = None) -> Iterator[tuple[str, str]]:
    """Yield each certificate that differs from the log: its object and a sentence.

    `compared` has hashes of rows that agreed before. These are read alone, as long as they stay so.
    """
    compared, last = {} if compared is None else compared, 0
    rows = db.rows(models.Certificate)
    while True:
        with sql.snapshot(db):
            page = list(rows.filter(pk__gt=last).order_by("pk").values_list(*_COMPARED)[:_AT_ONCE])
            hashes = {pk: hash((state == CertificateState.RESERVED, *row)) for pk, state, *row in page}
            changed = {pk: value for pk, value in hashes.items() if compared.get(pk) != value}
            whole = list(rows.filter(pk__in=changed).order_by("pk").values(*_COMPARED, "octets__der"))
            facts: dict[str, dict[str, Any]] = {f"certificate:{row['serial']}": {} for row in whole}
            entries = db.rows(models.AuditEvent).filter(action__in=_OF_CERTIFICATES, object__in=facts)
            logged = list(entries.order_by("sequence").values_list("octets", flat=True))
        if not page:
            return
        last = page[-1][0]
        for octets in logged:
            try:
                entry = parse_entry(bytes(octets))
                facts[entry.object] |= _facts_of(entry)
            except (NoteError, KeyError, RecursionError):
                yield "an audit row", "its octets are no entry about its object"
        for row, about in zip(whole, facts, strict=True):
            if columns := _differing(row, facts[about]):
                values = sha256_hex(repr([row[name] for name in _COMPARED]).encode())[:12]
                yield about, f"its row differs from the log ({', '.join(columns)}; values {values})"
            else:
                compared[row["pk"]] = changed[row["pk"]]


def _facts_of(entry: EntryFields) -> dict[str, Any]:
    """Return what an entry says of a certificate: its digest, or its revocation."""
    facts = entry.facts
    if entry.action in _REVOKING:
        return {"action": entry.action, "revoked_at": entry.at, "reason": facts.get("reason")}
    known = {name: facts.get(name) for name in ("sha256", "revoked_at", "reason")}
    return {"action": entry.action} | {name: value for name, value in known.items() if value is not None}


def _differing(row: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Return the columns of a certificate that are not as the log has them."""
    der, at = row["octets__der"], row["revoked_at"]
    revoked_at = None if at is None else at.astimezone(UTC).strftime(INSTANT)
    logged = facts.get("sha256", row["sha256"] if facts else None)
    pairs = {
        "sha256": (row["sha256"], logged),
        "revoked_at": (revoked_at, facts.get("revoked_at")),
        "revocation_reason": (row["revocation_reason"] or None, facts.get("reason")),
    }
    if row["sha256"] is not None:
        pairs["der"] = (sha256_hex(bytes(der or b"")), row["sha256"])
        pairs["state"] = (row["state"] == CertificateState.RESERVED, False)
    differing = [name for name, (stored, written) in pairs.items() if stored != written]
    if not differing and der:
        certificate = load_certificate(bytes(der))
        spans = {"not_before": certificate.not_valid_before_utc, "not_after": certificate.not_valid_after_utc}
        differing += [name for name, instant in spans.items() if row[name] != instant]
        differing += ["serial"] * (serial_hex(certificate.serial_number) != row["serial"])
        (point,) = extension_value(certificate, x509.CRLDistributionPoints) or (None,)
        names = point.full_name if point is not None else None
        place = f"/{row['authority_id']}-{row['crl_shard']}.crl"
        differing += ["authority, crl_shard"] * (names is not None and not names[0].value.endswith(place))
    return differing
