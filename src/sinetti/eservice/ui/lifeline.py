"""Component of a certificate's life: a bar in proportion to time.

Its template is blocks/lifeline.html. Places are percentages of the width, so that texts keep their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Stretch:
    """Part of a bar: `kind` is "life", "elapsed" or "window"."""

    kind: str
    x: str
    width: str


@dataclass(frozen=True)
class Mark:
    """Label below a bar at an instant: a tick at `x` and two lines of text beside it.

    `anchor` is "start", "middle" or "end". `y` is the height of the first line in pixels.
    """

    x: str
    y: int
    anchor: str
    what: str
    when: str
    kind: str

    @property
    def when_y(self) -> int:
        """Height of the second line."""
        return self.y + 16


@dataclass(frozen=True)
class Lane:
    """One certificate: its name, its days, and its bar.

    `address` is empty for the page's own.
    """

    name: str
    days: str
    stretches: Sequence[Stretch]
    address: str = ""
    marks: Sequence[Mark] = ()
    height: int = 18


@dataclass(frozen=True)
class Lifeline:
    """Lives of the certificates of a lineage, earliest first.

    `now` is the place of the present in every bar. `key` explains the parts of the bars.
    """

    template: ClassVar[str] = "blocks/lifeline.html"
    lanes: Sequence[Lane]
    now: str
    key: Sequence[tuple[str, str]] = ()
    """Kind and name of each part."""
