"""Temporary PostgreSQL cluster of a test run, on loopback.

The cluster is in a temporary folder, which is deleted at the end. Each xdist worker that needs a cluster starts its
own (about a second). Without PostgreSQL the tests that need it are skipped with a reason. With
SINETTI_REQUIRE_EVERYTHING set (as `.ci/run` does) they fail.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import psycopg
import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.support.ports import reserve_ports

NAME = "sinetti"
START_WITHIN = 60.0
"""Seconds."""

MEMORY = Path("/dev/shm")  # noqa: S108 - each cluster makes a folder of its own there, 0700
ROOM = 2 * 1024**3
"""Free octets that MEMORY needs for a cluster; a run's cluster takes a tenth."""

SETTINGS = {
    # The program refuses a database with fsync or synchronous_commit off (database/connection.py). The folder in memory
    # makes both cheap.
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
}


class PostgresMissingError(Exception):
    """PostgreSQL cannot be started here; the message has the reason."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Yield the URL of an empty database whose user may create others.

    Its form is `postgresql://…@127.0.0.1:PORT/sinetti`.
    """
    try:
        binaries = find_binaries()
        owner = find_owner()
    except PostgresMissingError as missing:
        skip_or_fail(f"PostgreSQL tests: {missing}")
    with cluster(binaries, owner) as url:
        yield url


@contextmanager
def cluster(binaries: Path, owner: str | None) -> Iterator[str]:
    """Run a new cluster while the block runs, and delete it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="sinetti-postgres-", dir=place()))
    password = secrets.token_hex(16)
    try:
        initialise(binaries, folder, owner, password)
        (port,) = reserve_ports(1)
        server = start(binaries, folder, owner, port)
        try:
            url = f"postgresql://{NAME}:{password}@127.0.0.1:{port}"
            wait_until_up(f"{url}/postgres", server, folder)
            yield create_database(f"{url}/postgres", NAME)
        finally:
            stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place() -> Path | None:
    """Return the folder for clusters: MEMORY if it has room, else None.

    In memory fsync costs nothing. None means the default folder for temporary files.
    """
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM else None


def create_database(url: str, name: str, like: str = "template1") -> str:
    """Create a database as a copy of another and return its URL.

    `url` is that of a database on the same server.
    """
    statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.format(psycopg.sql.Identifier(name), psycopg.sql.Identifier(like)))
    return f"{url.rpartition('/')[0]}/{name}"


@contextmanager
def careless(url: str, **settings: str) -> Iterator[None]:
    """Change settings of the run's server while the block runs.

    Each process of the run has a server of its own.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        _reload(connection, settings)
        try:
            yield
        finally:
            before = {name: _default(connection, name) for name in settings}
            for name in settings:
                connection.execute(f"ALTER SYSTEM RESET {name}")
            _reload(connection, before)


def _default(connection: "psycopg.Connection[tuple[str, ...]]", name: str) -> str:
    (value,) = connection.execute("SELECT boot_val FROM pg_settings WHERE name = %s", [name]).fetchone() or ("",)
    return value


def _reload(connection: "psycopg.Connection[tuple[str, ...]]", settings: dict[str, str]) -> None:
    """Let the server reload its settings, and wait until it has."""
    connection.execute("SELECT pg_reload_conf()")
    deadline = monotonic_seconds() + START_WITHIN
    while any(connection.execute(f"SHOW {name}").fetchone() != (value,) for name, value in settings.items()):
        assert monotonic_seconds() < deadline, settings
        sleep(0.02)


def find_binaries() -> Path:
    """Return the folder with `initdb` and `postgres`.

    The search path comes first, then the newest version of Debian's. Raises PostgresMissingError if there is none.
    """
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    sentence = "initdb and postgres are not installed (scripts/packages test says how)"
    raise PostgresMissingError(sentence)


def find_owner() -> str | None:
    """Return the user that the server must run as, or None for the current user.

    PostgreSQL refuses to run as root, so that root starts it as `postgres`. Raises PostgresMissingError if that user
    is missing.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        sentence = "the tests run as root, and there is no user postgres for the server to run as"
        raise PostgresMissingError(sentence) from None


def skip_or_fail(sentence: str) -> None:
    """Skip with this reason, or fail if SINETTI_REQUIRE_EVERYTHING is set."""
    if os.environ.get("SINETTI_REQUIRE_EVERYTHING"):  # noqa: TID251 - a switch of the test run, not of the program
        pytest.fail(sentence)
    pytest.skip(sentence)


def initialise(binaries: Path, folder: Path, owner: str | None, password: str) -> None:
    """Create the files of a cluster that requires a password.

    All local users share loopback, so every connection has to authenticate.
    """
    secret = folder / "password"
    secret.write_text(password, encoding="ascii")
    if owner:
        shutil.chown(folder, owner)
        shutil.chown(secret, owner)
    command = [
        str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", NAME, "--pwfile", str(secret),
        "--auth", "password", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(command, user=owner, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def start(binaries: Path, folder: Path, owner: str | None, port: int) -> subprocess.Popen[bytes]:
    """Start the server.

    Where `setpriv` exists, the server also ends if this process is killed.
    """
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    if setpriv := shutil.which("setpriv"):
        command = [setpriv, "--pdeathsig", "INT", *command]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, user=owner, cwd="/", stdout=log, stderr=log)


def wait_until_up(url: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the server answers, or fail with its log."""
    deadline = monotonic_seconds() + START_WITHIN
    while True:
        try:
            psycopg.connect(url, connect_timeout=60).close()
        except psycopg.OperationalError:
            log = (folder / "log").read_text(errors="replace")
            assert server.poll() is None, log
            assert monotonic_seconds() < deadline, log
            sleep(0.05)
        else:
            return


def stop(server: subprocess.Popen[bytes]) -> None:
    """Stop at once; connections are cut and no data is kept."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(START_WITHIN)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(START_WITHIN)
