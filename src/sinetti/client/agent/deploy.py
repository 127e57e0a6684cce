"""Deployment of a set by hooks: retried until it succeeds, or run now by hand.

`DIR/NAME/deploy.json` records the serial that was deployed last (docs/holders/agent.md). The agent writes it before the
`deploy` command runs, as if the command had failed, and again after it succeeded. If a run ends in between, the next
run repeats the command when the delay is over. The command must therefore be repeatable. A failure undoes nothing.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sinetti.client.agent import hooks, schedule
from sinetti.client.agent.hooks import HookContext, HookResult
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import DEFAULT_OUTPUT, CertificateEntry, Format, Hooks, HookStage, OutputOptions
from sinetti.client.results import UsageError
from sinetti.client.store import agent_state, event_log, files, generations, key_storage, settings
from sinetti.client.store.agent_state import DeployState
from sinetti.client.store.event_log import EventType
from sinetti.client.store.generations import InstalledKeySet
from sinetti.client.store.java_keystores import JavaStoreError
from sinetti.pki.signers import SignerUnavailable


def is_due(folder: Path, now: datetime, entry: CertificateEntry | None = None) -> bool:
    """Return whether the set in use may have to be deployed now.

    Cheap: one small file, and some calls of stat. With `entry`, also return True if it asks for other files or another
    deploy command than before.
    """
    serial = _serial(folder)
    if serial is None:
        return False
    state = agent_state.load_deploy_state(folder) or DeployState()
    if entry is not None and _incomplete(folder, entry):
        return True
    if entry is not None and not _has_commands(entry.hooks) and state.trying is None:
        return False
    if state.serial == serial:
        return state.after
    return _waited(state, serial, now, entry)


def deploy(folder: Path, entry: CertificateEntry, now: datetime) -> tuple[bool, tuple[Message, ...]]:
    """Deploy the set in use by the holder's programs unless that is done.

    Complete the files that `entry` asks for first, and run the `after` command last. Return whether nothing is left to
    do, and the messages.
    """
    try:
        if not generations.is_complete(folder, entry.files):
            with files.locked(folder):
                generations.complete(folder, entry.files)
        held = generations.current(folder)
        if held is None:
            return True, ()
        return _brought(folder, entry, held, now)
    except JavaStoreError as bad:
        serial = _serial(folder)
        with contextlib.suppress(OSError):
            if serial is not None and agent_state.hold_back(folder, serial):
                facts = {"serial": serial, "format": Format.JKS.value, "program": "keytool"}
                event_log.append(folder, now, EventType.DEPLOY_FAILED, **facts)
        return False, (make_message(messages.ABOUT_NAME, name=folder.name, message=bad.message),)
    except files.StoreError as bad:
        return False, (bad.message,)
    except SignerUnavailable as bad:
        return False, (
            make_message(messages.TOKEN_UNUSABLE, name=folder.name, why=error_reasons.translate_reason(str(bad))),
        )
    except OSError as bad:
        return False, (error_reasons.store_unusable(bad, folder),)


@dataclass(frozen=True)
class HookOrder:
    """Stages whose programs run now, in the order of a renewal.

    `is_test`: nothing but the log records them.
    """

    stages: tuple[HookStage, ...] = (HookStage.DEPLOY, HookStage.AFTER)
    is_test: bool = False


@dataclass(frozen=True)
class HookReport:
    """Programs that ran for a set, and messages about them; `ok` if none failed."""

    serial: str
    ends: tuple[HookResult, ...]
    messages: tuple[Message, ...]

    @property
    def ok(self) -> bool:
        """True if no program failed."""
        return all(end.ok for end in self.ends)


def run_now(folder: Path, entry: CertificateEntry, order: HookOrder, now: datetime) -> HookReport:
    """Run the programs of some stages for the set in use, without regard to delays.

    Their outcome is recorded as that of a run. A program that fails ends the series. Raises UsageError for a name
    without a certificate or without a program for these stages, StoreError, SignerUnavailable, OSError.
    """
    held = generations.current(folder)
    if held is None:
        raise UsageError(messages.NOT_ENROLLED, name=folder.name)
    if not any(entry.hooks.commands.get(stage) for stage in order.stages):
        stages = ", ".join(order.stages)
        raise UsageError(messages.NO_HOOK, name=folder.name, stages=stages)
    if not order.is_test:
        entry = with_files(entry, settings.load(folder).files)
        if not generations.is_complete(folder, entry.files):
            with files.locked(folder):
                generations.complete(folder, entry.files)
    return _run_stages(folder, entry, order, held, now)


def _run_stages(
    folder: Path, entry: CertificateEntry, order: HookOrder, held: InstalledKeySet, now: datetime
) -> HookReport:
    state = agent_state.load_deploy_state(folder) or DeployState()
    about = replace(_about(folder, entry, held, state), is_test=order.is_test)
    ends, notices = list[HookResult](), list[Message]()
    for stage in order.stages:
        more = list[Message]()
        if order.is_test or stage is HookStage.BEFORE or (stage is HookStage.AFTER and state.serial != held.serial):
            end = hooks.run(stage, entry.hooks, about, folder, now)
        elif stage is HookStage.AFTER:
            end = _run_after(folder, entry, about, state, now)
        else:
            # A set that is deployed again counts as not deployed until the command succeeds.
            state = replace(state, serial=None) if state.serial == held.serial else state
            state, end = _run_deploy(folder, entry, held, state, now)
            more = [_again(folder, held.serial, state) if state.tries else _done(folder, held.serial)]
        ends += [] if end is None else [end]
        notices += [*(() if end is None else end.messages), *more]
        if end is not None and not end.ok:
            break
    return HookReport(held.serial, tuple(ends), tuple(notices))


def with_files(entry: CertificateEntry, kept: OutputOptions) -> CertificateEntry:
    """Return an entry with the output options of the name's own settings.

    Options in a table of the configuration take precedence.
    """
    return replace(entry, files=kept) if entry.files == DEFAULT_OUTPUT != kept else entry


def _brought(
    folder: Path, entry: CertificateEntry, held: InstalledKeySet, now: datetime
) -> tuple[bool, tuple[Message, ...]]:
    state = agent_state.load_deploy_state(folder)
    if not _has_commands(entry.hooks):
        if state is not None and (state.serial != held.serial or state.after):
            agent_state.save_deploy_state(folder, DeployState(held.serial))
        return True, ()
    state = state or DeployState()
    about, notices = _about(folder, entry, held, state), []
    if state.serial != held.serial:
        if not _waited(state, held.serial, now, entry):
            return False, (_again(folder, held.serial, state),)
        state, end = _run_deploy(folder, entry, held, state, now)
        if end is not None and not end.ok:
            return False, (*end.messages, _again(folder, held.serial, state))
        notices.append(_done(folder, held.serial))
    if state.after:
        end = _run_after(folder, entry, about, state, now)
        if end is not None and not end.ok:  # reported once: the set is in use, and nothing depends on this command
            return False, (*notices, *end.messages)
    return True, tuple(notices)


def _run_deploy(
    folder: Path, entry: CertificateEntry, held: InstalledKeySet, state: DeployState, now: datetime
) -> tuple[DeployState, HookResult | None]:
    """Run `deploy` and record its outcome; return the new state and the result."""
    serial, failed = held.serial, _failed(state, held, entry, now)
    if entry.hooks.commands.get(HookStage.DEPLOY):
        # Before it runs: a command that kills the agent counts as failed. Otherwise every run would stop there.
        with contextlib.suppress(OSError):
            agent_state.save_deploy_state(folder, failed)
    end = hooks.run(HookStage.DEPLOY, entry.hooks, _about(folder, entry, held, state), folder, now)
    if end is not None and not end.ok:
        agent_state.save_deploy_state(folder, failed)
        _note(folder, now, EventType.DEPLOY_FAILED, serial)
        return failed, end
    state = DeployState(serial, after=bool(entry.hooks.commands.get(HookStage.AFTER)))
    agent_state.save_deploy_state(folder, state)
    _note(folder, now, EventType.DEPLOYED, serial)
    return state, end


def _run_after(
    folder: Path, entry: CertificateEntry, about: HookContext, state: DeployState, now: datetime
) -> HookResult | None:
    """Run `after`, and record that it ran."""
    end = hooks.run(HookStage.AFTER, entry.hooks, about, folder, now)
    agent_state.save_deploy_state(folder, replace(state, after=False))
    return end


def _about(folder: Path, entry: CertificateEntry, held: InstalledKeySet, state: DeployState) -> HookContext:
    customer = entry.customer_id
    if customer is None:
        with contextlib.suppress(ValueError):
            customer = generations.common_name(held.certificate)
    return HookContext(
        name=folder.name,
        customer_id=customer,
        serial=held.serial,
        old_serial=state.serial if state.serial != held.serial else None,
        not_after=held.span.not_after,
        live=folder / files.LIVE,
        generation=folder / files.GENERATIONS / held.serial,
    )


def _failed(state: DeployState, held: InstalledKeySet, entry: CertificateEntry, now: datetime) -> DeployState:
    tries = (state.tries if state.trying == held.serial else 0) + 1
    again = now + schedule.delay(tries, held.span)
    return replace(state, tries=tries, next_try=again, trying=held.serial, after=False, command=_digest(entry.hooks))


def _waited(state: DeployState, serial: str, now: datetime, entry: CertificateEntry | None) -> bool:
    """Return whether the deployment may be tried now.

    If the clock was set back, the deployment still waits no longer than the longest delay.
    """
    if state.trying != serial or state.next_try is None:
        return True
    if entry is not None and state.command != _digest(entry.hooks):
        return True  # a person has configured another command
    return now >= state.next_try or state.next_try - now > schedule.LONGEST_DELAY


def _done(folder: Path, serial: str) -> Message:
    return make_message(messages.DEPLOYED, name=folder.name, serial=serial)


def _again(folder: Path, serial: str, state: DeployState) -> Message:
    at = state.next_try or datetime.min.replace(tzinfo=UTC)
    return make_message(messages.DEPLOY_AGAIN, name=folder.name, serial=serial, folder=str(folder / files.LIVE), at=at)


def _has_commands(wanted: Hooks) -> bool:
    return any(wanted.commands.get(stage) for stage in (HookStage.DEPLOY, HookStage.AFTER))


def _digest(wanted: Hooks) -> str:
    return hashlib.sha256(json.dumps(wanted.commands.get(HookStage.DEPLOY, ())).encode()).hexdigest()


def _incomplete(folder: Path, entry: CertificateEntry) -> bool:
    try:
        return not generations.is_complete(folder, entry.files)
    except OSError:
        return True  # the deployment that follows reports it


def _serial(folder: Path) -> str | None:
    found = files.serial_in_use(folder)
    if found is not None or not files.exists(files.live_path(folder)):
        return found
    try:  # a copy, where links are forbidden
        return key_storage.serial_of(generations.certificate_in_use(folder))
    except (files.StoreError, ValueError):
        return None


def _note(folder: Path, now: datetime, event: EventType, serial: str) -> None:
    with contextlib.suppress(OSError):  # the log decides nothing
        event_log.append(folder, now, event, serial=serial)
