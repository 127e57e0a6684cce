"""The real server: `sinetti authority serve`.

It has as many workers as there are processors in the marks.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from bench.clusters import free_port
from sinetti.infra.clock import monotonic_seconds

_STARTS_WITHIN = 300.0
"""Seconds until the server must have started.

With a million certificates in database and journal, the comparison at the start takes a while.
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: the port of SOAP, the parent process and its log so far."""

    port: int
    process: "subprocess.Popen[bytes]"
    _log: IO[bytes]

    @property
    def log(self) -> str:
        """Log of the server so far."""
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_bytes().decode(errors="replace")


@contextmanager
def served(root: Path, workers: int, *options: str) -> Iterator[Served]:
    """Serve an authority while the block runs.

    `options` are options of `serve` beside those for workers and addresses.
    """
    port = free_port()
    command = [sys.executable, "-m", "sinetti", "authority", "serve", "--dir", str(root), "--workers", str(workers)]
    command += ["--bind", f"127.0.0.1:{port}", "--status-bind", "127.0.0.1:0", *options]
    with TemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            one = Served(port, process, log)
            _wait(one)
            yield one
        finally:
            process.terminate()
            process.wait(30)


def _wait(one: Served) -> None:
    deadline = monotonic_seconds() + _STARTS_WITHIN
    while "Ready: SOAP on " not in one.log:
        if one.process.poll() is not None or monotonic_seconds() > deadline:
            sentence = f"the server did not start: {one.log[-2000:]}"
            raise RuntimeError(sentence)
        try:
            one.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
