"""Numbered events of the status feed (docs/relying/feed.md).

Each event is written in the transaction that it reports. Its number is max(last + 1, Unix time in ms), so a number is
never used twice, also not after a restore of the database. The row of the last number stays locked until the commit.
Therefore numbers become visible in their order, and a reader that has seen one has missed none before it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.wire.json_api.status_events import StatusEvent, StatusEventKind

KEPT_FOR = 60 * 60 * 1000
"""Milliseconds for which an event is kept.

At most gateways a list counts no longer than that.
"""

_COUNTER = "status-feed"


def insert_events(db: Database, events: Sequence[StatusEvent], at: datetime) -> None:
    """Write events, and delete old ones. Call it last in their transaction.

    Other transactions with events wait until the caller commits.
    """
    if not events:
        return
    rows = db.rows(models.FeedEvent)
    with transaction.atomic(using=db.alias):
        first = _take_numbers(db, len(events), int(at.timestamp() * 1000))
        rows.bulk_create(
            models.FeedEvent(
                number=number,
                kind=status_event.kind,
                authority=status_event.subject,
                list_number=status_event.number,
                serial=status_event.serial,
            )
            for number, status_event in enumerate(events, first)
        )
        rows.filter(number__lt=first - KEPT_FOR).delete()


def _take_numbers(db: Database, count: int, milliseconds: int) -> int:
    """Return the first of `count` new numbers; locks the counter."""
    counters = db.rows(models.Counter)
    row = counters.filter(pk=_COUNTER)
    following = Greatest(F("value") + count, milliseconds)
    if not row.update(value=following):
        counters.bulk_create([models.Counter(name=_COUNTER)], ignore_conflicts=True)
        row.update(value=following)
    return row.values_list("value", flat=True).get() - count + 1


def insert_revocations(db: Database, serials_of: dict[str, list[str]], at: datetime) -> None:
    """Write an event for each revoked certificate, by CA; call it as `insert_events`."""
    authorities = db.rows(models.CertificateAuthority).filter(pk__in=serials_of)
    last = dict(authorities.values_list("pk", "crl_number"))
    events = [
        StatusEvent(StatusEventKind.REVOCATION, name, last[name], serial)
        for name, serials in serials_of.items()
        for serial in serials
    ]
    insert_events(db, events, at)


def last_number(db: Database) -> int:
    """Return the number of the last event, or 0 before the first."""
    return db.rows(models.Counter).filter(pk=_COUNTER).values_list("value", flat=True).first() or 0


def list_events(db: Database, after: int, most: int) -> list[tuple[int, StatusEvent]]:
    """Return events with higher numbers in their order.

    Of more than `most`, the newest.
    """
    rows = db.rows(models.FeedEvent).filter(number__gt=after).order_by("-number")[:most]
    queryset = rows.values_list("number", "kind", "authority", "list_number", "serial")
    return [
        (number, StatusEvent(StatusEventKind(kind), name, of_list, serial))
        for number, kind, name, of_list, serial in reversed(queryset)
    ]
