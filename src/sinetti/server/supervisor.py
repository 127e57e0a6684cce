"""Supervisor: a parent that forks, watches, restarts and replaces processes.

The processes are replaced on SIGHUP, restarted when they die, and end with the parent. The parent has one thread and
answers no requests, so it may fork at any time (docs/operators/serving.md). A child detects the parent's end, in any
way, by the end of a pipe, of which only the parent holds the other side.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Thread
from typing import NoReturn

from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import RESTARTS

READY_WITHIN = 30.0
"""Seconds for a process to report that it is ready."""

STOP_WITHIN = 4.0
"""Seconds for processes to end after a stop signal; then they are killed."""

FIRST_DELAY, LONGEST_DELAY = 0.1, 30.0
"""First and longest delay in seconds before a dead process is restarted.

The delay doubles each time, until a process runs for a minute.
"""

_LIVED = 60.0
_STOPS = (signal.SIGTERM, signal.SIGINT)
_HANDLED = (*_STOPS, signal.SIGCHLD, signal.SIGHUP)
_ORPHANED = 1
_log = logging.getLogger(__name__)


class NotStarted(Exception):
    """Process that ended or was not ready in time during the start.

    Its own error is in the log.
    """


@dataclass(frozen=True)
class ProcessSpec:
    """Role of a process.

    `run` gets a function to call when it is ready, and never returns. Processes with `renewed` are replaced on SIGHUP.
    `slot` names the files of its metrics, and no other running process has it (infra/metrics/recorder.py).
    """

    name: str
    run: Callable[[Callable[[], None]], NoReturn]
    renewed: bool = True
    slot: str = ""


@dataclass(frozen=True)
class DrainPolicy:
    """Signal that announces a handover, and the seconds to finish open work after it."""

    number: signal.Signals = signal.SIGTERM
    within: float = 0.0


@dataclass(frozen=True)
class RollingRestart:
    """New roles, which replace all renewed ones.

    `over` is called with True after they took over, or with False if they were given up.
    """

    roles: Sequence[ProcessSpec]
    over: Callable[[bool], None] = lambda _taken_over: None


@dataclass(frozen=True)
class _Child:
    role: ProcessSpec
    pid: int
    born: float
    telling: int | None
    retiring: float | None = None
    leaving: float | None = None


class Supervisor:
    """Parent that starts the processes of its roles and keeps them running."""

    def __init__(
        self,
        roles: Sequence[ProcessSpec],
        reload: Callable[[], RollingRestart | None],
        retirement: DrainPolicy = DrainPolicy(),
    ) -> None:
        """Store the roles and policies.

        `reload` returns new roles for the renewed processes on SIGHUP, or None. `retirement` says how the old ones
        finish. Retiring processes get a stop signal after their time, or at the next replacement.
        """
        self._roles, self._reload, self._retirement = {role.name: role for role in roles}, reload, retirement
        self._children: dict[int, _Child] = {}
        self._due: dict[str, float] = {}
        self._delays: dict[str, float] = {}
        self._stopping = self._started = False
        self._next: tuple[float, dict[str, ProcessSpec], RollingRestart] | None = None
        self._asked = False
        self._parent_pipe, self._held = os.pipe()
        self._selector = selectors.DefaultSelector()

    def run(self, ready: Callable[[], None]) -> None:
        """Start all processes, and return once all have ended after SIGTERM or SIGINT.

        `ready` is called once all are ready for the first time. Raises NotStarted if one of them ends or is late
        before that.
        """
        try:
            self._run(ready)
        except BaseException:
            for pid in self._children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise
        finally:
            signal.set_wakeup_fd(-1)  # the socket behind it is closed

    def _run(self, ready: Callable[[], None]) -> None:
        woken, waking = socket.socketpair()
        woken.settimeout(0)
        waking.settimeout(0)
        signal.signal(self._retirement.number, signal.SIG_IGN)
        for number in _HANDLED:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        # Signals that arrived during the preparation are delivered now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        self._selector.register(woken, selectors.EVENT_READ)
        for role in self._roles.values():
            self._start(role)
        begun = monotonic_seconds()
        while self._children or not self._stopping:
            self._look(woken)
            self._end_late()
            if self._started and not self._stopping:
                if self._asked:
                    self._renew()
                self._exchange()
                self._start_due()
            elif not self._stopping and self._all_ready(begun):
                self._started = True
                ready()
        _log.info("stopped")

    def _look(self, woken: socket.socket) -> None:
        """Wait for an event, at most until the next deadline."""
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj is not woken:
                self._hear(int(key.fd))
                continue
            for number in woken.recv(4096):
                if number in _STOPS:
                    self._stop()
                elif number == signal.SIGHUP:
                    self._asked = True
        self._reap()

    def _patience(self) -> float:
        due = [*self._due.values()]
        for child in self._children.values():
            due += [at for at in (child.retiring, child.leaving) if at is not None]
        return max(0.0, min([1.0, *(at - monotonic_seconds() for at in due)]))

    def _hear(self, telling: int) -> None:
        """Read the report of a process: it is ready, or it ended before."""
        report = os.read(telling, 1)
        for pid, child in self._children.items():
            if child.telling == telling and report:
                self._children[pid] = replace(child, telling=None)
        self._selector.unregister(telling)
        os.close(telling)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                child = self._children.pop(pid, None)
                if child is not None and child.retiring is child.leaving is None and not self._stopping:
                    self._lost(child, status)

    def _lost(self, child: _Child, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        how = f"was ended by signal {-code}" if code < 0 else f"exited ({code})"
        if not self._started:
            raise NotStarted(f"{child.role.name} {how} while it was starting")
        if self._next is not None and child.role is self._next[1].get(child.role.name):
            _log.error(
                "%s (process %d) %s: the replacement is cancelled, the previous processes stay",
                child.role.name,
                child.pid,
                how,
            )
            self._give_up()
            return
        recorder.count(RESTARTS)
        name, lived = child.role.name, monotonic_seconds() - child.born
        delay = FIRST_DELAY if lived > _LIVED else self._delays.get(name, FIRST_DELAY)
        self._delays[name] = min(delay * 2, LONGEST_DELAY)
        self._due[name] = monotonic_seconds() + delay
        _log.error("%s (process %d) %s: it is restarted in %.1f s", name, child.pid, how, delay)

    def _start_due(self) -> None:
        for name, at in tuple(self._due.items()):
            if at <= monotonic_seconds():
                del self._due[name]
                self._start(self._roles[name])

    def _all_ready(self, begun: float) -> bool:
        waiting = [child.role.name for child in self._children.values() if child.telling is not None]
        if waiting and monotonic_seconds() - begun > READY_WITHIN:
            raise NotStarted(f"{', '.join(waiting)} did not become ready within {READY_WITHIN:.0f} s")
        return not waiting

    def _renew(self) -> None:
        """Start new processes to replace the old ones.

        The old ones stay until all new ones are ready.
        """
        self._asked = False
        self._give_up()
        new = self._reload()
        if new is None:
            return
        self._send_stop([child for child in self._children.values() if child.retiring is not None])
        self._next = (monotonic_seconds() + READY_WITHIN, {role.name: role for role in new.roles}, new)
        for role in new.roles:
            self._start(role)

    def _exchange(self) -> None:
        if self._next is None:
            return
        until, roles, exchange = self._next
        new = [child for child in self._children.values() if child.role is roles.get(child.role.name)]
        if all(child.telling is None for child in new):
            self._next = None
            for name in [name for name, role in self._roles.items() if role.renewed]:
                del self._roles[name]
                self._due.pop(name, None)
            self._roles |= roles
            self._retire([child for child in self._children.values() if child.role.renewed and child not in new])
            exchange.over(True)  # noqa: FBT003 - the parameter means "taken over"
            _log.info("%d new processes have taken over", len(new))
        elif monotonic_seconds() > until:
            _log.error(
                "the new processes did not become ready within %.0f s: the previous processes stay", READY_WITHIN
            )
            self._give_up()

    def _give_up(self) -> None:
        """Stop the new processes of a failed replacement."""
        if self._next is not None:
            _, roles, exchange = self._next
            self._next = None
            self._send_stop([child for child in self._children.values() if child.role is roles.get(child.role.name)])
            exchange.over(False)  # noqa: FBT003 - the parameter means "taken over"

    def _stop(self) -> None:
        if self._stopping:
            return
        _log.info("stopping")
        self._stopping, self._next = True, None
        self._send_stop(list(self._children.values()))

    def _send_stop(self, children: list[_Child]) -> None:
        """Send processes the stop signal."""
        for child in children:
            if child.leaving is None:
                self._children[child.pid] = replace(child, retiring=None, leaving=monotonic_seconds() + STOP_WITHIN)
                _kill(child, signal.SIGTERM)

    def _retire(self, children: list[_Child]) -> None:
        """Send processes the signal to finish open work, after a handover."""
        for child in children:
            if child.telling is not None:
                self._send_stop([child])
            elif child.retiring is None and child.leaving is None:
                self._children[child.pid] = replace(child, retiring=monotonic_seconds() + self._retirement.within)
                _kill(child, self._retirement.number)

    def _end_late(self) -> None:
        """Stop processes that retired long ago, and kill those that do not stop in time."""
        now = monotonic_seconds()
        self._send_stop(
            [child for child in self._children.values() if child.retiring is not None and child.retiring < now]
        )
        for child in self._children.values():
            if child.leaving is not None and child.leaving < now:
                _kill(child, signal.SIGKILL)

    def _start(self, role: ProcessSpec) -> None:
        hearing, telling = os.pipe()
        # A signal to the child before it has its own handlers would wake the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        try:
            pid = os.fork()
            if pid == 0:
                os.close(hearing)
                self._be(role, telling)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(telling)
        self._children[pid] = _Child(role, pid, monotonic_seconds(), hearing)
        self._selector.register(hearing, selectors.EVENT_READ)

    def _be(self, role: ProcessSpec, telling: int) -> NoReturn:
        """Run as a child process."""
        try:
            os.close(self._held)
            self._selector.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in (signal.SIGHUP, self._retirement.number):
                signal.signal(number, signal.SIG_IGN)
            for number in _STOPS:
                signal.signal(number, lambda _number, _frame: os._exit(0))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
            recorder.enter_slot(role.slot or role.name)
            Thread(target=_end_with, args=(self._parent_pipe,), name="lifeline", daemon=True).start()
            role.run(lambda: _say_ready(telling))
        except BaseException:  # noqa: BLE001 - last handler of a process
            _log.exception("%s stops after an internal error", role.name)
        finally:
            sys.stderr.flush()
            os._exit(_ORPHANED)


def _kill(child: _Child, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(child.pid, number)


def _say_ready(telling: int) -> None:
    # What was loaded stays: without this a collection of the oldest generation held a request up by 80 ms.
    gc.collect()
    gc.freeze()
    os.write(telling, b"!")
    os.close(telling)


def _end_with(lifeline: int) -> NoReturn:
    """End this process with its parent.

    The effect on open work is that of a crash.
    """
    os.read(lifeline, 1)
    os._exit(_ORPHANED)
