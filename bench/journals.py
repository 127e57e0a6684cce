"""`python -m bench.journals`: start and watch with years of closed journals.

The register has 1.5 million certificates, so the journals have three million lines and the log has 1.5 million entries.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import process_time

from django.db import connections, transaction

from bench import scene, seeding
from bench.clusters import cluster, new_database
from bench.filling import run
from bench.running import cpu
from bench.server import served
from sinetti.authority.bootstrap import Authority
from sinetti.database import models
from sinetti.database.evidence import sequencer
from sinetti.database.evidence.sequencer import HeadSigner
from sinetti.database.issuance import journal_records
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.journal import reader
from sinetti.journal.writer import MOST_LINES
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.issuance.close_journals import close_journals
from sinetti.services.issuance.reconcile import preview
from sinetti.wire.transparency.merkle import Lookup, leaf_hash
from sinetti.wire.transparency.notes import Checkpoint

AIM = 2.0
"""Limit in seconds for a start, and for a watch."""

_REQUEST, _ENTRIES_EACH = "ab" * 16, 100_000
_AGO = timedelta(minutes=11)
_START_TRIES = 3
_OPEN = MOST_LINES // 2
# The filler's rows get the form of entries, so that they can enter the log.
_ENTRIES = """
UPDATE sinetti_auditevent SET sha256 = encode(sha256(filled.entry), 'hex'), octets = filled.entry
  FROM (SELECT sequence AS number, convert_to('{"action":"' || action || '","actor":"' || actor || '","at":"'
        || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '","facts":{},"kind":"issued","nonce":"'
        || encode(sha256(object::bytea), 'base64') || '","object":"' || object || '","request":"' || request_id
        || '"}', 'UTF8') AS entry
          FROM sinetti_auditevent WHERE object LIKE 'certificate:40%' AND action = 'certificate-issued') AS filled
 WHERE sequence = filled.number
"""


@dataclass(frozen=True, slots=True)
class Duration:
    """Duration of one action in seconds, the processor's and the clock's.

    The limit, if it has one, is for the processor's: other programs do not change that.
    """

    what: str
    seconds: float
    elapsed: float
    aim: float | None = None

    @property
    def missed(self) -> bool:
        """True if it took longer than its limit."""
        return self.aim is not None and self.seconds > self.aim

    def row(self) -> str:
        """Return it as a row of the table."""
        return f"| {self.what} | {self.seconds:.2f} | {self.elapsed:.1f} | {f'{self.aim:.0f}' if self.aim else ''} |"


def _fill_log(authority: Authority) -> None:
    """Put the filler's rows into the log, as if an hour ago."""
    db = authority.ctx.db
    with transaction.atomic(using=db.alias), connections[db.alias].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_ENTRIES)
    signers = authority.ctx.log_signers()

    def sign(size: int, root: bytes, lookup: Lookup) -> bytes:
        return authority.ctx.sign_head(
            Checkpoint(signers[0].name, size, root), signers, lookup, authority.ctx.machine_now()
        )

    for part in _parts(authority):
        with transaction.atomic(using=db.alias):
            first = sequencer.entry_count(db)
            note = sequencer.add_leaves(db, first, part, HeadSigner(utc_now() - _AGO, sign))
        authority.journal.append([journal_records.logged(first, [leaf for _, leaf in part], note, ())])


def _parts(authority: Authority) -> Iterator[list[tuple[int | None, bytes]]]:
    using = authority.ctx.db.alias
    known = models.LogEntry.objects.using(using).filter(sequence__isnull=False).order_by("-sequence")
    last = known.values_list("sequence", flat=True).first() or 0
    while True:
        rows = models.AuditEvent.objects.using(using).filter(sequence__gt=last).order_by("sequence")[:_ENTRIES_EACH]
        part: list[tuple[int | None, bytes]] = [
            (sequence, leaf_hash(bytes(octets))) for sequence, octets in rows.values_list("sequence", "octets")
        ]
        if not part:
            return
        yield part
        last = part[-1][0] or last


def _measure(parsed: argparse.Namespace) -> Sequence[Duration]:
    with cluster() as server, tempfile.TemporaryDirectory(prefix="sinetti-bench-") as folder:
        root = Path(folder) / "authority"
        scene.founded(root, next(iter(scene.KINDS.values())), new_database(server))
        authority = scene.opened(root)
        (like,) = scene.holders(authority, 1)
        seeding.seed(authority, [like])
        LogSequencer().run(authority.ctx, _REQUEST)
        print(f"filling the register with {parsed.certificates} certificates …", file=sys.stderr)
        seeding.fill(authority, parsed.certificates, like)
        _fill_log(authority)
        seeding.settle(authority)
        authority.journal.end_month()
        durations = [*_close(authority), *_whole(authority)]
        serials = map(seeding.filler_serial, range(min(_OPEN, parsed.certificates)))
        authority.journal.append([seeding.fetched(serial, like.span.not_before) for serial in serials])
        lines, names = _open_lines(authority), reader.compressed_files(authority.journal.folder)
        print(f"closed journals: {len(names)}; lines of open journals: {lines}", file=sys.stderr)
        authority.journal.close()
        authority.ctx.db.close()
        return [*durations, *_starts(root), *_watches(root)]


def _close(authority: Authority) -> Iterator[Duration]:
    begun, used = monotonic_seconds(), process_time()
    close_journals(authority.ctx, authority.journal, _REQUEST)
    yield Duration("first `journal close` of all these", process_time() - used, monotonic_seconds() - begun)
    # Its entry is in the log at once, as after the 10 s of a serving process.
    LogSequencer().run(authority.ctx, _REQUEST)
    close_journals(authority.ctx, authority.journal, _REQUEST)


def _whole(authority: Authority) -> Iterator[Duration]:
    begun, used = monotonic_seconds(), process_time()
    preview(authority.ctx, authority.journal, is_full=True)
    yield Duration(
        "comparison of everything, as `reconcile --full`", process_time() - used, monotonic_seconds() - begun
    )


def _open_lines(authority: Authority) -> int:
    paths = authority.journal.folder.glob("*.jsonl")
    return sum(sum(1 for _ in reader.read(path)) for path in paths)


def _starts(root: Path) -> Iterator[Duration]:
    for number in range(1, _START_TRIES + 1):
        begun = monotonic_seconds()
        with served(root, 1):
            yield Duration(f"start of `serve`, run {number}", cpu(root)["server"], monotonic_seconds() - begun, AIM)


def _watches(root: Path) -> Iterator[Duration]:
    for number in range(_START_TRIES + 1):
        begun, used = monotonic_seconds(), os.times()
        command = [sys.executable, "-m", "sinetti", "authority", "watch", "--dir", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in {0, 3}:
            raise RuntimeError(done.stderr)
        first = number == 0
        what = "first `watch`, which verifies the whole log" if first else f"`watch`, run {number}"
        now = os.times()
        seconds = now.children_user + now.children_system - used.children_user - used.children_system
        yield Duration(what, seconds, monotonic_seconds() - begun, None if first else AIM)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.journals", description=__doc__)
    parser.set_defaults(certificates=1_500_000)
    sys.exit(run(parser, "| what | s of the processor | s | at most |\n|---|--:|--:|--:|", _measure))
