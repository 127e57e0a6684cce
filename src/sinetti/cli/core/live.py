"""Bar and spinner that rich draws on the last line of a terminal.

`progress` loads this module only where there is a terminal.
"""

import contextlib
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.table import Column

from sinetti.cli.core import layout
from sinetti.domain.validation import make_visible

_BAR_WIDTH = 24


class Drawing:
    """Line at the end of the output, drawn again in place until it is removed."""

    def __init__(self, progress: Progress) -> None:
        """Take what rich draws, without drawing it."""
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def show(self, text: str, done: int = 0, total: int | None = None) -> None:
        """Draw the line."""
        self._progress.update(self._task, description=make_visible(text), completed=done, total=total)
        if self._progress.live.is_started:
            self._progress.refresh()
        else:
            self._progress.start()

    def remove(self) -> None:
        """Remove the line."""
        self._progress.stop()


def bar(stream: TextIO) -> Drawing:
    """Return a bar of counted items."""
    return Drawing(_progress(stream, BarColumn(bar_width=_BAR_WIDTH)))


def spinner(stream: TextIO) -> Drawing:
    """Return a sign that moves while a command waits."""
    return Drawing(_progress(stream, SpinnerColumn("line")))


def _progress(stream: TextIO, first: ProgressColumn) -> Progress:
    screen = layout.screen_of(stream)
    console = Console(
        file=cast("TextIO", _TolerantStream(stream)),
        width=screen.width,
        force_terminal=True,
        color_system=screen.colours,
        no_color=screen.colours is None,
        highlight=False,
    )
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    return Progress(
        first, text, console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    )


class _TolerantStream:
    """Stream that ignores a terminal that has gone away: the work continues."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # rich chooses its signs by it.
        self.encoding = stream.encoding or "ascii"

    def isatty(self) -> bool:
        """Return True: rich draws only on a terminal."""
        return True

    def write(self, text: str) -> int:
        """Write the text; return its length, also without a terminal."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written to the terminal."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
