"""Two nodes that share a database, their deliverer, and random kills.

A kill happens between two steps.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zlib import crc32

from simulate.acts import Hand
from simulate.world import Deed, Life
from sinetti.database.connection import Database
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment, Language
from sinetti.notifications.context import (
    NotificationContext,
    NotificationSettings,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
)
from sinetti.notifications.delivery import scheduler

OPERATOR = "operator@simulation.example"
_REFUSED_ONE_OF, _LATER_ONE_OF = 997, 61
"""One message of so many is refused for good, and one of so many fails for now."""


class KilledHere(BaseException):
    """Ends a node's process: no later step of it happens."""


@dataclass(frozen=True, slots=True)
class Line:
    """Result of one try: `sent`, `refused` or `later`."""

    message_id: str
    what: str
    to: str
    at: datetime


@dataclass(slots=True)
class Post:
    """Deliverer that counts.

    It writes a line into a file for each try, which is there even if the node is killed right after.
    """

    path: Path
    at: datetime

    def deliver(self, letter: RenderedMessage) -> None:
        """Accept a message, unless chance is against it.

        Chance is the same in each play of a world. Raises PermanentFailure or TemporaryFailure.
        """
        about = f"{letter.to} {letter.kind} {letter.subject}"
        if not crc32(about.encode()) % _REFUSED_ONE_OF:
            self._note(letter, "refused")
            why = "this message is refused"
            raise PermanentFailure(why)
        if not crc32(f"{about} {self.at}".encode()) % _LATER_ONE_OF:
            self._note(letter, "later")
            why = "this message is refused for now"
            raise TemporaryFailure(why)
        self._note(letter, "sent")

    def _note(self, letter: RenderedMessage, what: str) -> None:
        line = f"{letter.message_id} {what} {letter.to.replace(' ', '')} {self.at.isoformat()}\n"
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def close(self) -> None:
        """Do nothing: no resource stays open between two messages."""


class Lines:
    """Reads the deliverers' lines, from where the last call stopped."""

    def __init__(self, path: Path) -> None:
        """Begin at the start of the file."""
        self._path, self._read = path, 0

    def new(self) -> Iterator[Line]:
        """Yield the lines since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                self._read += len(line)
                message_id, what, to, at = line.decode().split()
                yield Line(message_id, what, to, datetime.fromisoformat(at))


class Node(Protocol):
    """Interface of the two nodes."""

    def begin(self, at: datetime, kill_after: int | None) -> None:
        """Begin a round. `kill_after` is the number of steps until a kill, or None."""

    def ended(self) -> bool:
        """Wait until the round is over. Returns False if the node was killed in it."""

    def act(self, deeds: list[tuple[int, int]]) -> None:
        """Begin to execute actions of the world; wait for them with `ended`.

        Each action is a pair: the number of its life, and its place there.
        """


@dataclass(slots=True)
class Here:
    """A node in this process."""

    room: NotificationContext
    post: Post
    hand: Hand
    lives: list[Life]
    _ended: bool = field(default=True, init=False)

    def begin(self, at: datetime, kill_after: int | None) -> None:
        """Run the whole round."""
        self._ended = True
        try:
            run(self.room, self.post, at, dying(kill_after, _raise))
        except KilledHere:
            self._ended = False

    def ended(self) -> bool:
        """Return False if a kill ended the work, which is complete in any other case."""
        return self._ended

    def act(self, deeds: list[tuple[int, int]]) -> None:
        """Execute all actions."""
        self._ended = True
        do(self.hand, self.lives, deeds)


def run(ctx: NotificationContext, post: Post, at: datetime, step: Callable[[str], None]) -> None:
    """Run one round, all of whose clocks stand at `at`."""
    post.at = at
    scheduler.run_once(replace(ctx, now=lambda: at, machine_now=lambda: at, step=step), at, {})


def do(hand: Hand, lives: list[Life], deeds: list[tuple[int, int]]) -> None:
    """Execute these actions in their order."""
    for life, place in deeds:
        done: Deed = lives[life].deeds[place]
        hand.do(lives[life], done)


def room_of(db: Database, post: Post, wave_from: int) -> NotificationContext:
    """Make a notification context that delivers to the post."""
    words = dict.fromkeys(Language, "help")
    terms = NotificationSettings(
        "http://pages.simulation.example", "Simulation", words, (OPERATOR,), wave_from=wave_from
    )
    now = lambda: post.at  # noqa: E731 - both clocks are one
    return NotificationContext(
        db, Environment.TEST, now, now, terms, dict.fromkeys(MessageChannel, post), fixed_keys(b"k" * 32)
    )


def dying(after: int | None, die: Callable[[], None]) -> Callable[[str], None]:
    """Return a step function that ends the node after so many steps; None for never."""
    left = [after or 0]

    def step(_name: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            die()

    return step


def _raise() -> None:
    raise KilledHere
