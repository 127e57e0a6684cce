"""PostgreSQL cluster with durable commits, which tests stop and restart."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.ports import reserve_ports
from tests.support.postgres import (
    NAME,
    create_database,
    find_binaries,
    find_owner,
    initialise,
    stop,
    wait_until_up,
)

SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "200", "shared_buffers": "64MB"}
"""Settings of the server; all others have their defaults.

So fsync and synchronous_commit are on. Without them a restart would lose answered requests.
"""


@dataclass(slots=True)
class Cluster:
    """A running PostgreSQL."""

    binaries: Path
    owner: str | None
    folder: Path
    port: int
    password: str
    server: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The URL of the database `postgres`, which always exists."""
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers; it ends with this process."""
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-k", str(self.folder)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "INT", *command]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(command, user=self.owner, cwd="/", stdout=log, stderr=log)
        wait_until_up(self.url, self.server, self.folder)

    def stop(self) -> None:
        """Stop the server as `pg_ctl stop -m immediate` does.

        Connections are cut, and the next start has to recover.
        """
        stop(self.server)

    def cut(self, database: str) -> int:
        """Cut all connections to a database and return their number."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            ours = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
            (number,) = connection.execute(ours, [database]).fetchone()
            return int(number)

    def make(self, name: str) -> str:
        """Create an empty database and return its URL."""
        return create_database(self.url, name)

    def drop(self, name: str) -> None:
        """Drop a database, to simulate the loss of a machine."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a new cluster while the block runs, and delete it at the end.

    Raises PostgresMissingError if PostgreSQL is missing.
    """
    binaries, owner = find_binaries(), find_owner()
    folder, password = Path(tempfile.mkdtemp(prefix="sinetti-chaos-")), secrets.token_hex(16)
    try:
        initialise(binaries, folder, owner, password)
        one = Cluster(binaries, owner, folder, reserve_ports(1)[0], password)
        one.start()
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
