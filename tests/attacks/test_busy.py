"""Tests of the measurement of a call.

It counts the time that the call takes and its waiting, but no time in the processors' queue.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path
from time import process_time, sleep

from sinetti.infra.clock import monotonic_seconds
from tests.attacks.busy import Busy
from tests.support.postgres import skip_or_fail
from tests.support.programs import started

SPIN = "print(flush=True)\nwhile True: pass"


def spin(seconds):
    """Run for these seconds of the processor's clock."""
    ends = process_time() + seconds
    while process_time() < ends:
        pass


def test_what_is_waited_for_counts():
    busy = Busy()
    sleep(0.2)
    assert busy.seconds() >= 0.19


def test_what_a_thread_runs_counts():
    busy = Busy()
    thread = threading.Thread(target=spin, args=(0.2,))
    thread.start()
    while thread.is_alive() and busy.seconds() < 0.15:
        sleep(0.01)
    assert busy.seconds() >= 0.15
    thread.join()


def test_what_stands_in_the_queue_does_not_count():
    """Two other processes run all the time on the same processor.

    By the clock the measured code takes three times as long as it runs.
    """
    if not Path("/proc/self/schedstat").exists():
        skip_or_fail("this kernel does not tell how long a thread stood in the queue")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with (
            started([sys.executable, "-c", SPIN], stdout=subprocess.PIPE) as one,
            started([sys.executable, "-c", SPIN], stdout=subprocess.PIPE) as other,
        ):
            assert one.stdout.readline() == other.stdout.readline() == b"\n"
            busy, begun = Busy(), monotonic_seconds()
            spin(0.15)
            by_the_clock, counted = monotonic_seconds() - begun, busy.seconds()
    finally:
        os.sched_setaffinity(0, before)
    assert counted >= 0.15
    assert by_the_clock > counted + 0.1
