"""Progress of long work: a bar on a terminal, elsewhere a line every few seconds.

tqdm does more, but would be a dependency for forty lines. Its bar needs no translation. Ours reports in the reader's
language and leaves room for messages that are printed meanwhile.
"""

import shutil
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from sinetti.cli.core import invocation
from sinetti.client.messages.messages import Message
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import clock

QUIET = 2.0
"""Seconds before the first output: shorter work needs no bar."""

PAUSE = 5.0
"""Seconds between two lines where no bar can be drawn."""

_BETWEEN = 0.1
_WIDTH = 24
_FULL, _EMPTY = "█", "░"
_PLAIN_FULL, _PLAIN_EMPTY = "#", "-"

LAST = gettext_noop("{done} of {total}, last {name}")


class ProgressBar:
    """Counts completed items, from any thread.

    A stream that cannot be written is ignored, and the work goes on.
    """

    def __init__(self, total: int, stream: TextIO | None, language: Language, ticks: Callable[[], float]) -> None:
        """Set the total and the stream, without drawing."""
        self._total, self._stream, self._language, self._ticks = total, stream, language, ticks
        self._done, self._begun, self._shown = 0, ticks(), 0.0
        self._drawn = False
        self._lock = threading.Lock()
        self._terminal = stream is not None and stream.isatty()

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
            if at - self._begun < QUIET or at - self._shown < (_BETWEEN if self._terminal else PAUSE):
                return
            self._shown = at
            self._say(name)

    def clear(self) -> None:
        """Remove the bar if it is shown."""
        if self._drawn:
            self._put("\r\x1b[K")
            self._drawn = False

    def _say(self, name: str) -> None:
        done, total = (translate.number(one, self._language) for one in (self._done, self._total))
        if not self._terminal:
            self._put(translate.translate(LAST, self._language, done=done, total=total, name=name) + "\n")
            return
        words = translate.translate(LAST, self._language, done=done, total=total, name=name)
        full, empty = (_FULL, _EMPTY) if self._speaks_utf8() else (_PLAIN_FULL, _PLAIN_EMPTY)
        part = _WIDTH * min(self._done, self._total) // max(self._total, 1)
        line = f"{full * part}{empty * (_WIDTH - part)} {words}"
        self._put(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K")
        self._drawn = True

    def _speaks_utf8(self) -> bool:
        return self._stream is not None and (self._stream.encoding or "").lower().replace("-", "") == "utf8"

    def _put(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
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
    where = None if invocation.CURRENT.quiet else stream or sys.stderr
    return ProgressBar(total, where, language, ticks)
