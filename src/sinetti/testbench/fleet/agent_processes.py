"""Agents of a fleet: `sinetti run` in a process of its own (runner.py).

An agent makes a pass, as `sinetti run` does, for each line of its input, at the instant on that line. A line of its
output reports the end of the pass. The process ends when its input ends, and leaves Ctrl-C to its parent process.
Pauses between two questions are short, because it is the bench's time that passes.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from sinetti.client.agent import runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.runner import NameResult
from sinetti.client.agent.worker import AgentContext
from sinetti.client.config.apply import sync_settings
from sinetti.client.config.loader import read
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.client.model import Config
from sinetti.client.reporting import run_report
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.results import ExitCode
from sinetti.client.store.files import StoreLocked
from sinetti.domain.values import Language
from sinetti.infra import clock
from sinetti.testbench.fleet.story_runner import StoryBroken

_SHOWN = 2000


@dataclass(frozen=True)
class AgentRunEnd:
    """End of a pass: exit code, and when the next action is due, or None for never."""

    exit_code: ExitCode
    due: datetime | None


class Agents:
    """A number of agents over the same store, which run while the block lasts.

    They end with this process, however it ends.
    """

    def __init__(self, config: Path, count: int) -> None:
        """Start the agents; `config` is their sinetti.toml."""
        command = [sys.executable, "-m", "sinetti.testbench.fleet.agent_processes", str(config)]
        self._log = config.with_name("agents.log").open("a", encoding="utf-8")
        self._processes = [
            subprocess.Popen(  # noqa: S603 - our own program, words of our own
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
            )
            for _ in range(count)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            if kind is not None:
                process.kill()
            process.communicate()  # ends its input, and with that the agent
        self._log.close()

    def pass_at(self, now: datetime) -> Sequence[AgentRunEnd]:
        """Let all agents make a pass at once, at `now` of the bench's clock.

        Raises StoryBroken if one of them ended.
        """
        for process in self._processes:
            # An agent that is gone is reported below: it gives no line.
            with contextlib.suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.write(f"{now.isoformat()}\n")
                    process.stdin.flush()
        return [self._ended(process) for process in self._processes]

    def _ended(self, process: "subprocess.Popen[str]") -> AgentRunEnd:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            log_tail = Path(self._log.name).read_text(encoding="utf-8")[-_SHOWN:]
            raise StoryBroken(f"an agent stopped unexpectedly; its last lines:\n{log_tail}")
        reported = json.loads(line)
        return AgentRunEnd(
            ExitCode(reported["exit"]), None if reported["due"] is None else datetime.fromisoformat(reported["due"])
        )


_LONGEST_PAUSE = 0.05
_PATIENCE = 1.0
"""Seconds to wait for a certificate that is not ready; the next pass retrieves it."""


class _Log:
    """Listener that writes the events of a pass into the log of the parent process."""

    def begin(self, total: int) -> None:
        """Set the number of names that may need an action; it is shown."""

    def done(self, row: NameResult) -> None:
        """Log the result of one name."""
        for message in run_report.result_messages(row):
            _write_message(message)


def main() -> None:
    """Make a pass for each line of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = read(Path(sys.argv[1]))
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_pass(config, datetime.fromisoformat(line.strip())))}\n")
        sys.stdout.flush()


def _pass(config: Config, now: datetime) -> dict[str, object]:
    """Make a pass at `now`.

    Returns, as JSON members, its exit code and when the next action is due.
    """
    run = ClientContext(config.store, now, Language.EN, _write_message, _pause, clock.monotonic_seconds, _PATIENCE)
    agent = AgentContext(run, config, ConfiguredHooks(), sync_settings, now_given=True)
    try:
        ended = runner.run_once(agent, Event(), _Log())
    except StoreLocked as locked:
        _write_message(locked.message)
        return {"exit": int(ExitCode.STORE), "due": None}
    return {"exit": int(ended.exit_code), "due": None if ended.next_due is None else ended.next_due.isoformat()}


def _write_message(message: Message) -> None:
    sys.stderr.write(f"{messages.render(message, Language.EN)}\n")


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, _LONGEST_PAUSE))


if __name__ == "__main__":
    main()
