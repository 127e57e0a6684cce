"""Watch over the log by `sinetti authority watch` (docs/evidence.md).

`DIR/log-seen.json` keeps the last checkpoint that a watch verified. The next one demands that the log continues it, and
verifies the later entries. Once a day it verifies everything, with the journals.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import DataDirectory
from sinetti.database.connection import Database
from sinetti.database.privileges import can_change_log
from sinetti.domain.operations.monitoring import FindingKind, MonitoringFinding
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.services.evidence import read_log
from sinetti.services.evidence.verify_log import LogSources, read_checkpoint, verify_log
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import Checkpoint, NoteError

WHOLE_EVERY = timedelta(days=1)
SEEN, KEPT, NOW = "log-seen.json", "log-kept.txt", "log-now.txt"
"""Files of the folder: memory of a watch, and both signed heads of a fault."""


def log_findings(authority: Authority) -> Iterator[MonitoringFinding]:
    """Yield what is wrong with the log, and keep its newest checkpoint if nothing is."""
    ctx, now = authority.ctx, authority.ctx.machine_now()
    if can_change_log(ctx.db):
        sentence = (
            "the service's database role can change the audit trail: let another role own the tables "
            "(deploy/postgresql.md, sinetti authority migrate)"
        )
        yield MonitoringFinding(FindingKind.LOG_UNPROTECTED, "log", sentence)
    note = read_log.head(ctx.db)
    kept, is_whole_due = _load(authority.folder, ctx.db, now)
    if isinstance(kept, str):
        yield _wrong(kept, _keep_heads(authority.folder, note))
        return
    journal = authority.journal
    known = () if kept is None else (kept,)
    since = None if is_whole_due else kept
    report = verify_log(LogSources(ctx.db, journal.folder, journal.instance_id, known, since), now)
    if report.fault is not None:
        step = (
            f"keep the database, the journals and {authority.folder.root / SEEN} as they are, and run sinetti "
            "authority audit verify"
        )
        yield _wrong(report.fault.about, report.fault.sentence, _keep_heads(authority.folder, note), step)
    elif note is not None and (why := _save(authority.folder, note, now if since is None else None)) is not None:
        yield MonitoringFinding(FindingKind.LOG_UNPROTECTED, "log", why)


def _wrong(*parts: str) -> MonitoringFinding:
    return MonitoringFinding(FindingKind.LOG_WRONG, "log", ": ".join(filter(None, parts)))


def _keep_heads(folder: DataDirectory, note: bytes | None) -> str:
    """Write the head that was seen and the present one, and return where they are.

    Both are signed, so they prove a contradiction to others. The first ones of a contradiction stay.
    """
    kept, now = folder.root / KEPT, folder.root / NOW
    try:
        seen = str(json.loads((folder.root / SEEN).read_bytes())["checkpoint"]).encode()
        if note is None:
            return ""
        if not kept.exists() or kept.read_bytes() != seen:
            write_atomic(now, note, PRIVATE)
            write_atomic(kept, seen, PRIVATE)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"{kept} is the signed head of the last watch and {now} the log's own"


def _load(folder: DataDirectory, db: Database, now: datetime) -> tuple[Checkpoint | str | None, bool]:
    """Return the kept checkpoint, or a sentence about it, and if all is due.

    The sentence is about a checkpoint that is not the log's. None: nothing was kept.
    """
    try:
        kept = json.loads((folder.root / SEEN).read_bytes())
        note, whole_at = str(kept["checkpoint"]), datetime.fromisoformat(kept["whole_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, True
    try:
        return read_checkpoint(db, note.encode()), not whole_at <= now < whole_at + WHOLE_EVERY
    except (NoteError, ProofError) as bad:
        return f"the checkpoint in {folder.root / SEEN} is not of this log: {bad}", True


def _save(folder: DataDirectory, note: bytes, whole_at: datetime | None) -> str | None:
    """Keep a checkpoint; return a sentence if the folder refuses it."""
    path = folder.root / SEEN
    try:
        at = whole_at.isoformat() if whole_at is not None else json.loads(path.read_bytes())["whole_at"]
        write_atomic(path, json.dumps({"checkpoint": note.decode(), "whole_at": at}).encode() + b"\n", PRIVATE)
    except OSError as bad:
        return f"{path} cannot be written ({bad.strerror}), so a rewound log would not be found: run watch as its owner"
    return None
