"""Entries of a CA's next CRLs.

They come from the database, or from the last CRLs and the new revocations.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sinetti.ca.crl_entries import encode_entry, serials_revoked_since
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.database.connection import Database
from sinetti.database.issuance import crls
from sinetti.database.issuance.crls import WHOLE, CrlBase, PublishedList, RevokedCertificate
from sinetti.pki.crl_splice import split_crl

OVERLAP = timedelta(minutes=10)
"""Time before the last CRL in which a revocation still counts as new."""

_LOOKS = 3


@dataclass(frozen=True)
class CrlEntries:
    """Entries of one CRL in DER, in parts, and the number of revocations.

    `revocations` also counts those that were removed. `base` is the CRL that it extends; None means that it was rebuilt
    from the database.
    """

    entries: tuple[bytes | memoryview, ...]
    revocations: int
    base: CrlBase | None = None


def rebuild(
    db: Database, authority: str, shards: Collection[int], last: Mapping[int, PublishedList], now: datetime
) -> dict[int, CrlEntries]:
    """Rebuild the entries of every CRL of a CA from the database.

    Only this function removes expired certificates. An entry may be removed only after a CRL was published after
    notAfter (RFC 5280, 3.3), which the last CRL shows.
    """
    # Counted before the entries are read: a revocation in between is on this CRL and makes the next one due.
    counts = crls.revocations_by_shard(db, authority, shards)
    parts: dict[int, list[bytes]] = {shard: [] for shard in shards}
    for row in crls.revoked(db, authority, _ends_from(last, now)):
        octets = _encoded(row)
        for shard in {WHOLE, row.shard} & parts.keys():
            parts[shard].append(octets)
    return {shard: CrlEntries((b"".join(found),), counts[shard]) for shard, found in parts.items()}


def current(last: Mapping[int, PublishedList], shards: Collection[int]) -> dict[int, CrlEntries]:
    """Return the entries of the last CRLs of a CA; none for a shard without a CRL."""
    return {
        shard: CrlEntries((split_crl(one.der).entries,), one.revocations, one.begins_with)
        if (one := last.get(shard)) is not None
        else CrlEntries((memoryview(b""),), 0)
        for shard in shards
    }


def append_new(
    db: Database, authority: str, before: Mapping[int, CrlEntries], since: datetime
) -> dict[int, CrlEntries] | None:
    """Add revocations since an instant that are not on the CRLs yet.

    Returns None if that is incomplete by the database's count, and the CRLs must be rebuilt. Causes are a change of
    the clock, a restored database, or revocations that outrun the count.
    """
    for _ in range(_LOOKS):
        rows = crls.revoked_since(db, authority, tuple(before), since - OVERLAP)
        result = {
            shard: _added(one, [row for row in rows if shard in {WHOLE, row.shard}], since - OVERLAP)
            for shard, one in before.items()
        }
        # Counted after the entries were read: if the counts match, no revocation is missing.
        counts = crls.revocations_by_shard(db, authority, tuple(before))
        if all(one.revocations == counts[shard] for shard, one in result.items()):
            return result
    return None


def _added(contents: CrlEntries, rows: list[RevokedCertificate], since: datetime) -> CrlEntries:
    (entries,) = contents.entries
    listed = serials_revoked_since(memoryview(entries), since) if rows else frozenset()
    fresh = [_encoded(row) for row in rows if row.serial not in listed]
    return replace(contents, entries=(entries, b"".join(fresh)), revocations=contents.revocations + len(fresh))


def list_entries(
    db: Database, authority: str, shards: Collection[int], last: Mapping[int, PublishedList], now: datetime
) -> dict[int, tuple[tuple[RevokedEntry, ...], int]]:
    """Return the entries that `rebuild` encodes as values, with their revocations."""
    counts = crls.revocations_by_shard(db, authority, shards)
    rows = tuple(crls.revoked(db, authority, _ends_from(last, now)))
    return {
        shard: (tuple(_entry(row) for row in rows if shard in {WHOLE, row.shard}), counts[shard]) for shard in shards
    }


def _ends_from(last: Mapping[int, PublishedList], now: datetime) -> datetime | None:
    return min(now, *(one.this_update for one in last.values())) if last else None


def _entry(row: RevokedCertificate) -> RevokedEntry:
    return RevokedEntry(row.serial, row.revoked_at, row.reason, row.invalidity_date)


def _encoded(row: RevokedCertificate) -> bytes:
    return encode_entry(_entry(row))
