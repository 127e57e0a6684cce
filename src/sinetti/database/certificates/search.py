"""A clerk's search over all certificates by a part of a value.

Results come field by field (serial, customer id, name, description, contact's address and name), and within a field
in the order of its words. For each field at most `MOST_MATCHES` organisations, lineages or people are looked at, so
that a common text costs as little as a rare one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import connections

from sinetti.database import models
from sinetti.database.certificates import list_query, status_sql
from sinetti.database.common.text_search import LAST, SHORTEST_PART, sql_lower
from sinetti.database.connection import Database
from sinetti.domain.certificates.display_status import CertificateFacts
from sinetti.domain.values import Channel, Serial, normalise

PAGE = 50
"""Number of certificates on one page."""

SHORTEST = 2
"""Minimum number of characters of a search text; shorter texts find no row."""

MOST_MATCHES = 300
"""Maximum number of organisations, lineages or people found in one field.

They are taken in the order of their random ids: a common text is found everywhere among them, a rare one by its index.
"""

_MOST_SORTED = 5_000
"""Most matches that are sorted.

A text with more is so common that the order of the ids finds it at once.
"""

_LAST_KEY = 2**63 - 1
_HEX = frozenset("0123456789abcdef")


class MatchedField(StrEnum):
    """Field of a certificate that has the search text."""

    SERIAL = "serial"
    CUSTOMER_ID = "customer-id"
    NAME = "name"
    DESCRIPTION = "description"
    EMAIL = "email"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class FoundCertificate:
    """A certificate that was found; `facts` are the input of the display status."""

    serial: Serial
    organisation_id: str
    customer_id: str
    organisation: str
    channel: Channel
    description: str
    contact: str
    email: str
    facts: CertificateFacts


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of results.

    `after` selects the next page, empty if there is none. `more`: in a field of this page or of a later one the text is
    so common that only a part is found.
    """

    rows: tuple[FoundCertificate, ...]
    after: str = ""
    more: bool = False


_FOUND = """
found{place} AS MATERIALIZED (
SELECT {key} AS key, {word} AS word FROM {table} WHERE {condition} ORDER BY {order} LIMIT {most} + 1
)
"""
_PART_FOUND = """
near{place} AS MATERIALIZED (SELECT {key} AS key, {word} AS word FROM {table} WHERE {condition} LIMIT {sorted} + 1),
found{place} AS MATERIALIZED (
SELECT * FROM (
SELECT key, word FROM near{place} WHERE (SELECT COUNT(*) FROM near{place}) <= {sorted} ORDER BY key LIMIT {most} + 1
) AS few UNION ALL SELECT * FROM (
SELECT {key} AS key, {word} AS word FROM {table}
 WHERE {condition} AND (SELECT COUNT(*) FROM near{place}) > {sorted} ORDER BY {key} LIMIT {most} + 1
) AS many
)
"""
"""The same look-up by a part of a word on PostgreSQL; only one half of it runs.

Asked for a few rows in the order of their ids, PostgreSQL reads the table in that order, also for a text that one row
in 300 has: 100 ms for each field at a million. So up to `_MOST_SORTED` matches are taken from the trigram index and
sorted, in 1 to 7 ms.
"""
_BRANCH = """
SELECT {place} AS place, word, CAST(f.key AS TEXT) AS owner, c.id AS id
  FROM (SELECT * FROM found{place} LIMIT {most}) AS f {join}
 WHERE c.state <> 'void' {beyond}
 ORDER BY 2, 3, 4 LIMIT {page}
"""
_MORE = "SELECT -1, '', '', (CASE WHEN {over} THEN 1 ELSE 0 END)"
"""First row of the answer: 1 if a field has more matches than were looked at.

They count without a certificate, too.
"""
_OVER = "(SELECT COUNT(*) FROM found{place}) > {most}"
_BEYOND = "AND (word, CAST(f.key AS TEXT), c.id) > (%s, %s, %s)"
_OF_LINEAGES = "JOIN sinetti_certificate c ON c.lineage_id = h.lineage_id"
_OF_ORGANISATIONS = f"JOIN sinetti_lineage h ON h.organisation_id = f.key {_OF_LINEAGES}"
_OF_CONTACTS = f"JOIN sinetti_lineage h ON h.contact_id = f.key {_OF_LINEAGES}"
_ORGANISATION, _PERSON = ("sinetti_organisation", "organisation_id"), ("sinetti_person", "person_id")
_PLACES: tuple[tuple[MatchedField, str, str, str, str], ...] = (
    (MatchedField.SERIAL, "serial", "sinetti_certificate", "id", "JOIN sinetti_certificate c ON c.id = f.key"),
    (MatchedField.CUSTOMER_ID, "normalised_id", *_ORGANISATION, _OF_ORGANISATIONS),
    (MatchedField.NAME, "lower(name)", *_ORGANISATION, _OF_ORGANISATIONS),
    (
        MatchedField.DESCRIPTION,
        "lower(description)",
        "sinetti_lineage",
        "lineage_id",
        "JOIN sinetti_certificate c ON c.lineage_id = f.key",
    ),
    (MatchedField.EMAIL, "lower(email)", *_PERSON, _OF_CONTACTS),
    (MatchedField.CONTACT, "lower(name)", *_PERSON, _OF_CONTACTS),
)
"""Fields in their order.

Each has its column and table, the key of its rows, and the way from there to the certificates.
"""


def search_all(db: Database, text: str, after: str = "") -> FoundPage:
    """Return a page of certificates with `text` in a field.

    A serial must begin with it, and so must any other field with a text of two characters. All organisations are
    searched, in two statements. A certificate that matches in two fields is found in both. `after` is from the previous
    page; an invalid value starts from the beginning. A text of fewer than two characters finds no row.
    """
    text = text.strip()
    if len(text) < SHORTEST:
        return FoundPage(())
    found, more = _keys(db, text, _read(after))
    rows = _rows(db, found[:PAGE])
    return FoundPage(rows, json.dumps(found[PAGE - 1]) if len(found) > PAGE else "", more)


def _keys(
    db: Database, text: str, after: tuple[int, str, str, int] | None
) -> tuple[Sequence[tuple[int, str, str, int]], bool]:
    """Return place, word, owner and key of each result, one more than a page has.

    The second value is True if a field has more matches than were looked at.
    """
    tables: list[str] = []
    parts: list[str] = []
    over: list[str] = []
    looked_for: list[str] = []
    beyond: list[str | int] = []
    connection = connections[db.alias]
    for place, (by, column, table, key, join) in enumerate(_PLACES):
        given = _condition(db, by, column, text)
        if given is None or (after is not None and place < after[0]):
            continue
        condition, word, order, values = given
        is_part = connection.vendor == "postgresql" and " LIKE " in condition
        here = after is not None and place == after[0]
        # Each serial is a certificate, so that more than a page of them would be read for nothing.
        most = PAGE if by is MatchedField.SERIAL else MOST_MATCHES
        names = {"place": place, "word": word, "key": key, "table": table, "most": most, "join": join}
        looked_up = _PART_FOUND if is_part else _FOUND
        tables.append(looked_up.format(condition=condition, order=order or key, sorted=_MOST_SORTED, **names))
        branch = _BRANCH.format(beyond=_BEYOND if here else "", page=PAGE + 1, **names)
        over.append(_OVER.format(**names))
        parts.append(f"SELECT * FROM ({branch}) AS part{place}")  # noqa: S608 - constant tables and columns
        looked_for += values * 2 if is_part else values
        beyond += after[1:] if here and after is not None else ()
    if not parts:
        return (), False
    parts.append(_MORE.format(over=" OR ".join(over)))
    with connection.cursor() as cursor:
        every = f"WITH {', '.join(tables)} {' UNION ALL '.join(parts)} ORDER BY 1, 2, 3, 4 LIMIT {PAGE + 2}"
        cursor.execute(every, [*looked_for, *beyond])
        (_place, _word, _owner, more), *found = cursor.fetchall()
    return found, bool(more)


def _condition(db: Database, by: MatchedField, column: str, text: str) -> tuple[str, str, str, list[str]] | None:
    """Return condition, word, order and values of a look-up.

    Returns None if no value can match. The order is empty for that of the key. Prefixes are in their index's order.
    """
    exact = f'{column} COLLATE "C"' if connections[db.alias].vendor == "postgresql" else column
    if by is MatchedField.SERIAL:
        digits = text.lower().replace(":", "")
        values = [digits, f"{digits}g"]
        is_serial = bool(digits) and _HEX.issuperset(digits)
        return ("serial >= %s AND serial < %s", "serial", "serial", values) if is_serial else None
    wanted = normalise(text) if by is MatchedField.CUSTOMER_ID else sql_lower(db, text)
    if len(wanted) >= SHORTEST_PART:
        return (
            f"{column} LIKE %s ESCAPE '\\'",
            exact,
            "",
            [f"%{connections[db.alias].ops.prep_for_like_query(wanted)}%"],
        )
    # No index has the beginnings of people's names.
    beginning = (f"{exact} >= %s AND {exact} < %s", exact, f"{exact}, 1", [wanted, f"{wanted}{LAST}"])
    return None if by is MatchedField.CONTACT else beginning


def _read(after: str) -> tuple[int, str, str, int] | None:
    """Parse the position of a previous page; return None for any invalid value.

    Invalid values never reach the database.
    """
    try:
        position: list[object] = json.loads(after or "[]")
        place, word, owner, key = position
        found = int(str(place)), str(word), str(owner), int(str(key))
        octets = f"{word}{owner}".encode()
    except (ValueError, TypeError, RecursionError):
        return None
    return found if found[0] in range(len(_PLACES)) and 0 <= found[3] <= _LAST_KEY and 0 not in octets else None


def _rows(db: Database, keys: Sequence[tuple[int, str, str, int]]) -> tuple[FoundCertificate, ...]:
    if not keys:
        return ()
    rows = db.rows(models.Certificate).filter(pk__in=[row[3] for row in keys])
    rows = status_sql.with_progress(rows.select_related(*list_query.PATHS))
    by_key = {row.pk: row for row in rows}
    return tuple(_row(by_key[key]) for *_, key in keys)


def _row(row: models.Certificate) -> FoundCertificate:
    lineage, contact = row.lineage, row.lineage.contact
    return FoundCertificate(
        Serial(row.serial),
        lineage.organisation_id,
        lineage.organisation.customer_id,
        lineage.organisation.name,
        Channel(lineage.type.channel),
        lineage.description,
        contact.name if contact is not None else "",
        contact.email if contact is not None else "",
        status_sql.facts_of(row),
    )
