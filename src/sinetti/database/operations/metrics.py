"""Statements behind the gauges of docs/operators/metrics.md.

Those that read a few rows run every few seconds. `count_states` and `count_answers` read a whole table or index, so the
caller keeps their results for minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connections
from django.db.models import BinaryField, Case, Count, F, IntegerField, Max, Value, When
from django.db.models.functions import Coalesce, Greatest, Length

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.issuance.crls import WHOLE
from sinetti.domain.certificates.lifecycle import CertificateState, DisplayState

SUPERSEDED = "superseded"
"""State of a certificate that a renewal voided before it was retrieved."""

MOST_COUNTED = 10_000
"""Largest count of audit rows that wait for the log."""

_CONNECTIONS = """
SELECT state IS DISTINCT FROM 'idle', COUNT(*) FROM pg_stat_activity
 WHERE datname = current_database() AND usename = current_user GROUP BY 1"""


@dataclass(frozen=True)
class CrlSize:
    """Dates of a CA's revocation lists, and the size of its complete one."""

    oldest: datetime
    first_end: datetime
    octets: int = 0
    entries: int = 0


@dataclass(frozen=True)
class LogState:
    """Newest checkpoint of the log, and the count of audit rows that wait."""

    size: int
    made_at: datetime
    waiting: int


def count_states(db: Database, now: datetime) -> Mapping[str, int]:
    """Count all certificates by state: revoked takes precedence, then expired."""
    state = Case(
        When(state=CertificateState.SUPERSEDED, then=Value(SUPERSEDED)),
        When(revoked_at__isnull=False, then=Value(DisplayState.REVOKED.value)),
        When(not_after__lt=now, then=Value(DisplayState.EXPIRED.value)),
        default=F("state"),
    )
    rows = db.rows(models.Certificate).annotate(shown=state).values_list("shown")
    found = dict(rows.annotate(count=Count("pk")).order_by())
    return {
        state_name: found.get(state_name, 0) for state_name in (SUPERSEDED, *(state.value for state in DisplayState))
    }


def list_crl_sizes(db: Database) -> Mapping[str, CrlSize]:
    """Return the revocation lists of each CA, all shards together."""
    new = "short__this_update"
    rows = db.rows(models.Crl).annotate(
        begins=Greatest("this_update", Coalesce(new, "this_update")),
        ends=Greatest("next_update", Coalesce("short__next_update", "next_update")),
        octets=Length("der", output_field=IntegerField())
        + Coalesce(Length(Coalesce("short__der", Value(b"", BinaryField()))), 0),
        entries=Greatest("revocations", Coalesce("short__revocations", "revocations")),
    )
    crl_sizes: dict[str, CrlSize] = {}
    for name, shard, begins, ends, octets, entries in rows.values_list(
        "authority_id", "shard", "begins", "ends", "octets", "entries"
    ):
        before = crl_sizes.get(name, CrlSize(begins, ends))
        whole = (octets, entries) if shard == WHOLE else (before.octets, before.entries)
        crl_sizes[name] = CrlSize(min(begins, before.oldest), min(ends, before.first_end), *whole)
    return crl_sizes


def count_answers(db: Database) -> Mapping[str, int]:
    """Return the count of stored OCSP answers of each CA."""
    rows = db.rows(models.OcspResponse).values_list("authority")
    return dict(rows.annotate(count=Count("*")).order_by())


def find_log_state(db: Database) -> LogState | None:
    """Return the state of the log; None before it begins."""
    newest = db.rows(models.LogCheckpoint).order_by("-size").values_list("size", "made_at").first()
    if newest is None:
        return None
    last = db.rows(models.LogEntry).aggregate(last=Max("sequence"))["last"] or 0
    rows = db.rows(models.AuditEvent).filter(sequence__gt=last).order_by("sequence")
    return LogState(*newest, rows[:MOST_COUNTED].count())


def count_connections(db: Database) -> tuple[int, int] | None:
    """Return the connections of the service's role: in use, and idle.

    Returns None for a database without a server.
    """
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        found = dict(cursor.fetchall())
    return found.get(True, 0), found.get(False, 0)
