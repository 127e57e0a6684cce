"""Messages that are owed: a row in the transaction that makes them due; sending them is another room's work.

Rows without a channel are events, such as "renewed": `notices` makes of each a message to everybody whom it concerns.
"""

import json
from collections.abc import Iterable
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
    f"INSERT INTO sinetti_outboxmessage ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of ours only
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


KNOWN: Final = tuple(kind.value for kind in MessageKind)
"""What this code can read.

While nodes are replaced one after the other, later code owes kinds that wait for it: they keep nothing else from
leaving (docs/schema.md).
"""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to one recipient that is owed from `due` on, on the office's clock.

    `about` is the random id of what it is about (a serial, an order's id …); with kind, step, recipient and channel it
    makes the message's id, so that the same message is owed once. `recipient` is a person's id; of an operator, who has
    none, `address` is the e-mail address. `certificate` is the row's key. `facts` are values for the text: no secrets.
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
        """Its id, the same whoever plans it."""
        to = self.recipient or self.address or ""
        return message_id(self.kind, self.about, self.step, to, self.channel)


def enqueue(db: Database, messages: Iterable[NewMessage], now: datetime) -> None:
    """Owe these messages; those that are owed already, or were sent, stay as they are.

    They go over in one value, as JSON: with objects of the rows, or some ten thousand values, the writing would take
    half of the time in which a hundred thousand reminders are planned.
    """
    connection = connections[db.alias]
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        {
            "message_id": one.message_id,
            "kind": one.kind,
            "channel": one.channel,
            # The step of the event itself is plain, so that its messages do not meet it in the unique constraint.
            "step": f"{one.step}:{one.channel}",
            "created": str(adapt(now)),
            "due": str(adapt(one.due)),
            "attempts": 0,
            "recipient_id": one.recipient,
            "address": one.address,
            "lineage_id": one.lineage,
            "certificate_id": one.certificate,
            "order_id": one.order,
            "facts": one.facts,
        }
        for one in messages
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_PUTS[connection.vendor], [json.dumps(rows)])


def owed_since(db: Database, message_id: str) -> datetime | None:
    """When a message began to be owed, on the office's clock; None where there is none of this id."""
    rows = OutboxMessage.objects.using(db.alias).filter(pk=message_id)
    return rows.values_list("created", flat=True).first()


def reassign(db: Database, before: str, after: str) -> None:
    """Owe the reminders that wait for somebody to the row that takes the place of theirs, with the same address.

    They would be no more for whom they were planned, and nobody would plan them anew.
    """
    rows = OutboxMessage.objects.using(db.alias).filter(recipient=before, kind__in=_OF_THE_LADDER)
    rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True).update(recipient=after)


def delete_cancelled(db: Database, certificates: Iterable[int]) -> None:
    """Forget reminders of these that were dropped, where what they were dropped for may not hold any more.

    Under the ids that they have they could not be owed again.
    """
    rows = OutboxMessage.objects.using(db.alias).filter(certificate__in=certificates, kind__in=_OF_THE_LADDER)
    rows.filter(cancelled_at__isnull=False).delete()


def enqueue_new(db: Database, messages: Iterable[NewMessage], now: datetime) -> int:
    """As `put`, of a few messages that are mostly owed already; returns how many were not."""
    by_id = {one.message_id: one for one in messages}
    rows = OutboxMessage.objects.using(db.alias)
    with transaction.atomic(using=db.alias):
        known = set(rows.filter(pk__in=list(by_id)).values_list("pk", flat=True))
        enqueue(db, [one for message_id, one in by_id.items() if message_id not in known], now)
    return len(by_id) - len(known)


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Something that happened, of which messages come.

    `step` tells it from others of its kind about the same.

    `recipient` is the person whom it concerned then, `facts` are as a message's.
    """

    kind: MessageKind
    step: str
    recipient: str | None = None
    lineage: str | None = None
    certificate: int | None = None
    order: str | None = None
    facts: dict[str, Any] | None = None


def record_event(db: Database, event: DomainEvent, now: datetime) -> None:
    """Owe whoever it concerns a message about what happened.

    Call it inside the transaction of the change.
    """
    OutboxMessage.objects.using(db.alias).create(
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


def notify_contact(db: Database, kind: str, certificate: Certificate, now: datetime) -> None:
    """Owe the lineage's contact one message about this certificate.

    Call it inside the transaction of the change.
    """
    OutboxMessage.objects.using(db.alias).get_or_create(
        kind=kind,
        certificate=certificate,
        step="once",
        recipient_id=certificate.lineage.contact_id,
        defaults={"lineage_id": certificate.lineage_id, "created": now, "due": now},
    )


def notify_contacts(db: Database, kind: str, certificates: Iterable[Certificate], now: datetime) -> None:
    """Owe as `owe` does, about each of these, none of which was owed before."""
    rows = [
        OutboxMessage(
            kind=kind,
            certificate=one,
            step="once",
            recipient_id=one.lineage.contact_id,
            lineage_id=one.lineage_id,
            created=now,
            due=now,
        )
        for one in certificates
    ]
    OutboxMessage.objects.using(db.alias).bulk_create(rows, ignore_conflicts=True)
