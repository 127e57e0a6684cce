"""Storage of signed trust lists, and the list of anchors (docs/operators/succession.md)."""

from sinetti.database.authorities import trust_lists
from sinetti.database.authorities.trust_lists import StoredTrustList
from sinetti.database.connection import Database
from sinetti.pki.trust_lists.lists import (
    AnchorsList,
    DistrustList,
    TrustListKind,
    parse_anchors,
    parse_distrust,
    parse_signed,
)
from sinetti.services.context import ServiceContext


class TrustListOutrun(ValueError):
    """Another list was stored meanwhile; the text is a sentence."""


def newest_list(kind: TrustListKind, db: Database) -> StoredTrustList | None:
    """Return the newest list of a kind as it is served, or None before the first."""
    return trust_lists.find_newest_list(db, kind)


def newest_anchors(db: Database) -> AnchorsList | None:
    """Return the content of the newest list of anchors, or None before the first."""
    found = newest_list(TrustListKind.ANCHORS, db)
    return parse_anchors(parse_signed(found.octets).payload) if found else None


def newest_distrust(db: Database) -> DistrustList | None:
    """Return the content of the newest list of distrust, or None before the first."""
    found = newest_list(TrustListKind.DISTRUST, db)
    return parse_distrust(parse_signed(found.octets).payload) if found else None


def next_number(before: AnchorsList | DistrustList | None, ctx: ServiceContext) -> int:
    """Return the number of the list after `before`: max(last + 1, Unix time).

    The number therefore never decreases after a restore of the database.
    """
    return max((before.number if before else 0) + 1, int(ctx.machine_now().timestamp()))


def store_list(
    new: AnchorsList | DistrustList, octets: bytes, before: int, ctx: ServiceContext, audit: tuple[str, str]
) -> None:
    """Store the signed octets of a list that was made after the one numbered `before`.

    `audit` is actor and request. The same list again changes nothing. Raises TrustListOutrun if another list came
    first; the caller makes the list again.
    """
    stored = StoredTrustList(new.number, octets)
    if not trust_lists.insert_list(ctx.db, new.kind, stored, before, ctx.audit_entry(*audit)):
        sentence = f"another list of {new.kind} was stored meanwhile: run the command again"
        raise TrustListOutrun(sentence)
