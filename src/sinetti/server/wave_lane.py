"""One thread that takes waiting requests together, as a wave."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

from sinetti.server.http import Request, Response
from sinetti.server.thread_pool import OCTETS_OF_A_LIFE

MOST = 16
"""Most requests of a wave."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WaitingRequest:
    """A request, and the future of its response."""

    request: Request
    future: Future[Response] = field(default_factory=Future, repr=False)

    def end(self, result: Response | BaseException) -> None:
        """Hand over the response, or what was raised."""
        if isinstance(result, BaseException):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


Answering = Callable[[Sequence[WaitingRequest]], None]
"""Function that ends all these requests, now or in other threads."""


class WaveLane:
    """Queue of requests, and the thread that takes up to `MOST` of them at once.

    There is no waiting for more: a wave has what came while the last one was answered. A thread has a limited life, as
    those of a pool.
    """

    def __init__(self, takes: Callable[[Request], bool], answer: Answering, leave: Callable[[], None]) -> None:
        """Store the functions; `leave` closes the thread's resources before it ends."""
        self.takes, self._answer, self._leave = takes, answer, leave
        self._waiting: SimpleQueue[WaitingRequest | None] = SimpleQueue()
        self._is_started = self._is_retiring = False

    def submit(self, request: Request) -> "Future[Response]":
        """Queue a request. Must be called from one thread only, that of the event loop."""
        one = WaitingRequest(request)
        self._waiting.put(one)
        if not self._is_started:
            self._is_started = True
            self._start()
        return one.future

    def retire(self) -> None:
        """Have the thread close its resources now, and again after each later wave."""
        self._is_retiring = True
        self._waiting.put(None)

    def _start(self) -> None:
        Thread(target=self._run, name="waves", daemon=True).start()

    def _run(self) -> None:
        left = OCTETS_OF_A_LIFE
        while left > 0:
            wave = self._next()
            try:
                self._answer(wave)
            except BaseException as failed:  # noqa: BLE001 - raised where the responses are awaited
                _log.exception("a wave of %s requests failed", len(wave))
                for request in wave:
                    if not request.future.done():
                        request.end(failed)
            left -= sum(len(request.request.body) for request in wave)
            if self._is_retiring or not wave:
                self._close()
        self._close()
        self._start()

    def _next(self) -> list[WaitingRequest]:
        """Return what waits, up to `MOST`; nothing at the sign to close resources."""
        requests = [self._waiting.get()]
        while len(requests) < MOST:
            try:
                requests.append(self._waiting.get_nowait())
            except Empty:
                break
        return [
            request for request in requests if request is not None and request.future.set_running_or_notify_cancel()
        ]

    def _close(self) -> None:
        try:
            self._leave()
        except Exception:  # noqa: BLE001 - the successor works, even if a resource stays open
            _log.exception("a thread could not close its resources")
