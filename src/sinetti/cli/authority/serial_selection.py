"""Helpers of commands on many certificates: serials, time of issue, and progress.

Commands that may take long report progress on standard error: after two seconds, then now and then.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Final

from sinetti.cli.authority.common import OptionError, octets_of, zoned_instant
from sinetti.cli.core.invocation import print_note
from sinetti.domain.values import Serial
from sinetti.infra.clock import monotonic_seconds

QUIET_FOR, REPORTED_EVERY = 2.0, 1.0
"""Seconds before the first line of progress, and between two such lines."""

_LONGEST_SERIAL = 40


def serials_of(name: str, verb: str) -> tuple[Serial, ...]:
    """Read the serial numbers of a file, one a line.

    Empty lines and lines that begin with # are left out. Raises OptionError for another text, or if there are none.
    """
    text = octets_of("--serials", Path(name)).decode("utf-8", "replace")
    found: list[Serial] = []
    for number, line in enumerate(text.splitlines(), 1):
        serial = line.strip().casefold()
        if not serial or serial.startswith("#"):
            continue
        if not is_serial(serial):
            raise OptionError(
                f"--serials: line {number} is not a serial number in hex, as `status --customer-id` prints it"
            )
        found.append(Serial(serial))
    if not found:
        raise OptionError(f"--serials: the file has no serial number, so nothing would be {verb}")
    return tuple(dict.fromkeys(found))


def issue_interval(given: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    """Return the times of `--issued-between`, or None. Raises OptionError."""
    if given is None:
        return None
    first, last = (zoned_instant("--issued-between", text) for text in given)
    if first >= last:
        raise OptionError("--issued-between: the first time must be before the second")
    return first, last


def is_serial(text: str) -> bool:
    """Return True if a text looks like a serial number in hex."""
    return 0 < len(text) <= _LONGEST_SERIAL and set(text) <= set("0123456789abcdef")


class Progress:
    """Reports progress on standard error once the work takes longer than a moment."""

    def __init__(self, verb: str) -> None:
        self._next, self._verb = monotonic_seconds() + QUIET_FOR, verb

    def __call__(self, done: int, of: int) -> None:
        """Print the progress, unless it was printed less than a second ago."""
        if monotonic_seconds() >= self._next:
            print_note(f"{done} of {of} {self._verb} …")
            self._next = monotonic_seconds() + REPORTED_EVERY


FIRST_AFTER: Final = 2.0
"""Seconds of work before the first report."""

AT_A_TERMINAL, IN_A_LOG = 1.0, 10.0
"""Seconds between two lines of progress at a terminal and in a log.

A log is read later and should not be full of them.
"""


@contextmanager
def telling(what: Callable[[], str]) -> Iterator[None]:
    """Report progress while the block runs.

    `what` returns the progress in a few words.
    """
    stop = Event()
    thread = Thread(target=_report_progress, args=(what, stop), name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _report_progress(what: Callable[[], str], stop: Event) -> None:
    begun = monotonic_seconds()
    pause = FIRST_AFTER
    while not stop.wait(pause):
        print_note(f"{what()} ({monotonic_seconds() - begun:.0f} s)")
        pause = AT_A_TERMINAL if sys.stderr is not None and sys.stderr.isatty() else IN_A_LOG
