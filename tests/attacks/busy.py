"""How long something takes, on a machine that may do much else.

The clock goes on while a program stands in the processors' queue because others run: that is not what the program
takes. The kernel tells how long each thread has run and has stood there (proc(5), schedstat). What waits for anything
else, a lock or somebody at the other end, waits by the clock.
"""

from pathlib import Path

from sinetti.infra.clock import monotonic_seconds


class Busy:
    """Counts from now on, for this process and others (by their ids) that it waits for."""

    def __init__(self, *others: int) -> None:
        """Begin."""
        self.processes = ("self", *others)
        self.ran, self.queued = _told(self.processes)
        self.begun = monotonic_seconds()

    def seconds(self) -> float:
        """Give the seconds by the clock without those in the queue, but no fewer than were run.

        Several threads may stand in the queue at once, so that more than the clock's seconds are counted there.
        """
        took = monotonic_seconds() - self.begun
        ran, queued = _told(self.processes)
        return max(took - (queued - self.queued), ran - self.ran)


def _told(processes: tuple[object, ...]) -> tuple[float, float]:
    """Seconds that the threads have run, and have stood in the queue; none where the kernel does not say."""
    ran = queued = 0.0
    for path in (path for one in processes for path in Path(f"/proc/{one}/task").glob("*/schedstat")):
        try:
            on, off, _ = path.read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        ran, queued = ran + int(on) / 1e9, queued + int(off) / 1e9
    return ran, queued
