"""State of the agent and of deployment per name: `agent.json` and `deploy.json`.

Neither decides what a certificate is. A file that is missing, cut short or of another shape counts as empty, and the
agent writes it anew in its next run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sinetti.client import decoder
from sinetti.client.store import files

AGENT = "agent.json"
DEPLOY = "deploy.json"


@dataclass(frozen=True, slots=True)
class StoredRenewalInfo:
    """Window that the service suggests for renewal (RFC 9773, 4.2).

    From `start` to `end`, UTC.
    """

    start: datetime
    end: datetime
    explanation: str | None = None
    ask_again: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentState:
    """State that a run of the agent leaves for the next run.

    `told`: the serial whose replacement was reported to a person.
    """

    failures: int = 0
    next_try: datetime | None = None
    codes: tuple[str, ...] = ()
    told: str | None = None
    hint: StoredRenewalInfo | None = None


@dataclass(frozen=True, slots=True)
class DeployState:
    """Progress of deployment.

    `serial`: the certificate that programs use; None: none was deployed yet.
    """

    serial: str | None = None
    tries: int = 0
    next_try: datetime | None = None


def load_agent_state(folder: Path | str, serial: str | None) -> AgentState | None:
    """Return the agent's state of a name whose certificate in use has this serial.

    None if nothing readable is there, or if it is about another certificate.
    """
    raw = _read(folder, AGENT)
    if raw is None or ("serial" in raw and raw["serial"] != serial):
        return None
    codes = raw.get("codes")
    return AgentState(
        failures=_count(raw.get("failures")),
        next_try=_instant(raw.get("next_try")),
        codes=tuple(one for one in codes if isinstance(one, str)) if isinstance(codes, list) else (),
        told=_text(raw.get("told")),
        hint=_hint(raw.get("hint")),
    )


def load_deploy_state(folder: Path | str) -> DeployState | None:
    """Return the deployment state; None if nothing readable is there."""
    raw = _read(folder, DEPLOY)
    if raw is None:
        return None
    return DeployState(_text(raw.get("serial")), _count(raw.get("tries")), _instant(raw.get("next")))


def _read(folder: Path | str, name: str) -> Mapping[str, object] | None:
    try:
        raw = decoder.json_of(files.octets_of(Path(folder, name)))
    except (OSError, ValueError):
        return None
    return raw if isinstance(raw, dict) else None


def _hint(raw: object) -> StoredRenewalInfo | None:
    if not isinstance(raw, dict):
        return None
    start, end = _instant(raw.get("start")), _instant(raw.get("end"))
    if start is None or end is None:
        return None
    return StoredRenewalInfo(start, end, _text(raw.get("explanation")), _instant(raw.get("ask_again")))


def _instant(raw: object) -> datetime | None:
    try:
        return decoder.instant_of(raw)
    except ValueError:
        return None


def _text(raw: object) -> str | None:
    return raw if isinstance(raw, str) and raw else None


def _count(raw: object) -> int:
    return raw if isinstance(raw, int) and raw > 0 else 0
