"""Driver of the authority: starts, strikes, kills and awaits its processes."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

from sinetti.infra.clock import monotonic_seconds
from tests.kills.clients import ROOT, Ended
from tests.support.programs import surroundings

WORKERS = ("--workers", "2") if find_spec("sinetti.server.supervisor") else ()
"""Option for two workers, if the command supports several."""

WITHIN = 60.0
"""Seconds within which every awaited event happens on a busy machine."""


@dataclass(slots=True)
class Zygote:
    """A process that has everything loaded and forks.

    Threads may share it. A lock serialises their orders.
    """

    process: "subprocess.Popen[str]"
    folder: Path
    environment: dict[str, str]
    number: int = 0
    _asking: Lock = field(default_factory=Lock)

    def start(self, strikes: Path, **told: Any) -> "Forked":
        """Start a process of the authority and return it.

        Its strikes are read from the folder `strikes`.
        """
        with self._asking:
            self.number += 1
            out, err = (self.folder / f"{self.number}.{end}" for end in ("out", "err"))
            order = {"strikes": str(strikes), "clock": str(self.folder / "clock"), "environment": self.environment}
            pid = self._ask({**order, "out": str(out), "err": str(err), **told})
        return Forked(self, pid, out, err)

    def run(self, *arguments: object, strikes: Path | None = None, **told: Any) -> Ended:
        """Run a command to its end, or to the point where it is struck."""
        words = [str(one) for one in arguments]
        return self.start(strikes or self.folder, argv=words, **told).ended()

    def does(self, *arguments: object) -> str:
        """Run a command that has to succeed, and return its output."""
        done = self.run(*arguments)
        assert done.code == 0, done.err
        return done.out

    def reap(self, pid: int) -> int:
        """Wait for a process and return its exit code, negative for a signal."""
        with self._asking:
            return self._ask({"wait": pid})

    def _ask(self, order: dict[str, Any]) -> int:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the program that starts the servers is gone"
        return int(line)


@dataclass(slots=True)
class Forked:
    """One process of the authority, with a group of its own."""

    zygote: Zygote
    pid: int
    out: Path
    err: Path
    code: int | None = None
    _handle: int = -1

    def __post_init__(self) -> None:
        """Open a pidfd, with which the process id stays valid until it is reaped."""
        self._handle = os.pidfd_open(self.pid)

    def over(self, within: float) -> bool:
        """Return True if the process ends within so many seconds, and reap it."""
        if self.code is None and select.select([self._handle], [], [], within)[0]:
            self.code = self.zygote.reap(self.pid)
            os.close(self._handle)
        return self.code is not None

    def ended(self) -> Ended:
        """Wait for the end of the process and return its result."""
        assert self.over(WITHIN), f"{self.pid} does not end: {self.err.read_text()[-2000:]}"
        return Ended(self.code, self.out.read_text(), self.err.read_text())

    def kill(self) -> None:
        """Kill the whole process group, to simulate a power loss."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            assert self.over(WITHIN)

    def kill_alone(self) -> None:
        """Kill the process alone, and wait until its children have ended."""
        children = self.children()
        os.kill(self.pid, signal.SIGKILL)
        assert self.over(WITHIN)
        until = monotonic_seconds() + WITHIN
        while left := [pid for pid in children if _lives(pid)]:
            assert monotonic_seconds() < until, f"{left} outlive their parent"
            sleep(0.005)

    def children(self) -> list[int]:
        """Return the child processes, if there are any."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(path.read_text().rpartition(")")[2].split()[1]) == self.pid:
                    found.append(int(path.parent.name))
        return found


@dataclass(slots=True)
class Node:
    """One server on a folder of the authority, at addresses of its own."""

    zygote: Zygote
    root: Path
    soap: int
    status: int
    strikes: Path
    process: Forked | None = None

    @property
    def url(self) -> str:
        """The address of the SOAP endpoint."""
        return f"http://127.0.0.1:{self.soap}/2017/10/CertificateServices"

    def begin(self) -> None:
        """Start the server without waiting for it."""
        for name in ("strike", "struck", "go"):
            (self.strikes / name).unlink(missing_ok=True)
        words = ("serve", "--dir", self.root, "--bind", f"127.0.0.1:{self.soap}", *WORKERS)
        argv = [str(word) for word in ("authority", *words, "--status-bind", f"127.0.0.1:{self.status}")]
        self.process = self.zygote.start(self.strikes, argv=argv)

    def start(self) -> None:
        """Serve, and wait until both ports accept connections.

        Raises AssertionError with the log if the server ends or does not listen.
        """
        self.begin()
        until = monotonic_seconds() + WITHIN
        while not (_listens(self.soap) and _listens(self.status)):
            assert not self.process.over(0.01), f"the server ended: {self.process.ended().err[-3000:]}"
            assert monotonic_seconds() < until, f"the server does not listen: {self.process.err.read_text()[-3000:]}"

    def strike(self, step: str, how: str, *, in_wave: bool = False) -> None:
        """Order a strike on the first process that reaches this step, or reaches it with several requests at once.

        `how` kills the process group (`group`), kills the process (`process`) or holds it there (`hold`).
        """
        for name in ("struck", "go"):
            (self.strikes / name).unlink(missing_ok=True)
        partial = self.strikes / "strike.new"
        partial.write_text(json.dumps({"step": step, "how": how, "wave": in_wave}))
        partial.rename(self.strikes / "strike")

    def wait_until_struck(self) -> None:
        """Wait until a process has reached the step."""
        until = monotonic_seconds() + WITHIN
        while not (self.strikes / "struck").exists():
            assert monotonic_seconds() < until, f"nobody came to {(self.strikes / 'strike').read_text()}"
            sleep(0.002)

    def go_on(self) -> None:
        """Let the held process go on."""
        (self.strikes / "go").touch()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def zygote(folder: Path, environment: dict[str, str]) -> Iterator[Zygote]:
    """Run the fork server of the authority while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.kills.server_program"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=surroundings({"LC_ALL": "C.UTF-8"}),
    ) as process:
        try:
            yield Zygote(process, folder, environment)
        finally:
            process.stdin.close()
            process.wait(10)
