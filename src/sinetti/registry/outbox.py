"""Messages that are owed: a row in the transaction that makes them due; sending them is another room's work."""

from collections.abc import Iterable
from datetime import datetime

from sinetti.registry.models import Certificate, OutboxRow
from sinetti.registry.opening import Register


def owe(register: Register, kind: str, certificate: Certificate, now: datetime) -> None:
    """Owe the holding's contact one message about this certificate. Call it inside the transaction of the change."""
    OutboxRow.objects.using(register.alias).get_or_create(
        kind=kind,
        certificate=certificate,
        step="once",
        recipient_id=certificate.holding.contact_id,
        defaults={"holding_id": certificate.holding_id, "created": now, "due": now},
    )


def owe_each(register: Register, kind: str, certificates: Iterable[Certificate], now: datetime) -> None:
    """Owe as `owe` does, about each of these, none of which was owed before."""
    rows = [
        OutboxRow(
            kind=kind,
            certificate=one,
            step="once",
            recipient_id=one.holding.contact_id,
            holding_id=one.holding_id,
            created=now,
            due=now,
        )
        for one in certificates
    ]
    OutboxRow.objects.using(register.alias).bulk_create(rows, ignore_conflicts=True)
