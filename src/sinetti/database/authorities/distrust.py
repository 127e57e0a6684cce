"""Declared compromises, and the certificates that a bridge is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.domain.authorities.distrust import DistrustPeriod, RecordedCertificate, join_periods, names_to_root
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial, Sha256


@dataclass(frozen=True)
class DistrustRow:
    """A CA with the name of its parent, and its distrust if it was declared."""

    name: str
    issuer: str | None
    generation: int
    sha256: Sha256
    period: DistrustPeriod | None


def list_distrust(db: Database) -> tuple[DistrustRow, ...]:
    """Return all CAs with a certificate, by name."""
    rows = db.rows(models.CertificateAuthority).select_related("distrust").order_by("name")
    distrusts = []
    for row in rows.defer("certificate"):
        one = getattr(row, "distrust", None)
        period = one and DistrustPeriod(one.since, one.bridge_until, (one.checkpoint,) if one.checkpoint else ())
        distrusts.append(DistrustRow(row.name, row.issuer_id, row.generation, Sha256(row.sha256), period))
    return tuple(distrusts)


def find_period(rows: Mapping[str, DistrustRow], authority: str) -> DistrustPeriod | None:
    """Return the strictest distrust of a CA and those above it, or None.

    `rows` has all CAs by name.
    """
    chain = names_to_root(authority, {row.name: row.issuer for row in rows.values()})
    return join_periods(period for name in chain if (period := rows[name].period) is not None)


def list_bridge_ends(db: Database) -> dict[str, str]:
    """Return the end of the bridge of each CA whose key was declared stolen.

    So it was if that of a CA above it was.
    """
    rows = {distrust.name: distrust for distrust in list_distrust(db)}
    periods = ((name, find_period(rows, name)) for name in rows)
    return {name: period.bridge_until.isoformat() for name, period in periods if period is not None}


def find_recorded(db: Database, authority: str, serial: Serial) -> RecordedCertificate | None:
    """Return the certificate with a serial number of a CA, or None.

    The register has the instant of its recording by the machine's clock, and that of its reservation by both clocks.
    """
    rows = db.rows(models.Certificate).filter(authority_id=authority, serial=serial)
    row = rows.values_list(
        "sha256",
        "reserved_at",
        "reserved_machine_time",
        "recorded_at",
        "revoked_at",
        "revocation_reason",
        "octets__der",
    ).first()
    if row is None:
        return None
    sha256, reserved_at, machine_time, recorded_at, revoked_at, reason, der = row
    took = recorded_at - machine_time if recorded_at is not None and machine_time is not None else None
    return RecordedCertificate(
        None if sha256 is None else Sha256(sha256),
        reserved_at if took is None else reserved_at + took,
        revoked_at,
        RevocationReason(reason) if reason else None,
        None if der is None else bytes(der),
    )
