"""Measurement of a call's time on a machine that may be busy.

The clock runs while a program waits in the processors' queue because other programs run. That time does not count. The
kernel reports how long each thread has run and has waited in the queue (proc(5), schedstat). Waiting for a lock or for
the other end counts by the clock.
"""

from pathlib import Path

from sinetti.infra.clock import monotonic_seconds


class Busy:
    """Counter of seconds from its creation on.

    It covers this process and the other processes (by their ids) that this process waits for.
    """

    def __init__(self, *others: int) -> None:
        """Start the counter."""
        self.processes = ("self", *others)
        self.ran, self.queued = _told(self.processes)
        self.begun = monotonic_seconds()

    def seconds(self) -> float:
        """Return the seconds by the clock without the time in the queue.

        The result is at least the time that the threads ran. Several threads may wait in the queue at once, so that
        the sum of their waiting exceeds the seconds of the clock.
        """
        took = monotonic_seconds() - self.begun
        ran, queued = _told(self.processes)
        return max(took - (queued - self.queued), ran - self.ran)


def _told(processes: tuple[object, ...]) -> tuple[float, float]:
    """Return the seconds that the threads have run and have waited in the queue.

    Both are 0 where the kernel does not report them.
    """
    ran = queued = 0.0
    for path in (path for one in processes for path in Path(f"/proc/{one}/task").glob("*/schedstat")):
        try:
            on, off, _ = path.read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended
        ran, queued = ran + int(on) / 1e9, queued + int(off) / 1e9
    return ran, queued
