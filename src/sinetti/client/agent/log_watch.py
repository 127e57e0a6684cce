"""Watch over the logs of a store's services, at the end of a pass.

See docs/evidence.md. A pass asks each log for one checkpoint, and for the proofs of new certificates. It does so
after the renewals, so that no log delays one. A service without a log is asked once a week.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag

from sinetti.client.agent.worker import AgentContext, RunCancelled
from sinetti.client.requests import log_proof, operations
from sinetti.client.requests.log_proof import NoEntry
from sinetti.client.store import files, generations, log_memory
from sinetti.client.store.log_memory import LoggedName, LogIndex, StoreLogFault
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.pki import encoding
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import NoteError
from sinetti.wire.transparency.observer import (
    NO_DEMANDS,
    LogAbsent,
    LogPolicy,
    LogReader,
    LogUnavailable,
    MemoryDamaged,
    TooFewCosignatures,
)

SECONDS = 60.0
"""Longest time that a pass spends on logs.

No further request begins after it.
"""

PROOFS = 64
"""Largest number of proofs that a pass fetches from one log."""

RARELY = timedelta(days=7)
"""Time until the next request about an absent log or an absent entry."""

_NEW = timedelta(days=1)
"""Age of a certificate below which each pass asks for its entry."""


@dataclass
class LogRound:
    """Round of one pass over the logs; `ends` is the tick at which it has to end."""

    agent: AgentContext
    index: LogIndex
    stop: Flag
    ends: float

    @property
    def is_over(self) -> bool:
        """True if nothing more may be asked."""
        return self.stop.is_set() or self.agent.run.ticks() > self.ends


def watch_logs(agent: AgentContext, seen: Sequence[NameSnapshot], stop: Flag) -> Mapping[str, StoreLogFault]:
    """Ask the logs of the names, and return the faults by name.

    A log that does not answer is no fault. The next pass asks it again.
    """
    store = agent.run.store
    if agent.fetch_log is not None and not stop.is_set():
        before = log_memory.load_index(store)
        about = LogRound(agent, LogIndex(absent=dict(before.absent)), stop, agent.run.ticks() + SECONDS)
        by_log: dict[str, list[NameSnapshot]] = {}
        for name_snapshot in seen:
            logged_name = _located(agent, name_snapshot, before)
            if logged_name is not None:
                about.index.names[name_snapshot.name] = logged_name
                if logged_name.log is not None:
                    by_log.setdefault(logged_name.log, []).append(name_snapshot)
        for url, ones in by_log.items():
            if not about.is_over and not _is_ahead(about.index.absent.get(url), agent.run.now):
                _watch(about, url, ones)
        if about.index != before:
            log_memory.save_index(store, about.index)
    return log_memory.find_faults(store)


def _located(agent: AgentContext, name_snapshot: NameSnapshot, before: LogIndex) -> LoggedName | None:
    """Return the log of a name's certificate.

    None: it has no certificate, or this pass must not touch it. A missing name stays known.
    """
    if name_snapshot.absence is not None:
        return before.names.get(name_snapshot.name)
    if name_snapshot.trouble is not None or name_snapshot.serial is None:
        return None
    if agent.now_given and operations.in_production(agent.run.store, name_snapshot.name):
        return None
    known = before.names.get(name_snapshot.name)
    if known is not None and known.serial == name_snapshot.serial:
        return known
    try:
        certificate = encoding.load_certificate(
            files.read(files.live_path(name_snapshot.folder) / generations.CERTIFICATE)
        )
    except (files.StoreError, OSError, ValueError):  # thorough checks report it
        return None
    return LoggedName(name_snapshot.serial, log_proof.log_url(certificate))


def _watch(about: LogRound, url: str, name_snapshots: Sequence[NameSnapshot]) -> None:
    agent, fetch = about.agent, about.agent.fetch_log
    if fetch is None:
        return
    try:
        with log_memory.opened(agent.run.store, url, _policy(agent, name_snapshots), partial(fetch, url)) as reader:
            _read(about, url, reader)
            _prove(about, reader, name_snapshots)
    except (ProofError, LogUnavailable, MemoryDamaged, NoteError, files.StoreError, OSError, RunCancelled):
        return  # a fault is kept and reported; the next pass asks a log that did not answer or was in use


def _policy(agent: AgentContext, name_snapshots: Sequence[NameSnapshot]) -> LogPolicy:
    """Return the demands on a log: those of the first service that has any."""
    names = (agent.config.entry_of(name_snapshot.name).service for name_snapshot in name_snapshots)
    services = (agent.config.services.get(name) for name in dict.fromkeys(names) if name is not None)
    log_policies = (service.log for service in services if service is not None)
    return next((log_policy for log_policy in log_policies if log_policy != NO_DEMANDS), NO_DEMANDS)


def _read(about: LogRound, url: str, reader: LogReader) -> None:
    """Read the head, and remember an address that has never had a log."""
    is_known = reader.memory.checkpoint is not None
    try:
        run = about.agent.run
        reader.read_head(None if about.agent.now_given else run.now_exact, run.sleep)
    except (LogAbsent, NoteError) as bad:
        if is_known and isinstance(bad, LogAbsent):
            raise ProofError("the service had a log and no longer serves it") from bad
        if not is_known:
            about.index.absent[url] = about.agent.run.now + RARELY
        raise
    about.index.absent.pop(url, None)


def _prove(about: LogRound, reader: LogReader, name_snapshots: Sequence[NameSnapshot]) -> None:
    """Fetch the proofs of new certificates, the newest first."""
    now, names = about.agent.run.now, about.index.names
    wanted = [
        name_snapshot
        for name_snapshot in name_snapshots
        if not names[name_snapshot.name].is_proven and not _is_ahead(names[name_snapshot.name].ask_again, now)
    ]
    newest = sorted(wanted, key=lambda name_snapshot: name_snapshot.not_before or now, reverse=True)
    for name_snapshot in newest[:PROOFS]:
        if about.is_over:
            return
        known = names[name_snapshot.name]
        try:
            certificate = encoding.load_certificate(
                files.read(files.live_path(name_snapshot.folder) / generations.CERTIFICATE)
            )
            proof = log_proof.fetch_proof(reader, certificate)
            log_proof.store_proof(name_snapshot.folder, known.log or "", known.serial, proof)
        except NoEntry:
            is_new = name_snapshot.not_before is not None and now < name_snapshot.not_before + _NEW
            names[name_snapshot.name] = replace(known, ask_again=None if is_new else now + RARELY)
        except (TooFewCosignatures, files.StoreError, ValueError):
            continue  # a newer head that waits for its cosignatures, or damage that thorough checks report
        else:
            names[name_snapshot.name] = replace(known, is_proven=True, ask_again=None)


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    """Return True if an instant is in the future.

    One that is too far ahead was recorded with a wrong clock and does not count.
    """
    return at is not None and now < at <= now + RARELY
