"""A bounded number of threads for synchronous work, which never keep a process from ending.

A ThreadPoolExecutor waits for its threads when the interpreter ends, so that one door that hangs would hold up the stop
for as long as it hangs. What such a thread leaves undone is what a crash leaves undone: the register is made for that.
"""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class Pool(Generic[_Result]):
    """Threads that are started when they are needed; whatever finds none free waits its turn."""

    def __init__(self, threads: int) -> None:
        """Take how many threads there may be."""
        self._to_start = threads
        self._idle = Semaphore(0)
        self._work: SimpleQueue[tuple[Future[_Result], Callable[[], _Result]]] = SimpleQueue()

    def submit(self, work: Callable[[], _Result]) -> "Future[_Result]":
        """Have something done. Called from one thread alone, the event loop's."""
        future: Future[_Result] = Future()
        self._work.put((future, work))
        if not self._idle.acquire(blocking=False) and self._to_start:
            self._to_start -= 1
            Thread(target=self._run, name="door", daemon=True).start()
        return future

    def _run(self) -> None:
        while True:
            self._do(*self._work.get())
            self._idle.release()

    @staticmethod
    def _do(future: "Future[_Result]", work: Callable[[], _Result]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - raised where the result is awaited
            future.set_exception(failure)
