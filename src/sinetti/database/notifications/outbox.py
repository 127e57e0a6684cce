"""Outbox: a message is stored in the transaction that causes it and sent later.

The package `notifications` sends it. Rows without a channel are events, such as "renewed". `notifications` expands
each event to messages for all people whom it concerns.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connections, transaction

from sinetti.database.connection import Database
from sinetti.database.models import Certificate, OutboxMessage
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, message_id

_OF_THE_LADDER = (MessageKind.REMINDER, MessageKind.TAKE_INTO_USE)

_COLUMNS = {
    "message_id": "varchar",
    "kind": "varchar",
    "channel": "varchar",
    "step": "varchar",
    "created": "timestamptz",
    "due": "timestamptz",
    "attempts": "int",
    "recipient_id": "varchar",
    "address": "varchar",
    "lineage_id": "varchar",
    "certificate_id": "bigint",
    "order_id": "varchar",
    "facts": "jsonb",
}
_PUT = (
    f"INSERT INTO sinetti_outboxmessage ({', '.join(_COLUMNS)}) "  # noqa: S608 - constant names
    "SELECT {values} FROM {rows} WHERE TRUE ON CONFLICT DO NOTHING"
)
_PUTS = {
    "postgresql": _PUT.format(
        values="*",
        rows=f"jsonb_to_recordset(%s::jsonb) AS new({', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())})",
    ),
    "sqlite": _PUT.format(
        values=", ".join(f"json_extract(value, '$.{name}')" for name in _COLUMNS), rows="json_each(%s)"
    ),
}


_recorded: ContextVar[list[str] | None] = ContextVar("recorded", default=None)


@contextmanager
def rehearsal(db: Database) -> Iterator[list[str]]:
    """Collect the ids of rows queued in a transaction that is rolled back.

    A check page so shows the messages of an act before it happens (notifications/dry_run.py). The block may
    write even while the page of a draft is shown, which else reads only.
    """
    ids: list[str] = []
    token, connection = _recorded.set(ids), connections[db.alias]
    wrappers = connection.execute_wrappers
    connection.execute_wrappers = [one for one in wrappers if getattr(one, "__name__", "") != "_refuse_writes"]
    try:
        with transaction.atomic(using=db.alias):
            yield ids
            transaction.set_rollback(True, using=db.alias)
    finally:
        connection.execute_wrappers = wrappers
        _recorded.reset(token)


def is_rehearsal() -> bool:
    """Return True inside `rehearsal`."""
    return _recorded.get() is not None


def _record(ids: Iterable[str]) -> None:
    if (recorded := _recorded.get()) is not None:
        recorded.extend(ids)


KNOWN: Final = tuple(kind.value for kind in MessageKind)
"""Message kinds that this code can read.

During a rolling upgrade, later code queues kinds that only later code sends. They do not block other messages
(docs/operators/migrations.md).
"""


@dataclass(frozen=True)
class NewMessage:
    """A message to one recipient that is due from `due` on, on the office's clock.

    `about` is the random id of its subject (a serial, an order's id …). The message's id is derived from it, the kind,
    step, recipient and channel, so that the same message is queued once. `recipient` is a person's id. Operators have
    none, so their e-mail address is in `address`. `certificate` is the primary key of the row. `facts` are values for
    the text and contain no secrets.
    """

    kind: MessageKind
    channel: MessageChannel
    about: str
    step: str
    due: datetime
    recipient: str | None = None
    address: str | None = None
    lineage: str | None = None
    certificate: int | None = None
    order: str | None = None
    facts: dict[str, Any] | None = None

    @property
    def message_id(self) -> str:
        """Message id, which is the same in every process."""
        to = self.recipient or self.address or ""
        return message_id(self.kind, self.about, self.step, to, self.channel)


def enqueue(db: Database, messages: Iterable[NewMessage], now: datetime) -> None:
    """Queue these messages; messages that exist already stay as they are.

    The rows are passed as one JSON value. With model objects, or tens of thousands of parameters, writing would take
    half of the time of planning a hundred thousand reminders.
    """
    messages = tuple(messages)
    _record(message.message_id for message in messages)
    connection = connections[db.alias]
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        {
            "message_id": message.message_id,
            "kind": message.kind,
            "channel": message.channel,
            # The event's own step has no channel, so its messages do not violate the unique constraint.
            "step": f"{message.step}:{message.channel}",
            "created": str(adapt(now)),
            "due": str(adapt(message.due)),
            "attempts": 0,
            "recipient_id": message.recipient,
            "address": message.address,
            "lineage_id": message.lineage,
            "certificate_id": message.certificate,
            "order_id": message.order,
            "facts": message.facts,
        }
        for message in messages
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_PUTS[connection.vendor], [json.dumps(rows)])


def find_queued_at(db: Database, message_id: str) -> datetime | None:
    """Return the time when a message was queued, on the office's clock, or None."""
    rows = db.rows(OutboxMessage).filter(pk=message_id)
    return rows.values_list("created", flat=True).first()


def reassign(db: Database, before: str, after: str) -> None:
    """Move waiting reminders to the row that replaces a person's row.

    Both rows have the same address. Without the move the reminders would be lost, since they would no longer match a
    recipient and are not planned again.
    """
    rows = db.rows(OutboxMessage).filter(recipient=before, kind__in=_OF_THE_LADDER)
    rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True).update(recipient=after)


def delete_cancelled(db: Database, certificates: Iterable[int]) -> None:
    """Delete cancelled reminders of these certificates.

    Call it when the reason for the cancellation may have gone. The old rows would otherwise block new reminders with
    the same ids.
    """
    rows = db.rows(OutboxMessage).filter(certificate__in=certificates, kind__in=_OF_THE_LADDER)
    rows.filter(cancelled_at__isnull=False).delete()


def enqueue_new(db: Database, messages: Iterable[NewMessage], now: datetime) -> int:
    """Queue a few messages that mostly exist already; return the number of new ones."""
    by_id = {message.message_id: message for message in messages}
    rows = db.rows(OutboxMessage)
    with transaction.atomic(using=db.alias):
        known = set(rows.filter(pk__in=list(by_id)).values_list("pk", flat=True))
        enqueue(db, [new_message for message_id, new_message in by_id.items() if message_id not in known], now)
    return len(by_id) - len(known)


@dataclass(frozen=True)
class DomainEvent:
    """An event from which messages are made.

    `step` distinguishes it from others of the same kind about the same subject. `recipient` is the person concerned at
    the time. `facts` are as in NewMessage.
    """

    kind: MessageKind
    step: str
    recipient: str | None = None
    lineage: str | None = None
    certificate: int | None = None
    order: str | None = None
    facts: dict[str, Any] | None = None


def record_event(db: Database, event: DomainEvent, now: datetime) -> None:
    """Record an event, so that messages about it are sent.

    Call it inside the transaction of the change.
    """
    row = db.rows(OutboxMessage).create(
        kind=event.kind,
        step=event.step,
        created=now,
        due=now,
        recipient_id=event.recipient,
        lineage_id=event.lineage,
        certificate_id=event.certificate,
        order_id=event.order,
        facts=event.facts,
    )
    _record([row.pk])


def notify_contact(db: Database, kind: str, certificate: Certificate, now: datetime) -> None:
    """Record one event for the lineage's contact about this certificate.

    Call it inside the transaction of the change.
    """
    db.rows(OutboxMessage).get_or_create(
        kind=kind,
        certificate=certificate,
        step="once",
        recipient_id=certificate.lineage.contact_id,
        defaults={"lineage_id": certificate.lineage_id, "created": now, "due": now},
    )


def notify_contacts(db: Database, kind: str, certificates: Iterable[Certificate], now: datetime) -> None:
    """Record events as `notify_contact` does, for certificates without one so far."""
    rows = [
        OutboxMessage(
            kind=kind,
            certificate=certificate,
            step="once",
            recipient_id=certificate.lineage.contact_id,
            lineage_id=certificate.lineage_id,
            created=now,
            due=now,
        )
        for certificate in certificates
    ]
    db.rows(OutboxMessage).bulk_create(rows, ignore_conflicts=True)
    _record(row.pk for row in rows)
