"""The bench's mailbox, which keeps every message in a file.

A restart and every process see the same messages.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from sinetti.infra.clock import instant_or_none
from sinetti.notifications.context import RenderedMessage, TemporaryFailure


@dataclass(frozen=True)
class StoredMessage:
    """A message as `GET /messages` shows it (contracts).

    Times are of the service's clock; an SMS has no subject.
    """

    id: str
    to: str
    channel: str
    subject: str | None
    text: str
    language: str
    kind: str
    created: str | None
    sent: str


@dataclass
class MessageStore:
    """A file of JSON lines, one for each message.

    Each reader or writer locks the file against other threads and processes. A message that is stored again under its
    id is ignored, as happens after a kill between its delivery and the commit.
    """

    path: Path
    _entries: dict[str, StoredMessage] = field(default_factory=dict, init=False, repr=False)
    _read: int = field(default=0, init=False)
    _one_at_a_time: Lock = field(default_factory=Lock, init=False, repr=False)

    def keep(self, entry: StoredMessage) -> None:
        """Store an entry unless it exists. Raises OSError if that fails."""
        with self._opened() as file:
            if entry.id not in self._entries:
                line = json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
                file.seek(0, os.SEEK_END)
                file.write(line)
                file.flush()
                self._take(line)

    def all(self) -> tuple[StoredMessage, ...]:
        """Return every entry, oldest first. Raises OSError.

        The order is that of the service's clock, which may go back a little.
        """
        with self._opened():
            return tuple(sorted(self._entries.values(), key=attrgetter("sent")))

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """Lock the file, and read the entries that other processes wrote."""
        with self._one_at_a_time, os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            octets = file.read()
            whole = octets[: octets.rfind(b"\n") + 1]
            if len(whole) < len(octets):  # a writer holds the lock, so a kill cut off a line without an end
                file.truncate(self._read + len(whole))
            for line in whole.splitlines(keepends=True):
                self._take(line)
            yield file

    def _take(self, line: bytes) -> None:
        entry = StoredMessage(**json.loads(line))
        self._entries.setdefault(entry.id, entry)
        self._read += len(line)


@dataclass(frozen=True)
class Mailbox:
    """Delivers e-mails and text messages into the file.

    `created` returns since when a message, by its id, was due.
    """

    letters: MessageStore
    now: Callable[[], datetime]
    created: Callable[[str], datetime | None]

    def deliver(self, letter: RenderedMessage) -> None:
        """Store a message. Raises TemporaryFailure if the file cannot be written."""
        entry = StoredMessage(
            id=letter.message_id,
            to=letter.to,
            channel=letter.channel.value,
            subject=letter.subject or None,
            text=letter.text,
            language=letter.language.value,
            kind=letter.kind.value,
            created=instant_or_none(self.created(letter.message_id)),
            sent=instant_or_none(self.now()) or "",
        )
        try:
            self.letters.keep(entry)
        except OSError as closed:
            raise TemporaryFailure(f"the bench's mailbox cannot be written ({closed.strerror})") from None

    def close(self) -> None:
        """Do nothing: no resource stays open between two messages."""
