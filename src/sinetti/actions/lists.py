"""The lists (CRLs) beside the journals: believed only where the CA that they name has signed them (docs/journal.md)."""

from pathlib import Path

from cryptography import x509

from sinetti.actions.office import Office
from sinetti.ca.crl import SignedList, read_signed
from sinetti.domain.revocation import RevocationReason
from sinetti.registry.chain import JournalDamaged
from sinetti.registry.facts import Listed
from sinetti.registry.journal import list_name, newest_list


def newest_lists(folder: Path, office: Office) -> dict[str, tuple[bytes, SignedList]]:
    """The newest list of each CA in the folder of the journals: DER, and what it says. Raises JournalDamaged."""
    found = {}
    for name, issuer in office.issuers.items():
        kept = newest_list(folder, name, issuer.shard)
        if kept is not None:
            path, der = kept
            found[name] = (der, checked_list(path, der, issuer.certificate))
    return found


def checked_list(path: Path, der: bytes, certificate: x509.Certificate) -> SignedList:
    """What a kept list says, as its CA signed it. Raises JournalDamaged where it did not, or under another number.

    Whoever can write beside the journals could else revoke for good what he likes, or hide the list that tells.
    """
    try:
        signed = read_signed(der, certificate)
    except ValueError as wrong:
        sentence = f"{path} is no list that its CA has signed ({wrong}): bring it back from its copy, or move it away"
        raise JournalDamaged(sentence) from wrong
    # Under a higher number it would stand before every later one, which is then thrown away as older.
    if (name := list_name(path)) is None or name[-1] != signed.number:
        sentence = f"{path} is the list with the number {signed.number}: give it its name back, or move it away"
        raise JournalDamaged(sentence)
    return signed


def entries(lists: dict[str, tuple[bytes, SignedList]]) -> tuple[Listed, ...]:
    """What stands on these lists."""
    return tuple(
        Listed(entry.serial, entry.revoked_at, RevocationReason(entry.reason), entry.invalidity_date)
        for _, signed in lists.values()
        for entry in signed.entries
    )
