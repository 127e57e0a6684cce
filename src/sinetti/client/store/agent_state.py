"""State of the agent and of deployment per name: `agent.json` and `deploy.json`.

Neither decides anything about certificates; the journal does that. If a file is lost or damaged, only the knowledge of
delays is lost, or a deployment is repeated. A file with one unreadable member is damaged as a whole. Every view shows
that, and the agent makes the file anew.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sinetti.client.model import RenewalInfoState
from sinetti.client.results import ExitCode
from sinetti.client.store import files
from sinetti.infra import records

AGENT = "agent.json"
DEPLOY = "deploy.json"

_TWICE = 2
_MOST = 10**9
"""Largest number of failures: one in each second for a life."""

_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class AgentState:
    """State that a run of the agent leaves for the next run, about one name.

    `serial`: the certificate that it is about, None for a first enrolment. `failures`: number in a row. `codes` and
    `exit_code`: those of the last failure. `informed_serial`: the serial for which a person was informed that a
    replacement is needed. `ask_again`: time of the next poll for a hint. `received`: time at which a run installed the
    certificate, None if something else did. `by_hint`: the last renewal by a run was opened by a hint alone.
    `is_clock_ahead`: the certificate is expired by the clock here, and not by that of the service.
    """

    serial: str | None = None
    failures: int = 0
    next_try: datetime | None = None
    codes: tuple[str, ...] = ()
    exit_code: ExitCode = ExitCode.DONE
    informed_serial: str | None = None
    hint: RenewalInfoState | None = None
    ask_again: datetime | None = None
    received: datetime | None = None
    by_hint: bool = False
    is_clock_ahead: bool = False

    def for_serial(self, serial: str | None) -> "AgentState":
        """Return the state of this certificate.

        Of the state of another certificate, only an early opening by a hint is kept.
        """
        return self if self.serial == serial else AgentState(serial, by_hint=self.by_hint)


NOTHING = AgentState()


@dataclass(frozen=True)
class DeployState:
    """Progress of the deployment of a name.

    `serial`: deployed last; None: none was deployed yet. `trying`: serial whose deployment failed `tries` times and is
    retried from `next_try`. `after`: the `after` command of `serial` has not run yet. `command`: digest of the deploy
    command that failed.
    """

    serial: str | None = None
    tries: int = 0
    next_try: datetime | None = None
    trying: str | None = None
    after: bool = False
    command: str | None = None


def load_agent_state(folder: Path | str) -> AgentState:
    """Return the agent's state of a name.

    It is NOTHING itself if the file is missing or damaged.
    """
    try:
        raw = _read(folder, AGENT)
        return AgentState(serial=_text(raw["serial"]), **{name: parse(raw) for name, parse in _AGENT_FIELDS.items()})
    except _FAULTS:
        return NOTHING


def save_agent_state(folder: Path, state: AgentState) -> None:
    """Write the agent's state of a name atomically, not flushed.

    If the disk refuses, the run goes on without it.
    """
    hint = state.hint
    raw: dict[str, object] = {
        "serial": state.serial,
        "failures": state.failures,
        "next_try": state.next_try,
        "codes": state.codes,
        "exit": state.exit_code,
        "told": state.informed_serial,
        "hint": None,
        "received": state.received,
        "by_hint": state.by_hint,
        "clock_ahead": state.is_clock_ahead,
    }
    if hint is not None or state.ask_again is not None:
        raw["hint"] = {
            **({"start": None, "end": None, "explanation": None} if hint is None else asdict(hint)),
            "ask_again": state.ask_again,
        }
    with contextlib.suppress(OSError):
        files.write_atomic(folder / AGENT, records.dump(raw, None, is_ascii=False), is_durable=False)


def load_deploy_state(folder: Path | str) -> DeployState | None:
    """Return the deployment state of a name; None if the file is missing or damaged."""
    try:
        raw = _read(folder, DEPLOY)
        return DeployState(**{name: parse(raw) for name, parse in _DEPLOY_FIELDS.items()})
    except _FAULTS:
        return None


def damaged_files(folder: Path | str) -> tuple[str, ...]:
    """Return the names of the two files that are there and cannot be read."""
    is_damaged = {AGENT: load_agent_state(folder) is NOTHING, DEPLOY: load_deploy_state(folder) is None}
    return tuple(name for name, found in is_damaged.items() if found and os.path.lexists(f"{folder}/{name}"))


def hold_back(folder: Path, serial: str) -> bool:
    """Record that the set in use lacks a file, so that all views show it.

    Its programs deploy it once the file is there. Return False if that was recorded twice before: at the renewal and
    by a run. Raises OSError.
    """
    state = load_deploy_state(folder) or DeployState()
    save_deploy_state(folder, DeployState(tries=state.tries + 1, trying=serial))
    return state.trying != serial or state.tries < _TWICE


def save_deploy_state(folder: Path, state: DeployState) -> None:
    """Write the deployment state of a name atomically. Raises OSError."""
    raw = {
        "serial": state.serial,
        "tries": state.tries,
        "next": state.next_try,
        "trying": state.trying,
        "after": state.after,
        "command": state.command,
    }
    files.write_atomic(folder / DEPLOY, records.dump(raw))


def _read(folder: Path | str, name: str) -> dict[str, Any]:
    raw = records.json_of(files.octets_of(f"{folder}/{name}"))
    if not isinstance(raw, dict):
        raise TypeError(name)
    return raw


def _failures(raw: Mapping[str, Any]) -> int:
    if not isinstance(raw["failures"], int) or raw["failures"] > _MOST:
        raise TypeError(raw)
    return max(raw["failures"], 0)


def _codes(raw: Mapping[str, Any]) -> tuple[str, ...]:
    if not isinstance(raw["codes"], list):
        raise TypeError(raw)
    return tuple(str(code) for code in raw["codes"])


def _hint(raw: Mapping[str, Any]) -> RenewalInfoState | None:
    hint = raw["hint"]
    if hint is None or hint["start"] is None:
        return None
    start, end = _instant(hint["start"]), _instant(hint["end"])
    if start is None or end is None or end <= start:
        return None
    return RenewalInfoState(start, end, _text(hint["explanation"]))


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(value)
    return value


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _instant(value: object) -> datetime | None:
    return None if value is None else records.instant_of(value)


# Files of earlier releases lack the members that are read with `get`.
_AGENT_FIELDS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "failures": _failures,
    "next_try": lambda raw: _instant(raw["next_try"]),
    "codes": _codes,
    "exit_code": lambda raw: ExitCode(raw["exit"]),
    "informed_serial": lambda raw: _text(raw["told"]),
    "hint": _hint,
    "ask_again": lambda raw: None if raw["hint"] is None else _instant(raw["hint"]["ask_again"]),
    "received": lambda raw: _instant(raw.get("received")),
    "by_hint": lambda raw: raw.get("by_hint") is True,
    "is_clock_ahead": lambda raw: raw.get("clock_ahead") is True,
}
_DEPLOY_FIELDS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "serial": lambda raw: _text_or_none(raw.get("serial")),
    "tries": lambda raw: records.count_of(raw["tries"]),
    "next_try": lambda raw: _instant(raw["next"]),
    "trying": lambda raw: _text_or_none(raw.get("trying")),
    "after": lambda raw: bool(raw.get("after")),
    "command": lambda raw: _text_or_none(raw.get("command")),
}
