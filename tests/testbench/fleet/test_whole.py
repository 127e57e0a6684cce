"""A larger fleet, as `sinetti demo-fleet` plays 200.

The tests cover its results that are kept, and its end when the user interrupts it.
"""

import re
import signal
import subprocess
from pathlib import Path
from time import sleep

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.support.programs import program, ran, started, surroundings

WITHIN = 400
ORGANISATIONS = 60


@pytest.mark.rare
@pytest.mark.timeout(WITHIN + 20)
def test_sixty_organisations(tmp_path):
    command = program("demo-fleet", "--organisations", ORGANISATIONS, "--lang", "fi", "--seed", 1)
    known = surroundings({"TMPDIR": str(tmp_path)})
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False, env=known)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
    summary = "Organisaatioita: 60, varmenteita: 270, 4 vuotta "
    assert done.stdout.splitlines()[-1].startswith(summary)
    assert len(re.findall(r"^\S+ klo \S+ +uusittu: ", done.stdout, re.MULTILINE)) > 15, "the calendar is seen to move"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(150)
def test_what_is_kept_can_be_looked_at(tmp_path):
    kept = tmp_path / "kept"
    done = subprocess.run(
        program("demo-fleet", "--organisations", 2, "--keep", kept, "--json"),
        capture_output=True,
        check=False,
        timeout=140,
    )
    assert done.returncode == 0, done.stderr
    assert {"bench", "store", "sinetti.toml", "bench.log", "agents.log"} <= {one.name for one in kept.iterdir()}
    looked = ran("status", "--store", kept / "store", "--now", "2031-01-14T16:00:00Z", "--lang", "en")
    assert looked.returncode == 0
    assert "org-0001" in looked.stdout + looked.stderr


@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 130, marks=pytest.mark.rare), (signal.SIGKILL, -9)],
)
@pytest.mark.parametrize("line", [r"nothing due", r"^2\. "], ids=["with one agent", "with a meddler"])
def test_ended_early_it_takes_all_along(how, code, line, tmp_path):
    command = program("demo-fleet", "--organisations", 8, "--lang", "en")
    known = surroundings({"TMPDIR": str(tmp_path)})
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=known) as fleet:
        next(one for one in fleet.stdout if re.search(line, one))
        below = children(fleet.pid)
        assert below
        fleet.send_signal(how)
        assert fleet.wait(60) == code
    for one in below:
        assert_ends(one)
    if how != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def assert_ends(pid):
    deadline = monotonic_seconds() + 60
    place = Path(f"/proc/{pid}/cmdline")
    while place.exists() and place.read_bytes():
        assert monotonic_seconds() < deadline, "something runs on"
        sleep(0.05)
