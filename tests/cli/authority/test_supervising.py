"""A parent and its processes, with the simplest processes possible.

The tests cover failed starts and the delay before the next start.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.supervisor import FIRST_DELAY
from tests.support.serving import lives, until

PARENT = """
import logging, os, signal, sys, time
from sinetti.server.supervisor import RollingRestart, NotStarted, DrainPolicy, ProcessSpec, Supervisor
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)

def dies(_ready): os._exit(3)
def stays(ready):
    print("pid", os.getpid(), flush=True)
    ready()
    signal.pause()
def dawdles(ready):
    if "pid" in open("/proc/self/fd/1").read():  # the second time it is never ready
        print("pid", os.getpid(), flush=True)
        signal.pause()
    stays(ready)
def slow(ready):
    print("pid", os.getpid(), flush=True)
    time.sleep(0.5)
    ready()
    signal.pause()
def deaf(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stays(ready)
def lingers(ready):
    signal.signal(signal.SIGUSR1, lambda _number, _frame: print("others have taken over", flush=True))
    print("pid", os.getpid(), flush=True)
    ready()
    while True: signal.pause()
def breaks(_ready): raise RuntimeError("broken")

roles = [ProcessSpec(name, globals()[name]) for name in sys.argv[2].split(",")]
following = iter(sys.argv[3:])
def reload():
    name = next(following, None)
    if name is None: return None
    specs = [ProcessSpec(roles[0].name, globals()[name])]
    return RollingRestart(specs, lambda taken: print("taken", taken, flush=True))
within = float(sys.argv[1])
retirement = DrainPolicy(signal.SIGUSR1, within) if within else DrainPolicy()
try:
    Supervisor(roles, reload, retirement).run(lambda: print("ready", flush=True))
except NotStarted as failed:
    print(failed, flush=True)
    os._exit(1)
print("over", flush=True)
os._exit(0)
"""


@pytest.fixture
def started(tmp_path):
    """Yield a function that starts a parent with roles.

    The function returns the process and the file of its output.
    """
    running = []

    def start(*arguments, retire_within=0):
        said = tmp_path / f"said-{len(running)}"
        with said.open("w") as out:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-c", PARENT, str(retire_within), *arguments],
                    stdout=out,
                    stderr=out,
                )
            )
        return running[-1], said

    yield start
    for process in running:
        process.kill()
        process.wait()


def pids(said: Path):
    return [int(line.split()[1]) for line in said.read_text().split("\n")[:-1] if line.startswith("pid ")]


@pytest.mark.parametrize("role", ["dies", "breaks"])
def test_a_start_that_fails_ends_what_has_started(role, started):
    process, said = started(f"stays,{role}")
    assert process.wait(60) == 1
    assert f"{role} exited (" in said.read_text()
    assert "ready" not in said.read_text().split()
    until(lambda: not any(lives(pid) for pid in pids(said)))


def test_what_dies_again_and_again_is_started_after_growing_delays(started):
    process, said = started("stays")
    until(lambda: "ready" in said.read_text())
    for times in range(4):
        os.kill(pids(said)[-1], signal.SIGKILL)
        until(lambda lives=times + 2: len(pids(said)) == lives)
    delays = [line.rpartition(" in ")[2] for line in said.read_text().splitlines() if "restarted in" in line]
    assert delays == [f"{FIRST_DELAY * 2**times:.1f} s" for times in range(4)]
    process.terminate()
    assert process.wait(60) == 0


@pytest.mark.long
def test_who_does_not_hear_is_killed_in_time(started):
    process, said = started("deaf")
    until(lambda: "ready" in said.read_text())
    process.terminate()
    process.terminate()
    assert process.wait(60) == 0
    assert not lives(pids(said)[0])


def test_an_exchange_that_fails_changes_nothing_and_the_next_may_work(started):
    process, said = started("stays", "dies", "stays")
    until(lambda: "ready" in said.read_text())
    (first,) = pids(said)
    process.send_signal(signal.SIGHUP)
    until(lambda: "the replacement is cancelled" in said.read_text())
    assert lives(first)
    process.send_signal(signal.SIGHUP)
    until(lambda: "1 new processes have taken over" in said.read_text())
    until(lambda: not lives(first))
    assert lives(pids(said)[-1])
    process.send_signal(signal.SIGHUP)
    os.kill(pids(said)[-1], signal.SIGKILL)
    until(lambda: len(pids(said)) == 3)
    process.terminate()
    assert process.wait(60) == 0


def exchanged(process, said, times=1):
    """Send SIGHUP, and wait for the lines of the parent and of the former child."""
    process.send_signal(signal.SIGHUP)
    until(lambda: said.read_text().count("have taken over\n") == 2 * times)


def test_who_retires_has_its_time_and_is_told_to_end_then(started):
    process, said = started("lingers", "lingers", retire_within=1)
    until(lambda: "ready" in said.read_text())
    begun = monotonic_seconds()
    exchanged(process, said)
    first, second = pids(said)
    until(lambda: not lives(first))
    assert monotonic_seconds() - begun > 1
    assert lives(second)
    process.terminate()
    assert process.wait(60) == 0


def test_the_next_exchange_and_a_stop_end_who_retires(started):
    process, said = started("lingers", "lingers", "lingers", retire_within=3600)
    until(lambda: "ready" in said.read_text())
    exchanged(process, said)
    first, second, *_ = pids(said)
    assert lives(first)
    exchanged(process, said, 2)
    until(lambda: not lives(first))
    assert lives(second)
    process.terminate()
    assert process.wait(60) == 0
    assert not any(lives(pid) for pid in pids(said))


def test_who_ends_while_it_retires_is_not_started_again(started):
    process, said = started("lingers", "lingers", retire_within=3600)
    until(lambda: "ready" in said.read_text())
    exchanged(process, said)
    os.kill(pids(said)[0], signal.SIGKILL)
    until(lambda: not lives(pids(said)[0]))
    process.terminate()
    assert process.wait(60) == 0
    assert len(pids(said)) == 2
    assert "again" not in said.read_text()


def test_what_others_are_told_is_nothing_to_parent_and_keeper(started):
    process, said = started("stays", retire_within=3600)
    until(lambda: "ready" in said.read_text())
    for pid in (process.pid, *pids(said)):
        os.kill(pid, signal.SIGUSR1)
    process.terminate()
    assert process.wait(60) == 0
    assert len(pids(said)) == 1


def test_an_exchange_that_is_asked_for_while_the_service_starts_follows(started):
    process, said = started("slow", "stays", retire_within=3600)
    until(lambda: pids(said))
    assert "ready" not in said.read_text().split()
    process.send_signal(signal.SIGHUP)
    until(lambda: "1 new processes have taken over" in said.read_text())
    process.terminate()
    assert process.wait(60) == 0


def test_who_gave_the_roles_is_told_what_became_of_them(started):
    process, said = started("stays", "dies", "stays")
    until(lambda: "ready" in said.read_text())
    process.send_signal(signal.SIGHUP)
    until(lambda: "taken False" in said.read_text())
    process.send_signal(signal.SIGHUP)
    until(lambda: "taken True" in said.read_text())
    process.terminate()
    assert process.wait(60) == 0


def test_one_that_is_just_being_started_again_ends_when_others_take_over(started):
    """The new process would begin to serve only after all others had left."""
    process, said = started("dawdles", "stays", retire_within=3600)
    until(lambda: "ready" in said.read_text())
    os.kill(pids(said)[0], signal.SIGKILL)
    until(lambda: len(pids(said)) == 2)
    process.send_signal(signal.SIGHUP)
    until(lambda: "have taken over" in said.read_text())
    until(lambda: not lives(pids(said)[1]))
    process.terminate()
    assert process.wait(60) == 0
