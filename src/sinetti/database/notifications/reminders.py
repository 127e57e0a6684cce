"""Certificates near expiry: selection for reminders, progress and next check time.

`Certificate.next_reminder_at` is the time of the next check. NULL means "not checked yet", `NEVER` means "no more
checks". Each of the two cases has its own index, so certificates that are not due cost nothing
(docs/operators/reminders.md).

The module also finds certificates near expiry for which no reminder reaches any person who can act.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from django.db import connections, transaction
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet

from sinetti.database import models, sql
from sinetti.database.connection import Database
from sinetti.database.models import CertificateObservation
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import active_assignments
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.display_status import CertificateProgress
from sinetti.domain.certificates.lifecycle import CertificateState, opt_out_applies
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageKind
from sinetti.domain.notifications.reminders import ReminderSchedule, send_times
from sinetti.domain.values import Serial, ValidityPeriod

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""`next_reminder_at` of a certificate that needs no further check."""

MOST = 400
"""Maximum number of certificates in one transaction.

A transaction takes some tenths of a second, during which other transactions that change the same rows wait.
"""

_CHUNK = 400
"""Number of ids in one statement; older SQLite builds accept 999 values."""

_ONE = """
SELECT c.id, c.serial, c.lineage_id, h.organisation_id, c.state,
       c.next_reminder_at, c.not_before, c.not_after, c.revoked_at, h.renewal_opt_out_at, o.closed_at,
       EXISTS (SELECT 1 FROM sinetti_certificate n WHERE n.predecessor_id = c.id AND n.state <> 'void')
       OR EXISTS (SELECT 1 FROM sinetti_certificate n WHERE n.replaces_id = c.id AND n.state <> 'void')
  FROM sinetti_certificate c
  JOIN sinetti_lineage h ON h.lineage_id = c.lineage_id
  JOIN sinetti_organisation o ON o.organisation_id = h.organisation_id
 WHERE c.id = %(certificate)s
"""

_MOVE = "UPDATE sinetti_certificate SET next_reminder_at = moved.at FROM {rows} WHERE sinetti_certificate.id = moved.id"
_MOVES = {
    "postgresql": _MOVE.format(rows="jsonb_to_recordset(%s::jsonb) AS moved(id bigint, at timestamptz)"),
    "sqlite": _MOVE.format(
        rows="(SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.at') AS at FROM json_each(%s)) AS moved"
    ),
}

_Value = TypeVar("_Value")
_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True)
class ReminderWindow:
    """Selection of certificates to check at `now`.

    It includes certificates whose next check is due. It also includes certificates that were never checked and expire
    from `ends_from` to `ends_until`. Earlier expiries are history.
    """

    now: datetime
    ends_from: datetime
    ends_until: datetime


@dataclass(frozen=True)
class ReminderCandidate:
    """A certificate to check for reminders.

    `certificate` is the primary key of the row. `since` is the time at which the check became due.
    """

    certificate: int
    serial: Serial
    lineage_id: str
    organisation_id: str
    since: datetime | None
    course: CertificateProgress


@dataclass(frozen=True)
class BatchResult:
    """Result of checking a batch: next check times and messages to queue.

    `again` maps primary keys to the time of the next check; None means never.
    """

    again: Mapping[int, datetime | None]
    messages: Sequence[NewMessage] = ()


@contextmanager
def claim_batch(db: Database, window: ReminderWindow) -> Iterator[tuple[ReminderCandidate, ...]]:
    """Lock and yield the next certificates that are due, if any.

    The body of the `with` statement must pass its decisions to `store_batch`. Lock, decisions and messages are one
    transaction, so a killed process leaves no trace. Rows that another process has locked are skipped: two processes
    share the work and neither waits for the other.
    """
    with transaction.atomic(using=db.alias):
        certificates = _locked(db, window)
        yield _found(db, certificates) if certificates else ()


def store_batch(db: Database, result: BatchResult, now: datetime) -> None:
    """Queue the messages of a claimed batch and store the next check times."""
    outbox.enqueue(db, result.messages, now)
    _move(db, result.again)


def find(db: Database, certificate: int) -> ReminderCandidate | None:
    """Return one certificate with its progress, or None.

    The statement is hand-written because it runs for each reminder that is sent. In most cases the certificate has no
    successor.
    """
    rows = sql.read(db, _ONE, {"certificate": certificate})
    if rows and rows[0][-1]:
        return next(iter(_found(db, [certificate])), None)
    for pk, serial, lineage, organisation, state, *instants in (row[:-1] for row in rows):
        since, begins, ends, revoked, let_end, closed = (sql.instant(at) for at in instants)
        if begins is not None and ends is not None:
            course = _course(ValidityPeriod(begins, ends), state, revoked, let_end, closed)
            return ReminderCandidate(pk, Serial(serial), lineage, organisation, since, course)
    return None


def progress_of(db: Database, certificates: Iterable[int]) -> Mapping[int, CertificateProgress]:
    """Return the progress of each certificate, by primary key."""
    return {candidate.certificate: candidate.course for part in _parts(certificates) for candidate in _found(db, part)}


def reschedule(db: Database, lineage_id: str) -> None:
    """Schedule a new check of a lineage's certificates.

    Call it when the reason against reminders has gone: "let it expire" was taken back, or a contact is reachable
    again. Queued messages stay as they are and none is queued twice. A message that was cancelled before it was sent
    may be queued again.
    """
    look_again_each(db, [lineage_id])


def look_again_each(db: Database, lineage_ids: Iterable[str]) -> None:
    """Schedule a new check of the certificates of each of these lineages."""
    for part in _parts(lineage_ids):
        rows = db.rows(models.Certificate).filter(lineage__in=part, next_reminder_at__isnull=False)
        _look_again(db, rows.exclude(state=CertificateState.SUPERSEDED).values_list("pk", flat=True))


def look_again_behind(db: Database, certificates: Iterable[int]) -> None:
    """Schedule a new check of certificates whose successors were revoked.

    `certificates` are primary keys of the predecessors. If a predecessor is revoked itself, the check continues with
    its own predecessors, as in `_successors`.
    """
    behind = set(certificates)
    while behind:
        rows = db.rows(models.Certificate).filter(pk__in=behind)
        _look_again(db, rows.filter(next_reminder_at__isnull=False).values_list("pk", flat=True))
        revoked = rows.filter(revoked_at__isnull=False).values_list("predecessor_id", "replaces_id")
        behind = {pk for places in revoked for pk in places} - {None}


def _look_again(db: Database, certificates: Iterable[int]) -> None:
    for part in _parts(certificates):
        db.rows(models.Certificate).filter(pk__in=part).update(next_reminder_at=None)
        outbox.delete_cancelled(db, part)


def count_ending(db: Database, first: datetime, before: datetime) -> int:
    """Count the certificates that expire from `first` on and before `before`.

    Their state does not matter.
    """
    rows = db.rows(models.Certificate)
    return rows.filter(not_after__gte=first, not_after__lt=before).count()


def overdue(db: Database, reach: ReminderWindow) -> bool:
    """Return True if any certificate is to be checked now."""
    return any(_first(rows.values_list("next_reminder_at", "not_after")) for rows in _waiting(db, reach))


def next_look(db: Database, reach: ReminderWindow) -> tuple[datetime | None, datetime | None]:
    """Return the next two times after the selection of `reach`.

    The first is the expiry of a certificate that was never checked, the second is the next scheduled check. It costs
    two index look-ups.
    """
    rows = db.rows(models.Certificate)
    unseen = rows.filter(next_reminder_at__isnull=True, not_after__gt=reach.ends_until).order_by("not_after")
    noted = rows.filter(next_reminder_at__gt=reach.now, next_reminder_at__lt=NEVER).order_by("next_reminder_at")
    return _first(unseen.values_list("not_after", flat=True)), _first(noted.values_list("next_reminder_at", flat=True))


def next_due(db: Database, after: datetime) -> datetime | None:
    """Return the earliest due time after `after` among waiting messages."""
    rows = _messages(db).filter(due__gt=after).order_by("due")
    return _first(rows.values_list("due", flat=True))


def hours_awaited(db: Database, now: datetime) -> bool:
    """Return True if messages that are due wait for office hours."""
    rows = _messages(db).filter(due__lte=now, kind__in=OFFICE_HOURS_ONLY, channel__isnull=False).order_by("due")
    return _first(rows.values_list("due", flat=True)) is not None


def _messages(db: Database) -> "QuerySet[models.OutboxMessage]":
    rows = db.rows(models.OutboxMessage)
    return rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True)


def _first(values: "QuerySet[_Row, _Value]") -> _Value | None:
    """Return the first value in the query's order, or None.

    `exists()` would drop the order and read a table in which no row is left.
    """
    return next(iter(values[:1]), None)


def _waiting(db: Database, reach: ReminderWindow) -> "Iterator[QuerySet[models.Certificate]]":
    """Yield the two selections: certificates never checked, and checks that are due."""
    rows = db.rows(models.Certificate)
    unseen = rows.filter(next_reminder_at__isnull=True, not_after__gte=reach.ends_from, not_after__lte=reach.ends_until)
    # A reservation is finished or voided within minutes and is checked then.
    yield unseen.exclude(state=CertificateState.RESERVED).order_by("not_after")
    yield rows.filter(next_reminder_at__lte=reach.now).order_by("next_reminder_at")


def _locked(db: Database, reach: ReminderWindow) -> list[int]:
    """Lock a batch of certificates to check and return their primary keys.

    The lock is FOR NO KEY UPDATE, so it does not block a renewal of a locked certificate.
    """
    found: list[int] = []
    for rows in _waiting(db, reach):
        if len(found) < MOST:
            locked = rows.select_for_update(skip_locked=True, no_key=True)
            found += locked.values_list("pk", flat=True)[: MOST - len(found)]
    return found


def _found(db: Database, certificates: Sequence[int]) -> tuple[ReminderCandidate, ...]:
    rows = db.rows(models.Certificate).filter(pk__in=certificates)
    fields = (
        "pk", "serial", "lineage_id", "lineage__organisation_id", "next_reminder_at", "not_before",
        "not_after", "state",
        "revoked_at", "lineage__renewal_opt_out_at", "lineage__organisation__closed_at",
    )  # fmt: skip
    plain = []
    for pk, serial, lineage, organisation, since, begins, ends, state, revoked, let_end, closed in rows.values_list(
        *fields
    ):
        course = _course(ValidityPeriod(begins, ends), state, revoked, let_end, closed)
        plain.append(ReminderCandidate(pk, Serial(serial), lineage, organisation, since, course))
    return _with_successors(db, plain)


def _course(
    span: ValidityPeriod, state: str, revoked: datetime | None, let_end: datetime | None, closed: datetime | None
) -> CertificateProgress:
    """Return the progress of a certificate without its successors."""
    return CertificateProgress(
        span,
        revoked=revoked is not None or state not in {CertificateState.ISSUED, CertificateState.RETRIEVED},
        let_end=opt_out_applies(let_end, span.not_before),
        closed=closed is not None,
    )


def _with_successors(db: Database, candidates: Sequence[ReminderCandidate]) -> tuple[ReminderCandidate, ...]:
    """Add retrieved successors, and the times when gateways saw old and new."""
    fetched = _successors(db, [candidate.certificate for candidate in candidates])
    new = [pk for successors in fetched.values() for pk in successors]
    instants = _seen(db, [*fetched, *new]) if fetched else {}
    result = []
    for one in candidates:
        successors = fetched.get(one.certificate)
        if not successors:
            result.append(one)
            continue
        course = replace(
            one.course,
            fetched=min(successors.values()),
            seen=instants.get(one.certificate),
            new_seen=max((instants[pk] for pk in successors if pk in instants), default=None),
        )
        result.append(replace(one, course=course))
    return tuple(result)


def _successors(db: Database, certificates: Sequence[int]) -> dict[int, dict[int, datetime]]:
    """Return the retrieved successors of each certificate that are not revoked.

    The result maps each primary key to its successors and the time of their first retrieval. A revoked successor is
    replaced by its own successors, in turn.
    """
    found: dict[int, dict[int, datetime]] = {}
    origins = {pk: {pk} for pk in certificates}
    while origins:
        revoked: dict[int, set[int]] = {}
        for before, pk, fetched_at, revoked_at in _links(db, list(origins)):
            if revoked_at is not None:
                revoked.setdefault(pk, set()).update(origins[before])
            elif fetched_at is not None:
                for origin in origins[before]:
                    found.setdefault(origin, {})[pk] = fetched_at
        origins = revoked
    return found


def _links(db: Database, certificates: Sequence[int]) -> Iterator[tuple[int, int, datetime | None, datetime | None]]:
    """Yield each direct successor that is not void.

    Each tuple has the predecessor's key, the successor's key, its first retrieval and its revocation.
    """
    rows = db.rows(models.Certificate).exclude(state=CertificateState.SUPERSEDED)
    for part in _parts(certificates):
        fields = "pk", "first_fetched_at", "revoked_at"
        renewals = rows.filter(predecessor__in=part).values_list("predecessor_id", *fields)
        replacing = rows.filter(replaces__in=part).values_list("replaces_id", *fields)
        for before, pk, fetched_at, revoked_at in renewals.union(replacing, all=True):
            if before is not None:
                yield before, pk, fetched_at, revoked_at


def _seen(db: Database, certificates: Sequence[int]) -> dict[int, datetime]:
    """Return the time when a gateway last saw each certificate.

    Certificates that no gateway ever saw are omitted.
    """
    instants: dict[int, datetime] = {}
    for part in _parts(certificates):
        rows = db.rows(CertificateObservation).filter(certificate__in=part)
        newest = rows.values_list("certificate_id").annotate(seen=Max("last_seen"))
        instants |= {pk: seen for pk, seen in newest if seen is not None}
    return instants


def _move(db: Database, again: Mapping[int, datetime | None]) -> None:
    """Store the next check times.

    The rows are locked, so they have not changed since they were read.
    """
    connection = connections[db.alias]
    adapt = connection.ops.adapt_datetimefield_value
    rows = [{"id": pk, "at": str(adapt(at or NEVER))} for pk, at in again.items()]
    with connection.cursor() as cursor:
        cursor.execute(_MOVES[connection.vendor], [json.dumps(rows)])


def _parts(values: Iterable[_Value]) -> Iterator[Sequence[_Value]]:
    every = list(values)
    return (every[at : at + _CHUNK] for at in range(0, len(every), _CHUNK))


NEAR: Final = timedelta(days=14)
"""Time before expiry from which all people who can act get reminders.

If no message has reached a person by then, no later one will.
"""

LATELY: Final = timedelta(days=21)
"""Period within which an earlier message shows that a person is reachable."""


@dataclass(frozen=True)
class UnreachableSummary:
    """Number of certificates without any reminder, and the serials that expire first."""

    count: int
    first: tuple[Serial, ...]


def find_unreachable(db: Database, now: datetime, ladder: ReminderSchedule, most: int) -> UnreachableSummary:
    """Find certificates near expiry without any reminder that was sent or waits.

    Certificates of organisations with a service provider are omitted. So are certificates with a lifetime so short
    that no reminder step has come yet. `first` has at most `most` serials.
    """
    using = db.alias
    certificates = models.Certificate.objects.using(using)
    recent_reminders = models.OutboxMessage.objects.using(using).filter(
        certificate=OuterRef("pk"),
        kind=MessageKind.REMINDER,
        channel__isnull=False,
        failed_at__isnull=True,
        cancelled_at__isnull=True,
        bounced__isnull=True,
        created__gt=now - LATELY,
    )
    after = certificates.filter(first_fetched_at__isnull=False, revoked_at__isnull=True)
    firms = models.RoleAssignment.objects.using(using).filter(
        active_assignments(now), organisation=OuterRef("lineage__organisation"), role=Role.MANAGER, agent__isnull=False
    )
    rows = certificates.filter(
        ~Q(state__in=(CertificateState.RESERVED, CertificateState.SUPERSEDED)),
        not_after__gt=now,
        not_after__lte=now + NEAR,
        next_reminder_at__lt=NEVER,
        # The reminder step of today was processed already, so the next check is later.
        next_reminder_at__gt=now,
        revoked_at__isnull=True,
        lineage__renewal_opt_out_at__isnull=True,
        lineage__organisation__closed_at__isnull=True,
    ).exclude(Exists(recent_reminders) | Exists(firms))
    rows = rows.exclude(
        Exists(after.filter(predecessor=OuterRef("pk"))) | Exists(after.filter(replaces=OuterRef("pk")))
    )
    ending = rows.order_by("not_after", "pk").values_list("serial", "not_before", "not_after")
    serials = [
        Serial(serial)
        for serial, begins, ends in ending
        if any(at <= now for _, at in send_times(ladder, ValidityPeriod(begins, ends)))
    ]
    return UnreachableSummary(len(serials), tuple(serials[:most]))
