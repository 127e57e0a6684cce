"""CRL archive beside the journals (docs/operators/journal.md).

A CRL is trusted only if the CA that it names has signed it.
"""

from collections.abc import Iterator
from pathlib import Path

from cryptography import x509

from sinetti.ca.crl import ParsedCrl, read_signed
from sinetti.database.connection import Database
from sinetti.database.issuance import crls, recovery
from sinetti.database.issuance.crls import WHOLE
from sinetti.database.issuance.journal_records import CrlEntryFact
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.journal.crl_archive import archived_shards, list_name, newest_list, newest_number
from sinetti.journal.reader import JournalDamaged
from sinetti.pki.crl_splice import split_crl
from sinetti.services.context import ServiceContext

KeptLists = dict[tuple[str, int], tuple[bytes, ParsedCrl]]
"""CRLs by CA and shard: DER and parsed content."""


def newest_archived(folder: Path, ctx: ServiceContext, *, is_full: bool = True) -> KeptLists:
    """Return the newest CRL of each shard of each CA in the journal folder.

    Without `is_full` those are left out of which the database has each entry. Raises JournalDamaged.
    """
    found = {}
    for name, issuer in ctx.issuers.items():
        known: int | None = None
        for shard in archived_shards(folder, name):  # the whole CA's first
            if known is not None and newest_number(folder, name, shard) == known:
                continue
            kept = newest_list(folder, name, shard)
            if kept is None:
                continue
            path, der = kept
            if is_full or (number := _known_number(ctx.db, (name, shard), path, der)) is None:
                found[name, shard] = (der, verify_archived(path, der, issuer.certificate))
            elif shard == WHOLE:
                known = number
    return found


def _known_number(db: Database, place: tuple[str, int], path: Path, der: bytes) -> int | None:
    """Return the number of a CRL with whose entries the database's own CRL begins.

    The database has as many revocations as its own CRL counted, too. So a CRL of a million entries is compared without
    its entries being read. None: the entries have to be read.
    """
    own, named = crls.latest_crl(db, *place), list_name(path)
    if own is None or named is None or named.number > min(own.number, recovery.crl_number(db, place[0]) or 0):
        return None
    try:
        listed, entries = split_crl(own.der).entries, split_crl(der).entries
    except ValueError:
        return None
    begins = bytes(listed[: len(entries)]) == bytes(entries)
    return named.number if begins and crls.revocations(db, *place) >= own.revocations else None


def verify_archived(path: Path, der: bytes, certificate: x509.Certificate) -> ParsedCrl:
    """Parse an archived CRL that its CA signed.

    Raises JournalDamaged if the signature or the number is wrong. Otherwise a user with write access to the archive
    could revoke permanently at will, or hide the CRL that has a revocation.
    """
    try:
        signed = read_signed(der, certificate)
    except ValueError as wrong:
        raise JournalDamaged(
            f"{path} is not a revocation list signed by its CA ({wrong}): restore it from a copy, or move it away"
        ) from wrong
    # Under a higher number it would take precedence over later CRLs, which would be discarded as older.
    if (name := list_name(path)) is None or name.number != signed.number:
        raise JournalDamaged(
            f"{path} contains the revocation list number {signed.number}: rename the file accordingly, or move it away"
        )
    return signed


def entries(lists: KeptLists) -> tuple[CrlEntryFact, ...]:
    """Return the entries of these CRLs."""
    return tuple(
        CrlEntryFact(entry.serial, entry.revoked_at, RevocationReason(entry.reason), entry.invalidity_date)
        for signed in _telling(lists)
        for entry in signed.entries
    )


def _telling(lists: KeptLists) -> Iterator[ParsedCrl]:
    """Yield the CRLs that have entries of their own.

    A shard's CRL adds nothing to the whole CA's CRL with the same number.
    """
    for (name, shard), (_, signed) in lists.items():
        whole = lists.get((name, WHOLE))
        if shard == WHOLE or whole is None or whole[1].number != signed.number:
            yield signed
