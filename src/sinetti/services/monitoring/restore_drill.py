"""Restore drill: a backup in a scratch database, completed from the journals."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sinetti.database.connection import Database, migrate
from sinetti.database.operations import backups
from sinetti.database.operations.scratch import clear_scratch, summarise_scratch
from sinetti.domain.values import Serial
from sinetti.infra.clock import monotonic_seconds
from sinetti.journal.writer import NO_JOURNAL, Journal
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.reconcile import preview, restore_lost


@dataclass(frozen=True)
class RestoreDrillReport:
    """Result of a drill: seconds, the backup's newest act, and what it lacked.

    `certificates` counts those in the backup. `missing` had facts that only the journals have, `failed` of them could
    not be restored. `log_entries` were missing in the log, `unwritten` are facts that only the backup has.
    """

    restore_seconds: float
    reconcile_seconds: float
    newest_at: datetime | None
    certificates: int
    missing: int
    failed: tuple[Serial, ...]
    lists: int
    log_entries: int
    unwritten: int


def drill_restore(
    ctx: ServiceContext, journal: Journal, backup: Path, scratch: tuple[str, Database], request_id: str
) -> RestoreDrillReport:
    """Restore a backup into a scratch database, and complete it from the journals.

    At the end the scratch database is emptied.

    `scratch` has the database's URL and its handle. The register and the journals are only read. Raises BackupError,
    JournalDamaged and JournalMissing.
    """
    url, db = scratch
    begun = monotonic_seconds()
    # A failed restore leaves nothing. What is there then is not ours: another process filled the database meanwhile.
    backups.restore(url, backup)
    try:
        return _complete(ctx, journal, db, begun, request_id)
    finally:
        clear_scratch(db)


def _complete(ctx: ServiceContext, journal: Journal, db: Database, begun: float, request_id: str) -> RestoreDrillReport:
    migrate(db)
    restored = monotonic_seconds()
    there = replace(ctx, db=db, journal=NO_JOURNAL, crl_cache={})
    newest, count = summarise_scratch(db)
    status = preview(there, journal, is_full=True)
    back = restore_lost(there, journal, status, there.audit_entry("service", request_id))
    return RestoreDrillReport(
        restore_seconds=round(restored - begun, 3),
        reconcile_seconds=round(monotonic_seconds() - restored, 3),
        newest_at=newest,
        certificates=count,
        missing=len(status.lost),
        failed=back.failed,
        lists=len(status.numbers),
        log_entries=status.log_lost,
        unwritten=len(status.unwritten),
    )
