"""SQL of the display status (domain/certificates/display_status.py).

Lists are filtered and sorted with it in the database. Tests compare it with the Python rules, case by case. The CTEs
`kept` and `later` are MATERIALIZED, so the successors are read once. Repeated in each condition, they would take a
thousand times as long (measured).

The module also has the query columns with the progress of certificates and orders, for the same rules.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.models import Case, DateTimeField, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import CertificateObservation, Gateway, SecureMessage
from sinetti.domain.certificates.display_status import (
    FOR_GOOD,
    HANDS,
    IN_TIME,
    OF_ORDERS,
    SEEN_TO,
    CertificateFacts,
    DisplayStatus,
    NextActor,
    Urgency,
)
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.listing import CertificateQuery, ListKey, Sort
from sinetti.domain.certificates.overview import ENDED, LATELY_ENDED, MONTHS, StatusGroup, bounds, coming_months
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import LATELY, ReportingPeriod
from sinetti.domain.values import ValidityPeriod

STATES, RANKS, HAND_ORDER = tuple(DisplayStatus), tuple(Urgency), tuple(NextActor)

_Written = tuple[str, Sequence[Any]]


def _states(states: Collection[DisplayStatus]) -> str:
    return ", ".join(str(STATES.index(display_status)) for display_status in STATES if display_status in states)


def _hands(states: Collection[DisplayStatus]) -> str:
    return " ".join(f"WHEN {STATES.index(state)} THEN {HAND_ORDER.index(HANDS[state])}" for state in states)


_OVER_AT = "COALESCE(revoked_at, not_after)"
_HELD = {
    DisplayStatus.REVOKED: "revoked_at IS NOT NULL",
    DisplayStatus.EXPIRED: "not_after < now_at",
    DisplayStatus.ISSUING: f"state = '{CertificateState.RESERVED}'",
    DisplayStatus.OLD_IN_USE: (
        "succeeded AND seen > taken_at AND (new_seen IS NULL OR new_seen <= seen OR seen >= lately)"
    ),
    DisplayStatus.RENEWED: "succeeded AND taken_at IS NOT NULL",
    DisplayStatus.NEW_WAITS: "succeeded",
    DisplayStatus.NOT_FETCHED: "first_fetched_at IS NULL",
    DisplayStatus.LET_END: "not_before <= renewal_opt_out_at",
    DisplayStatus.ENDS_SOON: "not_after <= soon AND is_late",
    DisplayStatus.RENEWAL_OPEN: "renewable_from <= now_at",
}
_STATE = " ".join(f"WHEN {terms} THEN {STATES.index(display_status)}" for display_status, terms in _HELD.items())
_GOOD_REASONS = ", ".join(f"'{reason}'" for reason in sorted(FOR_GOOD))
_RANK = f"""
WHEN state_n IN ({_states({DisplayStatus.REVOKED, DisplayStatus.EXPIRED})})
     AND (succeeded OR followed OR revocation_reason IN ({_GOOD_REASONS}) OR not_before <= renewal_opt_out_at)
THEN {RANKS.index(Urgency.OVER)}
WHEN state_n IN ({_states(SEEN_TO)}) THEN {RANKS.index(Urgency.SEEN_TO)}
ELSE {RANKS.index(Urgency.OPEN)}
"""
_HAND = f"""
CASE WHEN rank_n <> {RANKS.index(Urgency.OPEN)} THEN {HAND_ORDER.index(NextActor.NONE)}
     WHEN state_n IN ({_states({DisplayStatus.ENDS_SOON, DisplayStatus.RENEWAL_OPEN})}) AND NOT approved
     THEN {HAND_ORDER.index(NextActor.REPRESENTATIVE)}
     WHEN state_n = {STATES.index(DisplayStatus.RENEWAL_OPEN)} AND origin = 'renewal'
     THEN {HAND_ORDER.index(NextActor.PROGRAM)}
     ELSE CASE state_n {_hands(STATES)} END END
"""
_ORDER_STATE = f"""
CASE WHEN expires IS NULL OR expires < now_at THEN {STATES.index(DisplayStatus.IDS_LAPSED)}
     WHEN opened THEN {STATES.index(DisplayStatus.IDS_OPENED)} ELSE {STATES.index(DisplayStatus.IDS_SENT)} END
"""
_LATER = f"""
SELECT kept.id AS before, CASE WHEN c.revoked_at IS NULL THEN 1 END AS stands,
       CASE WHEN c.revoked_at IS NULL THEN c.first_fetched_at END AS first_fetched_at,
       CASE WHEN c.revoked_at IS NULL AND c.first_fetched_at IS NOT NULL THEN (
       SELECT MAX(s.last_seen) FROM sinetti_certificateobservation s WHERE s.certificate_id = c.id) END AS last_seen
  FROM kept JOIN sinetti_certificate c ON c.{{link}} = kept.id
 WHERE c.state <> '{CertificateState.SUPERSEDED}'
"""  # noqa: S608 - a constant state
"""Successors of a certificate, looked up once for four columns.

`stands` is 1 for a valid one. It agrees with `progress_columns`.
"""
_CERTIFICATES = f"""
kept AS MATERIALIZED ({{certificates}}),
later AS MATERIALIZED ({_LATER.format(link="predecessor_id")} UNION ALL {_LATER.format(link="replaces_id")}),
lines AS (
SELECT before, MAX(stands) AS stands, MIN(first_fetched_at) AS taken_at, MAX(last_seen) AS new_seen
  FROM later GROUP BY before
),
known AS (
SELECT kept.*, instants.*, before IS NOT NULL AS followed, stands IS NOT NULL AS succeeded, taken_at, new_seen,
       {{is_late}} AS is_late
  FROM kept CROSS JOIN instants LEFT JOIN lines ON before = id
),
classified AS (SELECT known.*, CASE {_STATE} ELSE {STATES.index(DisplayStatus.VALID)} END AS state_n FROM known),
ranked AS (SELECT classified.*, CASE {_RANK} END AS rank_n FROM classified)
"""  # noqa: S608 - constant numbers and columns
_ORDERS = f"""
waiting AS MATERIALIZED ({{orders}}),
ordered AS (SELECT waiting.*, {_ORDER_STATE} AS state_n FROM waiting, instants)
"""  # noqa: S608 - as above
_SELECT = """
SELECT {found} AS found, {is_order} AS is_order, {number} AS sort_n, word AS sort_word, {at} AS sort_at FROM {rows}
"""
_GROUPS = f"""
SELECT state_n, rank_n, month_n, followed, gone_lately, COUNT(*), MIN(not_after), MIN(serial) FROM (
SELECT ranked.*, CASE {{months}} ELSE {MONTHS} END AS month_n,
       state_n IN ({{ended}}) AND {_OVER_AT} >= %s AS gone_lately FROM ranked) AS each
 GROUP BY state_n, rank_n, month_n, followed, gone_lately
UNION ALL SELECT state_n, {RANKS.index(Urgency.OPEN)}, NULL, NULL, NULL, COUNT(*), NULL, MIN(order_id)
  FROM ordered GROUP BY state_n
"""  # noqa: S608 - constant numbers and columns
_INSTANTS = "instants AS (SELECT %s AS now_at, %s AS lately, %s AS soon)"

_SECONDS = "CAST(strftime('%%s', {}) AS INTEGER)"
_IS_LATE = {
    "postgresql": "not_after - now_at <= now_at - renewable_from",
    "sqlite": f"{_SECONDS.format('not_after')} + {_SECONDS.format('renewable_from')}"
    f" <= 2 * {_SECONDS.format('now_at')}",
}
"""Second half of the time for renewing, by database.

It agrees with `display_status.ends_soon`.
"""

_LAPSED_BELOW = (
    f"CASE state_n WHEN {STATES.index(DisplayStatus.IDS_LAPSED)} THEN {RANKS.index(Urgency.SEEN_TO)}"
    f" ELSE {RANKS.index(Urgency.OPEN)} END"
)
"""Ranks of orders: a lapsed one stands below what still matters."""
_NUMBERS = {
    Sort.URGENCY: ("rank_n", _LAPSED_BELOW),
    Sort.STATE: ("state_n", "state_n"),
    Sort.HAND: (_HAND, f"CASE state_n {_hands(OF_ORDERS)} END"),
    Sort.USE: ("CASE WHEN seen IS NULL THEN 0 ELSE 1 END", "0"),
}
"""Numeric sort keys of certificates and of orders; other sorts have none."""
_INSTANT = {Sort.USE: "COALESCE(seen, not_after)", Sort.ENDS: "not_after"}


def sorted_keys(
    db: Database,
    wanted: CertificateQuery,
    certificates: "QuerySet[Any, Any]",
    orders: "QuerySet[Any, Any] | None",
    most: int | None,
) -> tuple[ListKey, ...]:
    """Return the sorted keys of the certificates and orders in the wanted states.

    `certificates` must have an `id` and the columns that `_STATE`, `_RANK` and `_HAND` name, except those of `lines`.
    `orders` must have the columns that `_ORDER_STATE` names. Both must have a `word`. `most` limits the number of
    keys. It is one statement.
    """
    written, values = _written(db, certificates)
    tables, parts = [_INSTANTS, _certificates(db, written)], [_part(wanted)]
    bound = [*_instants(db, wanted.now), *values]
    if orders is not None:
        written, values = _written(db, orders)
        tables.append(_ORDERS.format(orders=written))
        parts.append(_order_part(wanted))
        bound += values
    way = "DESC" if wanted.descending else "ASC"
    sorting = ", ".join(f"{place} {way}" for place in ("sort_n", "sort_word", "sort_at", "found"))
    limit = "" if most is None else f"LIMIT {most:d}"
    every = f"SELECT found, is_order FROM ({' UNION ALL '.join(parts)}) AS every"  # noqa: S608 - written above
    statement = f"WITH {', '.join(tables)} {every} ORDER BY {sorting} {limit}"
    with connections[db.alias].cursor() as cursor:
        cursor.execute(statement, bound)
        return tuple(ListKey(found, is_order == 1) for found, is_order in cursor.fetchall())


def status_groups(
    db: Database, now: datetime, certificates: "QuerySet[Any, Any]", orders: "QuerySet[Any, Any]"
) -> tuple[StatusGroup, ...]:
    """Count these certificates and orders by state and by month of their end.

    It is one statement.
    """
    of_certificates, bound = _written(db, certificates)
    of_orders, more = _written(db, orders)
    tables = (_INSTANTS, _certificates(db, of_certificates), _ORDERS.format(orders=of_orders))
    edges = _adapted(db, bounds(coming_months(now)))
    months = " ".join(f"WHEN not_after < %s THEN {place}" for place in range(-1, MONTHS))
    statement = f"WITH {', '.join(tables)} {_GROUPS.format(months=months, ended=_states(ENDED))}"
    values = [*_instants(db, now), *bound, *more, *edges, *_adapted(db, [now - LATELY_ENDED])]
    with connections[db.alias].cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(_group(*row) for row in cursor.fetchall())


def _group(state: int, rank: int, month: int | None, *values: Any) -> StatusGroup:  # noqa: ANN401 - a row
    followed, lately, count, first, key = values
    # SQLite returns an instant as a text in UTC.
    first_end = datetime.fromisoformat(first).replace(tzinfo=UTC) if isinstance(first, str) else first
    return StatusGroup(STATES[state], RANKS[rank], count, key, month, first_end, bool(followed), bool(lately))


def counts_by_owner(
    db: Database, now: datetime, certificates: "QuerySet[Any, Any]"
) -> dict[str, dict[DisplayStatus, int]]:
    """Count these certificates by their column `owner` and by state.

    Those that are over do not count.
    """
    written, bound = _written(db, certificates)
    tables = f"{_INSTANTS}, {_certificates(db, written)}"
    where = f"rank_n < {RANKS.index(Urgency.OVER)}"
    statement = f"WITH {tables} SELECT owner, state_n, COUNT(*) FROM ranked WHERE {where} GROUP BY owner, state_n"  # noqa: S608 - constants
    found: dict[str, dict[DisplayStatus, int]] = {}
    with connections[db.alias].cursor() as cursor:
        cursor.execute(statement, [*_instants(db, now), *bound])
        for owner, state, count in cursor.fetchall():
            found.setdefault(owner, {})[STATES[state]] = count
    return found


def _certificates(db: Database, written: str) -> str:
    return _CERTIFICATES.format(certificates=written, is_late=_IS_LATE[connections[db.alias].vendor])


def _part(wanted: CertificateQuery) -> str:
    number, _ = _NUMBERS.get(wanted.sort, ("0", "0"))
    at = _INSTANT.get(wanted.sort, _OVER_AT)
    part = _SELECT.format(found="serial", is_order=0, number=number, at=at, rows="ranked")
    if wanted.states:
        is_open = f" AND rank_n = {RANKS.index(Urgency.OPEN)}" if wanted.open else ""
        return f"{part} WHERE state_n IN ({_states(wanted.states)}){is_open}"
    return part if wanted.over else f"{part} WHERE rank_n < {RANKS.index(Urgency.OVER)}"


def _order_part(wanted: CertificateQuery) -> str:
    _, number = _NUMBERS.get(wanted.sort, ("0", "0"))
    at = "COALESCE(expires, created)"
    part = _SELECT.format(found="order_id", is_order=1, number=number, at=at, rows="ordered")
    return f"{part} WHERE state_n IN ({_states(wanted.states)})" if wanted.states else part


def _written(db: Database, rows: "QuerySet[Any, Any]") -> _Written:
    written: _Written = rows.order_by().query.get_compiler(using=db.alias).as_sql()
    return written


def _instants(db: Database, now: datetime) -> list[Any]:
    return _adapted(db, (now, now - LATELY, now + IN_TIME))


def _adapted(db: Database, instants: Iterable[datetime]) -> list[Any]:
    adapt = connections[db.alias].ops.adapt_datetimefield_value
    return [adapt(instant) for instant in instants]


def facts_of(row: Any) -> CertificateFacts:  # noqa: ANN401 - a row with annotations
    """Convert a row of `with_display_columns` to the facts for the status rules."""
    return CertificateFacts(
        span=ValidityPeriod(row.not_before, row.not_after),
        renewable_from=row.renewable_from,
        issued=row.state != CertificateState.RESERVED,
        fetched_at=row.first_fetched_at,
        revoked_at=row.revoked_at,
        reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        renewal_opt_out_at=row.lineage.renewal_opt_out_at,
        by_renewal=row.origin == "renewal",
        approved=row.approved,
        succeeded=row.succeeded,
        followed=row.followed,
        taken_at=row.taken_at,
        seen=row.seen,
        new_seen=row.new_seen,
    )


def with_display_columns(certificates: "QuerySet[models.Certificate]", now: datetime) -> "QuerySet[models.Certificate]":
    """Add the columns of the status rules and the start of gateway reporting."""
    looking = Gateway.objects.filter(withdrawn__isnull=True, last_report__gte=now - LATELY).values("withdrawn")
    return with_progress(certificates).annotate(
        looking=Subquery(looking.annotate(first=Min("first_report")).values("first")),
    )


def with_progress(certificates: "QuerySet[models.Certificate]") -> "QuerySet[models.Certificate]":
    """Add the columns of the status rules to a query of certificates."""
    return certificates.annotate(**progress_columns(), approved=approved("lineage__"))


def looking_since(row: Any, now: datetime) -> ReportingPeriod | None:  # noqa: ANN401 - as above
    """Return the reporting period of active gateways, or None (`domain/usage.py`)."""
    return None if row.looking is None else ReportingPeriod(row.looking, now)


def _followers() -> "QuerySet[models.Certificate]":
    """Return a certificate's renewals and replacements, valid or revoked."""
    rows = models.Certificate.objects.exclude(state=CertificateState.SUPERSEDED)
    return rows.filter(Q(predecessor=OuterRef("pk")) | Q(replaces=OuterRef("pk"))).order_by()


def progress_columns() -> dict[str, Any]:
    """Return columns with a certificate's progress, each computed only if used."""
    successors = _followers().filter(revoked_at__isnull=True)
    fetched = successors.filter(first_fetched_at__isnull=False)
    new = CertificateObservation.objects.filter(
        Q(certificate__predecessor=OuterRef("pk")) | Q(certificate__replaces=OuterRef("pk")),
        certificate__revoked_at__isnull=True,
        certificate__first_fetched_at__isnull=False,
    )
    succeeded = Exists(successors)
    return {
        "succeeded": succeeded,
        "followed": Exists(_followers()),
        # Most certificates have no successor, and CASE then skips the subquery.
        "taken_at": _where(succeeded, fetched.order_by("first_fetched_at").values("first_fetched_at")[:1]),
        "seen": seen(),
        "new_seen": _where(succeeded, new.order_by("-last_seen").values("last_seen")[:1]),
    }


def seen() -> Subquery:
    """Return the time when a gateway last saw a certificate."""
    sightings = CertificateObservation.objects.filter(certificate=OuterRef("pk")).values("certificate")
    return Subquery(sightings.annotate(last=Max("last_seen")).values("last"))


def _where(terms: Exists, instants: "QuerySet[Any, Any]") -> Case:
    return Case(When(terms, then=Subquery(instants)), default=Value(None), output_field=DateTimeField())


def approved(path: str) -> Exists:
    """Test for an approval of a lineage's organisation, along this path, for its type."""
    return Exists(
        models.ApprovedChannel.objects.filter(
            organisation=OuterRef(f"{path}organisation"), type=OuterRef(f"{path}type"), withdrawn_at__isnull=True
        )
    )


def expires() -> Subquery:
    """Return the expiry of an order's transfer ids."""
    pairs = models.TransferIds.objects.filter(order=OuterRef("pk"), ended_at__isnull=True)
    return Subquery(pairs.order_by("-expires").values("expires")[:1])


def opened() -> Exists:
    """Test for an order whose transfer ids were shown."""
    return Exists(SecureMessage.objects.filter(order=OuterRef("pk"), ended_at__isnull=True, shown_at__isnull=False))
