"""Kill of a process at a named step, as a power loss would end it."""

import os
import signal
from collections.abc import Callable


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
