"""Driver of the client: runs commands in separate processes and kills them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import surroundings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Kill:
    """Point at which SIGKILL ends a run.

    It is a step of the journal, a change to the disk, or a number of seconds.
    """

    step: str | None = None
    change: int | None = None
    after: float | None = None


NEVER = Kill()


@dataclass(frozen=True, slots=True)
class Ended:
    """Result of a run; `code` is negative for a signal."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """True if SIGKILL ended the run."""
        return self.code == -signal.SIGKILL

    @property
    def row(self) -> dict:
        """The only row of its JSON output."""
        (row,) = json.loads(self.out)
        return row


@dataclass(slots=True)
class Clients:
    """Runner of the client, one command at a time."""

    process: "subprocess.Popen[str]"
    folder: Path

    def run(self, *arguments: object, kill: Kill = NEVER) -> Ended:
        """Run a command to its end, or to the point where it is killed."""
        out, err = self.folder / "out", self.folder / "err"
        words = [str(one) for one in arguments]
        order = {"argv": words, "out": str(out), "err": str(err), "store": words[words.index("--store") + 1]}
        order |= {"step": kill.step, "change": kill.change, "after": kill.after}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the program that starts the clients is gone"
        return Ended(int(line), out.read_text(), err.read_text())


@contextmanager
def clients(folder: Path) -> Iterator[Clients]:
    """Run the fork server of the client while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.kills.program"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=surroundings({"LC_ALL": "C.UTF-8"}),
    ) as process:
        try:
            yield Clients(process, folder)
        finally:
            process.stdin.close()
            process.wait(10)
