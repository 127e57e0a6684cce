"""Programs of the holder that run before a renewal, at deployment and after it.

See docs/holders/agent.md. They run without a shell and without standard input. After a timeout, the program and its
child processes are killed. The last 64 KiB of the output are kept, and the last lines of a failed program's output are
reported with the failure.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Thread
from typing import IO

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Hooks, HookStage
from sinetti.client.store import event_log, files
from sinetti.client.store.event_log import EventType
from sinetti.infra import clock, file_permissions
from sinetti.infra.clock import format_instant
from sinetti.infra.environment import for_child
from sinetti.infra.file_permissions import RightsError

FOLDER = "hooks"

LARGEST = 64 * 1024
"""Octets of output that are kept: the last ones."""

LINES, LONGEST_LINE = 10, 200
"""Number of lines of a failed program's output in a report, and their length."""

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Sequences that control a terminal (ECMA-48: CSI and OSC)."""

GRACE = 2.0
"""Seconds between the request to terminate and the kill.

Also the wait for the rest of the output after the program has ended.
"""

OURS_ALONE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
"""Variables that the service manager sets for the agent alone.

A hook that inherited them could send notifications in the agent's name.
"""


@dataclass(frozen=True)
class HookContext:
    """Context of a hook run.

    `serial`: of the set in use (stage `before`) or of the set to be deployed; None if there is no set. `is_test`: the
    run is logged as a test, and its output is kept apart.
    """

    name: str
    customer_id: str | None
    serial: str | None
    old_serial: str | None
    not_after: datetime | None
    live: Path
    generation: Path | None
    is_test: bool = False


@dataclass(frozen=True)
class HookResult:
    """Outcome of a program: success or not, and the message about it.

    `word` is its end in English. `output` has the last lines of a failed program.
    """

    stage: HookStage
    ok: bool
    message: Message
    word: str
    output: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The message, and one for each line of the output."""
        name = self.message.values["name"]
        return self.message, *(
            make_message(messages.ABOUT_NAME, name=name, message=f"| {text}") for text in self.output
        )


@dataclass(frozen=True)
class _Ended:
    """End of a program.

    `why` is None for exit code 0; `word` is for the log, in English.
    """

    why: Message | None
    word: str


def run(stage: HookStage, hooks: Hooks, about: HookContext, folder: Path, now: datetime) -> HookResult | None:
    """Run the program of a stage, wait for its end, and log the outcome.

    `folder` is the folder of the name. Return None if the stage has no program. A log that cannot be written does not
    stop the program. Never raises for a failure of the program. If this process is interrupted, it kills the program
    before it passes the interruption on.
    """
    command = hooks.commands.get(stage)
    if not command:
        return None
    path = folder / FOLDER / (f"{stage.value}-test.log" if about.is_test else f"{stage.value}.log")
    begun = clock.monotonic_seconds()
    _keep(path, _text(stage, command, now, None, b""))
    output = _OutputTail()
    ended = _run(command, environment(stage, about), hooks.timeout, output)
    end = now + timedelta(seconds=round(clock.monotonic_seconds() - begun))
    _keep(path, _text(stage, command, now, (end, ended.word), output.octets()))
    lines = () if ended.why is None else last_lines(output.octets())
    event = EventType.HOOK_TESTED if about.is_test else EventType.HOOK
    facts = {"stage": stage.value, "result": ended.word, "program": command[0]}
    with contextlib.suppress(OSError):
        event_log.append(folder, end, event, **facts, **({event_log.OUTPUT: "\n".join(lines)} if lines else {}))
    if ended.why is None:
        done = make_message(messages.HOOK_DONE, name=about.name, stage=stage.value)
        return HookResult(stage, ok=True, message=done, word=ended.word)
    failed = make_message(messages.HOOK_FAILED, name=about.name, stage=stage.value, why=ended.why, log=str(path))
    return HookResult(stage, ok=False, message=failed, word=ended.word, output=lines)


def last_lines(octets: bytes) -> tuple[str, ...]:
    """Return the last lines of an output that are not empty, as text for a terminal.

    Octets that are not UTF-8 become U+FFFD. Control sequences and characters are removed, and long lines are cut.
    """
    text = _ESCAPE.sub("", octets.decode(errors="replace"))
    lines = [line for one in text.splitlines() if (line := messages.strip_control_chars(one))]
    return tuple(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines[-LINES:])


def environment(stage: HookStage, about: HookContext) -> dict[str, str]:
    """Return a hook's environment: the agent's, and those in docs/holders/agent.md.

    None of them is secret.
    """
    until = about.not_after
    return for_child(without=OURS_ALONE) | {
        "SINETTI_STAGE": stage.value,
        "SINETTI_NAME": about.name,
        "SINETTI_CUSTOMER_ID": about.customer_id or "",
        "SINETTI_SERIAL": about.serial or "",
        "SINETTI_OLD_SERIAL": about.old_serial or "",
        "SINETTI_NOT_AFTER": "" if until is None else format_instant(until),
        # A program may change its working directory, and the path of the store may be relative to the agent's.
        "SINETTI_LIVE": str(about.live.absolute()),
        "SINETTI_GENERATION": "" if about.generation is None else str(about.generation.absolute()),
    }


class _OutputTail:
    """Last octets of an output, read by a thread.

    The thread is needed because a program may leave a process behind that keeps its pipe open.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._lock = Lock()

    def read(self, stream: IO[bytes]) -> None:
        """Read to the end, keeping the last octets."""
        with stream, contextlib.suppress(OSError):
            while octets := os.read(stream.fileno(), LARGEST):
                with self._lock:
                    self._kept += octets
                    del self._kept[:-LARGEST]

    def octets(self) -> bytes:
        """Return the octets kept so far."""
        with self._lock:
            return bytes(self._kept)


def _run(command: Sequence[str], environment: Mapping[str, str], timeout: timedelta, output: _OutputTail) -> _Ended:
    open_to_others = _open_to_others(command[0])
    if open_to_others is not None:
        why = make_message(messages.HOOK_OPEN, path=open_to_others)
        return _Ended(why, f"could not be started: other users can change {open_to_others}")
    try:
        # A command comes from the holder's own configuration; no shell interprets it.
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            **files.SYSTEM.new_process_group(),
        )
    except (OSError, ValueError) as bad:  # ValueError: a NUL in an argument
        why = make_message(
            messages.HOOK_NOT_STARTED,
            program=messages.strip_control_chars(command[0]),
            why=error_reasons.translate_reason(bad),
        )
        return _Ended(why, f"could not be started: {bad}")
    reader = Thread(target=output.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        process.wait(timeout.total_seconds())
    except subprocess.TimeoutExpired:
        files.SYSTEM.kill_process_tree(process, GRACE)
        seconds = round(timeout.total_seconds())
        return _Ended(make_message(messages.HOOK_TIMEOUT, seconds=seconds), f"killed after {seconds} s")
    except BaseException:
        files.SYSTEM.kill_process_tree(process, 0)
        raise
    finally:
        reader.join(GRACE)
    return _ended(process.returncode)


def _open_to_others(program: str) -> str | None:
    """Return the program or its folder if every user can write it.

    A missing program is reported at its start.
    """
    with contextlib.suppress(OSError, ValueError):
        found = shutil.which(program)
        try:
            if found is not None:
                file_permissions.check_program(Path(found))
        except RightsError as bad:
            return str(bad.path)
    return None


def _ended(code: int) -> _Ended:
    if code == 0:
        return _Ended(None, "exit code 0")
    if code > 0:
        return _Ended(make_message(messages.HOOK_EXIT, code=code), f"exit code {code}")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return _Ended(make_message(messages.HOOK_SIGNAL, signal=name), f"signal {name}")


def _text(
    stage: HookStage, command: Sequence[str], start: datetime, end: tuple[datetime, str] | None, output: bytes
) -> bytes:
    lines = [
        f"stage: {stage.value}",
        f"command: {' '.join(map(repr, command))}",
        f"started: {format_instant(start)}",
    ]
    lines += ["ended: not yet"] if end is None else [f"ended: {format_instant(end[0])}", f"result: {end[1]}"]
    return ("\n".join(lines) + "\n\n").encode(errors="backslashreplace") + output


def _keep(path: Path, octets: bytes) -> None:
    with contextlib.suppress(OSError):
        files.make_folder(path.parent)
        files.write_atomic(path, octets)
