"""Point-in-time recovery of PostgreSQL from its archived log, as deploy/postgresql.md says, and reconcile after it."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import sleep

import psycopg
import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.acceptance.test_rolling_upgrade import ORDERS_SCRIPT, Version
from tests.house.tree import ROOT
from tests.support.ports import reserve_ports
from tests.support.postgres import (
    NAME,
    create_database,
    find_binaries,
    find_owner,
    initialise,
    start,
    stop,
    wait_until_up,
)
from tests.support.programs import new_key

pytestmark = pytest.mark.timeout(1800)

CUSTOMER, WITHIN = "0123456-7", 60.0
PAGE = (ROOT / "deploy" / "postgresql.md").read_text(encoding="utf-8")


def _setting(name: str) -> str:
    """Return the line of the page with a setting."""
    return next(line.strip() for line in PAGE.splitlines() if line.strip().startswith(f"{name} = "))


class Cluster:
    """A cluster whose log is archived, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Make its files and its archive."""
        self.folder, self.archive, self.port = folder, folder / "archive", reserve_ports(1)[0]
        self.binaries, self.owner = find_binaries(), find_owner()
        password = "archived"
        initialise(self.binaries, folder, self.owner, password)
        self.archive.mkdir(mode=0o700)
        if self.owner:
            shutil.chown(self.archive, self.owner)
        self.url = f"postgresql://{NAME}:{password}@127.0.0.1:{self.port}"
        self.password = password
        self.configure("postgresql.conf", *map(self._here, map(_setting, ("archive_mode", "archive_command"))))

    def _here(self, line: str) -> str:
        return line.replace("/archive/", f"{self.archive}/")

    def configure(self, name: str, *lines: str) -> None:
        """Add lines to a file of settings."""
        with (self.folder / "data" / name).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run the server, and yield the URL of its databases."""
        server = start(self.binaries, self.folder, self.owner, self.port)
        try:
            wait_until_up(f"{self.url}/postgres", server, self.folder)
            yield self.url
        finally:
            stop(server)

    def copy(self) -> None:
        """Make the base copy in the archive."""
        command = [self.binaries / "pg_basebackup", "--pgdata", self.archive / "base", "--checkpoint", "fast"]
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", NAME]
        known = {"PGPASSWORD": self.password}
        subprocess.run([*command, *place], user=self.owner, cwd="/", env=known, check=True, capture_output=True)

    def recover(self, moment: datetime) -> None:
        """Put the base copy in place, to be recovered up to a moment."""
        data = self.folder / "data"
        data.rename(self.folder / "lost")
        command = ["cp", "-a", str(self.archive / "base"), str(data)]
        subprocess.run(command, user=self.owner, cwd="/", check=True)
        target = f"recovery_target_time = '{moment.isoformat(sep=' ')}'"
        self.configure(
            "postgresql.auto.conf",
            self._here(_setting("restore_command")),
            target,
            _setting("recovery_target_action"),
        )
        (data / "recovery.signal").touch()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Yield a cluster, and remove its files."""
    folder = Path(tempfile.mkdtemp(prefix="sinetti-recovery-"))
    try:
        yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_comes_back_to_a_moment_and_the_journals_add_the_rest(cluster, tmp_path):
    root = tmp_path / "authority"
    with cluster.running() as url:
        present = Version(ROOT, create_database(f"{url}/postgres", "register"))
        addresses = ("--base-url", "http://pki.example", "--soap-url", "https://soap.example")
        present.authority("init", "--dir", root, "--environment", "TEST", *addresses)
        organisation = ("--dir", root, "--customer-id", CUSTOMER)
        present.authority("organisation", "add", *organisation, "--kind", "artificial", "--name", "A Oy")
        present.authority("organisation", "approve", *organisation, "--channel", "WS")
        orders = json.loads(present.does("-c", ORDERS_SCRIPT, root, CUSTOMER, 5))
        with present.serving(root) as holder:
            answers = [holder.new(orders[0], new_key())]
            cluster.copy()
            answers.append(holder.new(orders[1], new_key()))
            moment = _now(present.database)
            answers += [holder.new(ids, new_key()) for ids in orders[2:4]]
            certificates = [holder.fetched(answer) for answer in answers]
            _archive(cluster, url)
    cluster.recover(moment)
    with cluster.running():
        _wait_for_recovery(present.database)
        assert _count(present.database) == 2
        refused = present.run("serve", "--dir", root)
        assert refused.returncode == 5
        assert "run sinetti authority reconcile" in refused.stderr
        back = json.loads(present.authority("reconcile", "--dir", root, "--json"))
        assert (len(back["restored"]), back["failed"]) == (4, [])  # two that are missing, two that were retrieved later
        with present.serving(root) as holder:
            assert [holder.fetched(answer) for answer in answers] == certificates
            assert not holder.new(orders[3], new_key()).status_ok
            assert holder.new(orders[4], new_key()).status_ok
        present.authority("audit", "verify", "--dir", root)
        assert _count(present.database) == 5


def _now(url: str) -> datetime:
    sleep(0.1)
    with psycopg.connect(url) as connection:
        (now,) = connection.execute("SELECT clock_timestamp()").fetchone()
    sleep(0.1)
    return now


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM sinetti_certificate").fetchone()
    return count


def _archive(cluster: Cluster, url: str) -> None:
    """Wait until the present file of the log is in the archive."""
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        (name,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    deadline = monotonic_seconds() + WITHIN
    while not (cluster.archive / name).exists():
        assert monotonic_seconds() < deadline, (cluster.folder / "log").read_text(errors="replace")
        sleep(0.1)


def _wait_for_recovery(url: str) -> None:
    deadline = monotonic_seconds() + WITHIN
    while True:
        with psycopg.connect(url) as connection:
            if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                return
        assert monotonic_seconds() < deadline
        sleep(0.1)
