"""Fork server that runs the client and kills it at a step.

It reads one run per line, forks for it, and reports its exit code. An interpreter start for each of a thousand runs
would take most of the time. So this process has everything loaded, and each run is a fork of it. Code that ends the
process is here alone. The product has steps, and nothing that kills.
"""

import gc
import json
import os
import signal
import sys
import time
from dataclasses import replace

from sinetti.cli import main
from sinetti.cli.client import common
from sinetti.infra.clock import monotonic_seconds

CHANGES = frozenset(
    {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "socket.connect", "subprocess.Popen"}
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def die():
    """Kill this process, to simulate a power loss.

    No buffer is flushed and no handler runs.
    """
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(wanted):
    """Arrange the end of the client's run at a step of the journal."""
    put_together = common.run_of

    def run_of(*arguments):
        return replace(put_together(*arguments), step=lambda name: die() if name == wanted else None)

    common.run_of = run_of


def die_at_change(number, store):
    """Kill the process before a change to the store, or a call to service or program.

    `number` counts these from 0.
    """
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event == "open":
            path, _, flags = arguments
            if not (str(path).startswith(store) and flags & WRITES):
                return
        elif event not in CHANGES:
            return
        if seen == number:
            die()
        seen += 1

    sys.addaudithook(hook)


def child(order):
    """Run the client once, in a forked process."""
    for descriptor, path in ((1, order["out"]), (2, order["err"])):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, descriptor)
        os.close(handle)
    os.setsid()
    if order["step"] is not None:
        die_at_step(order["step"])
    if order["change"] is not None:
        die_at_change(order["change"], order["store"])
    code = 70
    try:
        code = main.main(order["argv"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))


def ended(pid, after):
    """Wait for a run, kill it after so many seconds, and return its wait status."""
    begun = monotonic_seconds()
    while after is not None:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        if monotonic_seconds() - begun >= after:
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    return os.waitpid(pid, 0)[1]


def serve():
    """Execute the runs on standard input one after the other."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(order)
        status = ended(pid, order["after"])
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
