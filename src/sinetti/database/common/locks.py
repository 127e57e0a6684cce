"""Turns: what two processes may not decide at the same moment."""

from datetime import datetime, timedelta

from django.db.models import F

from sinetti.database import models
from sinetti.database.connection import Database


def claim_interval(db: Database, name: str, every: timedelta, now: datetime) -> bool:
    """Whether nobody was told yes under this name for so long, on any node; then it is noted that we were."""
    counter, _ = models.Counter.objects.using(db.alias).get_or_create(name=name)
    longer_ago = int((now - every).timestamp())
    rows = models.Counter.objects.using(db.alias).filter(pk=counter.pk, value__lte=longer_ago)
    return rows.update(value=int(now.timestamp())) > 0


def acquire_lock(db: Database, name: str) -> None:
    """Wait for whoever has this turn; it is ours until the transaction ends that this is called in."""
    counter, _ = models.Counter.objects.using(db.alias).get_or_create(name=name)
    models.Counter.objects.using(db.alias).filter(pk=counter.pk).update(value=F("value") + 1)
