"""A clerk's prefix search over all certificates; each look-up uses its own index.

Results come field by field (serial, customer id, name, description, contact's address), and within a field in the
order of its index. A page therefore costs the same at every position and for any number of certificates.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import connections

from sinetti.database import models
from sinetti.database.certificates import list_query, status_sql
from sinetti.database.connection import Database
from sinetti.domain.certificates.display_status import CertificateFacts
from sinetti.domain.values import Channel, Serial, normalise

PAGE = 50
"""Number of certificates on one page."""

SHORTEST = 2
"""Minimum number of characters of a search text; shorter texts find no row."""

_LAST = "\U0010ffff"
_LAST_KEY = 2**63 - 1
_HEX = frozenset("0123456789abcdef")


class MatchedField(StrEnum):
    """Field of a certificate that began with the search text."""

    SERIAL = "serial"
    CUSTOMER_ID = "customer-id"
    NAME = "name"
    DESCRIPTION = "description"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class FoundCertificate:
    """A certificate that was found, and the field that matched.

    `facts` are the input of the display status.
    """

    serial: Serial
    organisation_id: str
    customer_id: str
    organisation: str
    channel: Channel
    description: str
    contact: str
    email: str
    facts: CertificateFacts
    found_by: MatchedField


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of results; `after` selects the next page, empty if there is none."""

    rows: tuple[FoundCertificate, ...]
    after: str = ""


_BRANCH = """
SELECT {place} AS place, {word} AS word, {owner} AS owner, c.id AS id
  FROM {tables}
 WHERE {word} >= %s AND {word} < %s AND c.state <> 'void' {beyond}
 ORDER BY 2, 3, 4 LIMIT {most}
"""
_BEYOND = "AND ({word}, {owner}, c.id) > (%s, %s, %s)"
_CERTIFICATES = "JOIN sinetti_certificate c ON c.lineage_id = h.lineage_id"
_PLACES: tuple[tuple[MatchedField, str, str, str], ...] = (
    (MatchedField.SERIAL, "c.serial", "''", "sinetti_certificate c"),
    (
        MatchedField.CUSTOMER_ID,
        "o.normalised_id{c}",
        "o.organisation_id",
        f"sinetti_organisation o JOIN sinetti_lineage h ON h.organisation_id = o.organisation_id {_CERTIFICATES}",
    ),
    (
        MatchedField.NAME,
        "lower(o.name){c}",
        "o.organisation_id",
        f"sinetti_organisation o JOIN sinetti_lineage h ON h.organisation_id = o.organisation_id {_CERTIFICATES}",
    ),
    (MatchedField.DESCRIPTION, "lower(h.description){c}", "h.lineage_id", f"sinetti_lineage h {_CERTIFICATES}"),
    (
        MatchedField.EMAIL,
        "lower(p.email){c}",
        "p.person_id",
        f"sinetti_person p JOIN sinetti_lineage h ON h.contact_id = p.person_id {_CERTIFICATES}",
    ),
)


def search_all(db: Database, text: str, after: str = "") -> FoundPage:
    """Return a page of certificates with a field that begins with `text`.

    All organisations are searched, in two statements. A certificate that matches in two fields is found in both.
    `after` is from the previous page; an invalid value starts from the beginning. A text of fewer than two characters
    finds no row.
    """
    text = text.strip()
    if len(text) < SHORTEST:
        return FoundPage(())
    found = _keys(db, text, _read(after))
    rows = _rows(db, found[:PAGE])
    return FoundPage(rows, json.dumps(found[PAGE - 1]) if len(found) > PAGE else "")


def _keys(db: Database, text: str, after: tuple[int, str, str, int] | None) -> Sequence[tuple[int, str, str, int]]:
    """Return place, word, owner and key of each result, one more than a page has."""
    parts: list[str] = []
    values: list[str | int] = []
    connection = connections[db.alias]
    postgresql = connection.vendor == "postgresql"
    for place, (by, word, owner, tables) in enumerate(_PLACES):
        begins = _begins(db, by, text)
        if not begins or (after is not None and place < after[0]):
            continue
        column = word.format(c=' COLLATE "C"' if postgresql else "")
        here = after is not None and place == after[0]
        beyond = _BEYOND.format(word=column, owner=owner) if here else ""
        branch = _BRANCH.format(place=place, word=column, owner=owner, tables=tables, beyond=beyond, most=PAGE + 1)
        parts.append(f"SELECT * FROM ({branch}) AS part{place}")  # noqa: S608 - constant tables and columns
        end = f"{begins}g" if by is MatchedField.SERIAL else f"{begins}{_LAST}"
        values += [after[1], end, *after[1:]] if here and after is not None else [begins, end]
    if not parts:
        return ()
    with connection.cursor() as cursor:
        # Words of a field are in the order of their index, which is not always octet order.
        cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2, 3, 4 LIMIT {PAGE + 1}", values)
        return list(cursor.fetchall())


def _begins(db: Database, by: MatchedField, text: str) -> str:
    """Return the text as this field stores it, or "" if no value can begin with it."""
    if by is MatchedField.SERIAL:
        return text.lower() if _HEX.issuperset(text.lower()) else ""
    if by is MatchedField.CUSTOMER_ID:
        return normalise(text)
    return list_query.sql_lower(db, text)


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
    rows = models.Certificate.objects.using(db.alias).filter(pk__in=[one[3] for one in keys])
    rows = status_sql.with_progress(rows.select_related(*list_query.PATHS))
    by_key = {row.pk: row for row in rows}
    return tuple(_row(by_key[key], _PLACES[place][0]) for place, _, _, key in keys)


def _row(row: models.Certificate, by: MatchedField) -> FoundCertificate:
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
        by,
    )
