"""A PostgreSQL cluster of the benchmark's own.

It is as durable as in production: fsync and synchronous_commit are on.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import psycopg

from sinetti.infra.clock import monotonic_seconds

SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}
"""Settings that differ from PostgreSQL's defaults.

Checkpoints are as far apart as in production, so none falls into a run.
"""

_START_WITHIN = 30.0


class PostgresMissing(RuntimeError):
    """Raised where PostgreSQL is not installed."""


@contextmanager
def cluster() -> Iterator[str]:
    """Create a cluster, run it while the block runs, and remove it.

    Yields the URL of its database `postgres`. Raises PostgresMissing if PostgreSQL is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        sentence = "PostgreSQL is not installed: scripts/packages bench"
        raise PostgresMissing(sentence)
    binaries, owner = found[-1].parent, "postgres" if os.geteuid() == 0 else None
    folder, password = Path(tempfile.mkdtemp(prefix="sinetti-bench-")), secrets.token_hex(16)
    port = free_port()
    try:
        _initialise(binaries, folder, owner, password)
        with _running(binaries, folder, owner, port) as server:
            url = f"postgresql://bench:{password}@127.0.0.1:{port}/postgres"
            _wait(url, server)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(url: str) -> str:
    """Create a database in the cluster and return its URL."""
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


def free_port() -> int:
    """Return a loopback port on which no process listens at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _initialise(binaries: Path, folder: Path, owner: str | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="ascii")
    if owner:
        shutil.chown(folder, pwd.getpwnam(owner).pw_name)
        shutil.chown(secret, owner)
    command = [
        str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "bench", "--pwfile", str(secret),
        "--auth", "password", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
    ]  # fmt: skip
    subprocess.run(command, user=owner, cwd="/", capture_output=True, check=True)


@contextmanager
def _running(binaries: Path, folder: Path, owner: str | None, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    if setpriv := shutil.which("setpriv"):  # if possible, the cluster ends with this process even after a kill
        command = [setpriv, "--pdeathsig", "INT", *command]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, user=owner, cwd="/", stdout=log, stderr=log)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(30)


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic_seconds() + _START_WITHIN
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if server.poll() is not None or monotonic_seconds() > deadline:
                raise
            sleep(0.05)
        else:
            return
