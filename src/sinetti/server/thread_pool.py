"""A bounded number of threads for synchronous work, which never keep a process from ending.

A ThreadPoolExecutor waits for its threads when the interpreter ends, so that one door that hangs would hold up the stop
for as long as it hangs. What such a thread leaves undone is what a crash leaves undone: the register is made for that.

No thread lives for ever: libxml2 keeps every name of every document in a dictionary of the thread that read it, so that
whoever sends ever new names would fill the memory (165 kB for each body of 119 kB, measured).
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Semaphore, Thread
from time import sleep
from typing import Generic, TypeVar

OCTETS_OF_A_LIFE = 4 * 1024 * 1024
"""Octets of requests that a thread works on until another takes its place: a thousand renewals."""

_OTHERS_TURN = 0.05
"""Seconds in which those who wait beside a thread take what was meant for them."""

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Leave nothing behind."""


class ThreadPool(Generic[_Result]):
    """Threads that are started when they are needed; whatever finds none free waits its turn."""

    def __init__(self, threads: int, leave: Callable[[], None] = _nothing) -> None:
        """Take how many threads there may be; each calls `leave` before it ends, to close what it has of its own."""
        self._threads = self._to_start = threads
        self._retiring = False
        self._leave = leave
        self._idle = Semaphore(0)
        self._work: SimpleQueue[tuple[Future[_Result], Callable[[], _Result], int] | None] = SimpleQueue()

    def submit(self, work: Callable[[], _Result], octets: int = 0) -> "Future[_Result]":
        """Have something done with so many octets.

        Called from one thread alone, the event loop's.
        """
        future: Future[_Result] = Future()
        self._work.put((future, work, octets))
        if not self._idle.acquire(blocking=False) and self._to_start:
            self._to_start -= 1
            self._start()
        return future

    def retire(self) -> None:
        """Have each thread leave now, or when its work is done, and after whatever comes yet.

        Called from one thread alone, the event loop's.
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
        except Exception:  # noqa: BLE001 - whatever it could not close, its successor works
            _log.exception("a thread could not close what it had")

    @staticmethod
    def _do(future: "Future[_Result]", work: Callable[[], _Result]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - raised where the result is awaited
            future.set_exception(failure)
