"""A parent and its processes, with the simplest there are: how a start fails, and how long it waits for the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sinetti.supervising import FIRST_DELAY
from tests.support.serving import lives, until

PARENT = """
import logging, os, signal, sys, time
from sinetti.supervising import NotStarted, Role, Supervisor
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)

def dies(_ready): os._exit(3)
def stays(ready):
    print("pid", os.getpid(), flush=True)
    ready()
    signal.pause()
def deaf(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stays(ready)
def breaks(_ready): raise RuntimeError("broken")

roles = [Role(name, globals()[name]) for name in sys.argv[1].split(",")]
following = iter(sys.argv[2:])
def reload():
    name = next(following, None)
    return None if name is None else [Role("stays", globals()[name])]
try:
    Supervisor(roles, reload).run(lambda: print("ready", flush=True))
except NotStarted as failed:
    print(failed, flush=True)
    os._exit(1)
print("over", flush=True)
os._exit(0)
"""


@pytest.fixture
def started(tmp_path):
    """Start a parent with roles; gives its process and what it has said."""
    running = []

    def start(*arguments):
        said = tmp_path / f"said-{len(running)}"
        with said.open("w") as out:
            running.append(
                subprocess.Popen([sys.executable, "-W", "ignore", "-c", PARENT, *arguments], stdout=out, stderr=out)
            )
        return running[-1], said

    yield start
    for process in running:
        process.kill()
        process.wait()


def pids(said: Path):
    return [int(line.split()[1]) for line in said.read_text().splitlines() if line.startswith("pid ")]


@pytest.mark.parametrize("role", ["dies", "breaks"])
def test_a_start_that_fails_ends_what_has_started(role, started):
    process, said = started(f"stays,{role}")
    assert process.wait(30) == 1
    assert f"{role} ended by itself" in said.read_text()
    assert "ready" not in said.read_text().split()
    until(lambda: not any(lives(pid) for pid in pids(said)))


def test_what_dies_again_and_again_is_started_after_growing_delays(started):
    process, said = started("stays")
    until(lambda: "ready" in said.read_text())
    for times in range(4):
        os.kill(pids(said)[-1], signal.SIGKILL)
        until(lambda lives=times + 2: len(pids(said)) == lives)
    delays = [line.rpartition(" in ")[2] for line in said.read_text().splitlines() if "again in" in line]
    assert delays == [f"{FIRST_DELAY * 2**times:.1f} s" for times in range(4)]
    process.terminate()
    assert process.wait(10) == 0


def test_who_does_not_hear_is_killed_in_time(started):
    process, said = started("deaf")
    until(lambda: "ready" in said.read_text())
    process.terminate()
    process.terminate()
    assert process.wait(5.0) == 0
    assert not lives(pids(said)[0])


def test_an_exchange_that_fails_changes_nothing_and_the_next_may_work(started):
    process, said = started("stays", "dies", "stays")
    until(lambda: "ready" in said.read_text())
    (first,) = pids(said)
    process.send_signal(signal.SIGHUP)
    until(lambda: "nothing is exchanged" in said.read_text())
    assert lives(first)
    process.send_signal(signal.SIGHUP)
    until(lambda: "1 processes have taken over" in said.read_text())
    until(lambda: not lives(first))
    assert lives(pids(said)[-1])
    process.send_signal(signal.SIGHUP)
    os.kill(pids(said)[-1], signal.SIGKILL)
    until(lambda: len(pids(said)) == 3)
    process.terminate()
    assert process.wait(10) == 0
