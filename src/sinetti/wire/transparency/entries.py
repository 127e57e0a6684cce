"""Entry of the log: one fact as canonical octets.

Its hash is a leaf of the tree. The octets are JSON in ASCII with sorted keys and no white space. They have opaque ids
and 32 random octets, so that no content can be guessed from a hash (docs/evidence.md).
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sinetti.domain.operations.log_entries import kind_of
from sinetti.wire.transparency.notes import NoteError, decode64

Facts = Mapping[str, str | int | None]

NONCE_SIZE = 32
ROW = "row"
"""Fact with the rows that the service obeys from now on (obeyed_rows.py)."""
_TEXTS = ("action", "actor", "at", "kind", "object", "request")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
"""Form of an entry's instant, in UTC."""


@dataclass(frozen=True, slots=True)
class EntryFields:
    """Content of an entry: the fact, its kind, its object, its actor and its instant."""

    kind: str
    action: str
    object: str
    actor: str
    at: str
    request: str
    facts: Facts


def format_entry(action: str, subject: str, by: tuple[str, datetime, str], facts: Facts) -> bytes:
    """Return the octets of a new entry, with fresh randomness.

    `by` are the actor, the instant (UTC) and the id of the request.
    """
    actor, at, request = by
    row = {
        "action": action,
        "actor": actor,
        "at": at.strftime(INSTANT),
        "facts": facts,
        "kind": kind_of(action),
        "nonce": new_nonce(),
        "object": subject,
        "request": request,
    }
    return _canonical(row)


def new_nonce() -> str:
    """Return fresh randomness in base64."""
    return b64encode(secrets.token_bytes(NONCE_SIZE)).decode()


def parse_entry(octets: bytes) -> EntryFields:
    """Parse the octets of an entry. Raises NoteError unless they are canonical."""
    row = _decode(octets)
    facts = row.get("facts")
    if (
        set(row) != {*_TEXTS, "facts", "nonce"}
        or not all(isinstance(row[name], str) for name in (*_TEXTS, "nonce"))
        or not isinstance(facts, dict)
        or _canonical(row) != octets
    ):
        raise NoteError("the octets are not an entry in its canonical form")
    decode64(row["nonce"], NONCE_SIZE)
    return EntryFields(facts=facts, **{name: row[name] for name in _TEXTS})


def _decode(octets: bytes) -> dict[str, Any]:
    try:
        row = json.loads(octets)
    except (ValueError, RecursionError):
        row = None
    return row if isinstance(row, dict) else {}


def _canonical(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
