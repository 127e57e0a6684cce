"""Progress of long work: a bar or a spinner on a terminal, lines elsewhere.

It is printed to standard error, in a pipe every few seconds. rich draws the bar, and is loaded only for a terminal and
for work that takes longer than a moment.
"""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from sinetti.cli.core import invocation, terminal
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import clock

if TYPE_CHECKING:
    from sinetti.cli.core.live import Drawing

QUIET = 2.0
"""Seconds before the first output: shorter work needs no bar."""

PAUSE = 5.0
"""Seconds between two lines where no bar can be drawn."""

_BETWEEN = 0.1
"""Seconds between two drawings."""

LAST = gettext_noop("{done} of {total}: {name}")
NOT_READY = gettext_noop("Not ready yet. Next attempt in {seconds} s, {remaining} s remaining.")

WAITS = frozenset({messages.WAITING, messages.WAITING_ONE})
"""Messages that the spinner replaces."""


class ProgressBar:
    """Counts completed items, from any thread.

    A stream that cannot be written is ignored, and the work continues.
    """

    def __init__(self, total: int, stream: TextIO | None, language: Language, ticks: Callable[[], float]) -> None:
        """Set the total and the stream, without drawing."""
        self._total, self._stream, self._language, self._ticks = total, stream, language, ticks
        self._done, self._begun, self._shown_at = 0, ticks(), 0.0
        self._drawing: Drawing | None = None
        self._lock = threading.Lock()
        self._terminal = terminal.is_terminal(stream)

    def __enter__(self) -> Self:
        """Begin to count."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar, so that later messages begin on a clean line."""
        with self._lock:
            self.clear()

    def begin(self, total: int) -> None:
        """Set the total, where it becomes known only now."""
        with self._lock:
            self._total = total

    def between(self, writer: Callable[[Message], None]) -> Callable[[Message], None]:
        """Return a function that removes the bar and then prints a message."""

        def clear_and_write(message: Message) -> None:
            with self._lock:
                self.clear()
                writer(message)

        return clear_and_write

    def advance(self, name: str) -> None:
        """Count one more completed item, and show its name."""
        with self._lock:
            self._done += 1
            at = self._ticks()
            if at - self._begun < QUIET or at - self._shown_at < (_BETWEEN if self._terminal else PAUSE):
                return
            self._shown_at = at
            self._show(name)

    def reach(self, done: int, total: int, name: str) -> None:
        """Show a count that another program keeps; on a terminal alone."""
        with self._lock:
            self._done, self._total = done, total
            if self._terminal:
                self._show(name)

    def clear(self) -> None:
        """Remove the bar if it is shown."""
        if self._drawing is not None:
            self._drawing.remove()
            self._drawing = None

    def _show(self, name: str) -> None:
        done, total = (translate.number(number, self._language) for number in (self._done, self._total))
        text = translate.translate(LAST, self._language, done=done, total=total, name=name)
        if self._stream is None:
            return
        if self._terminal:
            if self._drawing is None:
                from sinetti.cli.core import live  # noqa: PLC0415 - it loads rich

                self._drawing = live.bar(self._stream)
            self._drawing.show(text, self._done, self._total)
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


def bar(
    total: int,
    stream: TextIO | None = None,
    language: Language = Language.EN,
    ticks: Callable[[], float] = clock.monotonic_seconds,
) -> ProgressBar:
    """Return a bar for so many items; the default stream is standard error.

    With --quiet nothing is drawn.
    """
    where = None if invocation.CURRENT.is_quiet else sys.stderr if stream is None else stream
    return ProgressBar(total, where, language, ticks)


class WaitDisplay:
    """Sleep of a command that waits for one certificate.

    On a terminal a spinner shows the remaining seconds. Elsewhere the messages about each attempt are printed.
    `limit` is the longest wait in seconds.
    """

    def __init__(
        self,
        limit: float,
        language: Language,
        stream: TextIO | None = None,
        sleep: Callable[[float], None] = time.sleep,
        ticks: Callable[[], float] = clock.monotonic_seconds,
    ) -> None:
        """Set the limit and the stream; the default stream is standard error."""
        self._limit, self._language, self._sleep, self._ticks = limit, language, sleep, ticks
        self._stream = sys.stderr if stream is None else stream
        self._terminal = terminal.is_terminal(self._stream)
        self._begun: float | None = None

    def without_attempts(self, writer: Callable[[Message], None]) -> Callable[[Message], None]:
        """Return a function that prints messages.

        On a terminal it leaves out those that the spinner shows.
        """

        def write(message: Message) -> None:
            """Print a message that no spinner shows."""
            if not (self._terminal and message.text in WAITS):
                writer(message)

        return write

    def sleep(self, seconds: float) -> None:
        """Sleep, and show the seconds to the next attempt."""
        if not self._terminal or self._stream is None:
            self._sleep(seconds)
            return
        now = self._ticks()
        self._begun = now if self._begun is None else self._begun
        awake, ends = now + seconds, self._begun + self._limit
        from sinetti.cli.core import live  # noqa: PLC0415 - it loads rich

        drawing = live.spinner(self._stream)
        try:
            while (left := awake - self._ticks()) > 0:
                remaining = max(round(ends - self._ticks()), 0)
                drawing.show(
                    translate.translate(NOT_READY, self._language, seconds=max(round(left), 1), remaining=remaining)
                )
                self._sleep(min(left, _BETWEEN))
        finally:
            drawing.remove()
