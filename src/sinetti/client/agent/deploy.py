"""Deployment of a new set by the holder's programs, retried until it succeeds.

`DIR/NAME/deploy.json` records the serial that was deployed last (docs/holders/agent.md). The agent writes it before the
`deploy` command runs, as if the command had failed, and again after it succeeded. If a run ends in between, the next
run repeats the command when the delay is over. The command must therefore be repeatable. A failure undoes nothing.
"""

import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sinetti.client.agent import hooks
from sinetti.client.agent.hooks import HookContext
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import CertificateEntry, Format, Hooks, HookStage
from sinetti.client.store import agent_state, event_log, files, generations, key_storage
from sinetti.client.store.agent_state import DeployState
from sinetti.client.store.event_log import EventType
from sinetti.client.store.generations import InstalledKeySet
from sinetti.client.store.java_keystores import JavaStoreError
from sinetti.pki.signers import SignerUnavailable

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=5), timedelta(days=1)
"""Delay after a failure: doubled each time, up to a day."""


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
        _hold_back(folder, entry, now)
        return False, (make_message(messages.ABOUT_NAME, name=folder.name, message=bad.message),)
    except files.StoreError as bad:
        return False, (bad.message,)
    except SignerUnavailable as bad:
        return False, (
            make_message(messages.TOKEN_UNUSABLE, name=folder.name, why=error_reasons.translate_reason(str(bad))),
        )
    except OSError as bad:
        where = str(bad.filename or folder)
        return False, (make_message(messages.STORE_UNUSABLE, path=where, why=error_reasons.translate_reason(bad)),)


def _hold_back(folder: Path, entry: CertificateEntry, now: datetime) -> None:
    """Record that the set in use waits for a file, so that all views show it."""
    state, serial = agent_state.load_deploy_state(folder) or DeployState(), _serial(folder)
    if serial is None:
        return
    with contextlib.suppress(OSError):
        # No serial: the programs deploy the certificate once more, with the new file. No command: without a delay.
        failed = replace(_failed(state, serial, entry, now), serial=None, command=None)
        agent_state.save_deploy_state(folder, failed)
        if state.trying != serial:
            facts = {"serial": serial, "format": Format.JKS.value, "program": "keytool"}
            event_log.append(folder, now, EventType.DEPLOY_FAILED, **facts)


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
        failed = _failed(state, held.serial, entry, now)
        if entry.hooks.commands.get(HookStage.DEPLOY):
            # Before it runs: a command that kills the agent counts as failed. Otherwise every run would stop there.
            with contextlib.suppress(OSError):
                agent_state.save_deploy_state(folder, failed)
        end = hooks.run(HookStage.DEPLOY, entry.hooks, about, folder, now)
        if end is not None and not end.ok:
            agent_state.save_deploy_state(folder, failed)
            _note(folder, now, EventType.DEPLOY_FAILED, held.serial)
            return False, (end.message, _again(folder, held.serial, failed))
        state = DeployState(held.serial, after=bool(entry.hooks.commands.get(HookStage.AFTER)))
        agent_state.save_deploy_state(folder, state)
        _note(folder, now, EventType.DEPLOYED, held.serial)
        notices.append(make_message(messages.DEPLOYED, name=folder.name, serial=held.serial))
    if state.after:
        end = hooks.run(HookStage.AFTER, entry.hooks, about, folder, now)
        agent_state.save_deploy_state(folder, replace(state, after=False))
        if end is not None and not end.ok:  # reported once: the set is in use, and nothing depends on this command
            return False, (*notices, end.message)
    return True, tuple(notices)


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


def _failed(state: DeployState, serial: str, entry: CertificateEntry, now: datetime) -> DeployState:
    tries = (state.tries if state.trying == serial else 0) + 1
    delay = min(FIRST_DELAY * 2 ** min(tries - 1, 16), LONGEST_DELAY)
    return replace(state, tries=tries, next_try=now + delay, trying=serial, after=False, command=_digest(entry.hooks))


def _waited(state: DeployState, serial: str, now: datetime, entry: CertificateEntry | None) -> bool:
    """Return whether the deployment may be tried now.

    If the clock was set back, the deployment still waits no longer than the longest delay.
    """
    if state.trying != serial or state.next_try is None:
        return True
    if entry is not None and state.command != _digest(entry.hooks):
        return True  # a person has configured another command
    return now >= state.next_try or state.next_try - now > LONGEST_DELAY


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
