"""A Debian 13 machine that systemd has booted, in namespaces of this one.

`scripts/machine` makes its files below build/machine. The machine changes an overlay in memory, so that each begins
anew. It shares the network, where a bench listens on loopback.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.house.tree import ROOT
from tests.support.postgres import skip_or_fail
from tests.support.programs import started

FILES = ROOT / "build" / "machine"
BARE = ROOT / "build" / "machine-packages"
"""Files of the machine without the agent's programs, on which Debian packages are installed."""

EMPTY = ROOT / "build" / "machine-authority"
"""The same, with the files of the packages that deploy/README.md installs beside ours."""

WITHIN = 60.0
"""Seconds for the boot, and for each command."""

NAMESPACE = ("unshare", "--mount", "--")
ENVIRONMENT = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "PIP_NO_INDEX=1",
               "PIP_FIND_LINKS=/mnt/wheels", "PIP_DISABLE_PIP_VERSION_CHECK=1")  # fmt: skip

FRESH = f"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/nspawn /run/lock
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs "$FOLDER"
cd "$FOLDER"
mkdir upper work root
mount -t overlay overlay -o lowerdir="${{FILES:-{FILES}}}/root",upperdir=upper,workdir=work root
"""
"""Script of a mount namespace: a new machine's files in $FOLDER/root, and cgroups as new machines have them."""

CLONE = f"""
mkdir -p root/usr/local/src/sinetti
git -C {shlex.quote(str(ROOT))} ls-files -z --cached --others --exclude-standard |
  (cd {shlex.quote(str(ROOT))} && xargs -0 ls -d 2>/dev/null | tar -c -T -) | tar -x -C root/usr/local/src/sinetti
"""
"""Continuation that copies the clone, as it would be committed, to the place that the page of systemd names."""

BOOT = """
trap 'kill $!; wait $!; exit' TERM
code=133
while [ "$code" = 133 ]; do
  code=0
  systemd-nspawn --boot --register=no --keep-unit --quiet --resolv-conf=off --timezone=off --console=pipe \\
    $OPTIONS --bind="$GIVEN":/mnt/given --directory="$FOLDER/root" &
  wait $! || code=$?
done
"""
"""Continuation that boots the machine, and again where it ends for a reboot (133)."""


@dataclass(slots=True)
class Machine:
    """A booted machine; `given` is the folder that it has at /mnt/given."""

    process: "subprocess.Popen[str]"
    given: Path

    def run(self, script: str, *, text: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a script of bash as root of the machine, with `text` as its standard input."""
        enter = [
            "nsenter",
            "--all",
            "--target",
            str(self._first()),
            *ENVIRONMENT,
            "bash",
            "-e",
            "-c",
            f"cd /; {script}",
        ]
        done = subprocess.run(enter, input=text, capture_output=True, text=True, timeout=4 * WITHIN, check=False)
        assert not check or done.returncode == 0, (script, done.stdout, done.stderr)
        return done

    def says(self, script: str) -> str:
        """Return what a script prints."""
        return self.run(script).stdout.strip()

    def until(self, script: str, expected: str = "", within: float = WITHIN) -> None:
        """Wait until a script ends with 0, and prints `expected` if that is given."""
        deadline = monotonic_seconds() + within
        done = self.run(script, check=False)
        while done.returncode or expected not in done.stdout:
            assert monotonic_seconds() < deadline, (script, done.stdout, done.stderr, self.says("journalctl -n 50"))
            sleep(0.1)
            done = self.run(script, check=False)

    def until_up(self) -> None:
        """Wait until the machine has booted."""
        deadline = monotonic_seconds() + WITHIN
        while monotonic_seconds() < deadline and self.process.poll() is None:
            up = self.run("systemctl is-system-running", check=False).stdout.strip() if self._first() else ""
            if up in {"running", "degraded"}:  # degraded: a unit failed
                return
            sleep(0.1)
        pytest.fail("the machine did not boot")

    def reboot(self) -> None:
        """Boot the machine again."""
        before = self._first()
        self.run("systemctl --no-block reboot")
        deadline = monotonic_seconds() + WITHIN
        while self._first() in {0, before}:
            assert monotonic_seconds() < deadline
            sleep(0.1)
        self.until_up()

    def _first(self) -> int:
        """Return the process that is the machine's first, or 0."""
        return _child(_child(self.process.pid))


def _child(process: int) -> int:
    """Return the first child of a process, or 0."""
    try:
        return int(next(iter(Path(f"/proc/{process}/task/{process}/children").read_text().split()), 0))
    except OSError:
        return 0


def demand_machine(files: Path = FILES) -> None:
    """Skip or fail the test where no machine with these files can be booted."""
    if os.geteuid() != 0 or not shutil.which("systemd-nspawn"):
        skip_or_fail("a machine needs root and systemd-nspawn (scripts/packages judges says how)")
    if not (files / ".installed").is_file():
        skip_or_fail("the files of the machine are not there (scripts/machine makes them)")
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        skip_or_fail("a machine needs a mount namespace")


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Boot a machine with the clone, and switch it off at the end. `folder` is for its files."""
    with _booted(folder, FILES, f"--bind-ro={FILES}/wheels:/mnt/wheels", CLONE) as machine:
        yield machine


@contextmanager
def booted_bare(folder: Path, files: Path = BARE) -> Iterator[Machine]:
    """Boot a machine without the clone and with a network of its own; otherwise as `booted`."""
    with _booted(folder, files, "--private-network", "") as machine:
        yield machine


@contextmanager
def _booted(folder: Path, files: Path, options: str, before: str) -> Iterator[Machine]:
    """Boot a machine with some options of systemd-nspawn after a script that completes its files."""
    demand_machine(files)
    given, place = folder / "given", folder / "machine"
    given.mkdir()
    place.mkdir()
    paths = {"FOLDER": str(place), "GIVEN": str(given), "FILES": str(files), "OPTIONS": options}
    known = {**os.environ, **paths}  # noqa: TID251 - a child of the test run
    command = [*NAMESPACE, "bash", "-c", FRESH + before + BOOT]
    with (folder / "console").open("w") as log, started(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, env=known
    ) as process:  # fmt: skip
        one = Machine(process, given)
        try:
            one.until_up()
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN)
