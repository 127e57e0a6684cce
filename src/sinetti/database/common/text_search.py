"""Search of text columns for a part of their values, in any case.

On PostgreSQL a part of three characters or more is found by trigram indexes (initial_schema.py), and a shorter one by
the prefix indexes. SQLite compares all rows.
"""

from django.db import connections
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower
from django.db.models.lookups import Contains, GreaterThanOrEqual, LessThan

from sinetti.database.connection import Database

SHORTEST_PART = 3
"""Minimum number of characters that are found inside a value.

A trigram index has no shorter parts. Shorter texts are compared with the beginning.
"""
LAST = "\U0010ffff"
"""Upper bound of a prefix search; no text continues with a character behind it."""


def contains(db: Database, column: str, text: str) -> Q:
    """Return a condition that a column, by its path, has this text inside.

    A text of fewer than `SHORTEST_PART` characters must be the beginning of the value.
    """
    wanted = sql_lower(db, text)
    if len(wanted) >= SHORTEST_PART:
        return Q(Contains(Lower(F(column)), wanted))
    word = collated(db, column)
    return Q(GreaterThanOrEqual(word, wanted)) & Q(LessThan(word, f"{wanted}{LAST}"))


def collated(db: Database, column: str) -> "Lower | Collate":
    """Return a text column as in the prefix indexes: lower case, in octet order."""
    small = Lower(F(column))
    return Collate(small, "C") if connections[db.alias].vendor == "postgresql" else small


def sql_lower(db: Database, text: str) -> str:
    """Return a text in lower case as the database's `LOWER` returns it.

    SQLite's function handles ASCII letters only.
    """
    if connections[db.alias].vendor == "postgresql":
        return text.lower()
    return "".join(one.lower() if one.isascii() else one for one in text)
