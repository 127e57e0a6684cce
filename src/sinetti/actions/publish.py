"""CRLs: signed when a certificate was revoked, and anew at least every day; served from the register."""

import logging
from datetime import timedelta

from sinetti.actions.office import Office
from sinetti.ca.crl import RevokedEntry, assemble_crl, prepare_crl, read_list
from sinetti.pki.signers import SignerUnavailable
from sinetti.registry import authorities
from sinetti.registry.audit import Deed
from sinetti.registry.authorities import PublishedList
from sinetti.registry.journal import JournalUnavailable
from sinetti.registry.opening import Register
from sinetti.registry.restoring import raise_crl_number

_log = logging.getLogger(__name__)

LIFE = timedelta(days=7)
"""From thisUpdate to nextUpdate."""

RENEWED_AFTER = timedelta(days=1)
"""A list is signed anew at least this often."""

OFFLINE_LIFE = timedelta(days=365)
"""From thisUpdate to nextUpdate of a list that takes a key from off line to sign."""


def current_list(authority: str, shard: int, office: Office, request_id: str) -> PublishedList | None:
    """The shard's CRL to be served now; None for no such shard.

    While the signer is away, or no list can be kept beside the journal, the last one is served as long as it lives;
    then SignerUnavailable or JournalUnavailable is raised. So is that of a CA whose key is off line.
    """
    try:
        return fresh_list(authority, shard, office, request_id)
    except (SignerUnavailable, JournalUnavailable) as away:
        newest = authorities.published_list(office.register, authority, shard)
        if newest is None or office.now() > newest.next_update:
            raise
        _log.warning("the last list of %s is served, though a new one is due: %s", authority, away)
        return newest


def fresh_list(authority: str, shard: int, office: Office, request_id: str) -> PublishedList | None:
    """The shard's CRL as of now, signed anew if a day old or if it lacks a revocation; None for no such shard.

    Raises SignerUnavailable and JournalUnavailable where that cannot be done.
    """
    issuer = office.issuers.get(authority)
    if issuer is None or issuer.shard != shard:
        return None
    newest = authorities.published_list(office.register, authority, shard)
    now = office.now()
    if authority in office.offline:
        if newest is None or now > newest.next_update:
            sentence = (
                f"the list of {authority} has ended, and its key is off line: sinetti authority publish renews it"
            )
            raise SignerUnavailable(sentence)
        return newest
    if newest is not None and not _is_due(newest, authority, shard, office):
        return newest
    return publish(authority, shard, office, request_id)


def _is_due(newest: PublishedList, authority: str, shard: int, office: Office) -> bool:
    if not newest.this_update <= office.now() < newest.this_update + RENEWED_AFTER and office.may_issue():
        return True
    return authorities.revocations(office.register, authority, shard) != newest.revocations


def publish(authority: str, shard: int, office: Office, request_id: str, life: timedelta = LIFE) -> PublishedList:
    """Sign and store the CRL of one shard now.

    While the clock is not believed it has the dates of the last one, which was signed by a clock that was: a revocation
    waits for no clock, and a list from the future, or from before the last, would be taken by nobody.
    """
    issuer, now = office.issuers[authority], office.now()
    begins, ends, milliseconds = now, now + life, int(office.machine_now().timestamp() * 1000)
    last = authorities.published_list(office.register, authority, shard)
    if last is not None and not office.may_issue():
        begins, ends, milliseconds = last.this_update, last.next_update, 0
    number = authorities.take_crl_number(office.register, authority, milliseconds)
    # Counted before the entries are read: one that comes in between is on this list and makes the next one due.
    revocations = authorities.revocations(office.register, authority, shard)
    entries = tuple(
        RevokedEntry(row.serial, row.revoked_at, row.reason, row.invalidity_date)
        for row in authorities.revoked(office.register, authority, shard, now)
    )
    to_be_signed = prepare_crl(issuer, entries, number, begins, ends)
    der = assemble_crl(to_be_signed, office.signer.sign(issuer.key_name, to_be_signed), issuer.certificate)
    # Beside the journal first: a register that is restored may not fall behind a list that somebody has.
    office.journal.keep_list(authority, shard, number, der)
    new = PublishedList(number, begins, ends, revocations, der)
    return authorities.publish_list(office.register, authority, shard, new, office.deed("service", request_id))


def publish_all(office: Office, request_id: str) -> None:
    """Begin to serve with fresh lists, and with those of CAs that are off line beside the journal.

    Raises SignerUnavailable and JournalUnavailable.
    """
    for name, issuer in office.issuers.items():
        if name not in office.offline:
            publish(name, issuer.shard, office, request_id)
        elif (newest := authorities.published_list(office.register, name, issuer.shard)) is not None:
            office.journal.keep_list(name, issuer.shard, newest.number, newest.der)


def store_signed(authority: str, der: bytes, register: Register, deed: Deed) -> None:
    """Store a list that was signed elsewhere or earlier, by a CA that issued to CAs only; a newer one stays."""
    signed = read_list(der)
    raise_crl_number(register, authority, signed.number)
    new = PublishedList(signed.number, signed.this_update, signed.next_update, 0, der)
    authorities.publish_list(register, authority, 1, new, deed)
