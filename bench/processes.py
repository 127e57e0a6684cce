"""Cost of a command of Sinetti as a process of its own."""

import os
import subprocess
import sys
import time

ROUNDS = 3


def cost(words: tuple[str, ...], most_code: int = 0) -> tuple[float, float, float]:
    """Run a command of `sinetti` and return its cost.

    The values are seconds until it ended and seconds of a processor, each the best of three, and MB of memory. Raises
    CalledProcessError if its exit code is higher than `most_code`.
    """
    command = [sys.executable, "-m", "sinetti", *words]
    best, busy, most = float("inf"), float("inf"), 0.0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        best, busy = min(best, time.perf_counter() - begun), min(busy, used.ru_utime + used.ru_stime)
        most = max(most, used.ru_maxrss / 1024)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == 1 or process.returncode > most_code:
            raise subprocess.CalledProcessError(process.returncode, command)
    return best, busy, most
