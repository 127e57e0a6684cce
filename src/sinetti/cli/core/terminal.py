"""Text of blocks for the width of a terminal, and for a pipe.

A command describes its output as blocks. On a terminal, `layout` lays them out with rich.

COLUMNS sets the width. NO_COLOR turns colours off. FORCE_COLOR treats a pipe as a terminal, as rich does.
"""

from collections.abc import Iterable
from typing import TextIO, TypeGuard

from sinetti.cli.core.blocks import Block, Screen
from sinetti.domain.validation import make_visible
from sinetti.infra import environment


def render(blocks: Iterable[Block], screen: Screen | None) -> str:
    """Return blocks as text for a screen, or for a pipe if it is None."""
    if screen is None:
        return "\n".join(make_visible(line, "\n") for block in blocks for line in block.plain())
    # rich takes half as long as the rest of the command, so it is loaded only for a terminal.
    from sinetti.cli.core import layout  # noqa: PLC0415 - as above

    return layout.render(blocks, screen)


def screen_of(stream: TextIO | None) -> Screen | None:
    """Return the terminal behind a stream, or None for any other stream."""
    if not is_terminal(stream):
        return None
    from sinetti.cli.core import layout  # noqa: PLC0415 - as in render

    return layout.screen_of(stream)


def is_terminal(stream: TextIO | None) -> TypeGuard[TextIO]:
    """Return True if a stream is a terminal, or FORCE_COLOR has it treated as one."""
    if stream is None or stream.closed:
        return False
    # A setting of the person's terminals, not one of Sinetti (https://force-color.org).
    return stream.isatty() or environment.variable("FORCE_COLOR") is not None
