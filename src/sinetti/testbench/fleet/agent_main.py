"""One agent of a fleet: makes a pass, as `sinetti run` does, at each instant that stands on a line of its input.

A line of its output says how the pass ended. It ends with its input, and leaves Ctrl-C to whoever started it. Pauses
between two questions are short: it is the bench's time that passes.
"""

import json
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from threading import Event

from sinetti.client.agent import report, runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.runner import NameResult
from sinetti.client.agent.worker import AgentContext
from sinetti.client.config.apply import sync_settings
from sinetti.client.config.loader import read
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.client.model import Config
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.results import ExitCode
from sinetti.client.store.files import StoreLocked
from sinetti.domain.values import Language
from sinetti.infra import clock

_LONGEST_PAUSE = 0.05
_PATIENCE = 1.0
"""Seconds for a certificate that is not ready: the next pass fetches it."""


class _Log:
    """Hears how a pass goes, and writes it into the log that whoever started this keeps."""

    def begin(self, total: int) -> None:
        """Hear for how many names something may have to be done: it shows."""

    def done(self, row: NameResult) -> None:
        """Hear of one name."""
        for message in report.result_messages(row):
            _tell(message)


def main() -> None:
    """Make a pass for each line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = read(Path(sys.argv[1]))
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_pass(config, datetime.fromisoformat(line.strip())))}\n")
        sys.stdout.flush()


def _pass(config: Config, now: datetime) -> dict[str, object]:
    """Make a pass at `now`; its exit code and when something is due next, as JSON has them."""
    run = ClientContext(config.store, now, Language.EN, _tell, _pause, clock.monotonic_seconds, _PATIENCE)
    agent = AgentContext(run, config, ConfiguredHooks(), sync_settings, now_given=True)
    try:
        ended = runner.run_once(agent, Event(), _Log())
    except StoreLocked as locked:
        _tell(locked.message)
        return {"exit": int(ExitCode.STORE), "due": None}
    return {"exit": int(ended.exit_code), "due": None if ended.next_due is None else ended.next_due.isoformat()}


def _tell(message: Message) -> None:
    sys.stderr.write(f"{messages.render(message, Language.EN)}\n")


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, _LONGEST_PAUSE))


if __name__ == "__main__":
    main()
