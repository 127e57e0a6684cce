"""Plays the world against the service.

Between two rounds people act. In each round both nodes do the due work.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from simulate.days import in_hours
from simulate.nodes import Line, Lines, Node
from simulate.world import Round, World
from sinetti.database.connection import Database
from sinetti.database.notifications.bounces import mark_bounced

_COMES_BACK_AFTER = timedelta(minutes=3)


@dataclass(slots=True)
class Tried:
    """Result of one message: its last try, or the first that ended it.

    It counts the tries that ended it, and those that failed.
    """

    last: Line
    ends: int = 0
    later: int = 0


@dataclass(slots=True)
class Play:
    """One play, as seen from outside: tries by message, and addresses that bounce."""

    world: World
    db: Database
    nodes: tuple[Node, Node]
    lines: Lines
    tried: dict[str, Tried] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    def run(self, rounds: list[Round], tell: Callable[[Round, int], None]) -> None:
        """Play all rounds.

        `tell` is called after each, with the number of messages that have left.
        """
        deeds = _deeds(self.world)
        at, life, place = next(deeds, _NO_MORE)
        for one in rounds:
            due: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
            while at < one.at:
                due[life % 2].append((life, place))
                at, life, place = next(deeds, _NO_MORE)
            self._act(due)
            self._round(one)
            self._read(one)
            tell(one, self.counted["sent"])

    def _act(self, due: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
        """Execute the due actions of people.

        Each node's process does half of them, so that both processors are used.
        """
        busy = [node for node, deeds in zip(self.nodes, due, strict=True) if deeds]
        for node, deeds in zip(self.nodes, due, strict=True):
            if deeds:
                node.act(deeds)
        for node in busy:
            node.ended()
        self.counted["deeds"] += len(due[0]) + len(due[1])

    def _round(self, one: Round) -> None:
        for number in one.nodes:
            self.nodes[number].begin(one.at, one.kills[number])
        ended = [self.nodes[number].ended() for number in one.nodes]
        one.sound = all(ended)
        self.counted["rounds"] += 1
        self.counted["rounds in office hours"] += in_hours(one.at)
        self.counted["kills"] += ended.count(False)

    def _read(self, one: Round) -> None:
        """Read the sent messages, and let mail to wrong addresses bounce."""
        for line in self.lines.new():
            tried = self.tried.setdefault(line.message_id, Tried(line))
            self.counted[line.what] += 1
            tried.last = tried.last if tried.ends else line
            if line.what == "later":
                tried.later += 1
            else:
                tried.ends += 1
                self.counted["handed over again"] += tried.ends > 1
            if line.what == "sent" and line.to.startswith("gone") and line.to not in self.gone:
                self.gone[line.to] = one.at + _COMES_BACK_AFTER
                mark_bounced(self.db, line.message_id, self.gone[line.to])


_NO_MORE = (datetime.max.replace(tzinfo=UTC), 0, 0)


def _deeds(world: World) -> Iterator[tuple[datetime, int, int]]:
    """Return all actions in the order of time: instant, life, and place in the life."""
    of_each = (
        [(deed.at, life.number, place) for place, deed in enumerate(life.deeds)] for life in world.lives if life.deeds
    )
    return iter(sorted(one for ones in of_each for one in ones))
