"""Returned mail, read from a maildir: an address that a message came back from for good is marked (docs/returns.md)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG

from sinetti.database.notifications import bounces
from sinetti.database.notifications.bounces import BounceMarks
from sinetti.domain.notifications.bounces import BounceType
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.bounce_parser import LARGEST, BounceMail, UnreadableError, parse

AT_ONCE = 10_000
"""Mails of one round; the others wait for the next."""

_SEEN, _FLAGGED = ":2,S", ":2,FS"
"""What is put behind a file's name in cur/: read, or read and for a person to look at (maildir's own flags)."""


class BounceResult(StrEnum):
    """What came of one mail."""

    MARKED = "marked"
    MARKED_BEFORE = "marked-before"
    SOFT = "soft"
    AUTOMATIC = "automatic"
    OTHER = "other"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class BounceReport:
    """How many mails came to which end; `stuck` ones could not be moved out of new/, and are read again."""

    marked: int = 0
    marked_before: int = 0
    soft: int = 0
    automatic: int = 0
    other: int = 0
    unknown: int = 0
    unreadable: int = 0
    stuck: int = 0


def read_returns(ctx: NotificationContext, maildir: Path, now: datetime) -> BounceReport:
    """Read what is new in a maildir, mail by mail; each is moved to cur/ once what it says is committed.

    Killed in between, the same mail is read again and changes nothing. Raises OSError where the maildir is not there,
    and what REGISTER_UNAVAILABLE lists: then what was not read yet stays in new/.
    """
    new, cur = maildir / "new", maildir / "cur"
    counts: dict[str, int] = {}
    for name in _names(new):
        outcome = _take(ctx, new / name, now)
        ctx.step("return-noted")
        counts[outcome] = counts.get(outcome, 0) + 1
        if not _moved(new / name, cur, outcome):
            counts["stuck"] = counts.get("stuck", 0) + 1
    return BounceReport(**{name.replace("-", "_"): count for name, count in counts.items()})


def _names(folder: Path) -> Iterator[str]:
    """Names in the order of their arrival, as maildir has it; what begins with a dot is no mail."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    yield from names[:AT_ONCE]


def _take(ctx: NotificationContext, path: Path, now: datetime) -> BounceResult:
    try:
        found = parse(_octets(path), ctx.key)
    except (OSError, UnreadableError):
        return BounceResult.UNREADABLE
    return _noted(ctx, found, now)


def _noted(ctx: NotificationContext, found: BounceMail, now: datetime) -> BounceResult:
    if found.message_id is None:
        return BounceResult.UNKNOWN
    if found.verdict is not BounceType.HARD:
        return BounceResult(found.verdict.value)
    marked = bounces.mark_bounced(ctx.db, found.message_id, now)
    return _OUTCOMES[marked]


_OUTCOMES = {
    BounceMarks.NEW: BounceResult.MARKED,
    BounceMarks.BEFORE: BounceResult.MARKED_BEFORE,
    BounceMarks.UNKNOWN: BounceResult.UNKNOWN,
}


def _octets(path: Path) -> bytes:
    """A plain file's octets, as many as are read at all and one more. Raises OSError, for anything else too."""
    # Nothing that a name only points to is read, and nothing that would keep us waiting.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    finally:
        os.close(descriptor)


def _moved(path: Path, cur: Path, outcome: BounceResult) -> bool:
    flags = _FLAGGED if outcome in {BounceResult.OTHER, BounceResult.UNKNOWN, BounceResult.UNREADABLE} else _SEEN
    try:
        path.rename(cur / f"{path.name.partition(':')[0]}{flags}")
    except OSError:
        return False
    return True
