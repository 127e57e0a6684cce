"""A node in a process of its own, which is killed at random between two steps."""

import os
import signal
import traceback
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from simulate.nodes import Here, dying, run

_KILLED, _STOP = 137, "stop"
_LOOKS_EVERY = 5.0
"""Seconds between two checks that the parent process still runs."""


class Away:
    """A node in a process of its own.

    After a kill it is started again for the next round.
    """

    def __init__(self, make: Callable[[], Here]) -> None:
        """Take the function that makes the node in its process."""
        self._make = make
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def begin(self, at: datetime, kill_after: int | None) -> None:
        """Start a round in the process."""
        self._send(("round", at, kill_after))

    def act(self, deeds: list[tuple[int, int]]) -> None:
        """Start actions in the process."""
        self._send(("deeds", deeds, None))

    def ended(self) -> bool:
        """Wait for the end. Raises the error that ended the work, if that was no kill."""
        assert self._pipe is not None  # noqa: S101 - the caller has sent it something
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._join()
            return False
        if answer is not None:
            raise RuntimeError(answer)
        return True

    def close(self) -> None:
        """End the process."""
        if self._pipe is not None:
            # An explicit message: the other node's process may hold a copy of this end, so closing has no effect.
            self._pipe.send((_STOP, None, None))
            self._pipe.close()
            self._join()

    def _send(self, what: object) -> None:
        if self._pipe is None:
            context = get_context("fork")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(self._make, theirs, self._pipe), daemon=True)
            self._process.start()
            theirs.close()
        self._pipe.send(what)

    def _join(self) -> None:
        self._pipe = None
        if self._process is not None:
            self._process.join()


def _serve(make: Callable[[], Here], pipe: Connection, parents: Connection) -> None:
    """Execute the received commands until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parents.close()
    parent, node = os.getppid(), make()
    while True:
        try:
            while not pipe.poll(_LOOKS_EVERY):
                if os.getppid() != parent:
                    os._exit(0)
            what, first, kill_after = pipe.recv()
            if what == _STOP:
                os._exit(0)
        except EOFError:
            os._exit(0)
        try:
            if what == "round":
                run(node.room, node.post, first, dying(kill_after, lambda: os._exit(_KILLED)))
            else:
                node.act(first)
        except BaseException:  # noqa: BLE001 - reported to the parent
            pipe.send(traceback.format_exc())
            os._exit(1)
        pipe.send(None)
