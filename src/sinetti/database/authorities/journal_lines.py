"""Journal lines of CAs: the whole row after each change, and their restoration.

A line has the CA's certificate, so that an older database gets the CA back before the certificates that it issued. The
line with the highest version of a CA counts. CAs of the founding have version 0 and no line until they change.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sinetti.database import models
from sinetti.database.authorities import register
from sinetti.database.authorities.register import AuthorityView, Distrust
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.operations.authorities import NewAuthority, insert_row
from sinetti.domain.authorities.lifecycle import CaState, count_above
from sinetti.domain.values import Channel, Sha256
from sinetti.infra.clock import format_instant
from sinetti.journal.reader import JournalLine
from sinetti.journal.writer import JournalEntry

KIND = "authority"
INSTANTS = ("since", "declared_at", "bridge_until")
"""Members of a declaration that are instants."""
_SUBJECT = "authority:"
_ACTIONS = (
    "ca-installed", "ca-activated", "ca-replaced", "ca-stopped", "ca-retired", "ca-revoked", "ca-distrusted",
    "ca-restored",
)  # fmt: skip
"""Actions of audit rows that come with a new version of a CA's row."""


@dataclass
class AuthorityDiff:
    """CAs whose last change is missing in the database, or in the journals."""

    lost: set[str] = field(default_factory=set)
    unwritten: set[str] = field(default_factory=set)


def entry_of(db: Database, ca: AuthorityView) -> JournalEntry:
    """Return the line of a CA as it is now."""
    row = audit_log.find_entry(db, f"{_SUBJECT}{ca.name}", *_ACTIONS)
    facts: dict[str, Any] = {
        "name": ca.name,
        "common_name": ca.common_name,
        "role": ca.role,
        "channel": ca.channel,
        "issuer": ca.issuer,
        "version": ca.version,
        "state": ca.state,
        "sha256": ca.sha256,
        "key": ca.key_id,
        "signs_from": format_instant(ca.signs_from),
        "signs_until": format_instant(ca.signs_until),
        "revoked_at": None if ca.revoked_at is None else format_instant(ca.revoked_at),
        "reason": ca.revocation_reason,
        "distrust": None if ca.distrust is None else _distrust(ca.distrust),
        "der": b64encode(ca.certificate).decode("ascii"),
        "entry": None if row is None else row.hex(),
    }
    return JournalEntry(KIND, facts)


def _distrust(declared: Distrust) -> dict[str, str]:
    values = asdict(declared).items()
    return {name: format_instant(value) if isinstance(value, datetime) else value for name, value in values}


def collect(known: dict[str, Mapping[str, Any]], line: JournalLine) -> None:
    """Add a line's facts to those of each CA's highest version, if it is of a CA."""
    if line.kind == KIND and line.facts["version"] >= known.get(line.facts["name"], line.facts)["version"]:
        known[line.facts["name"]] = line.facts


def compare(db: Database, known: Mapping[str, Mapping[str, Any]], after: int | None = None) -> AuthorityDiff:
    """Compare the lines of CAs with the database, both ways.

    With `after` the lines are those of journals that are not closed, and changes whose audit rows are up to this
    sequence number are known to be in journals.
    """
    there = dict(db.rows(models.CertificateAuthority).values_list("name", "version"))
    lost = {name for name, facts in known.items() if there.get(name, -1) < facts["version"]}
    changed = {name for name, version in there.items() if version > known.get(name, {"version": 0})["version"]}
    if after is not None and changed:
        rows = db.rows(models.AuditEvent).filter(sequence__gt=after, action__in=_ACTIONS)
        changed &= {subject.removeprefix(_SUBJECT) for subject in rows.values_list("object", flat=True)}
    return AuthorityDiff(lost, changed)


def unwritten_entries(db: Database, names: Iterable[str]) -> list[JournalEntry]:
    """Return the lines of CAs whose last change only the database has."""
    return [entry_of(db, register.get_authority(db, name)) for name in sorted(names)]


def restore(db: Database, known: Mapping[str, Mapping[str, Any]], names: Iterable[str], audit: AuditContext) -> None:
    """Restore CAs and states that the database lacks, CAs above others first."""
    issuers = {name: facts["issuer"] for name, facts in known.items()}
    for name in sorted(names, key=lambda one: count_above(one, issuers)):
        facts = known[name]
        with register.changing(db):
            rows = db.rows(models.CertificateAuthority).filter(pk=name)
            if not rows.exists():
                insert_row(db, _new(facts))
            rows.update(
                state=facts["state"],
                version=facts["version"],
                revoked_at=_instant(facts["revoked_at"]),
                revocation_reason=facts["reason"] or "",
            )
            if facts["distrust"] is not None:
                found = facts["distrust"].items()
                declared = {part: _instant(value) if part in INSTANTS else value for part, value in found}
                db.rows(models.CaDistrust).get_or_create(authority_id=name, defaults=declared)
            if facts["channel"] is not None and facts["state"] == CaState.ISSUING:
                types = db.rows(models.CertificateType).filter(channel=facts["channel"])
                types.update(authority_id=name)
            audit_log.write(
                db, audit, "ca-restored", f"{_SUBJECT}{name}", state=facts["state"], version=facts["version"]
            )


def _new(facts: Mapping[str, Any]) -> NewAuthority:
    return NewAuthority(
        name=facts["name"],
        common_name=facts["common_name"],
        role=facts["role"],
        issuer=facts["issuer"],
        channel=Channel(facts["channel"]) if facts["channel"] is not None else None,
        certificate=b64decode(facts["der"]),
        sha256=Sha256(facts["sha256"]),
        key_id=facts["key"],
        signs_from=datetime.fromisoformat(facts["signs_from"]),
        signs_until=datetime.fromisoformat(facts["signs_until"]),
        state=CaState(facts["state"]),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
