"""Watch over the log by `sinetti authority watch` (docs/evidence.md).

`DIR/log-seen.json` keeps the last checkpoint that a watch verified. The next one demands that the log continues it, and
verifies the later entries. `sinetti authority audit verify` verifies everything, with the journals.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import DataDirectory
from sinetti.database.privileges import can_change_log
from sinetti.domain.operations.monitoring import FindingKind, MonitoringFinding
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.services.evidence import read_log
from sinetti.services.evidence.verify_log import LogSources, read_checkpoint, verify_log
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import Checkpoint, NoteError

WHOLE_WITHIN = timedelta(days=8)
"""Age of the last whole verification from which a watch reports it.

The timer runs it each week.
"""

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
    kept, whole_at = load_seen(authority)
    if isinstance(kept, str):
        yield _wrong(kept, _keep_heads(authority.folder, note))
        return
    journal = authority.journal
    known = () if kept is None else (kept,)
    report = verify_log(LogSources(ctx.db, journal.folder, journal.instance_id, known, kept), now)
    if report.fault is not None and report.fault.about not in report.differences:
        step = (
            f"keep the database, the journals and {authority.folder.root / SEEN} as they are, and run sinetti "
            "authority audit verify"
        )
        yield _wrong(report.fault.about, report.fault.sentence, _keep_heads(authority.folder, note), step)
    elif note is not None:
        yield from _kept(authority.folder, note, now, whole_at)


def keep_verified(authority: Authority) -> None:
    """Keep the newest checkpoint after a verification of everything."""
    ctx = authority.ctx
    if (note := read_log.head(ctx.db)) is not None:
        _save(authority.folder, note, ctx.machine_now())


def _kept(folder: DataDirectory, note: bytes, now: datetime, whole_at: datetime | None) -> Iterator[MonitoringFinding]:
    """Keep a checkpoint, and report an old verification of everything."""
    if (why := _save(folder, note, whole_at or now)) is not None:
        yield MonitoringFinding(FindingKind.LOG_UNPROTECTED, "log", why)
    elif whole_at is not None and not whole_at <= now < whole_at + WHOLE_WITHIN:
        command = f"sinetti authority audit verify --dir {folder.root}"
        sentence = f"the whole log was last verified on {whole_at:%Y-%m-%d}: run {command}, each week by its timer"
        yield MonitoringFinding(FindingKind.LOG_UNPROTECTED, "log", sentence)


def _wrong(*parts: str) -> MonitoringFinding:
    return MonitoringFinding(FindingKind.LOG_WRONG, "log", ": ".join(filter(None, parts)))


def _keep_heads(folder: DataDirectory, note: bytes | None) -> str:
    """Write the head that was seen and the present one, and return where they are.

    Both are signed, so they prove a contradiction to others. The first ones of a contradiction stay.
    """
    kept, now = folder.root / KEPT, folder.root / NOW
    try:
        octets = str(json.loads((folder.root / SEEN).read_bytes())["checkpoint"]).encode()
        if note is None:
            return ""
        if not kept.exists() or kept.read_bytes() != octets:
            write_atomic(now, note, PRIVATE)
            write_atomic(kept, octets, PRIVATE)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"{kept} is the signed head of the last watch and {now} the log's own"


def load_seen(authority: Authority) -> tuple[Checkpoint | str | None, datetime | None]:
    """Return the kept checkpoint, and the time of the last whole verification.

    The sentence is about a file that is damaged or not the log's. None: nothing was kept.
    """
    path = authority.folder.root / SEEN
    try:
        kept = json.loads(path.read_bytes())
        return read_checkpoint(authority.ctx.db, kept["checkpoint"].encode()), datetime.fromisoformat(kept["whole_at"])
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NoteError, ProofError) as bad:
        step = "restore it from a copy, or delete it after audit verify with a --checkpoint that was kept elsewhere"
        return f"{path} has no checkpoint of this log ({bad}), so a rewound log would not be found: {step}", None


def _save(folder: DataDirectory, note: bytes, whole_at: datetime) -> str | None:
    """Keep a checkpoint; return a sentence if the folder refuses it."""
    path = folder.root / SEEN
    try:
        stored = {"checkpoint": note.decode(), "whole_at": whole_at.isoformat()}
        write_atomic(path, json.dumps(stored).encode() + b"\n", PRIVATE)
    except OSError as bad:
        return f"{path} cannot be written ({bad.strerror}), so a rewound log would not be found: run watch as its owner"
    return None
