"""Everybody with one e-mail address: marks on an address are set on all their rows."""

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from sinetti.database import models
from sinetti.database.connection import Database


def people_at(db: Database, address: str) -> "QuerySet[models.Person]":
    """The rows of people with this address, whatever its case; none for an empty one.

    The database folds both sides, so that what is the same to it is found by its index.
    """
    rows = models.Person.objects.using(db.alias)
    return (
        rows.alias(normalised_id=Lower("email")).filter(normalised_id=Lower(Value(address))) if address else rows.none()
    )
