"""CRLs: signed when a certificate was revoked, and anew at least every day; served from the register."""

import logging
from datetime import timedelta

from sinetti.actions.office import Office
from sinetti.ca.crl import RevokedEntry, assemble_crl, prepare_crl
from sinetti.pki.signers import SignerUnavailable
from sinetti.registry import authorities
from sinetti.registry.authorities import PublishedList
from sinetti.registry.journal import JournalUnavailable

_log = logging.getLogger(__name__)

LIFE = timedelta(days=7)
"""From thisUpdate to nextUpdate."""

RENEWED_AFTER = timedelta(days=1)
"""A list is signed anew at least this often."""


def current_list(authority: str, shard: int, office: Office, request_id: str) -> PublishedList | None:
    """The shard's CRL as of now, signed anew if a day old or if it lacks a revocation; None for no such shard.

    While the signer is away, or no list can be kept beside the journal, the last one is served as long as it lives;
    then SignerUnavailable or JournalUnavailable is raised.
    """
    issuer = office.issuers.get(authority)
    if issuer is None or issuer.shard != shard:
        return None
    newest = authorities.published_list(office.register, authority, shard)
    now = office.now()
    if newest is not None and not _is_due(newest, authority, shard, office):
        return newest
    try:
        return publish(authority, shard, office, request_id)
    except (SignerUnavailable, JournalUnavailable) as away:
        if newest is None or now > newest.next_update:
            raise
        _log.exception("%s: the last list of %s is served, though a new one is due", away, authority)
        return newest


def _is_due(newest: PublishedList, authority: str, shard: int, office: Office) -> bool:
    if not newest.this_update <= office.now() < newest.this_update + RENEWED_AFTER and office.may_issue():
        return True
    return authorities.revocations(office.register, authority, shard) != newest.revocations


def publish(authority: str, shard: int, office: Office, request_id: str) -> PublishedList:
    """Sign and store the CRL of one shard now.

    While the clock is not believed it has the dates of the last one, which was signed by a clock that was: a revocation
    waits for no clock, and a list from the future, or from before the last, would be taken by nobody.
    """
    issuer, now = office.issuers[authority], office.now()
    begins, ends, milliseconds = now, now + LIFE, int(office.machine_now().timestamp() * 1000)
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
