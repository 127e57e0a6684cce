"""What is to stand on a CA's next lists: all of it out of the register, or what the last ones have and what is new."""

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
"""How long before the last list a revocation may say that it was made, and still be looked for as a new one."""

_LOOKS = 3


@dataclass(frozen=True, slots=True)
class CrlEntries:
    """What one list is to have: its entries in DER, in parts, and how many revocations they are, with those that left.

    `base` is the list that it begins with; None: it was made from the register.
    """

    entries: tuple[bytes | memoryview, ...]
    revocations: int
    base: CrlBase | None = None


def rebuild(
    db: Database, authority: str, shards: Collection[int], last: Mapping[int, PublishedList], now: datetime
) -> dict[int, CrlEntries]:
    """Make the entries of every list of a CA from the register; here, and only here, those that ended leave.

    An entry may go only once a list was published after notAfter (RFC 5280, 3.3): the last list tells.
    """
    # Counted before the entries are read: one that comes in between is on this list and makes the next one due.
    counts = crls.revocations_by_shard(db, authority, shards)
    ends_from = min(now, *(one.this_update for one in last.values())) if last else None
    parts: dict[int, list[bytes]] = {shard: [] for shard in shards}
    for row in crls.revoked(db, authority, ends_from):
        octets = _encoded(row)
        for shard in {WHOLE, row.shard} & parts.keys():
            parts[shard].append(octets)
    return {shard: CrlEntries((b"".join(found),), counts[shard]) for shard, found in parts.items()}


def current(last: Mapping[int, PublishedList], shards: Collection[int]) -> dict[int, CrlEntries]:
    """What the last lists of a CA have; a shard that has none yet begins with nothing."""
    return {
        shard: CrlEntries((split_crl(one.der).entries,), one.revocations, one.begins_with)
        if (one := last.get(shard)) is not None
        else CrlEntries((memoryview(b""),), 0)
        for shard in shards
    }


def append_new(
    db: Database, authority: str, before: Mapping[int, CrlEntries], since: datetime
) -> dict[int, CrlEntries] | None:
    """Add what was revoked since an instant and is not there yet.

    None where that is not everything, by the register's count: the clock was set, a register was restored, or
    revocations go on faster than they are counted. Then only the register tells.
    """
    for _ in range(_LOOKS):
        rows = crls.revoked_since(db, authority, tuple(before), since - OVERLAP)
        result = {
            shard: _added(one, [row for row in rows if shard in {WHOLE, row.shard}], since - OVERLAP)
            for shard, one in before.items()
        }
        # Counted after they were read: where it fits, none is missing, and none came in between.
        counts = crls.revocations_by_shard(db, authority, tuple(before))
        if all(one.revocations == counts[shard] for shard, one in result.items()):
            return result
    return None


def _added(contents: CrlEntries, rows: list[RevokedCertificate], since: datetime) -> CrlEntries:
    (entries,) = contents.entries
    listed = serials_revoked_since(memoryview(entries), since) if rows else frozenset()
    fresh = [_encoded(row) for row in rows if row.serial not in listed]
    return replace(contents, entries=(entries, b"".join(fresh)), revocations=contents.revocations + len(fresh))


def _encoded(row: RevokedCertificate) -> bytes:
    return encode_entry(RevokedEntry(row.serial, row.revoked_at, row.reason, row.invalidity_date))
