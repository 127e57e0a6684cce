"""End of a process: signals, exit without cleanup, request ids."""

import logging
import os
import secrets
import sys
from typing import NoReturn

from sinetti.infra.traces import stop_tracer


def request_id() -> str:
    """Return a new request id for a command."""
    return secrets.token_hex(16)


def exit_process() -> NoReturn:
    """End the process of a stopped server without the interpreter's shutdown.

    Native threads of the HTTP server may still use the interpreter during that, which aborts the process (measured:
    one stop in five). No data is lost, because every commit is on disk.
    """
    stop_tracer()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(os.EX_OK)


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if a signal arrived during the start of a server.

    Called once the server has its own signal handlers. Python discards exceptions inside a weak reference's callback
    or a `__del__`, and a signal may interrupt those. A bench continued after a stop for that reason (seen once in some
    hundred initialisations).
    """
    if STOP.is_requested:
        raise KeyboardInterrupt


class _StopFlag:
    """Flag of the whole process, because signals are per process."""

    is_requested = False


STOP = _StopFlag()


def interrupt(_number: int, _frame: object) -> NoReturn:
    """Raise KeyboardInterrupt on SIGTERM, so that unfinished work is cleaned up.

    Servers that listen have their own handlers.
    """
    STOP.is_requested = True
    raise KeyboardInterrupt
