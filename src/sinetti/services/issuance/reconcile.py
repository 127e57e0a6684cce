"""Reconciliation of the database with the journals (docs/operators/journal.md).

It restores facts that only the journals have, and finishes or voids reservations.
"""

import logging
from base64 import b64decode
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sinetti.ca.issuance_request import SignatureRejected
from sinetti.database.authorities import journal_lines
from sinetti.database.authorities.journal_lines import AuthorityDiff
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.evidence import restoration, sequencer
from sinetti.database.issuance import journal_records, recovery, unrestored_people
from sinetti.database.issuance.recovery import RestoreReport
from sinetti.database.issuance.unrestored_people import UnrestoredHolding
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.refusals import Rejection
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Serial
from sinetti.journal.reader import JournalLine
from sinetti.journal.writer import Journal
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.pki.signers import SignatureRefused
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.closed_journals import NONE_CLOSED, ClosedJournals, trusted_journals
from sinetti.services.issuance.issue import journal_superseded, sign_and_store
from sinetti.services.status.crl import store_external_crl
from sinetti.services.status.crl_archive import entries, newest_archived
from sinetti.services.waves import run_alone

RESERVATIONS_WAIT = timedelta(seconds=60)
"""Age by the machine's clock from which another process may finish a reservation."""

_ACTOR = "service"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReconciliationStatus:
    """Differences between the database and the journals.

    `lost` are certificates of which facts are missing in the database. `numbers` are unknown CRL numbers by CA.
    `unwritten` are facts that only the database has, by kind. `logged` are the ranges of the log's entries that the
    journals have, and `log_size` is the number of the database's.
    """

    lost: frozenset[Serial]
    numbers: dict[str, int]
    unwritten: dict[Serial, int] = field(default_factory=dict)
    written: int = 0
    """Facts that were added to the journal because only the database had them."""
    logged: tuple[tuple[int, int], ...] = ()
    first_open: int = 0
    """Index of the first of the log's entries that is not in a closed journal."""
    log_size: int = 0
    authorities: AuthorityDiff = field(default_factory=AuthorityDiff)

    @property
    def agrees(self) -> bool:
        """True if the database has every fact that ever left the service."""
        return not self.lost and not self.numbers and not self.log_lost and not self.authorities.lost

    @property
    def log_lost(self) -> int:
        """Number of the log's entries that only the journals have."""
        return max(0, max((end for _, end in self.logged), default=0) - self.log_size)

    @property
    def ahead(self) -> str:
        """Lead of the journals over the database, as the beginning of a sentence."""
        counts = f"{pluralise(len(self.lost), 'certificate')}, {pluralise(len(self.numbers), 'list')}"
        if self.log_lost:
            counts = f"{counts}, {self.log_lost} of the log's entries"
        if self.authorities.lost:
            counts = f"{counts}, CAs: {' '.join(sorted(self.authorities.lost))}"
        return f"the journals contain facts that the database lacks ({counts}), as after restoring a backup"


@dataclass(frozen=True)
class ReconciliationReport:
    """Restored facts, facts that could not be restored, and results of reservations.

    `without_people` are the holdings in use whose people no journal has, of earlier runs too. `lost_entries` names the
    log's entries whose content no journal has, by their number.
    """

    restored: tuple[Serial, ...]
    failed: tuple[Serial, ...]
    finished: int
    given_up: int
    without_people: tuple[UnrestoredHolding, ...] = ()
    lost_entries: dict[int, str] = field(default_factory=dict)


def preview(ctx: ServiceContext, journal: Journal, *, is_full: bool = False) -> ReconciliationStatus:
    """Compare journals and published CRLs with the database, without any change.

    Safe while other processes serve the database. Journals and CRLs are read first, since they follow the database.
    Closed journals, and CRLs of which the database has each entry, are read only with `is_full`, or if the others
    differ from the database. Raises JournalDamaged, JournalMissing and OSError.
    """
    journal.check_not_lost()
    closed = NONE_CLOSED if is_full else trusted_journals(ctx.db, journal.folder)
    status = _differences(ctx, journal, closed, is_full=is_full)
    return status if status.agrees or is_full else _differences(ctx, journal, NONE_CLOSED, is_full=True)


def _differences(
    ctx: ServiceContext, journal: Journal, closed: ClosedJournals, *, is_full: bool
) -> ReconciliationStatus:
    lists = newest_archived(journal.folder, ctx, is_full=is_full)
    lines = _Lines(journal_records.lines(journal.folder, journal.instance_id, closed.files))
    # Lists of CAs above others have entries of CAs, which are compared by their own lines.
    of_holders = (entry for entry in entries(lists) if entry.serial not in lines.ca_serials(ctx))
    differences = journal_records.compare(ctx.db, lines, of_holders, closed.after)
    numbers: dict[str, int] = {}
    for (authority, _), (_, signed) in lists.items():
        known = recovery.crl_number(ctx.db, authority)
        if known is not None and known < signed.number:
            numbers[authority] = max(signed.number, numbers.get(authority, 0))
    return ReconciliationStatus(
        frozenset(differences.lost),
        numbers,
        differences.unwritten,
        logged=((0, closed.logged), *differences.logged),
        first_open=closed.logged,
        log_size=sequencer.entry_count(ctx.db),
        authorities=journal_lines.compare(ctx.db, lines.authorities, closed.after),
    )


class _Lines:
    """Lines of journals, of which those of CAs are collected on the way."""

    def __init__(self, lines: Iterator[JournalLine]) -> None:
        self._lines = lines
        self.authorities: dict[str, Mapping[str, Any]] = {}
        self._serials: frozenset[Serial] | None = None

    def __iter__(self) -> Iterator[JournalLine]:
        for line in self._lines:
            journal_lines.collect(self.authorities, line)
            yield line

    def ca_serials(self, ctx: ServiceContext) -> AbstractSet[Serial]:
        """Return the serial numbers of CAs, of the register and of the lines read so far."""
        if self._serials is None:
            of_lines = (b64decode(facts["der"]) for facts in self.authorities.values())
            ders = {*ctx.certificates.values(), *of_lines}
            self._serials = frozenset(serial_hex(load_certificate(der).serial_number) for der in ders)
        return self._serials


def compare(ctx: ServiceContext, journal: Journal, *, is_full: bool = False) -> ReconciliationStatus:
    """Compare journals and published CRLs with the database, as `preview` does.

    Adds facts to the journal that only the database has. Raises JournalDamaged and JournalUnavailable.
    """
    journal.open()
    status = preview(ctx, journal, is_full=is_full)
    written = (
        *journal_lines.unwritten_entries(ctx.db, status.authorities.unwritten),
        *journal_records.from_register(ctx.db, status.unwritten),
    )
    journal.append(written)
    for line in restoration.unlogged(ctx.db, status.logged, status.first_open):
        journal.append([journal_records.logged(line.first, line.leaves, line.note, line.facts)])
    return replace(status, written=len(written))


def reconcile(
    ctx: ServiceContext, journal: Journal, request_id: str, actor: str = _ACTOR, *, is_full: bool = False
) -> ReconciliationReport:
    """Restore lost facts in the database, then finish or void reservations.

    Nothing is deleted. With `is_full` closed journals are read too, even if the others agree with the database.
    """
    status = compare(ctx, journal, is_full=is_full)
    back = restore_lost(ctx, journal, status, ctx.audit_entry(actor, request_id))
    finished, given_up = (0, 0) if back.failed else resolve_reservations(ctx, request_id)
    without_people = unrestored_people.list_open(ctx.db, ctx.now())
    return ReconciliationReport(back.done, back.failed, finished, given_up, without_people, back.lost_entries)


def restore_lost(
    ctx: ServiceContext, journal: Journal, status: ReconciliationStatus, audit: AuditContext
) -> RestoreReport:
    """Restore in the database what a comparison found to be missing.

    CAs and their states come first. Nothing is written to the journals.
    """
    if status.authorities.lost:
        _restore_authorities(ctx, journal, status, audit)
        # The lists of these CAs could not be verified before.
        status = preview(ctx, journal, is_full=True)
    lists = newest_archived(journal.folder, ctx)
    for authority, number in status.numbers.items():
        recovery.raise_crl_number(ctx.db, authority, number)
    for (authority, shard), (der, _) in lists.items():
        recovery.raise_open_shard(ctx.db, authority, shard)
        # This service cannot sign a CRL of an offline CA anew, so it must serve the newest published one.
        if authority in ctx.offline and authority in status.numbers:
            store_external_crl(authority, shard, der, ctx.db, audit)
    journal_lines = journal_records.lines(journal.folder, journal.instance_id)
    known = journal_records.merge_facts(journal_lines, entries(lists), set(status.lost))
    lost: dict[int, str] = {}
    if status.log_lost:
        lines = journal_records.lines(journal.folder, journal.instance_id)
        logged = (restoration.LoggedLine.of(line.facts) for line in lines if line.kind == journal_records.LOGGED)
        gone = restoration.restore_log(ctx.db, logged, ctx.machine_now(), audit)
        names = {
            str(line.facts.get("entry")): f"{line.kind} {line.facts.get('serial') or line.facts.get('name')}"
            for line in journal_records.lines(journal.folder, journal.instance_id)
        }
        lost = {index: names.get(leaf.hex(), "unknown") for index, leaf in gone.items()}
    back = replace(recovery.restore(ctx.db, known, audit), lost_entries=lost)
    if not status.agrees:
        lines = journal_records.lines(journal.folder, journal.instance_id)
        restoration.declare_lost(ctx.db, filter(None, (line.facts.get("entry") for line in lines)), audit)
    return back


def _restore_authorities(
    ctx: ServiceContext, journal: Journal, status: ReconciliationStatus, audit: AuditContext
) -> None:
    known: dict[str, Mapping[str, Any]] = {}
    for line in journal_records.lines(journal.folder, journal.instance_id):
        journal_lines.collect(known, line)
    journal_lines.restore(ctx.db, known, status.authorities.lost, audit)
    ctx.refresh_authorities()


def resolve_reservations(ctx: ServiceContext, request_id: str) -> tuple[int, int]:
    """Finish or void abandoned reservations; return the count of each.

    `finish` checks for revocation again under the lineage's lock. A reservation that waits for the signer goes on
    waiting. Nothing is done while the clock is not trusted, because the age depends on the clock.
    """
    finished, given_up = 0, 0
    if not ctx.issuance_allowed():
        return finished, given_up
    now = ctx.machine_now()
    waiting = recovery.waiting_reservations(ctx.db, now - RESERVATIONS_WAIT, now + RESERVATIONS_WAIT)
    for certificate in waiting:
        audit = ctx.audit_entry(_ACTOR, request_id)
        if not _may_be_finished(certificate, ctx, audit):
            given_up += recovery.void_reservation(ctx.db, certificate, audit)
            continue
        try:
            journal_superseded(certificate, ctx)
            outcome = run_alone(sign_and_store(certificate, ctx, audit), ctx)
        except (SignatureRejected, SignatureRefused, KeyError):
            # The CA has another key now, or no longer issues, or its signer refuses for good.
            _log.exception("%s cannot be completed and is abandoned", certificate.serial)
            given_up += recovery.void_reservation(ctx.db, certificate, audit)
        else:
            finished += not isinstance(outcome, Rejection)
    return finished, given_up


def _may_be_finished(certificate: Certificate, ctx: ServiceContext, audit: AuditContext) -> bool:
    """Return False for a revoked CA, too: its reservations are for its successor."""
    lineage = certificate.lineage
    if ctx.states.get(certificate.authority) is CaState.REVOKED:
        return False
    return lineage.customer.is_approved_for(lineage.channel) and audit.at <= certificate.span.not_after
