"""Journal entries of certificates, and their comparison with the database.

See docs/operators/journal.md. The entries contain no personal data.
"""

from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.connection import Database
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.infra.clock import format_instant
from sinetti.journal import reader
from sinetti.journal.reader import JournalLine
from sinetti.journal.writer import JournalEntry, check_owner

ISSUED, FETCHED, REVOKED, LOGGED = "issued", "fetched", "revoked", "logged"
_FLAGS = {ISSUED: 1, FETCHED: 2, REVOKED: 4}
_ALL, _EXISTS, _NEVER = 7, 8, 16
"""Further flags: the certificate may be in use, or it was never signed."""

_REVOKING = ("certificate-revoked", "certificate-voided", "reservation-given-up")
_ROWS = {
    "certificate-issued": _FLAGS[ISSUED],
    "certificate-fetched": _FLAGS[FETCHED],
    **dict.fromkeys(_REVOKING, _FLAGS[REVOKED]),
    "certificate-restored": _ALL,
}
"""Facts of a certificate that an audit row with this action comes with."""

_CHUNK = 2000


@dataclass(slots=True)
class JournalState:
    """All facts of journals and CRLs about one certificate."""

    issued: dict[str, Any] | None = None
    fetched: dict[str, Any] | None = None
    revoked: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CrlEntryFact:
    """An entry of the newest signed CRL of a shard, which the database may have lost."""

    serial: Serial
    revoked_at: datetime
    reason: RevocationReason
    invalidity_date: datetime | None


@dataclass(slots=True)
class JournalDiff:
    """Certificates with facts missing in the database, or missing in the journals.

    `unwritten` maps serials to flags of facts that only the database has. `logged` are the ranges of the log's entries
    that the journals have.
    """

    lost: set[Serial] = field(default_factory=set)
    unwritten: dict[Serial, int] = field(default_factory=dict)
    logged: list[tuple[int, int]] = field(default_factory=list)


def issued(db: Database, certificate: Certificate, der: bytes) -> JournalEntry:
    """Return the entry of an issued certificate.

    It has enough data to insert all rows again, with the spent order and ids.
    """
    lineage, order_id = certificate.lineage, certificate.order_id
    facts: dict[str, Any] = {
        "serial": certificate.serial,
        "sha256": certificate.sha256,
        "authority": certificate.authority,
        "key": certificate.key,
        "retrieval_id": certificate.retrieval_id,
        # notBefore is the second of the reservation.
        "not_before": format_instant(certificate.span.not_before),
        "not_after": format_instant(certificate.span.not_after),
        "renewable_from": format_instant(certificate.renewable_from),
        "recorded_at": format_instant(certificate.recorded_at or certificate.span.not_before),
        "crl_shard": certificate.crl_shard,
        "predecessor": certificate.predecessor,
        "holding": {
            "holding_id": lineage.lineage_id,
            "subject_serial": lineage.subject_serial,
            "channel": lineage.channel,
            "customer_id": lineage.customer.customer_id,
        },
        "order": _order(db, order_id) if order_id is not None else None,
        "der": b64encode(der).decode("ascii"),
        **_entry(db, certificate.serial, certificate.entry, "certificate-issued"),
    }
    return JournalEntry(ISSUED, facts)


def fetched(db: Database, serial: Serial, at: datetime, entry: bytes | None = None) -> JournalEntry:
    """Return the entry of a first retrieval.

    `entry` is its hash in the log, if the caller has it. The certificate may be in use from then on.
    """
    return JournalEntry(
        FETCHED, {"serial": serial, "at": format_instant(at), **_entry(db, serial, entry, "certificate-fetched")}
    )


def _entry(db: Database, serial: Serial, entry: bytes | None, *actions: str) -> dict[str, str | None]:
    """Return the member with the hash of a fact in the log.

    It is null for a fact without an audit row.
    """
    if entry is None:
        entry = audit_log.find_entry(db, f"certificate:{serial}", *actions)
    return {"entry": None if entry is None else entry.hex()}


def revoked(
    serial: Serial,
    at: datetime,
    why: tuple[RevocationReason, datetime | None],
    *,
    void: bool = False,
    issued: bool = True,
) -> JournalEntry:
    """Return the entry of a certificate revoked, or voided before its retrieval.

    `why` is reason and invalidity date. Without `issued` the certificate was only reserved. It is never signed, so a
    database may lose it.
    """
    reason, invalidity_date = why
    since = format_instant(invalidity_date) if invalidity_date else None
    facts = {"serial": serial, "at": format_instant(at), "reason": reason, "invalidity_date": since, "void": void}
    return JournalEntry(REVOKED, {**facts, "issued": issued})


def logged(first: int, leaves: Sequence[bytes], note: bytes, facts: Sequence[bytes]) -> JournalEntry:
    """Return the line of entries of the log.

    It has the first index, their hashes, the checkpoint that signs them, and the entries that are facts: without their
    content a restored register could not be compared with the log.
    """
    hashes, octets = [leaf.hex() for leaf in leaves], [fact.decode("ascii") for fact in facts]
    return JournalEntry(LOGGED, {"first": first, "leaves": hashes, "note": note.decode(), "facts": octets})


def lines(folder: Path, instance_id: str, known: Collection[Path] = ()) -> Iterator[JournalLine]:
    """Yield every line of every journal in a folder, except for `known` files.

    Raises JournalDamaged, also for a journal of another instance. It is raised too for a missing journal whose head
    exists.
    """
    for path in reader.missing_journals(folder):
        reader.check_present(path)
    for path in reader.files(folder):
        if path.stat().st_size and path not in known:
            check_owner(path, instance_id)
            yield from reader.read(path)


def compare(
    db: Database, journal_lines: Iterable[JournalLine], lists: Iterable[CrlEntryFact], after: int | None = None
) -> JournalDiff:
    """Compare journals and CRLs with the database, both ways.

    The journals are read first, because they are written after the database. With `after` the lines are those of
    journals that are not closed, and the facts of audit rows up to this sequence number are known to be in journals.
    Then only the certificates of these lines, of the CRLs and of later audit rows are read.
    """
    known, result = _read(journal_lines)
    on_lists = {entry.serial for entry in lists}
    recent = None if after is None else _facts_since(db, after)
    for serial, there in _register_flags(db, None if recent is None else known.keys() | on_lists | recent.keys()):
        journal_flags = known.pop(serial, 0)
        if missing := there & ~journal_flags & (_ALL if recent is None else recent.get(serial, 0)):
            result.unwritten[serial] = missing
        if journal_flags & _ALL & ~there or (serial in on_lists and not there & _FLAGS[REVOKED]):
            result.lost.add(serial)
        on_lists.discard(serial)
    result.lost |= {serial for serial, journal_flags in known.items() if journal_flags & _EXISTS}
    # Entries of CRLs for certificates unknown to the database count too. Otherwise the next CRL would omit them.
    result.lost |= {serial for serial in on_lists if not known.get(serial, 0) & _NEVER}
    return result


def _read(journal_lines: Iterable[JournalLine]) -> tuple[dict[Serial, int], JournalDiff]:
    """Return the flags of each certificate, and a result with the ranges of the log."""
    known: dict[Serial, int] = {}
    result = JournalDiff()
    for line in journal_lines:
        if line.kind == LOGGED:
            result.logged.append((line.facts["first"], line.facts["first"] + len(line.facts["leaves"])))
        elif line.kind in _FLAGS:
            serial = Serial(line.facts["serial"])
            known[serial] = known.get(serial, 0) | _line_flags(line)
    return known, result


def _register_flags(db: Database, serials: Collection[Serial] | None) -> Iterator[tuple[Serial, int]]:
    """Yield the flags of all certificates in the database, or of these."""
    rows = db.rows(models.Certificate).values_list("serial", "state", "sha256", "first_fetched_at", "revoked_at")
    wanted = None if serials is None else sorted(serials)
    parts = (
        [rows.iterator(chunk_size=_CHUNK)]
        if wanted is None
        else (rows.filter(serial__in=wanted[at : at + _CHUNK // 4]) for at in range(0, len(wanted), _CHUNK // 4))
    )
    for part in parts:
        for serial, state, sha256, first_fetched_at, revoked_at in part:
            there = _FLAGS[ISSUED] * (sha256 is not None)
            there |= _FLAGS[FETCHED] * (state == CertificateState.RETRIEVED or first_fetched_at is not None)
            there |= _FLAGS[REVOKED] * (revoked_at is not None)
            yield Serial(serial), there


def _facts_since(db: Database, after: int) -> dict[Serial, int]:
    """Return the flags of the facts that later audit rows come with, by certificate."""
    rows = db.rows(models.AuditEvent).filter(sequence__gt=after, action__in=_ROWS)
    found: dict[Serial, int] = {}
    for action, subject in rows.values_list("action", "object").iterator(chunk_size=_CHUNK):
        serial = Serial(subject.removeprefix("certificate:"))
        found[serial] = found.get(serial, 0) | _ROWS[action]
    return found


def _line_flags(line: JournalLine) -> int:
    """Return the flags that a line shows of its certificate.

    A certificate that was never issued is gone with its reservation. So is one that was voided before its retrieval.
    Journals of earlier code do not say if a revoked certificate had been issued, so it counts as issued.
    """
    flag = _FLAGS[line.kind]
    if line.kind != REVOKED:
        return flag | _EXISTS
    if not line.facts.get("issued", True):
        return flag | _NEVER
    return flag if line.facts["void"] else flag | _EXISTS


def merge_facts(
    journal_lines: Iterable[JournalLine], lists: Iterable[CrlEntryFact], lost: set[Serial]
) -> dict[Serial, JournalState]:
    """Collect all facts about the lost certificates; the first fact of a kind counts."""
    journal_states = {serial: JournalState() for serial in lost}
    for line in journal_lines:
        if line.kind not in _FLAGS:
            continue
        journal_state = journal_states.get(line.facts["serial"])
        if journal_state is not None and getattr(journal_state, line.kind) is None:
            setattr(journal_state, line.kind, line.facts)
    for entry in lists:
        if entry.serial in journal_states and journal_states[entry.serial].revoked is None:
            why = (entry.reason, entry.invalidity_date)
            crl_facts = revoked(entry.serial, entry.revoked_at, why).facts
            # CRLs contain revoked reservations too, so an entry does not show that the certificate was issued.
            del crl_facts["issued"]
            journal_states[entry.serial].revoked = crl_facts
    return journal_states


def revocations(db: Database, serials: Collection[Serial]) -> Iterator[JournalEntry]:
    """Yield the entries of the revocations in force among these certificates."""
    return from_register(db, dict.fromkeys(serials, _FLAGS[REVOKED]))


def from_register(db: Database, unwritten: dict[Serial, int]) -> Iterator[JournalEntry]:
    """Yield the entries of facts that only the database has."""
    serials = sorted(unwritten)
    for start in range(0, len(serials), _CHUNK // 10):
        part = serials[start : start + _CHUNK // 10]
        for row in mappers.certificates(db).select_related("octets").filter(serial__in=part):
            yield from _facts_of(db, row, unwritten[Serial(row.serial)])


def _facts_of(db: Database, row: models.Certificate, flags: int) -> Iterator[JournalEntry]:
    serial = Serial(row.serial)
    if flags & _FLAGS[ISSUED] and row.octets.der is not None:
        yield issued(db, mappers.certificate(db, row), bytes(row.octets.der))
    if flags & _FLAGS[FETCHED]:
        yield fetched(db, serial, row.first_fetched_at or row.not_before)
    if flags & _FLAGS[REVOKED] and row.revoked_at is not None:
        why = (RevocationReason(row.revocation_reason), row.invalidity_date)
        gave_way = row.state == CertificateState.SUPERSEDED
        fact = revoked(serial, row.revoked_at, why, void=gave_way, issued=row.sha256 is not None)
        found = _entry(db, serial, None, *_REVOKING)
        by = audit_log.find_actor(db, f"certificate:{serial}", *_REVOKING)
        yield JournalEntry(REVOKED, {**fact.facts, **found, "by": by})


def _order(db: Database, order_id: str) -> dict[str, Any]:
    """Return an order with its transfer ids and organisation, to restore them."""
    row = db.rows(models.Order).select_related("lineage__organisation", "replaces").get(pk=order_id)
    ours = row.lineage.organisation
    return {
        "order_id": row.order_id,
        "created": format_instant(row.created),
        "replaces": row.replaces.serial if row.replaces else None,
        "transfer_ids": [
            {
                "transfer_id": pair.transfer_id,
                "password_mac": bytes(pair.password_mac).hex(),
                "created": format_instant(pair.created),
                "expires": format_instant(pair.expires),
                "ended": format_instant(pair.ended_at) if pair.ended_at else None,
            }
            for pair in row.transfer_ids.using(db.alias).order_by("created", "pk")
        ],
        "organisation": {
            "organisation_id": ours.organisation_id,
            "customer_id": ours.customer_id,
            "kind": ours.kind,
            "country": ours.country,
            "name": ours.name,
            "language": ours.language,
            "created": format_instant(ours.created),
        },
    }
