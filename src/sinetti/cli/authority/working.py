"""Commands that may take a while say so on standard error: after two seconds, then now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from sinetti.cli.core.output import print_error
from sinetti.infra.clock import monotonic_seconds

FIRST_AFTER: Final = 2.0
"""Seconds of work that nobody is told of."""

AT_A_TERMINAL, IN_A_LOG = 1.0, 10.0
"""Seconds between two lines: a log is read later, and shall not be full of them."""


@contextmanager
def telling(what: Callable[[], str]) -> Iterator[None]:
    """Tell how far the work has come while the block runs; `what` says it in a few words."""
    stop = Event()
    thread = Thread(target=_tell, args=(what, stop), name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _tell(what: Callable[[], str], stop: Event) -> None:
    begun = monotonic_seconds()
    pause = FIRST_AFTER
    while not stop.wait(pause):
        print_error(f"{what()} ({monotonic_seconds() - begun:.0f} s)")
        pause = AT_A_TERMINAL if sys.stderr is not None and sys.stderr.isatty() else IN_A_LOG
