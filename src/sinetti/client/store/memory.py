"""Memory of a name between runs of the agent: `DIR/NAME/agent.json`.

It decides nothing about certificates; the journal does that. If it is lost, damaged or about another certificate, only
the knowledge of delays is lost. It is therefore written atomically, but not flushed.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sinetti.client import decoder
from sinetti.client.model import RenewalInfoState
from sinetti.client.results import ExitCode
from sinetti.client.store import files

FILE = "agent.json"


@dataclass(frozen=True, slots=True)
class AgentMemory:
    """Memory of one name.

    `serial`: the certificate that it is about, None for a first enrolment. `failures`: number in a row. `codes` and
    `exit_code`: those of the last failure. `told`: the serial for which a person was informed that a replacement is
    needed. `ask_again`: time of the next poll for a hint. `received`: time at which a run installed the certificate,
    None if something else did. `by_hint`: the last renewal by a run was opened by a hint alone.
    """

    serial: str | None = None
    failures: int = 0
    next_try: datetime | None = None
    codes: tuple[str, ...] = ()
    exit_code: ExitCode = ExitCode.DONE
    told: str | None = None
    hint: RenewalInfoState | None = None
    ask_again: datetime | None = None
    received: datetime | None = None
    by_hint: bool = False


NOTHING = AgentMemory()


def load(octets: bytes) -> AgentMemory:
    """Read the memory; empty for malformed input."""
    try:
        raw = decoder.json_of(octets)
        return AgentMemory(
            serial=_text(raw, "serial"),
            failures=max(int(raw["failures"]), 0),
            next_try=_instant(raw["next_try"]),
            codes=tuple(str(code) for code in raw["codes"]),
            exit_code=ExitCode(raw["exit"]),
            told=_text(raw, "told"),
            hint=_hint(raw["hint"]),
            ask_again=None if raw["hint"] is None else _instant(raw["hint"]["ask_again"]),
            # Files of earlier releases lack both.
            received=_instant(raw.get("received")),
            by_hint=raw.get("by_hint") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return NOTHING


def about(known: AgentMemory, serial: str | None) -> AgentMemory:
    """Return the memory of this certificate.

    Of the memory of another certificate, only an early opening by a hint is kept.
    """
    return known if known.serial == serial else AgentMemory(serial, by_hint=known.by_hint)


def read(name_folder: Path) -> AgentMemory:
    """Read the memory of a name; empty if the file cannot be read."""
    try:
        return load(files.octets_of(name_folder / FILE))
    except OSError:
        return NOTHING


def store(name_folder: Path, known: AgentMemory) -> None:
    """Write the memory of a name atomically.

    If the disk refuses, the run goes on without it.
    """
    write_private(name_folder / FILE, dump(known))


def write_private(path: Path, octets: bytes) -> None:
    """Write a private file atomically, without flushing.

    If the disk refuses, no part of it remains.
    """
    beside = path.with_name(f".{path.name}.new")
    with contextlib.suppress(OSError):
        try:
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(octets)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def dump(known: AgentMemory) -> bytes:
    """Write the memory as JSON; `load` returns the same value."""
    hint = known.hint
    raw: dict[str, object] = {
        "serial": known.serial,
        "failures": known.failures,
        "next_try": _written(known.next_try),
        "codes": list(known.codes),
        "exit": int(known.exit_code),
        "told": known.told,
        "hint": None,
        "received": _written(known.received),
        "by_hint": known.by_hint,
    }
    if hint is not None or known.ask_again is not None:
        raw["hint"] = {
            "start": None if hint is None else _written(hint.start),
            "end": None if hint is None else _written(hint.end),
            "explanation": None if hint is None else hint.explanation,
            "ask_again": _written(known.ask_again),
        }
    return (json.dumps(raw, ensure_ascii=False) + "\n").encode()


def _hint(raw: Mapping[str, object] | None) -> RenewalInfoState | None:
    if raw is None or raw["start"] is None:
        return None
    start, end = _instant(raw["start"]), _instant(raw["end"])
    if start is None or end is None or end <= start:
        return None
    return RenewalInfoState(start, end, _text(raw, "explanation"))


def _text(raw: Mapping[str, object], name: str) -> str | None:
    value = raw[name]
    if value is not None and not isinstance(value, str):
        raise TypeError(name)
    return value


def _instant(raw: object) -> datetime | None:
    return None if raw is None else decoder.instant_of(raw)


def _written(at: datetime | None) -> str | None:
    # Not by strftime: it writes the year 1 of a false hint with one digit, which no parser accepts.
    return None if at is None else at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
