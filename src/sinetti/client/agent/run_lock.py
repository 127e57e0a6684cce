"""One pass at a time over a store: a lock on `DIR/.run.lock`, and in it who holds it."""

import contextlib
import getpass
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from sinetti.client import decoder
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Value, make_message, strip_control_chars
from sinetti.client.store import files, os_support
from sinetti.client.store.files import StoreLocked

FILE = ".run.lock"

_FIRST = b" "
"""Windows locks the first octet against readers, so nothing is said by it."""

_NOT_KNOWN = "-"
_LOOKS, _LOOKS_EVERY = 10, 0.02


@contextlib.contextmanager
def exclusive_run(store: Path, now: datetime) -> Iterator[None]:
    """Keep every other pass off a store until the block ends. Raises StoreLocked, which says who holds it; OSError."""
    path = store / FILE
    handle = os.open(path, os.O_RDWR | os.O_CREAT | files.NO_LINK, 0o600)
    try:
        try:
            files.SYSTEM.lock(handle)
        except os_support.Busy as busy:
            raise StoreLocked(make_message(messages.RUN_LOCKED, store=str(store), **_told_holder(path))) from busy
        with contextlib.suppress(OSError):  # a full disk: the lock itself needs no room
            os.ftruncate(handle, 0)
            os.write(handle, _FIRST + _written(now))
        yield
    finally:
        os.close(handle)


def _told_holder(path: Path) -> dict[str, Value]:
    """Give who holds it; one who has just taken it needs a moment to write that down."""
    for _ in range(_LOOKS):
        found = holder(path)
        if found["pid"] != _NOT_KNOWN:
            return found
        Event().wait(_LOOKS_EVERY)
    return holder(path)


def holder(path: Path) -> dict[str, Value]:
    """Give who holds the lock, as they wrote it down: pid, host, user, since. A dash stands for what cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(len(_FIRST))
            raw = decoder.json_of(file.read(4096))
        since: Value = decoder.instant_of(raw["since"])
        return {name: strip_control_chars(str(raw[name])) for name in ("pid", "host", "user")} | {"since": since}
    except (OSError, ValueError, KeyError, TypeError):
        return dict.fromkeys(("pid", "host", "user", "since"), _NOT_KNOWN)


def _written(now: datetime) -> bytes:
    since = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "since": since}).encode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an id that has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "-"
