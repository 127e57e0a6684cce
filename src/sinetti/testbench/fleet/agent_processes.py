"""Agents of a fleet: `sinetti run` in a process of its own, at the instants that it is told (runner.py)."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sinetti.client.results import ExitCode
from sinetti.testbench.fleet.story_runner import StoryBroken

_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class AgentRunEnd:
    """How a pass ended: its exit code, and when it says that something is due next, None for never."""

    exit_code: ExitCode
    due: datetime | None


class Agents:
    """So many agents over the same store, while the block lasts; they end with this process, however it ends."""

    def __init__(self, config: Path, count: int) -> None:
        """Start them; `config` is their sinetti.toml."""
        command = [sys.executable, "-m", "sinetti.testbench.fleet.agent_main", str(config)]
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
        """Let all of them make a pass at once, at `now` of the bench's clock. Raises StoryBroken where one died."""
        for process in self._processes:
            # One that is gone is told below: it gives no line.
            with contextlib.suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.write(f"{now.isoformat()}\n")
                    process.stdin.flush()
        return [self._ended(process) for process in self._processes]

    def _ended(self, process: "subprocess.Popen[str]") -> AgentRunEnd:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            said = Path(self._log.name).read_text(encoding="utf-8")[-_SHOWN:]
            sentence = f"an agent ended by itself; the last that it said:\n{said}"
            raise StoryBroken(sentence)
        told = json.loads(line)
        return AgentRunEnd(ExitCode(told["exit"]), None if told["due"] is None else datetime.fromisoformat(told["due"]))
