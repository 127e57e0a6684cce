"""The real server: `sinetti authority serve`, with as many workers as there are processors in the marks."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from bench.clusters import free_port
from sinetti.clock import ticks

_STARTS_WITHIN = 300.0
"""Seconds; with a million certificates in register and journal the comparison at the start takes a while."""


@contextmanager
def served(root: Path, workers: int) -> Iterator[list[int]]:
    """Serve an authority while the block runs; gives the ports of the SOAP door.

    Where `serve` has no --workers yet, as many single processes stand on ports of their own.
    """
    many = "--workers" in _help()
    starts = [["--workers", str(workers)]] if many else [[] for _ in range(workers)]
    ports, running, logs = [], [], []
    try:
        for options in starts:
            ports.append(free_port())
            log = TemporaryFile()  # noqa: SIM115 - closed below, with its process
            command = [sys.executable, "-m", "sinetti", "authority", "serve", "--dir", str(root), *options]
            command += ["--bind", f"127.0.0.1:{ports[-1]}", "--status-bind", "127.0.0.1:0"]
            running.append(subprocess.Popen(command, stderr=log))
            logs.append(log)
        for process, log in zip(running, logs, strict=True):
            _wait(process, log)
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)
        for log in logs:
            log.close()


def _help() -> str:
    command = [sys.executable, "-m", "sinetti", "authority", "serve", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _wait(process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
    deadline = ticks() + _STARTS_WITHIN
    while True:
        said = Path(f"/proc/self/fd/{log.fileno()}").read_bytes()
        if b"Ready: SOAP on " in said:
            return
        if process.poll() is not None or ticks() > deadline:
            sentence = f"the server did not start: {said.decode(errors='replace')[-2000:]}"
            raise RuntimeError(sentence)
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
