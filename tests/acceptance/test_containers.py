"""The images and deploy/compose: docker-compose on podman, started with crun.

All of it runs in a mount and a network namespace of its own. The commands are those of the page.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.house.tree import DOCS, ROOT
from tests.support.postgres import skip_or_fail
from tests.support.programs import started, surroundings
from tests.support.tools import script

pytestmark = pytest.mark.timeout(1200)

IMAGES = ROOT / "build" / "image"
NAMES = list(script("image").IMAGES)
PAGE = (DOCS / "operators" / "containers.md").read_text(encoding="utf-8")
WITHIN = 300.0

ENGINE = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cat > /run/containers.conf <<'END'
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
firewall_driver = "iptables"
END
cat > /run/podman.sh <<'END'
#!/bin/sh
exec podman --root "$FOLDER/storage" --runroot /run/podman --tmpdir /run/podman-tmp "$@"
END
chmod 0755 /run/podman.sh
while sleep 1; do
  for one in $(/run/podman.sh ps --quiet); do /run/podman.sh healthcheck run "$one" || true; done > /dev/null 2>&1
done &
trap 'kill $(jobs -p); wait; exit' TERM
/run/podman.sh system service --time 0 unix:///run/podman.sock &
wait $!
"""
"""Script of the engine: podman's interface, and what starts health checks in the place of systemd's timers."""

DOCKER = r"""
docker() {
  if [ "$1" = compose ]; then shift; docker-compose "$@"; else /run/podman.sh "$@"; fi
}
"""
SEEN = """
print([line.split()[1] for line in open("/proc/1/status") if line.startswith(("Uid:", "CapBnd:", "NoNewPrivs:"))])
for name in ("/usr/x", "/etc/x", "/x"):
    try:
        open(name, "w")
    except OSError as error:
        print(error.strerror)
"""


def commands(marker: str) -> list[str]:
    """Return the commands of the page below a marker."""
    blocks = re.findall(rf"^<!-- test: {marker} -->\n((?:    .*\n)+)", PAGE, re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


@dataclass(slots=True)
class Engine:
    """podman's interface in namespaces of its own; `folder` has all files."""

    process: "subprocess.Popen[str]"
    folder: Path

    def run(self, command: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command of bash beside the engine, as in the checkout."""
        words = ["nsenter", "--mount", "--net", "--target", str(self.process.pid), f"--wdns={self.folder / 'work'}"]
        known = surroundings(
            {
                "DOCKER_HOST": "unix:///run/podman.sock",
                "CONTAINERS_CONF": "/run/containers.conf",
                "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
                "FOLDER": str(self.folder),
                "COMPOSE_FILE": "deploy/compose/compose.yaml",
            }
        )
        done = subprocess.run(
            [*words, "bash", "-e", "-o", "pipefail", "-c", DOCKER + command], capture_output=True, text=True, env=known,
            timeout=2 * WITHIN, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
        return done

    def until(self, command: str, expected: str) -> str:
        """Wait until a command prints `expected`; return what it printed."""
        deadline = monotonic_seconds() + WITHIN
        while expected not in (found := self.run(command, check=False)).stdout:
            assert monotonic_seconds() < deadline, (command, found.stdout, found.stderr)
            sleep(1)
        return found.stdout


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Iterator[Engine]:
    """Start the engine, and load the images."""
    for program in ("unshare", "podman", "crun", "docker-compose"):
        if os.geteuid() != 0 or not shutil.which(program):
            skip_or_fail(f"images run as root with {program} (scripts/packages image says how)")
    for name in NAMES:
        if not (IMAGES / f"{name}.docker.tar").is_file():
            skip_or_fail(f"build/image has no {name} (make image builds it)")
    folder = tmp_path_factory.mktemp("engine")
    (folder / "work").mkdir()
    for name in ("deploy", "build"):
        (folder / "work" / name).symlink_to(ROOT / name)
    known = surroundings({"FOLDER": str(folder), "CONTAINERS_CONF": "/run/containers.conf"})
    with (folder / "log").open("w") as log, started(
        ["unshare", "--mount", "--net", "--", "bash", "-c", ENGINE], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        text=True, env=known,
    ) as process:  # fmt: skip
        one = Engine(process, folder)
        try:
            one.until("test -S /run/podman.sock && echo there", "there")
            for name in NAMES:
                one.run(f"docker load --quiet --input build/image/{name}.docker.tar")
            one.run("docker compose up --detach")
            yield one
        finally:
            one.run("docker compose --profile client down --volumes", check=False)
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def shown(engine) -> dict[str, str]:
    """Run the commands of the page; return what the application says about the caller."""
    last = {command.partition(" ")[0]: engine.run(command).stdout for command in commands("rehearsal")}
    return json.loads(last["curl"])


def test_a_certificate_is_enrolled_and_let_through(engine, shown):
    assert (shown["Sinetti-Customer-Id"], shown["Sinetti-Channel"]) == ("0123456-7", "WS")
    without = (
        "curl --silent --cacert anchor.pem --resolve deliveries.example:8444:127.0.0.1 https://deliveries.example:8444/"
    )
    assert json.loads(engine.run(without).stdout)["reason"] == "certificate-missing"
    for name, path in {"people.example": "/", "certificates.example": "/2017/10/CertificateServices?wsdl"}.items():
        asked = f"curl --silent --fail --cacert anchor.pem --resolve {name}:443:127.0.0.1 'https://{name}{path}'"
        assert engine.run(asked).stdout
    assert "To: clerk@authority.example" in engine.until("docker compose logs --no-color mail", "clerk@")


SERVICES = ("authority", "gateway", "timers", "mail", "nginx", "database")


def test_no_process_has_rights(engine):
    python = [name for name in SERVICES if name not in {"nginx", "database"}]
    for name in python:
        seen = engine.run(f"docker compose exec -T {name} /usr/bin/python3 -c '{SEEN}'").stdout.splitlines()
        user, bounding, no_new = json.loads(seen[0].replace("'", '"'))
        assert (int(user) >= 10001, int(bounding, 16), no_new) == (True, 0, "1"), name
        assert seen[1:] == ["Read-only file system"] * 3, name
    for name in SERVICES:
        shell = engine.run(f"docker compose exec -T {name} /bin/sh -c true", check=False).returncode
        assert (shell == 0) == (name == "database"), name


def test_images_name_no_secret_and_one_check(engine):
    for name in NAMES:
        shown = json.loads(engine.run(f"docker image inspect localhost/{name}").stdout)[0]
        assert int(shown["User"].partition(":")[0]) >= 10001
        assert {one.partition("=")[0] for one in shown["Config"].get("Env", [])} <= {"LANG", "PATH", "PYTHONUNBUFFERED"}
    sinetti = json.loads(engine.run("docker image inspect localhost/sinetti").stdout)[0]
    assert "/usr/share/sinetti/health.py" in sinetti["Healthcheck"]["Test"]


def test_killed_stopped_and_made_anew_it_has_everything(engine, shown):
    """The register outlives a kill, and containers that are made anew."""
    engine.run("docker compose kill --signal KILL authority database")
    engine.run("docker compose down")
    engine.run("docker compose up --detach")
    listed = "docker compose exec -T authority sinetti authority status --dir /var/lib/sinetti/authority --customer-id"
    assert shown["Sinetti-Customer-Id"] in engine.run(f"{listed} {shown['Sinetti-Customer-Id']}").stdout
    engine.run("docker compose stop")
    codes = "docker inspect --format '{{.State.ExitCode}}' " + " ".join(f"sinetti-{name}-1" for name in SERVICES)
    assert set(engine.run(codes).stdout.split()) == {"0"}
    engine.run("docker compose down")
    engine.run("docker compose up --detach")
