"""Comparison of a node's signer with the register, both ways.

See docs/operators/signer.md.
"""

import logging
from base64 import b64decode
from contextlib import suppress
from datetime import datetime, timedelta

from sinetti.authority.key_store import AuthorityKeys
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.authority.signer.remote_store import RemoteKeyStore
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.database.issuance import journal_records, ocsp_responses, unregistered
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.journal.writer import Journal
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.context import ServiceContext
from sinetti.services.evidence.sequence_log import current_signers
from sinetti.services.revocation.revoke import RevocationError, RevocationRequest, revoke
from sinetti.wire.transparency.notes import Checkpoint

AT_ONCE = 500
"""Certificates that are looked at together."""

OVERLAP = 1000
"""Positions that are looked at again.

A transaction with a lower one may end later.
"""

RECORDED_WITHIN = timedelta(minutes=3)
"""Time in which a reserved certificate is recorded after its signature.

The signer expects its entry in the log soon afterwards (authority/signer/log_heads.py).
"""

REVOKED_AFTER = timedelta(minutes=10)
"""Time after which a certificate that the register lacks is revoked."""

_ACTOR = "service"
_log = logging.getLogger(__name__)

Unregistered = dict[str, tuple[str, bytes]]
"""CA and DER of certificates that the register lacks, by their SHA-256."""


def remote_store(keys: AuthorityKeys) -> RemoteKeyStore | None:
    """Return the store of the keys that are in a signer, or None."""
    return next((store for store in keys.stores if isinstance(store, RemoteKeyStore)), None)


class SignerMemory:
    """Position of one process in the certificates of register and signer.

    The signer refuses "good" for a certificate that it does not know, and keeps the entry of its revocation for ever.
    """

    def __init__(self) -> None:
        self._after = self._number = 0
        self._waiting: dict[str, tuple[str, str, bytes]] = {}
        self._reported: set[Serial] = set()

    def look(self, ctx: ServiceContext, keys: AuthorityKeys, request_id: str) -> None:
        """Record what the register lacks, revoke it after a while, and show the log.

        Raises SignerUnavailable, JournalUnavailable, LogKeyMissing, and the exceptions in DATABASE_UNAVAILABLE.
        """
        if (store := remote_store(keys)) is None:
            return
        missing, unsigned = self.compare(ctx.db, store, ctx.machine_now())
        for serial in unregistered.record(ctx.db, missing, ctx.audit_entry(_ACTOR, request_id)):
            _log.error("the signer signed %s, and the register lacks it: find out who asked for it", serial)
        for serial in unsigned - self._reported:
            _log.error("%s is in the register, and no CA of the signer signed it: find out who inserted it", serial)
        self._reported |= unsigned
        now = ctx.now()
        for certificate in unregistered.list_recent(ctx.db, now) if ctx.issuance_allowed() else ():
            if certificate.revoked_at is None and now - certificate.found_at >= REVOKED_AFTER:
                with suppress(RevocationError):  # another process was faster
                    ask = RevocationRequest(certificate.serial, RevocationReason.PRIVILEGE_WITHDRAWN)
                    revoke(ask, ctx, _ACTOR, request_id)
        # Another node's signer may have signed the newest head. The entries tell of its issues and revocations.
        note = log_tree.find_head(ctx.db)
        head = None if note is None else Checkpoint.parse(note.text)
        if head is not None and head.size > int(store.client.call(SignerOperation.HEAD)[0]):
            signers = current_signers(ctx, ctx.log_signers())
            ctx.sign_head(head, signers, log_tree.lookup(ctx.db, head.size), ctx.machine_now())

    def compare(self, db: Database, store: RemoteKeyStore, now: datetime) -> tuple[Unregistered, set[Serial]]:
        """Return what the register lacks, and what it has that no CA signed.

        The signer is shown what is new in the register, and remembers it. Raises as `look` does.
        """
        unsigned, missing = self._show(db, store), Unregistered()
        while True:
            newest, *fields = store.client.call(SignerOperation.SIGNED_SINCE, b"%d" % self._number)
            page, waiting, number = {**self._waiting}, {}, self._number
            for named, der in zip(fields[::2], fields[1::2], strict=True):
                place, ca, seconds = named.decode().split()
                page[sha256_hex(der)], number = (ca, seconds, der), int(place)
            for sha256 in page.keys() - unregistered.list_registered(db, page):
                ca, seconds, der = page[sha256]
                row = unregistered.find_revocation(db, serial_hex(load_certificate(der).serial_number))
                if row in {None, (None,)}:
                    waiting[sha256] = page[sha256]
                    is_recent = now.timestamp() - int(seconds) < RECORDED_WITHIN.total_seconds()
                    missing |= {} if row is not None and is_recent else {sha256: (ca, der)}
            # After the last error that may end it. The numbers of a signer that was restored begin again.
            self._waiting, self._number = waiting, 0 if number > int(newest) else number
            if number == int(newest):
                return missing, unsigned

    def _show(self, db: Database, store: RemoteKeyStore) -> set[Serial]:
        """Show the signer what another node's signer signed, and return what it refuses."""
        refused, after = set(), max(0, self._after - OVERLAP)
        while page := ocsp_responses.page_of_signed(db, after, AT_ONCE):
            unknown = store.list_unknown((ca, serial) for _, ca, serial in page)
            for place, ca, serial in page:
                try:
                    if (ca, serial) in unknown:
                        store.show(ocsp_responses.certificates_at(db, [place]))
                except SignatureRefused:
                    refused |= {serial} if store.has(ca) else set()
            after = page[-1][0]
        self._after = after
        return refused


def learn(serial: Serial, ctx: ServiceContext, keys: AuthorityKeys, journal: Journal, audit: AuditContext) -> None:
    """Record a certificate that only the signer or a journal knows."""
    with suppress(SignerUnavailable):
        SignerMemory().look(ctx, keys, audit.request_id)
    lines = journal_records.lines(journal.folder, journal.instance_id)
    facts = (line.facts for line in lines if line.kind == journal_records.ISSUED and line.facts["serial"] == serial)
    ders = {fact["sha256"]: (fact["authority"], b64decode(fact["der"])) for fact in facts}
    unregistered.record(ctx.db, ders, audit)
