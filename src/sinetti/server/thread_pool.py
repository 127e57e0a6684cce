"""Bounded thread pool for synchronous work that never delays the end of a process.

A ThreadPoolExecutor waits for its threads when the interpreter ends, so a blocked handler would delay the stop. Here,
work that is cut off has the effect of a crash, which the database is designed for.

Threads have a limited life. libxml2 keeps every name of every document in a dictionary of the thread that parsed it. A
sender of ever new names would fill the memory (165 kB for each body of 119 kB, measured).
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from time import sleep
from typing import Generic, TypeVar

OCTETS_OF_A_LIFE = 4 * 1024 * 1024
"""Octets of requests that a thread processes before another replaces it.

This is about a thousand renewals.
"""

_OTHERS_TURN = 0.05
"""Seconds that a thread sleeps, so that the other threads take their own entries."""

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Do nothing; the default for `leave`."""


class ThreadPool(Generic[_Result]):
    """Threads that start on demand; work waits in a queue if all are busy."""

    def __init__(self, threads: int, leave: Callable[[], None] = _nothing) -> None:
        """Store the largest number of threads.

        Each calls `leave` before it ends, to close its own resources.
        """
        self._threads = self._to_start = threads
        self._retiring, self._submitting = False, Lock()
        self._leave = leave
        self._idle = Semaphore(0)
        self._work: SimpleQueue[tuple[Future[_Result], Callable[[], _Result], int] | None] = SimpleQueue()

    def submit(self, work: Callable[[], _Result], octets: int = 0) -> "Future[_Result]":
        """Queue work on a request of so many octets, and return its future."""
        future: Future[_Result] = Future()
        self._work.put((future, work, octets))
        with self._submitting:
            if not self._idle.acquire(blocking=False) and self._to_start:
                self._to_start -= 1
                self._start()
        return future

    def retire(self) -> None:
        """Have each thread close its resources now or after its current work.

        After a later work item, threads close them again. Must be called from one thread only, that of the event loop.
        """
        self._retiring = True
        for _ in range(self._threads - self._to_start):
            self._work.put(None)

    def _start(self) -> None:
        Thread(target=self._run, name="door", daemon=True).start()

    def _run(self) -> None:
        left = OCTETS_OF_A_LIFE
        while left > 0:
            taken = self._work.get()
            if taken is None:
                self._close()
                sleep(_OTHERS_TURN)
                continue
            future, work, octets = taken
            self._do(future, work)
            left -= octets
            if self._retiring:
                self._close()
            if left > 0:
                self._idle.release()
        self._close()
        self._start()
        self._idle.release()

    def _close(self) -> None:
        try:
            self._leave()
        except Exception:  # noqa: BLE001 - the successor works, even if a resource stays open
            _log.exception("a thread could not close its resources")

    @staticmethod
    def _do(future: "Future[_Result]", work: Callable[[], _Result]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - raised at the place that awaits the result
            future.set_exception(failure)
