"""One run of the agent over a store: inspect each name, do what is due, report.

Several names are processed at a time. The service renews a certificate once. Of names that hold the same certificate,
only one is renewed, and the others are reported. Once a run is to stop, it begins nothing more; a request under way
ends at a point that the journal knows.

One run at a time over a store: a lock on `DIR/.run.lock`, which also records its holder.
"""

import contextlib
import getpass
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Event
from threading import Event as Flag
from typing import Protocol

from sinetti.client.agent import decisions, log_watch, renewal_info_poll, worker
from sinetti.client.agent.decisions import Decision, NeedsOperator, Renew, ResumeRequest
from sinetti.client.agent.worker import AgentContext
from sinetti.client.config import apply
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, Value, make_message, strip_control_chars
from sinetti.client.requests import operations
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError
from sinetti.client.store import (
    agent_state,
    files,
    key_checks,
    log_memory,
    os_support,
    removal,
    repair,
    settings,
    snapshot,
)
from sinetti.client.store.files import StoreError, StoreLocked
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.key_checks import KeyChecks
from sinetti.client.store.log_memory import StoreLogFault
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.infra import records
from sinetti.infra.clock import format_instant

FILE = ".run.lock"

_FIRST = b" "
"""First octet of the lock file, without meaning: Windows locks it against readers."""

_NOT_KNOWN = "-"
_LOOKS, _LOOKS_EVERY = 10, 0.02


@contextlib.contextmanager
def exclusive_run(store: Path, now: datetime) -> Iterator[None]:
    """Keep every other run off a store until the block ends.

    Raises StoreLocked, which names the holder of the lock; OSError.
    """
    path = store / FILE
    handle = os.open(path, os.O_RDWR | os.O_CREAT | files.NO_LINK, 0o600)
    try:
        try:
            files.SYSTEM.lock(handle)
        except os_support.Busy as busy:
            raise StoreLocked(messages.RUN_LOCKED, store=str(store), **_await_holder(path)) from busy
        with contextlib.suppress(OSError):  # a full disk: the lock itself needs no room
            os.ftruncate(handle, 0)
            os.write(handle, _FIRST + _written(now))
        yield
    finally:
        os.close(handle)


def _await_holder(path: Path) -> dict[str, Value]:
    """Return the holder of the lock.

    Wait a moment for a holder that has just taken the lock and not yet written its record.
    """
    for _ in range(_LOOKS):
        found = holder(path)
        if found["pid"] != _NOT_KNOWN:
            return found
        Event().wait(_LOOKS_EVERY)
    return holder(path)


def holder(path: Path) -> dict[str, Value]:
    """Return the recorded holder of the lock: pid, host, user, since.

    A dash stands for a value that cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(len(_FIRST))
            raw = records.json_of(file.read(4096))
        since: Value = records.instant_of(raw["since"])
        return {name: strip_control_chars(str(raw[name])) for name in ("pid", "host", "user")} | {"since": since}
    except (OSError, ValueError, KeyError, TypeError):
        return dict.fromkeys(("pid", "host", "user", "since"), _NOT_KNOWN)


def _written(now: datetime) -> bytes:
    since = format_instant(now)
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "since": since}).encode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an id that has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "-"


def find_duplicates(store: Path, decided: Iterable[tuple[NameSnapshot, Decision | None]]) -> dict[str, Message]:
    """Return the due names for which another one stands, each with its message.

    The other name renews the same certificate, or has renewed it. Of several due names, one with a request under way
    comes first, then the first by name.
    """
    renewing = [
        name_snapshot
        for name_snapshot, one in decided
        if isinstance(one, Renew) or one == ResumeRequest(RequestKind.RENEW)
    ]
    if not renewing:
        return {}
    former = _former(
        store, {name_snapshot.in_use.serial for name_snapshot in renewing if name_snapshot.in_use is not None}
    )
    leaders: dict[bytes, str] = {}
    others: dict[str, str] = {}
    for name_snapshot in sorted(
        renewing, key=lambda name_snapshot: (name_snapshot.renewal is None, name_snapshot.name)
    ):
        if name_snapshot.in_use is None:
            continue
        leader = leaders.setdefault(name_snapshot.in_use.sha256, name_snapshot.name)
        if leader != name_snapshot.name:
            others[name_snapshot.name] = leader
        elif name_snapshot.renewal is None and (elsewhere := former.get(name_snapshot.in_use.serial)):
            # A request under way is resumed in any case: only its outcome shows the result.
            others[name_snapshot.name] = elsewhere
    return {name: make_message(messages.SAME_CERTIFICATE, name=name, other=other) for name, other in others.items()}


def _former(store: Path, wanted: Iterable[str]) -> dict[str, str]:
    """Return for each serial the name that keeps it as a former generation."""
    serials, known = set(wanted), dict[str, str]()
    for name in files.list_names(store):
        folder = store / name
        try:
            held = serials.intersection(os.listdir(folder / files.GENERATIONS))  # noqa: PTH208 - thousands of them
            in_use = files.live_path(folder).readlink().name if held else ""
        except OSError:
            continue
        known |= dict.fromkeys(held - {in_use}, name)
    return known


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class NameResult:
    """Result of a run for one name.

    `decision` is None if the name is damaged or must not be touched. `outcome` is set if an action was tried.
    `next_at`: time of the next due action (UTC), if known. `after`: the name after the run.
    """

    seen: NameSnapshot
    decision: Decision | None
    outcome: CommandResult | None
    exit_code: ExitCode
    next_at: datetime | None = None
    after: NameSnapshot | None = None


@dataclass(frozen=True)
class RunReport:
    """Result of a run: every name, the highest exit code, and the next due time.

    `next_due` is in UTC; None if it is not known.
    """

    rows: tuple[NameResult, ...]
    exit_code: ExitCode
    next_due: datetime | None


class RunListener(Protocol):
    """Listener to the progress of a run, called from the thread that began it."""

    def begin(self, total: int) -> None:
        """Receive the number of names that may need an action."""

    def done(self, row: NameResult) -> None:
        """Receive the result of each name that was processed or is in trouble."""


def plan_run(agent: AgentContext) -> RunReport:
    """Return the actions that a run would take, without calls or writes.

    Raises OSError if the store itself cannot be read.
    """
    checks = key_checks.load(agent.run.store, agent.run.now)
    rows = [_planned(agent, name_snapshot) for name_snapshot in _found(agent, checks)]
    return _ended(_with_log_faults(rows, log_memory.find_faults(agent.run.store)), agent.run.now)


def run_once(agent: AgentContext, stop: Flag, watch: RunListener) -> RunReport:
    """Do what is due for every name of the store, under its lock.

    Begin nothing more once `stop` is set. Raises StoreLocked, or OSError if the store itself cannot be read.
    """
    with exclusive_run(agent.run.store, agent.run.now):
        for message in removal.finish_all(agent.run.store):
            agent.run.tell(message)
        checks = key_checks.load(agent.run.store, agent.run.now)
        name_snapshots = [_repaired(agent, name_snapshot) for name_snapshot in _found(agent, checks)]
        _sync_addresses(agent, name_snapshots)
        looked = _compare_clocks(agent, renewal_info_poll.poll_due(agent, name_snapshots, stop))
        key_checks.save(agent.run.store, checks)
        rows = {row.seen.name: row for row in (_first(agent, name_snapshot) for name_snapshot in looked)}
        busy = _to_be_done(agent, rows.values())
        for name, twin in find_duplicates(agent.run.store, [(row.seen, row.decision) for row in busy]).items():
            outcome = CommandResult(name, Result.FAILED, ExitCode.USAGE, (twin,))
            snapshot = replace(rows[name].seen, conflict=twin)
            rows[name] = NameResult(snapshot, rows[name].decision, outcome, ExitCode.USAGE)
        left = {row.seen.name for row in busy if rows[row.seen.name] is row}
        reported = [row for name, row in rows.items() if row.outcome is not None and name not in left]
        watch.begin(len(reported) + len(left))
        for row in reported:
            watch.done(row)
        for row in _at_once(agent, [row for row in busy if row.seen.name in left], stop):
            rows[row.seen.name] = row
            if row.exit_code is not ExitCode.INTERRUPTED:
                left.discard(row.seen.name)
            watch.done(row)
        faults = log_watch.watch_logs(agent, [row.after or row.seen for row in rows.values()], stop)
    for fault in dict.fromkeys(faults.values()):
        agent.run.tell(fault.message)
    ended = _ended(_with_log_faults(rows.values(), faults), agent.run.now_exact)
    return RunReport(ended.rows, ExitCode.INTERRUPTED, ended.next_due) if left else ended


def _found(agent: AgentContext, checks: KeyChecks) -> Iterator[NameSnapshot]:
    """Yield the names of the pass, without those that are planned for later."""
    name_snapshots = apply.list_configured(agent.config, for_agent=True, checks=checks)
    return (
        name_snapshot
        for name_snapshot in name_snapshots
        if name_snapshot.trouble is not None or name_snapshot.absence is None
    )


def _planned(agent: AgentContext, name_snapshot: NameSnapshot) -> NameResult:
    found = repair.find_repair(name_snapshot.folder) if name_snapshot.repairable else None
    if found is None:
        return _first(agent, name_snapshot)
    message = make_message(messages.WOULD_REPAIR, name=name_snapshot.name, what=found.what)
    return NameResult(
        name_snapshot, None, CommandResult(name_snapshot.name, Result.NOT_DUE, ExitCode.DONE, (message,)), ExitCode.DONE
    )


def _repaired(agent: AgentContext, name_snapshot: NameSnapshot) -> NameSnapshot:
    """Repair a damaged name as far as that is safe; return its new state."""
    if name_snapshot.repairable is None:
        return name_snapshot
    try:
        found = repair.repair(name_snapshot.folder, agent.run.now_exact)
    except (StoreError, OSError):
        return name_snapshot  # it stays damaged, and is reported as damaged
    if found is None:
        return name_snapshot
    agent.run.tell(found.done_message(name_snapshot.name))
    return snapshot.find_snapshot(name_snapshot.folder, for_agent=True) or name_snapshot


def _sync_addresses(agent: AgentContext, name_snapshots: Iterable[NameSnapshot]) -> None:
    """Adapt names to another address in their table, for calls that are no renewal."""
    for name_snapshot in name_snapshots:
        entry = agent.config.entry_of(name_snapshot.name)
        service = agent.config.services.get(entry.service or "")
        if service is not None and name_snapshot.trouble is None and service.address != name_snapshot.service:
            with contextlib.suppress(UsageError, StoreError, OSError):  # its renewal reports it
                agent.settle(name_snapshot.folder, entry, agent.config, agent.run.now)


def _compare_clocks(agent: AgentContext, name_snapshots: Iterable[NameSnapshot]) -> list[NameSnapshot]:
    """Return the memory if an expired one is valid by the service's clock."""
    now, compared = agent.run.now_exact, list[NameSnapshot]()
    date_at = lru_cache(None)(agent.fetch_date or (lambda *_: None))
    for name_snapshot in name_snapshots:
        is_ahead, is_known = (
            name_snapshot.memory.is_clock_ahead,
            name_snapshot.memory.informed_serial == name_snapshot.serial,
        )
        if (
            name_snapshot.trouble is None
            and name_snapshot.not_after is not None
            and (is_ahead or (name_snapshot.not_after < now and not is_known))
        ):
            with contextlib.suppress(StoreError):
                kept = settings.load(name_snapshot.folder)
                date = date_at(kept.service, kept.tls_ca)
                is_ahead = date is not None and date <= name_snapshot.not_after < now
        if is_ahead is not name_snapshot.memory.is_clock_ahead:
            name_snapshot = replace(name_snapshot, memory=replace(name_snapshot.memory, is_clock_ahead=is_ahead))  # noqa: PLW2901 - its new memory
            agent_state.save_agent_state(name_snapshot.folder, name_snapshot.memory)
        compared.append(name_snapshot)
    return compared


def _first(agent: AgentContext, name_snapshot: NameSnapshot) -> NameResult:
    """Decide about one name.

    A damaged name, or one for which --now is not allowed, gets its final result here.
    """
    if name_snapshot.trouble is not None:
        return NameResult(name_snapshot, None, _damage_result(agent, name_snapshot), name_snapshot.trouble_code)
    if agent.now_given and operations.in_production(agent.run.store, name_snapshot.name):
        message = make_message(messages.NOW_NOT_IN_PRODUCTION, name=name_snapshot.name)
        return NameResult(
            name_snapshot,
            None,
            CommandResult(name_snapshot.name, Result.FAILED, ExitCode.USAGE, (message,)),
            ExitCode.USAGE,
        )
    try:
        decision = decisions.decide(name_snapshot, agent.config.care, agent.run.now)
    except OverflowError as bad:  # dates at the limits of the calendar
        return NameResult(name_snapshot, None, worker.fault(name_snapshot.name, bad), ExitCode.FAULT)
    result = _damage_result(agent, name_snapshot)
    return NameResult(
        name_snapshot,
        decision,
        result if result.messages else None,
        _code(agent, name_snapshot, worker.exit_code(name_snapshot, decision, None)),
        decisions.next_action_at(name_snapshot, decision),
    )


def _damage_result(agent: AgentContext, name_snapshot: NameSnapshot) -> CommandResult:
    """Return the result with what every pass reports of a name."""
    messages = (
        name_snapshot.damage_message(agent.run.now),
        name_snapshot.conflict,
        decisions.find_warning(name_snapshot),
    )
    return CommandResult(
        name_snapshot.name,
        Result.FAILED,
        name_snapshot.trouble_code,
        tuple(message for message in messages if message is not None),
    )


def _code(agent: AgentContext, now: NameSnapshot, code: ExitCode) -> ExitCode:
    """Return the exit code of a name, with the faults of its present state.

    It is 0 only if that of `sinetti status --check` is 0.
    """
    if now.trouble is not None or now.exposed is not None:
        return max(code, ExitCode.STORE)
    code = code or agent.code_of(now, agent.run.now_exact)
    return max(code, ExitCode.AGAIN) if now.is_undeployed or now.is_clock_behind(agent.run.now_exact) else code


def _to_be_done(agent: AgentContext, rows: Iterable[NameResult]) -> list[NameResult]:
    """Return the rows that may need an action, the nearest end first."""
    names = [row for row in rows if row.decision is not None and _has_work(agent, row)]
    return sorted(names, key=lambda row: (row.seen.in_use is None, _end(row.seen), row.seen.name))


def _has_work(agent: AgentContext, row: NameResult) -> bool:
    if isinstance(row.decision, Renew | ResumeRequest) or row.seen.has_partial_files:
        return True
    if isinstance(row.decision, NeedsOperator) and row.seen.memory.informed_serial != worker.reported_key(row.seen):
        return True
    entry = agent.config.entry_of(row.seen.name)
    return row.seen.in_use is not None and agent.programs.due(row.seen, entry, agent.run.now)


def _end(name_snapshot: NameSnapshot) -> datetime:
    return _NEVER if name_snapshot.in_use is None else name_snapshot.in_use.span.not_after


def _at_once(agent: AgentContext, busy: Sequence[NameResult], stop: Flag) -> Iterator[NameResult]:
    """Process all rows, `at_once` at a time; yield each when it is done.

    Begin none after `stop` is set.
    """
    pool = ThreadPoolExecutor(agent.config.care.at_once)
    left: set[Future[NameResult | None]] = {pool.submit(_attend, agent, row, stop) for row in busy}
    try:
        while left:
            ended, left = wait(left, agent.report_alive(), FIRST_COMPLETED)
            yield from (row for future in ended if (row := future.result()) is not None)
    finally:
        if left:  # the caller stopped iterating: work under way ends, and nothing more is begun
            stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _attend(agent: AgentContext, row: NameResult, stop: Flag) -> NameResult | None:
    if stop.is_set() or row.decision is None:
        return None
    try:
        outcome = worker.process_name(agent, row.seen, row.decision)
    except Exception as bad:  # noqa: BLE001 - a failure of one name, of any kind, must not stop the others
        return NameResult(row.seen, row.decision, worker.fault(row.seen.name, bad), ExitCode.FAULT)
    after = snapshot.find_snapshot(row.seen.folder, for_agent=True)
    after = after and replace(after, conflict=row.seen.conflict)
    code = worker.exit_code(row.seen, row.decision, outcome)
    if after is None:
        return NameResult(row.seen, row.decision, outcome, _code(agent, row.seen, code))
    code = _code(agent, after, code)
    if after.trouble is not None or after.exposed is not None:
        outcome = _with_damage(outcome, _damage_result(agent, after))
    if after.trouble is not None:
        return NameResult(row.seen, row.decision, outcome, code, after=after)
    next_at = decisions.next_action_at(after, decisions.decide(after, agent.config.care, agent.run.now_exact))
    return NameResult(row.seen, row.decision, outcome, code, next_at, after)


def _with_damage(outcome: CommandResult | None, damage: CommandResult) -> CommandResult:
    """Add the message on the damage that is there after an action."""
    if outcome is None:
        return damage
    added = tuple(message for message in damage.messages if message not in outcome.messages)
    return replace(outcome, exit_code=max(outcome.exit_code, ExitCode.STORE), messages=outcome.messages + added)


def _with_log_faults(rows: Iterable[NameResult], faults: Mapping[str, StoreLogFault]) -> list[NameResult]:
    """Return the rows with the faults of the logs, which can only raise an exit code."""
    return [row if (fault := faults.get(row.seen.name)) is None else _with_log_fault(row, fault) for row in rows]


def _with_log_fault(row: NameResult, fault: StoreLogFault) -> NameResult:
    after = replace(row.after or row.seen, log_fault=fault)
    return replace(row, exit_code=max(row.exit_code, fault.code), after=after)


def _ended(rows: Sequence[NameResult], now: datetime) -> RunReport:
    ahead = [row.next_at for row in rows if row.next_at is not None]
    worst = max((row.exit_code for row in rows), default=ExitCode.DONE)
    return RunReport(tuple(rows), worst, min((at for at in ahead if at > now), default=None))
