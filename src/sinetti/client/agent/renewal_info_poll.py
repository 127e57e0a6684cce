"""Poll of the services for renewal hints, and the memory of their answers.

This module decides nothing about renewals. A service without hints is asked once a day for all its names, and an
unreachable service once an hour; for short lives more often (`schedule.longest_delay`). `DIR/.hints.json` records such
services.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Flag

from sinetti.client import renewal_window
from sinetti.client.agent import schedule
from sinetti.client.agent.worker import AgentContext
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import operations, renewal_info, trust_lists
from sinetti.client.requests.renewal_info import NoRenewalInfo, RenewalInfoResult
from sinetti.client.service_address import origin
from sinetti.client.store import agent_state, event_log, files, generations, settings
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.event_log import EventType
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.client.store.trust_memory import TrustMemory, load_trust
from sinetti.infra import records
from sinetti.infra.clock import format_instant
from sinetti.pki import encoding

FILE = ".hints.json"

TRUST_LISTS_EVERY = timedelta(hours=1)
"""Time between two requests for the trust lists of a service."""

SECONDS = 120.0
"""Longest time that one run spends on polling.

The next run asks for the remaining names; renewals do not wait.
"""

_SERVICE = re.compile(r'^service = "([^"\\]+)"$', re.MULTILINE)
_HEAD = 2048


@dataclass
class PollRound:
    """State of one polling round.

    `silent`: services not to be asked, and until when. `ends`: tick at which the round has to end. `heard`: new memory
    by name. `trust`: the trust lists that the store has from each service.
    """

    agent: AgentContext
    ends: float
    backoff_until: dict[str, datetime]
    stop: Flag
    trust: dict[str, TrustMemory]
    heard: dict[str, AgentState] = field(default_factory=dict)


def poll_due(agent: AgentContext, name_snapshots: Sequence[NameSnapshot], stop: Flag) -> list[NameSnapshot]:
    """Ask for the hints that are due; return the names with their updated memory."""
    now, path = agent.run.now, agent.run.store / FILE
    known = _silent(path)
    if not stop.is_set():
        _take_trust_lists(agent, name_snapshots, {service for service, at in known.items() if _ahead(at, now)})
    about = PollRound(
        agent,
        agent.run.ticks() + SECONDS,
        {service: at for service, at in known.items() if _ahead(at, now)},
        stop,
        load_trust(agent.run.store),
    )
    by_service: dict[str, list[NameSnapshot]] = {}
    for snapshot in name_snapshots:
        service = _service(agent, snapshot) if _due(snapshot, now) else None
        if service is not None and service not in about.backoff_until:
            by_service.setdefault(service, []).append(snapshot)
    # The first name of each service shows whether the service can be reached.
    firsts = [(service, ones[0]) for service, ones in by_service.items()]
    _ask(about, firsts)
    _ask(about, [(service, name_snapshot) for service, ones in by_service.items() for name_snapshot in ones[1:]])
    if about.backoff_until != known:
        with contextlib.suppress(OSError):
            files.write_atomic(path, records.dump(about.backoff_until), is_durable=False)
    return [
        replace(name_snapshot, memory=about.heard[name_snapshot.name])
        if name_snapshot.name in about.heard
        else name_snapshot
        for name_snapshot in name_snapshots
    ]


def _take_trust_lists(agent: AgentContext, name_snapshots: Sequence[NameSnapshot], silent: Collection[str]) -> None:
    """Take new CAs and distrust from the services that can be reached."""
    run = agent.run
    names = [
        name_snapshot.name
        for name_snapshot in name_snapshots
        if name_snapshot.trouble is None and _service(agent, name_snapshot) not in {None, *silent}
    ]
    try:
        service_trusts = trust_lists.refresh_store(run.store, names, run.now, run.language, every=TRUST_LISTS_EVERY)
    except Exception:  # noqa: BLE001 - no list may stop the run: a renewal reports an answer that is not trusted
        return
    for service_trust in service_trusts:
        if service_trust.names:
            run.tell(
                make_message(messages.TRUST_EXTENDED, service=service_trust.origin, count=len(service_trust.names))
            )


def _ask(about: PollRound, wanted: Iterable[tuple[str, NameSnapshot]]) -> None:
    with ThreadPoolExecutor(about.agent.config.care.at_once) as pool:
        for _ in pool.map(lambda pair: _ask_one(about, *pair), wanted):
            pass


def _ask_one(about: PollRound, service: str, name_snapshot: NameSnapshot) -> None:
    run = about.agent.run
    if service in about.backoff_until or about.stop.is_set() or run.ticks() > about.ends:
        return
    try:
        kept = settings.load(name_snapshot.folder)
        certificate = encoding.load_certificate(
            files.read(files.live_path(name_snapshot.folder) / generations.CERTIFICATE)
        )
    except (files.StoreError, OSError, ValueError):  # thorough checks report it
        return
    try:
        known = about.trust.get(service)
        result = renewal_info.fetch(kept, certificate, run.language, None if known is None else known.numbers)
    except Exception:  # noqa: BLE001 - no hint may stop the run: the renewal itself reports the fault
        result = RenewalInfoResult(NoRenewalInfo.NOT_FOR_THIS, renewal_info.LONGEST)
    # In a short life, a service is asked as often as a failed renewal is tried again.
    rest = min(result.rest, schedule.longest_delay(None if name_snapshot.in_use is None else name_snapshot.in_use.span))
    match result.said:
        case NoRenewalInfo.NO_DOOR | NoRenewalInfo.NOT_REACHED:
            about.backoff_until[service] = run.now + rest
        case _:
            about.heard[name_snapshot.name] = _heard(name_snapshot, replace(result, rest=rest), run.now)
            agent_state.save_agent_state(name_snapshot.folder, about.heard[name_snapshot.name])


def _heard(name_snapshot: NameSnapshot, result: RenewalInfoResult, now: datetime) -> AgentState:
    hint = None if isinstance(result.said, NoRenewalInfo) else result.said
    if hint is not None and hint != name_snapshot.memory.hint and name_snapshot.in_use is not None:
        opens = renewal_window.renewal_opens_at(name_snapshot.in_use.span)
        if hint.start < opens and now < opens:  # a hint before the usual opening is of interest to a person
            facts = {"start": format_instant(hint.start), "end": format_instant(hint.end)}
            with contextlib.suppress(OSError):
                event_log.append(name_snapshot.folder, now, EventType.HINT, **facts, explanation=hint.explanation or "")
    return replace(name_snapshot.memory, hint=hint, ask_again=now + result.rest)


def _due(name_snapshot: NameSnapshot, now: datetime) -> bool:
    if (
        name_snapshot.trouble is not None
        or name_snapshot.in_use is None
        or name_snapshot.is_revoked
        or now > name_snapshot.in_use.span.not_after
    ):
        return False
    again = name_snapshot.memory.ask_again
    return again is None or not _ahead(again, now)


def _ahead(at: datetime, now: datetime) -> bool:
    """Return whether a time lies ahead within the longest planned interval.

    A later time was recorded with a wrong clock.
    """
    return now < at <= now + renewal_info.LONGEST


def _service(agent: AgentContext, name_snapshot: NameSnapshot) -> str | None:
    """Return the origin of a name's service, or None.

    Sources in order: sinetti.toml, the first line of the name's settings, the whole settings.
    """
    entry = agent.config.entry_of(name_snapshot.name)
    table = None if entry.service is None else agent.config.services.get(entry.service)
    if agent.now_given and operations.in_production(agent.run.store, name_snapshot.name):
        return None
    try:
        if table is not None:
            return origin(table.address)
        match = _SERVICE.search(
            files.octets_of(f"{name_snapshot.folder}/{settings.FILE}", _HEAD).decode("utf-8", "replace")
        )
        return origin(settings.load(name_snapshot.folder).service if match is None else match[1])
    except (files.StoreError, OSError, IndexError):
        return None


def _silent(path: Path) -> dict[str, datetime]:
    try:
        raw = records.json_of(files.octets_of(path))
        return {str(one): records.instant_of(at) for one, at in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
