"""Figures over all certificates, and the row that keeps them.

With a million certificates a count takes seconds, so the background work counts and pages read the row.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import connections, transaction
from django.db.models import CharField, Count, Min, Q, Value

from sinetti.database import models
from sinetti.database.access import pending_invitations
from sinetti.database.certificates import bulk_revocation
from sinetti.database.connection import Database
from sinetti.database.models import CacheEntry
from sinetti.database.operations import csv_imports
from sinetti.database.organisations import applications
from sinetti.domain.certificates.bulk_revocation import officer_of_account
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.overview import MONTHS, bounds, coming_months, past_months
from sinetti.domain.operations.figures import (
    COUNTED_EVERY,
    FLEET,
    FLEET_ENDS_WITHIN,
    REFUSALS_WITHIN,
    SHOWN,
    AuthorityFigures,
    CaseKind,
    OrganisationWork,
    WaitingWork,
    WorkKind,
    WorkList,
    figures_of,
)

_KEPT = timedelta(days=1)
_KEY, _TURN = (sha256(name).hexdigest() for name in (b"figures of the authority", b"count of the figures"))
_NOT_LIVE = f"('{CertificateState.SUPERSEDED}', '{CertificateState.RESERVED}')"
_LIVE = f"""
live AS (
SELECT c.id, c.lineage_id, c.not_after, c.not_before FROM sinetti_certificate c
 WHERE c.not_after >= %s {{until}} AND c.revoked_at IS NULL AND c.state NOT IN {_NOT_LIVE}
   AND NOT EXISTS (SELECT 1 FROM sinetti_certificate n
                    WHERE n.predecessor_id = c.id AND n.revoked_at IS NULL AND n.state NOT IN {_NOT_LIVE})
   AND NOT EXISTS (SELECT 1 FROM sinetti_certificate n
                    WHERE n.replaces_id = c.id AND n.revoked_at IS NULL AND n.state NOT IN {_NOT_LIVE})
)"""  # noqa: S608 - constant states
"""Certificates in force without a successor."""
_ENDS = "WITH {live} SELECT CASE {months} ELSE {last} END AS month_n, COUNT(*) FROM live GROUP BY 1"
_ISSUED = """
SELECT CASE {months} ELSE {last} END AS month_n, COUNT(*) FROM sinetti_certificate
 WHERE recorded_at >= %s AND origin <> 'import' AND sha256 IS NOT NULL GROUP BY 1
"""
_WORK = """
WITH {live}, found AS ({found})
SELECT holder, COUNT(*), MIN(not_after), SUM(COUNT(*)) OVER (), COUNT(*) OVER ()
  FROM found GROUP BY holder HAVING COUNT(*) >= {least} ORDER BY 3, 1 LIMIT {shown}
"""
_OF_PEOPLE = """
SELECT l.organisation_id AS holder, live.not_after FROM live JOIN sinetti_lineage l ON l.lineage_id = live.lineage_id
  LEFT JOIN sinetti_person p ON p.person_id = l.contact_id WHERE {terms}
"""
_SOON = """
SELECT l.organisation_id, live.not_after FROM live JOIN sinetti_lineage l ON l.lineage_id = live.lineage_id
 WHERE (l.renewal_opt_out_at IS NULL OR l.renewal_opt_out_at < live.not_before)
"""
_OF_FLEETS = f"""
SELECT organisation_id AS holder, not_after FROM ({_SOON}) AS own UNION ALL
SELECT m.agent_id, client.not_after FROM ({_SOON}) AS client
  JOIN sinetti_roleassignment m ON m.organisation_id = client.organisation_id
 WHERE m.agent_id IS NOT NULL AND m.role = 'manager' AND m.withdrawn_at IS NULL AND m.valid_from <= %s
   AND (m.valid_until IS NULL OR m.valid_until >= %s)
"""  # noqa: S608 - constant statements
_TERMS = {
    WorkKind.CONTACTLESS: "p.person_id IS NULL OR p.erased_at IS NOT NULL",
    WorkKind.RETURNED: "p.bounced_at IS NOT NULL",
}


def load_figures(db: Database) -> AuthorityFigures | None:
    """Return the last count; None if there is none of the last day."""
    value = db.rows(CacheEntry).filter(key=_KEY).values_list("value", flat=True).first()
    return None if value is None else figures_of(json.loads(value))


def store_figures(db: Database, figures: AuthorityFigures) -> None:
    """Keep a count for a day by the machine's clock."""
    values = {"value": json.dumps(figures.as_json()), "expires": figures.machine_at + _KEPT}
    db.rows(CacheEntry).update_or_create(key=_KEY, defaults=values)


def claim_count(db: Database, machine_now: datetime) -> bool:
    """Return True to one of all processes every ten minutes; that one counts."""
    rows = db.rows(CacheEntry)
    if rows.filter(key=_TURN, expires__gt=machine_now).exists():
        return False
    with transaction.atomic(using=db.alias):
        rows.filter(key=_TURN, expires__lte=machine_now).delete()
        _, made = rows.get_or_create(key=_TURN, defaults={"value": "0", "expires": machine_now + COUNTED_EVERY})
    return made


def count_figures(db: Database, now: datetime, machine_now: datetime) -> AuthorityFigures:
    """Count everything but the health, in a few slow statements."""
    rejected = db.rows(models.RejectedRequest).filter(at__gte=now - REFUSALS_WITHIN)
    reasons = rejected.values_list("reason").annotate(count=Count("pk")).order_by("-count", "reason")
    ends = _by_month(db, _ENDS, "not_after", bounds(coming_months(now)), [now])
    return AuthorityFigures(
        now,
        machine_now,
        sum(ends),
        _issued(db, now),
        ends[:MONTHS],
        tuple(reasons),
        {kind: _work(db, kind, now) for kind in WorkKind},
    )


def list_waiting(db: Database, user_id: str, now: datetime) -> tuple[WaitingWork, ...]:
    """Return the kinds of cases that wait for a clerk, in one statement."""
    own, officer = Q(proposed_by=user_id), Q(officer__iexact=officer_of_account(user_id))
    parts = (
        (CaseKind.APPLICATIONS, applications.waiting(db), "created", Q(user=user_id)),
        (CaseKind.REVOCATIONS, bulk_revocation.waiting_rows(db, now), "created", officer),
        (CaseKind.LOADS, csv_imports.proposed(db, now), "proposed_at", own),
        (CaseKind.INVITATIONS, pending_invitations.waiting(db, now), "created", Q(asked_by=user_id)),
    )
    first, *others = (_counted(*part) for part in parts)
    return tuple(WaitingWork(CaseKind(kind), *row) for kind, *row in first.union(*others, all=True))


def _counted(kind: CaseKind, rows: Any, at: str, own: Q) -> Any:  # noqa: ANN401 - a query of any table
    counted = rows.order_by().values(kind=Value(kind, CharField()))
    counted = counted.annotate(count=Count("pk", filter=~own), own=Count("pk", filter=own), oldest=Min(at, filter=~own))
    return counted.values_list("kind", "count", "own", "oldest")


def _issued(db: Database, now: datetime) -> tuple[int, ...]:
    edges = bounds(past_months(now))
    return _by_month(db, _ISSUED, "recorded_at", edges, edges[:1])[:MONTHS]


def _by_month(
    db: Database, statement: str, column: str, edges: Sequence[datetime], before: Sequence[datetime]
) -> tuple[int, ...]:
    """Return the count of each month between these edges, and of the time after them."""
    months = " ".join(f"WHEN {column} < %s THEN {place}" for place in range(len(edges) - 1))
    text = statement.format(live=_LIVE.format(until=""), months=months, last=len(edges) - 1)
    after = list(edges[1:])
    # The terms of the CTE come first, those of the other statement last.
    values = [*before, *after] if statement is _ENDS else [*after, *before]
    found = dict(_rows(db, text, values))
    return tuple(found.get(place, 0) for place in range(len(edges)))


def _work(db: Database, kind: WorkKind, now: datetime) -> WorkList:
    fleets = kind is WorkKind.FLEETS
    found = _OF_FLEETS if fleets else _OF_PEOPLE.format(terms=_TERMS[kind])
    live = _LIVE.format(until="AND c.not_after < %s" if fleets else "")
    text = _WORK.format(live=live, found=found, least=FLEET if fleets else 1, shown=SHOWN)
    rows = _rows(db, text, [now, now + FLEET_ENDS_WITHIN, now, now] if fleets else [now])
    if not rows:
        return WorkList()
    work = tuple(OrganisationWork(holder, count, _instant(first)) for holder, count, first, *_ in rows)
    return WorkList(int(rows[0][3]), rows[0][4], work)


def _rows(db: Database, text: str, instants: Sequence[datetime]) -> list[tuple[Any, ...]]:
    connection = connections[db.alias]
    with connection.cursor() as cursor:
        cursor.execute(text, [connection.ops.adapt_datetimefield_value(instant) for instant in instants])
        return list(cursor.fetchall())


def _instant(at: datetime | str) -> datetime:
    """Return an instant, which SQLite returns as a text in UTC."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at
