"""The container of docs/holders/agent.md: its Dockerfile and its command, run by podman in docker's place.

Debian's Python stands in for the image python:3.13-slim, and wheels on the disk for those of PyPI.
"""

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.house.tree import DOCS, ROOT
from tests.support.machine import FILES, FRESH, NAMESPACE, demand_machine
from tests.support.programs import CUSTOMER, running, surroundings
from tests.support.web_servers import tool

pytestmark = pytest.mark.timeout(600)  # the image is built

PAGE = (DOCS / "holders" / "agent.md").read_text(encoding="utf-8")
LINES = re.search(r"^    FROM .*?(?=^\w)", PAGE, re.DOTALL | re.MULTILINE)[0].replace("\n    ", "\n").strip()
DOCKERFILE, _, COMMANDS = LINES.partition("\n\n")
COMMAND = COMMANDS.strip()

PODMAN = f"""
{FRESH}
cat > /run/containers.conf <<'END'
[containers]
cgroups = "disabled"
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
END
export CONTAINERS_CONF=/run/containers.conf
build() {{ docker build --quiet --isolation chroot --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@" >&2; }}
docker() {{ podman --root "$FOLDER/images" --runroot /run/podman --tmpdir /run/podman-tmp "$@"; }}
tar -C root -c --exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./var/cache --exclude=./var/lib/apt . |
  docker import --quiet - localhost/debian > /dev/null
build --tag python:3.13-slim - <<'END'
FROM localhost/debian
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /usr/local
END
build --pull=never --volume {shlex.quote(str(FILES))}/wheels:/mnt/wheels:ro \\
  --tag sinetti-agent "$CONTEXT"
"""

AS_DOCKER = "--detach --name agent --read-only-tmpfs=false"
"""Options of the test; the last is docker's only way."""

RUN = rf"""
docker run --rm --interactive --entrypoint sinetti --volume sinetti:/store --volume "$GIVEN:/given:ro" sinetti-agent \
  enrol payroll --store /store --service "$SERVICE" --environment TEST --customer-id 0123456-7 \
  --trust-services /given/services.pem --trust-holders /given/holders.pem \
  --transfer-id "$TRANSFER_ID" --transfer-password-file - >&2
{COMMAND.replace("docker run", f"docker run {AS_DOCKER}").replace("IMAGE", "sinetti-agent")} > /dev/null
for _ in $(seq 300); do docker logs agent 2>&1 | grep -q "Next action" && break; sleep 0.1; done
docker exec agent sh -c \
  'exec 2>&1; touch /usr/x /tmp/x; id -un; grep -E "CapBnd|NoNewPrivs" /proc/self/status; ls /store'
docker stop agent > /dev/null
docker inspect --format '{{{{.State.ExitCode}}}}' agent
docker logs agent 2>&1
"""


def test_the_image_runs_without_rights_and_stops_at_once(tmp_path):
    demand_machine()
    context, place, given = (tmp_path / name for name in ("context", "machine", "given"))
    for folder in (context, place, given):
        folder.mkdir()
    make = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", f"--find-links={FILES}/wheels"]
    subprocess.run([*make, "--wheel-dir", context, ROOT], check=True)
    (context / "Dockerfile").write_text(DOCKERFILE + "\n", encoding="utf-8")
    with running(tmp_path / "bench", "--http") as bench:
        ids = bench.order(**CUSTOMER)
        for role in ("services", "holders"):
            shutil.copyfile(bench.ready["trust"][role], given / f"{role}.pem")
        known = {
            "FOLDER": str(place), "CONTEXT": str(context), "GIVEN": str(given),
            "SERVICE": bench.ready["soap_url"], "TRANSFER_ID": ids["transfer_id"],
        }  # fmt: skip
        tool("podman")
        done = subprocess.run(
            [*NAMESPACE, "bash", "-e", "-c", PODMAN + RUN], input=ids["transfer_password"] + "\n", text=True,
            capture_output=True, env=surroundings(known), timeout=240, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    *inside, code, first, then, _ = [line for line in done.stdout.splitlines() if "stopping" not in line.lower()] + [""]
    assert inside == [
        "touch: cannot touch '/usr/x': Read-only file system",
        "touch: cannot touch '/tmp/x': Read-only file system",
        "sinetti",
        f"CapBnd:\t{0:016}",
        "NoNewPrivs:\t1",
        "payroll",
    ]
    assert (code, first) == ("0", "1 certificate: 1 up to date, 0 renewed, 0 pending.")
    assert then.startswith("Next action:")
