"""CRLs: signed after a revocation, on request and daily (docs/relying/lists.md).

Entries of a CRL come from the database, or from the last CRLs and the new revocations.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sinetti.ca.ceremony.sets import ListData
from sinetti.ca.crl import attach_crl_signature, build_tbs_crl, read_list
from sinetti.ca.crl_entries import encode_entry, serials_revoked_since
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import crls
from sinetti.database.issuance.crls import WHOLE, CrlBase, PublishedList, RevokedCertificate
from sinetti.database.issuance.recovery import raise_crl_number
from sinetti.database.operations import authorities
from sinetti.infra.clock import monotonic_seconds
from sinetti.journal.crl_archive import ArchivedCrlName
from sinetti.journal.writer import JournalUnavailable
from sinetti.pki.crl_splice import split_crl
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.context import ServiceContext

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
            shard: _added(crl_entries, [row for row in rows if shard in {WHOLE, row.shard}], since - OVERLAP)
            for shard, crl_entries in before.items()
        }
        # Counted after the entries were read: if the counts match, no revocation is missing.
        counts = crls.revocations_by_shard(db, authority, tuple(before))
        if all(crl_entries.revocations == counts[shard] for shard, crl_entries in result.items()):
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
    return min(now, *(published_list.this_update for published_list in last.values())) if last else None


def _entry(row: RevokedCertificate) -> RevokedEntry:
    return RevokedEntry(row.serial, row.revoked_at, row.reason, row.invalidity_date)


def _encoded(row: RevokedCertificate) -> bytes:
    return encode_entry(_entry(row))


_log = logging.getLogger(__name__)

LIFE = timedelta(days=7)
"""Time from thisUpdate to nextUpdate."""

REFUSED_AT_MOST = 3
"""Times that a signer with its own rules may refuse a list.

After that, the reason is another one than its number.
"""

RENEWED_AFTER = timedelta(minutes=30)
"""Age at which a requested CRL is signed anew.

Relying parties must not accept one older than an hour.
"""

REBUILT_AFTER = timedelta(hours=23)
"""Age at which CRLs are rebuilt from the database, requested or not; so, daily."""

OFFLINE_LIFE = timedelta(days=365)
"""Time from thisUpdate to nextUpdate of a CRL signed with an offline key."""

REBUILT_UP_TO = 256 * 1024
"""Octets of entries, some 5,000, up to which a CRL is rebuilt each time."""

SHARE_ADDED = 16
"""Divisor: a CRL is rebuilt from the database once a sixteenth of it was added."""


class RegisterMovedOn(ValueError):
    """List that lacks a revocation made after its request; the text names the CA."""


def current_crl(authority: str, shard: int, ctx: ServiceContext, request_id: str) -> PublishedList | None:
    """Return the current CRL of a shard, or None if there is no such shard.

    Shard 0 is the CRL of the whole CA. While the signer is unavailable, or the CRL cannot be archived beside the
    journal, the last one is served until it expires. After that SignerUnavailable or JournalUnavailable is raised. The
    same holds for a CA whose key is offline. Without the database the node's last one is served until it expires. The
    last CRL of a retired CA is served for ever.
    """
    return ctx.last_signed.read_or(
        lambda: _current(authority, shard, ctx, request_id),
        lambda: ctx.last_signed.find_list(authority, shard, None if has_last_list(authority, ctx) else ctx.now()),
    )


def has_last_list(authority: str, ctx: ServiceContext) -> bool:
    """Return True if the CA is retired, so that its last CRL is served for ever."""
    return authority in ctx.issuers and not ctx.signs_lists(authority) and authority not in ctx.offline


def _current(authority: str, shard: int, ctx: ServiceContext, request_id: str) -> PublishedList | None:
    try:
        return fresh_crl(authority, shard, ctx, request_id)
    except (SignerUnavailable, JournalUnavailable) as away:
        newest = _newest(authority, shard, ctx)
        if newest is None or _has_ended(newest, ctx):
            raise
        _log.warning("the last revocation list of %s is served, although a new one is due: %s", authority, away)
        return newest


def fresh_crl(authority: str, shard: int, ctx: ServiceContext, request_id: str) -> PublishedList | None:
    """Return the shard's CRL as of now, or None if there is no such shard.

    Signs a new one if the last is half an hour old or lacks a revocation. Raises SignerUnavailable and
    JournalUnavailable if that is not possible.
    """
    if authority not in ctx.issuers:
        return None
    asked, newest = monotonic_seconds(), _newest(authority, shard, ctx)
    if newest is None and shard > authorities.open_shard(ctx.db, authority):
        return None
    if not ctx.signs_lists(authority):
        if newest is None or (authority in ctx.offline and _has_ended(newest, ctx)):
            raise SignerUnavailable(
                f"the revocation list of {authority} is missing or has expired, and its CA is "
                "offline: run sinetti authority publish to renew it"
            )
        return newest
    with ctx.crl_locks.one(authority):
        # A caller that had to wait takes the result of the other one.
        known = _newest(authority, shard, ctx)
        if known is None or not ctx.crl_locks.is_covered(authority, shard, known.number, asked):
            return _looked_after(authority, shard, ctx, request_id)
        return known


def _looked_after(authority: str, shard: int, ctx: ServiceContext, request_id: str) -> PublishedList:
    begun, newest = monotonic_seconds(), _newest(authority, shard, ctx)
    if newest is None or _is_old(newest.this_update, RENEWED_AFTER, ctx) or _lacks(newest, authority, shard, ctx):
        publish(authority, ctx, request_id)
        newest = _newest(authority, shard, ctx)
    assert newest is not None  # noqa: S101 - it was published just now, if it was not there before
    ctx.crl_locks.found(authority, shard, newest.number, begun)
    return newest


def _has_ended(newest: PublishedList, ctx: ServiceContext) -> bool:
    """Return True if the CRL has expired; never while the clock is not trusted."""
    return ctx.issuance_allowed() and ctx.now() > newest.next_update


def publish_best_effort(authority: str, ctx: ServiceContext, request_id: str) -> None:
    """Publish CRLs that lack a revocation, or leave that to the serving process.

    The revocation is in force either way.
    """
    try:
        fresh_crl(authority, WHOLE, ctx, request_id)
        # Another process may have signed the list with this revocation.
        copy_lists(ctx, authority)
    except (SignerUnavailable, JournalUnavailable) as away:
        _log.warning(
            "the revocation lists of %s are not published yet; the serving process publishes them: %s", authority, away
        )


def refresh_crls(ctx: ServiceContext, request_id: str) -> None:
    """Rebuild the CRLs of each CA whose key is here from the database, daily.

    Whether requested or not; and at once if a CRL lacks a revocation or a shard was opened.
    """
    for name in ctx.issuers:
        if ctx.signs_lists(name):
            try:
                _renew(name, ctx, request_id)
            except (SignerUnavailable, JournalUnavailable) as away:
                _log.warning("the revocation lists of %s are due and cannot be signed now: %s", name, away)


def _renew(authority: str, ctx: ServiceContext, request_id: str) -> None:
    shards = range(authorities.open_shard(ctx.db, authority) + 1)
    newest = {shard: _newest(authority, shard, ctx) for shard in shards}
    whole = newest[WHOLE]
    is_old = whole is None or _is_old(whole.begins_with.at, REBUILT_AFTER, ctx)
    if is_old or any(
        published_list is None or _lacks(published_list, authority, shard, ctx)
        for shard, published_list in newest.items()
    ):
        publish(authority, ctx, request_id)


def _is_old(at: datetime, after: timedelta, ctx: ServiceContext) -> bool:
    """Return True after so much time, or if the clock was set back.

    Never while the clock is not trusted.
    """
    return ctx.issuance_allowed() and not at <= ctx.now() < at + after


def _lacks(newest: PublishedList, authority: str, shard: int, ctx: ServiceContext) -> bool:
    return crls.revocations(ctx.db, authority, shard) != newest.revocations


def _newest(authority: str, shard: int, ctx: ServiceContext) -> PublishedList | None:
    """Return the newest CRL of a shard; read only if this process has an older one."""
    known = ctx.crl_cache.get((authority, shard))
    newest = crls.latest_crl(ctx.db, authority, shard, known)
    if newest is not None:
        ctx.crl_cache[authority, shard] = newest
    return newest


def publish(authority: str, ctx: ServiceContext, request_id: str, ends: datetime | None = None) -> PublishedList:
    """Sign and store all CRLs of a CA now; return that of the whole CA.

    All have one number and the same dates, and end at `ends` or after a week. While the clock is not trusted they have
    the dates of the last ones, which a trusted clock gave. A revocation does not wait for the clock, and relying
    parties would not accept a CRL from the future or from before the last.
    """
    refused = 0
    while True:
        shards = range(authorities.open_shard(ctx.db, authority) + 1)
        last = {
            shard: published_list for shard in shards if (published_list := _newest(authority, shard, ctx)) is not None
        }
        # Taken before the entries are read, so that no CRL is newer than its entries and none drops them too early.
        dates = _dates(last, ctx, ends)
        contents = _contents(authority, shards, last, ctx)
        # Taken after the entries: of two CRLs the one with the higher number usually has all entries of the other.
        number = _number(authority, ctx, last)
        try:
            made = _signed(authority, ctx, contents, number, dates)
        except SignatureRefused:
            # The signer has signed a list of another process with a higher number meanwhile: take a new one.
            refused += 1
            if refused == REFUSED_AT_MOST:
                raise
            continue
        keep, audit = partial(_keep, authority, ctx), ctx.audit_entry("service", request_id)
        crls.publish_lists(ctx.db, authority, made, audit, keep)
        ctx.crl_cache.update({(authority, shard): published_list for shard, published_list in made.items()})
        newest = {shard: _newest(authority, shard, ctx) or published_list for shard, published_list in made.items()}
        for shard, published_list in newest.items():
            ctx.last_signed.keep_list(authority, shard, published_list)
        # Another process may have published older entries under a higher number at the same time: then repeat.
        if all(newest[shard].revocations >= published_list.revocations for shard, published_list in made.items()):
            return newest[WHOLE]


def _contents(
    authority: str, shards: range, last: Mapping[int, PublishedList], ctx: ServiceContext
) -> Mapping[int, CrlEntries]:
    now = ctx.now()
    if WHOLE in last and not _has_to_be_rebuilt(last[WHOLE], ctx):
        since = min(published_list.this_update for published_list in last.values())
        added = append_new(ctx.db, authority, current(last, shards), since)
        if added is not None:
            return added
    whole = rebuild(ctx.db, authority, shards, last, now)
    # Reading a million entries takes time. Revocations made meanwhile are added, or another CRL would always be newer.
    return append_new(ctx.db, authority, whole, now) or whole


def _has_to_be_rebuilt(whole: PublishedList, ctx: ServiceContext) -> bool:
    base, octets = whole.begins_with, len(split_crl(whole.der).entries)
    added = octets - base.octets
    is_short = octets <= REBUILT_UP_TO
    return is_short or added > max(REBUILT_UP_TO, octets // SHARE_ADDED) or _is_old(base.at, REBUILT_AFTER, ctx)


def _number(authority: str, ctx: ServiceContext, last: Mapping[int, PublishedList]) -> int:
    believed = ctx.issuance_allowed() or not last
    milliseconds = int(ctx.machine_now().timestamp() * 1000) if believed else 0
    return crls.take_crl_number(ctx.db, authority, milliseconds)


def _dates(last: Mapping[int, PublishedList], ctx: ServiceContext, ends: datetime | None) -> tuple[datetime, datetime]:
    newest = max(last.values(), key=lambda published_list: published_list.number, default=None)
    if newest is not None and not ctx.issuance_allowed():
        return newest.this_update, newest.next_update
    now = ctx.now()
    return now, ends or now + LIFE


def _signed(
    authority: str,
    ctx: ServiceContext,
    contents: Mapping[int, CrlEntries],
    number: int,
    dates: tuple[datetime, datetime],
) -> dict[int, PublishedList]:
    made = {}
    for shard, crl_entries in contents.items():
        issuer = replace(ctx.issuers[authority], shard=shard)
        to_be_signed = build_tbs_crl(issuer, crl_entries.entries, number, *dates)
        der = attach_crl_signature(to_be_signed, ctx.signer.sign(issuer.key_name, to_be_signed), issuer.certificate)
        made[shard] = PublishedList(number, *dates, crl_entries.revocations, der, crl_entries.base)
    return made


def _keep(authority: str, ctx: ServiceContext, shard: int, new: PublishedList) -> None:
    """Archive a CRL beside the journal.

    A restored database must not fall behind a CRL that relying parties have.
    """
    name = ArchivedCrlName(authority, shard, new.number, new.base.number if new.base else None)
    ctx.journal.keep_list(name, new.stored, lambda: crls.whole_list(ctx.db, authority, shard))


def copy_lists(ctx: ServiceContext, only: str | None = None) -> None:
    """Copy lists into the files of `last_signed` that another process signed.

    `only` names a CA; None means all.
    """
    for (authority, shard), number in crls.list_numbers(ctx.db).items():
        is_wanted = authority in (ctx.issuers if only is None else {only})
        is_other = is_wanted and ctx.last_signed.list_number(authority, shard) != number
        if is_other and (newest := _newest(authority, shard, ctx)) is not None:
            ctx.last_signed.keep_list(authority, shard, newest)


def publish_all(ctx: ServiceContext, request_id: str) -> None:
    """Publish fresh CRLs at start, and archive those of offline and retired CAs.

    Raises SignerUnavailable and JournalUnavailable.
    """
    for name in ctx.issuers:
        if ctx.signs_lists(name):
            publish(name, ctx, request_id)
            continue
        for shard in range(authorities.open_shard(ctx.db, name) + 1):
            if (newest := _newest(name, shard, ctx)) is not None:
                _keep(name, ctx, shard, newest)


def store_external_crl(authority: str, shard: int, der: bytes, db: Database, audit: AuditContext) -> None:
    """Store a CRL signed elsewhere or earlier by a CA that issued only to CAs.

    A newer one in the database is kept.
    """
    signed = read_list(der)
    raise_crl_number(db, authority, signed.number)
    new = PublishedList(signed.number, signed.this_update, signed.next_update, 0, der)
    crls.publish_lists(db, authority, {shard: new}, audit, lambda _shard, _new: None)


def offline_list_data(authority: str, ctx: ServiceContext) -> tuple[ListData, ...]:
    """Return the data of the next lists of an offline CA, which a ceremony signs.

    A number is taken for them. It is spent also if no list comes back.
    """
    shards = range(authorities.open_shard(ctx.db, authority) + 1)
    last = {shard: published_list for shard in shards if (published_list := _newest(authority, shard, ctx)) is not None}
    contents = list_entries(ctx.db, authority, shards, last, ctx.now())
    # Taken after the entries, as in `publish`.
    number = _number(authority, ctx, last)
    return tuple(ListData(authority, shard, number, *one) for shard, one in contents.items())


def store_ceremony_lists(lists: Mapping[int, tuple[ListData, bytes]], ctx: ServiceContext, audit: AuditContext) -> None:
    """Store the lists of one offline CA, which a ceremony signed for these data.

    Lists that are stored already stay. Raises RegisterMovedOn if a revocation came after the request.
    """
    (authority,) = {data.name for data, _ in lists.values()}
    new = {}
    for shard, (data, der) in lists.items():
        signed = read_list(der)
        new[shard] = PublishedList(signed.number, signed.this_update, signed.next_update, data.revocations, der)
    crls.publish_lists(ctx.db, authority, new, audit, partial(_keep, authority, ctx))
    for shard, published_list in new.items():
        newest = _newest(authority, shard, ctx)
        if newest is None or newest.number < published_list.number:
            raise RegisterMovedOn(authority)
