"""The end of a process at a named step: simulated in this one, or a kill of another one."""

import os
import signal
from collections.abc import Callable


class KilledError(BaseException):
    """Simulated end of the process at this point."""


def killed_at(name: str) -> Callable[[str], None]:
    """Return a step that ends the process at one of the numbered points, once."""

    def die() -> None:
        raise KilledError(name)

    return once_at(name, die)


def once_at(name: str, do: Callable[[], object]) -> Callable[[str], None]:
    """Return a step that calls a function the first time this point is reached.

    It simulates an event in the middle of an action.
    """
    done: list[str] = []

    def step(reached: str) -> None:
        if reached == name and not done:
            done.append(reached)
            do()

    return step


def kill_at(wanted: str, act: Callable[[Callable[[str], None]], object]) -> bool:
    """Run `act` in a forked process that is killed at the step `wanted`.

    `act` gets the function of steps. Returns True if the process was killed, and False if it ended by itself. No buffer
    is flushed and no handler runs.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == wanted else None)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}, f"the process ended with {code}"
    return code != 0
