"""Turns: what two processes may not decide at the same moment."""

from django.db.models import F

from sinetti.registry import models
from sinetti.registry.opening import Register


def take_turn(register: Register, name: str) -> None:
    """Wait for whoever has this turn; it is ours until the transaction ends that this is called in."""
    counter, _ = models.Counter.objects.using(register.alias).get_or_create(name=name)
    models.Counter.objects.using(register.alias).filter(pk=counter.pk).update(value=F("value") + 1)
